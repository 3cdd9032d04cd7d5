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
    """The chip's tiles: tile number = (y · columns + x) · tiles_per_node + k."""

    columns: int
    rows: int
    tiles_per_node: int

    @property
    def tiles(self) -> int:
        """Tiles on the chip."""
        return self.columns * self.rows * self.tiles_per_node


Placer = Callable[[int, Grid, Sequence[Traffic]], list[int]]
"""Takes the number of bins, the grid and the traffic between bins; returns a distinct tile number for every bin."""


def snake(bins: int, grid: Grid, traffic: Sequence[Traffic]) -> list[int]:
    """Fill nodes row by row, every other row backwards, so that successive bins are neighbours."""
    order = [
        y * grid.columns + x
        for y in range(grid.rows)
        for x in (range(grid.columns) if y % 2 == 0 else reversed(range(grid.columns)))
    ]
    return [n * grid.tiles_per_node + k for n in order for k in range(grid.tiles_per_node)][:bins]


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
