"""Packing blocks onto tiles: several small blocks may share one.

`share` fills tiles with the MaxRects heuristic (Jylänki 2010, "A thousand ways to pack the bin"): every tile keeps the
list of maximal free rectangles, and a block goes where the shorter side left over is smallest. Blocks are never
rotated, since rows are inputs. `spread` gives every block a tile of its own while tiles last: more tiles, but arrays
work at the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ohmflow.compiler.mapping.blocks import Rectangle

PACKINGS = ("share", "spread")
"""Known packings; the first is the default."""


@dataclass(frozen=True)
class Spot:
    """Where a block lies: bin number (a tile still without a place on the chip) and physical origin."""

    bin: int
    row: int
    col: int


def pack(blocks: Sequence[Rectangle], tile_rows: int, tile_cols: int, packing: str, tiles: int | None) -> list[Spot]:
    """Give every block a bin and an origin; bins are numbered in the order of their first block.

    Args:
        blocks: none larger than a tile.
        tile_rows: lines of the tile.
        tile_cols: lines of the tile.
        packing: one of `PACKINGS`.
        tiles: how many there are, or None; `spread` falls back to `share` when blocks outnumber tiles.

    Returns:
        One spot per block, in the blocks' order.
    """
    if packing == "spread" and (tiles is None or len(blocks) <= tiles):
        return [Spot(k, 0, 0) for k in range(len(blocks))]
    free: list[list[Rectangle]] = []
    spots: dict[int, Spot] = {}
    for k in sorted(range(len(blocks)), key=lambda k: (-blocks[k].rows * blocks[k].cols, -blocks[k].rows, k)):
        block = blocks[k]
        best = min(
            (
                (min(f.rows - block.rows, f.cols - block.cols), b, f.row0, f.col0)
                for b, holes in enumerate(free)
                for f in holes
                if f.rows >= block.rows and f.cols >= block.cols
            ),
            default=None,
        )
        if best is None:
            free.append([Rectangle(0, 0, tile_rows, tile_cols)])
            best = (0, len(free) - 1, 0, 0)
        _, b, row, col = best
        free[b] = _occupy(free[b], Rectangle(row, col, block.rows, block.cols))
        spots[k] = Spot(b, row, col)
    order: dict[int, int] = {}
    for k in range(len(blocks)):
        order.setdefault(spots[k].bin, len(order))
    return [Spot(order[spots[k].bin], spots[k].row, spots[k].col) for k in range(len(blocks))]


def _occupy(holes: list[Rectangle], used: Rectangle) -> list[Rectangle]:
    """Cut `used` out of every hole and keep only holes that no other hole contains."""
    pieces: list[Rectangle] = []
    for h in holes:
        if not _overlap(h, used):
            pieces.append(h)
            continue
        top, left = used.row0 - h.row0, used.col0 - h.col0
        bottom = h.row0 + h.rows - used.row0 - used.rows
        right = h.col0 + h.cols - used.col0 - used.cols
        if top > 0:
            pieces.append(Rectangle(h.row0, h.col0, top, h.cols))
        if bottom > 0:
            pieces.append(Rectangle(used.row0 + used.rows, h.col0, bottom, h.cols))
        if left > 0:
            pieces.append(Rectangle(h.row0, h.col0, h.rows, left))
        if right > 0:
            pieces.append(Rectangle(h.row0, used.col0 + used.cols, h.rows, right))
    unique = list(dict.fromkeys(pieces))
    return [p for p in unique if not any(q is not p and _contains(q, p) for q in unique)]


def _overlap(a: Rectangle, b: Rectangle) -> bool:
    return (
        a.row0 < b.row0 + b.rows and b.row0 < a.row0 + a.rows and a.col0 < b.col0 + b.cols and b.col0 < a.col0 + a.cols
    )


def _contains(outer: Rectangle, inner: Rectangle) -> bool:
    return (
        outer.row0 <= inner.row0
        and outer.col0 <= inner.col0
        and outer.row0 + outer.rows >= inner.row0 + inner.rows
        and outer.col0 + outer.cols >= inner.col0 + inner.cols
    )
