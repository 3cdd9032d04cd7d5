"""Placing bins (tiles that are filled but have no place yet) on the tiles of a chip.

A placer is a function of the number of bins and the chip's grid; better ones, which look at traffic, join here or by
the entry-point group `ohmflow.placers`. Placement changes time and energy, never values (`docs/semantics.md`,
Randomness).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ohmflow.compiler.plugins import choose, extensions


@dataclass(frozen=True)
class Traffic:
    """Bytes that flow from one bin to another in a training step; what a placer may want to shorten."""

    source: int
    target: int
    bytes: int


@dataclass(frozen=True)
class Grid:
    """The chip's tiles: tile number = (y · columns + x) · tiles_per_node + k.

    Attributes:
        columns: of the mesh.
        rows: of the mesh.
        tiles_per_node: tiles at each node.
        chips: columns and rows of equal chips into which the mesh is split.
        border: what crossing from one chip to another costs, in hops between neighbours on one chip.
    """

    columns: int
    rows: int
    tiles_per_node: int
    chips: tuple[int, int] = (1, 1)
    border: int = 1

    @property
    def tiles(self) -> int:
        """Tiles on the chip."""
        return self.columns * self.rows * self.tiles_per_node

    def distance(self, a: int, b: int) -> int:
        """Hops between the nodes of two tiles, X first, then Y; a border between chips counts as `border` of them."""
        (x, y), (tx, ty) = (
            ((n // self.tiles_per_node) % self.columns, n // self.tiles_per_node // self.columns) for n in (a, b)
        )
        across, down = self.columns // self.chips[0], self.rows // self.chips[1]
        crossed = abs(x // across - tx // across) + abs(y // down - ty // down)
        return abs(x - tx) + abs(y - ty) + crossed * (self.border - 1)


Placer = Callable[[int, Grid, Sequence[Traffic]], list[int]]
"""Takes the number of bins, the grid and the traffic between bins; returns a distinct tile number for every bin."""


def snake(bins: int, grid: Grid, traffic: Sequence[Traffic]) -> list[int]:
    """Fill nodes row by row, every other row backwards, so that successive bins are neighbours.

    In a package, the whole mesh may be filled so, or one chip after the other; the way on which the traffic is cheaper
    is taken.
    """
    ways = [_rows(0, 0, grid.columns, grid.rows)]
    if grid.chips != (1, 1):
        across, down = grid.columns // grid.chips[0], grid.rows // grid.chips[1]
        chips = _rows(0, 0, *grid.chips)
        ways.insert(0, [node for cx, cy in chips for node in _rows(cx * across, cy * down, across, down)])
    per_node = grid.tiles_per_node
    orders = [[(y * grid.columns + x) * per_node + k for x, y in way for k in range(per_node)][:bins] for way in ways]
    return min(orders, key=lambda order: travel(order, grid, traffic)) if len(orders) > 1 else orders[0]


def _rows(x0: int, y0: int, columns: int, rows: int) -> list[tuple[int, int]]:
    """Nodes of a rectangle row by row, every other row backwards."""
    there = range(x0, x0 + columns)
    return [(x, y0 + y) for y in range(rows) for x in (there if y % 2 == 0 else reversed(there))]


def travel(order: Sequence[int], grid: Grid, traffic: Sequence[Traffic]) -> int:
    """What a placement costs: bytes times the hops that they go, borders between chips weighed.

    Args:
        order: tile of each bin.
        grid: of the chip.
        traffic: between bins.
    """
    return sum(flow.bytes * grid.distance(order[flow.source], order[flow.target]) for flow in traffic)


def scatter(bins: int, grid: Grid, traffic: Sequence[Traffic]) -> list[int]:
    """Spread bins evenly over the whole chip: the long-wire end of a comparison."""
    return [b * grid.tiles // bins for b in range(bins)]


GROUP = "ohmflow.placers"

_OURS: dict[str, Placer] = {"snake": snake, "scatter": scatter}


def placers() -> dict[str, Placer]:
    """All known placers by name: ours and those of entry points.

    Raises:
        ChoiceError: two placers have one name.
    """
    return extensions(GROUP, "placer", _OURS)


def placer(name: str) -> Placer:
    """Look a placer up.

    Raises:
        ChoiceError: it is not known, or two placers have one name.
    """
    return choose("--placer", name, placers())
