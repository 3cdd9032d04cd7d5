"""A placer that begins at the corner opposite to the host."""

from collections.abc import Sequence

from ohmflow.compiler.mapping.placers import Grid, Traffic


def far_corner(bins: int, grid: Grid, traffic: Sequence[Traffic]) -> list[int]:
    """Fill the chip from its last tile backwards."""
    return [grid.tiles - 1 - number for number in range(bins)]
