"""What a component covers of the chip: how many there are, and the area of one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.target import Target

Level = Literal["tile", "node", "chip"]
"""In what a component is: one of each tile, of each node of the mesh, or of the chip."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """The area of a kind of component.

    Attributes:
        component: as in tables.
        level: in what it is.
        path: by which `not_modelled` can leave it out.
        needs: paths of the figures from which the area of one follows.
        section: path that must be there for the component to be there at all.
        count: how many of it a tile, a node or the chip has.
        each: area of one, exact; called only when all `needs` are there.
    """

    component: str
    level: Level
    path: str
    needs: tuple[str, ...]
    section: str
    count: Callable[[Target], int]
    each: Callable[[Target], Quantity]

    def is_there(self, target: Target) -> bool:
        """Whether the target has the component."""
        return target.chip is not None and target.has_section(self.section) and self.count(target) > 0

    def area(self, target: Target) -> Quantity | None:
        """Area of one, or None where it is not modelled or the target has no such component."""
        absent = any(target.quantity(path) is None for path in self.needs)
        if absent or not self.is_there(target) or not target.is_modelled(self.path):
            return None
        return self.each(target)


def one(target: Target) -> int:
    """Count of what is there once."""
    del target
    return 1


def units_of(target: Target, level: Level) -> int:
    """How many tiles, nodes or chips a target with a chip has."""
    assert target.chip is not None, "no component is there without a chip"
    return {"tile": target.chip.tiles, "node": target.chip.nodes, "chip": 1}[level]


def placed(
    component: str, level: Level, section: str, count: Callable[[Target], int] = one, path: str | None = None
) -> Footprint:
    """A footprint whose area is the figure `area` of a section of the target."""
    path = path or f"{section}.area"

    def each(target: Target) -> Quantity:
        area = target.quantity(path)
        assert area is not None, f"{path} must be among the footprint's needs"
        return area

    return Footprint(component, level, path, (path,), section, count, each)
