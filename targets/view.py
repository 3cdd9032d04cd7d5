"""A target seen value by value, and a fault in it: what checks across keys work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.device import FIXED
from ohmflow.targets.schema.figure import Figure


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a path.

    Attributes:
        path: dotted path of the value, for its place in the file.
        text: the sentence without its place.
        absent: what is missing, if that is the fault; it is not said when the key is there misspelt.
    """

    path: str
    text: str
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A target seen value by value.

    Attributes:
        value: the sound value at a dotted path; None when it is absent or wrong.
        given: whether the file says anything at a dotted path, sound or not.
        section: whether what it says there is a section of keys.
    """

    value: Callable[[str], Any]
    given: Callable[[str], bool]
    section: Callable[[str], bool]

    def quantity(self, path: str) -> Quantity | None:
        """The quantity at a path; None when it is absent or wrong."""
        figure = self.value(path)
        return figure.value if isinstance(figure, Figure) else None

    @property
    def not_modelled(self) -> tuple[str, ...]:
        """The paths that are left out."""
        return tuple(self.value("not_modelled") or ())

    @property
    def timed(self) -> bool:
        """Whether cycles mean anything."""
        return "time" not in self.not_modelled

    @property
    def pulsed(self) -> bool:
        """Whether the device is updated by pulses."""
        return bool(self.value("device.model")) and self.value("device.model") not in ("ideal", FIXED)
