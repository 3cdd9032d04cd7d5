"""Cutting a weight matrix into blocks that fit a tile.

A matrix of rows × cols becomes a grid of ⌈rows / tile rows⌉ × ⌈cols / tile cols⌉ blocks of nearly equal size (extents
differ by at most one), so that the blocks of one array take nearly equal time.
"""

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Rectangle:
    """A block before it has a home: logical origin and extent in its array."""

    row0: int
    col0: int
    rows: int
    cols: int


def cut(rows: int, cols: int, tile_rows: int, tile_cols: int) -> tuple[Rectangle, ...]:
    """Cut a matrix into blocks no larger than a tile.

    Args:
        rows: of the matrix.
        cols: of the matrix.
        tile_rows: lines of the tile.
        tile_cols: lines of the tile.

    Returns:
        Blocks in row-major order of the grid; every weight lies in exactly one.
    """
    return tuple(
        Rectangle(r0, c0, r1 - r0, c1 - c0)
        for r0, r1 in _pieces(rows, tile_rows)
        for c0, c1 in _pieces(cols, tile_cols)
    )


def _pieces(extent: int, limit: int) -> list[tuple[int, int]]:
    """Split [0, extent) into the fewest pieces of at most `limit`, as equal as can be."""
    count = -(-extent // limit)
    edges = [extent * k // count for k in range(count + 1)]
    return list(pairwise(edges))
