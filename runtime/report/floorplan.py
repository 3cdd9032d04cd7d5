"""A tile drawn to scale: the blocks of arrays on its crossbar."""

from markupsafe import Markup

from ohmflow.runtime.report.layout import PlacedBlock, TileUse
from ohmflow.runtime.report.quantities import MISSING, percent, scaled
from ohmflow.runtime.report.svg import drawing, element, fits, group, shortened, text

SIZE = 160.0
"""Width and height of a drawn tile."""


def tile_drawing(tile: TileUse, rows: int, cols: int) -> Markup:
    """Draw one tile large enough for the names of its blocks.

    Args:
        tile: what to draw.
        rows: word lines of the crossbar, from top to bottom.
        cols: bit lines, from left to right.
    """
    longest = max(rows, cols)
    width, height = SIZE * cols / longest, SIZE * rows / longest
    parts = blocks_of(tile, rows, cols, 1.0, 1.0, width, height, 10.5)
    return drawing(parts, width + 2, height + 2, f"{tile.name}, {percent(tile.used)} of its cells used", "tile-plan")


def blocks_of(
    tile: TileUse, rows: int, cols: int, x: float, y: float, width: float, height: float, size: float
) -> list[Markup]:
    """Draw a tile's outline, coloured by the share of its cells that is used, and its blocks inside.

    Args:
        tile: what to draw.
        rows: of its crossbar.
        cols: of its crossbar.
        x: of its left edge.
        y: of its upper edge.
        width: of its drawing.
        height: of its drawing.
        size: of the text in blocks.
    """
    title = element("title", tile_title(tile))
    fill = 0.06 + 0.5 * min(tile.used, 1.0)
    parts = [element("rect", title, x=x, y=y, width=width, height=height, class_="tile", fill_opacity=fill)]
    for block in tile.blocks:
        parts.append(_block(block, x, y, width / cols, height / rows, size))
    return parts


def tile_title(tile: TileUse) -> str:
    """What a tooltip says of a tile."""
    busy = "" if tile.busy is None else f", at work {percent(tile.busy)} of the time"
    joules = MISSING if tile.joules is None else scaled(tile.joules, "J")
    names = ", ".join(block.label for block in tile.blocks)
    return f"{tile.name}: {percent(tile.used)} of its cells hold weights{busy}; energy {joules}; {names}"


def _block(block: PlacedBlock, x: float, y: float, across: float, down: float, size: float) -> Markup:
    """One block, named along its longer side when the name fits."""
    left, top = x + block.tile_col * across, y + block.tile_row * down
    width, height = block.cols * across, block.rows * down
    title = element(
        "title", f"{block.label}: {block.rows} × {block.cols} at row {block.tile_row}, column {block.tile_col}"
    )
    inset = min(0.6, width / 4, height / 4)
    parts = [
        element(
            "rect",
            title,
            x=left + inset,
            y=top + inset,
            width=width - 2 * inset,
            height=height - 2 * inset,
            class_="block",
        )
    ]
    upright = width >= height or fits(block.label, width - 4, size)
    along, thick = (width, height) if upright else (height, width)
    words = shortened(block.label, along - 4, size) if thick >= size else ""
    if words:
        middle_x, middle_y = left + width / 2, top + height / 2
        turn = {} if upright else {"transform": f"rotate(-90 {middle_x:.2f} {middle_y:.2f})"}
        parts.append(text(middle_x, middle_y + 0.35 * size, words, "block-name", "middle", font_size=size, **turn))
    return group(parts)
