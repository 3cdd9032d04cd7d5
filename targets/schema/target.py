"""The whole of a target file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PrivateAttr

from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.canonical import content_hash
from ohmflow.targets.schema.chip import Chip
from ohmflow.targets.schema.coverage import covers
from ohmflow.targets.schema.device import Device
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.inventory import Part
from ohmflow.targets.schema.leaves import Bool, Text, quote, refuse
from ohmflow.targets.schema.model import SectionModel
from ohmflow.targets.schema.tile import Tile
from ohmflow.targets.schema.validation import Row
from ohmflow.targets.yaml_marks import Listing


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one number of a target is from.

    Attributes:
        text: the value as written.
        source: what it is taken from, or None when the file does not say.
        confidence: high, medium or low; what does not say so is low.
    """

    text: str
    source: str | None
    confidence: str


def _as_list(given: Any) -> Any:
    items = given.items if isinstance(given, Listing) else given
    if not isinstance(items, list | tuple):
        raise refuse(f"must be a list of paths, not {quote(given)}; write it as in [area]")
    return tuple(items)


class Target(SectionModel):
    """What a chip is and costs.

    `ohmflow.targets.registry.load` makes one; a target made by hand skips the checks across sections.

    Attributes:
        name: by which it is called.
        summary: one line for lists.
        executes: whether the machine can compute what the chip computes; `false`: it can only be mapped, timed, costed.
        device: the programmable resistor.
        tile: the crossbar and its periphery.
        chip: the mesh around the tiles, or None when there are as many tiles as needed.
        inventory: parts of the chip with their published power and area, in place of the components' own areas.
        not_modelled: paths of costs that are left out; a path covers all below it.
        validation: published quantities to compare the model with.
    """

    name: Text
    summary: Text
    executes: Bool = True
    device: Device
    tile: Tile
    chip: Chip | None = None
    inventory: dict[str, Part] = Field(default_factory=dict)
    not_modelled: Annotated[tuple[Text, ...], BeforeValidator(_as_list)] = ()
    validation: dict[str, Row] = Field(default_factory=dict)

    _path: Path | None = PrivateAttr(default=None)
    _origins: dict[str, Origin] = PrivateAttr(default_factory=dict)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the canonical resolved content (see `schema.canonical` for what enters)."""
        return content_hash(self)

    @property
    def path(self) -> Path | None:
        """The file that it was loaded from."""
        return self._path

    @property
    def origins(self) -> Mapping[str, Origin]:
        """Every number that the files state, by its dotted path."""
        return self._origins

    @property
    def has_time(self) -> bool:
        """Whether cycles mean anything on this target."""
        return "time" not in self.not_modelled

    def has_section(self, path: str) -> bool:
        """Whether anything is given at a dotted path."""
        value: Any = self
        for part in path.split("."):
            if value is None:
                return False
            value = getattr(value, part)
        return value is not None

    def is_modelled(self, path: str) -> bool:
        """Whether `not_modelled` leaves the path out, by itself, an enclosing path or its kind."""
        return not covers(self.not_modelled, path)

    def low_confidence(self) -> list[tuple[str, str, str | None]]:
        """Numbers of low confidence: path, value as written, source."""
        return [(path, o.text, o.source) for path, o in self._origins.items() if o.confidence == "low"]

    def figure(self, path: str) -> Figure | None:
        """The figure at a dotted path (`tile.adc.energy`), or None when it or a section above it is absent.

        Raises:
            AttributeError: no target can have such a path.
            TypeError: what is there is not a figure.
        """
        value: Any = self
        for part in path.split("."):
            if value is None:
                return None
            value = getattr(value, part)
        if value is not None and not isinstance(value, Figure):
            raise TypeError(f"'{path}' must name a figure, not a {type(value).__name__}")
        return value

    def quantity(self, path: str) -> Quantity | None:
        """The exact quantity at a dotted path, or None when it is absent."""
        figure = self.figure(path)
        return None if figure is None else figure.value

    def si(self, path: str) -> float | None:
        """The value at a dotted path in SI units, or None when it is absent."""
        figure = self.figure(path)
        return None if figure is None else figure.si
