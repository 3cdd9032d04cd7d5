"""The area of a chip as a tree: chip → node → tile → component; or as the target's inventory has it.

Every node of the tree says how many of it its parent has, the area of one, and what is missing from that. What
`not_modelled` leaves out is in no sum and is named. A target without a chip, or with `area` under `not_modelled`, has
no tree. Areas are sums of parts: no floorplan, no white space between parts, no pads.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ohmflow.targets.components.footprint import Footprint, Level
from ohmflow.targets.components.registry import all_footprints
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.inventory import Part
from ohmflow.targets.schema.target import Target

_NOTHING = Quantity.parse("0 m^2")
_RANK = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class AreaNode:
    """A part of the chip.

    Attributes:
        name: `chip` (`package` where the mesh is several), `node`, `tile`, or a component's.
        count: how many of it there are in its parent.
        each: exact area of one, without what is missing.
        confidence: the lowest of the figures that it is made of.
        missing: paths under `not_modelled` that are in no sum.
        parts: what it consists of, as far as that is known; empty for a component. A part of an inventory has its
            published area, which may differ from the sum of its parts.
    """

    name: str
    count: int
    each: Quantity
    confidence: str
    missing: tuple[str, ...] = ()
    parts: tuple["AreaNode", ...] = ()

    @property
    def total(self) -> Quantity:
        """Exact area of all of it in its parent."""
        return self.each * self.count

    @property
    def each_mm2(self) -> float:
        """Area of one, mm²."""
        return self.each.to("mm^2")

    @property
    def total_mm2(self) -> float:
        """Area of all of it in its parent, mm²."""
        return self.total.to("mm^2")

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "AreaNode"]]:
        """This node and all below it, each with its depth, parents first."""
        yield depth, self
        for part in self.parts:
            yield from part.walk(depth + 1)

    def find(self, name: str) -> "AreaNode | None":
        """The first part of that name, itself included, or None."""
        return next((node for _, node in self.walk() if node.name == name), None)


def area_tree(target: Target) -> AreaNode | None:
    """Area of a chip by its parts; None for a target without a chip or with `area` under `not_modelled`."""
    if target.chip is None or not target.is_modelled("area"):
        return None
    if target.inventory:
        return _group("chip", 1, _published(target.inventory))
    there = [footprint for footprint in all_footprints() if footprint.is_there(target)]
    tile = _group("tile", target.chip.tiles_per_node, _parts(target, there, "tile"))
    node = _group("node", target.chip.nodes, (tile, *_parts(target, there, "node")))
    return _group("chip" if target.chip.package is None else "package", 1, (node, *_parts(target, there, "chip")))


def area_mm2(target: Target) -> float | None:
    """Area of the chip in mm² without what `not_modelled` leaves out, or None where nothing of it is known."""
    tree = area_tree(target)
    if tree is None:
        return None
    known = [part for _, part in tree.walk() if not part.parts and not part.missing]
    return tree.total_mm2 if known else None


def _parts(target: Target, there: list[Footprint], level: Level) -> tuple[AreaNode, ...]:
    return tuple(_component(target, footprint) for footprint in there if footprint.level == level)


def _published(parts: Mapping[str, Part]) -> tuple[AreaNode, ...]:
    return tuple(_of_part(name, part) for name, part in parts.items())


def _of_part(name: str, part: Part) -> AreaNode:
    below = _published(part.parts)
    confidence = lowest(p.confidence for p in below) if part.area is None else part.area.confidence
    return AreaNode(name, part.count, part.value("area"), confidence, (), below)


def _component(target: Target, footprint: Footprint) -> AreaNode:
    count, area = footprint.count(target), footprint.area(target)
    if area is None:
        return AreaNode(footprint.component, count, _NOTHING, "low", (footprint.path,))
    figures = [target.figure(path) for path in footprint.needs]
    return AreaNode(footprint.component, count, area, lowest(f.confidence for f in figures if f is not None))


def _group(name: str, count: int, parts: tuple[AreaNode, ...]) -> AreaNode:
    each = sum((part.total for part in parts), start=_NOTHING)
    missing = tuple(dict.fromkeys(path for part in parts for path in part.missing))
    return AreaNode(name, count, each, lowest(p.confidence for p in parts if not p.missing), missing, parts)


def lowest(confidences: Iterable[str]) -> str:
    """The lowest of some confidences; low for none at all."""
    return min(confidences, key=_RANK.index, default="low")
