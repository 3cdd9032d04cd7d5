"""Mapping as a whole: from arrays to blocks at home on tiles."""

from collections.abc import Mapping, Sequence

from ohmflow.compiler.mapping.blocks import Rectangle, cut
from ohmflow.compiler.mapping.errors import InfeasibleError
from ohmflow.compiler.mapping.packing import Spot, pack
from ohmflow.compiler.mapping.placers import Grid, Traffic, placer
from ohmflow.compiler.program.program import BlockRecord
from ohmflow.targets.schema.target import Target


def grid_of(target: Target) -> Grid | None:
    """The chip's grid of tiles, or None when the target has as many tiles as needed."""
    if target.chip is None:
        return None
    columns, rows = target.chip.mesh
    package, link = target.chip.package, target.chip.link
    if package is None:
        return Grid(columns, rows, target.chip.tiles_per_node)
    # A border costs what a long message loses there: the cycles of its flits, and those of its head beyond one hop.
    border = max(package.link.flit_cycles, -(-package.link.hop // link.hop))
    return Grid(columns, rows, target.chip.tiles_per_node, package.chips, border)


def assign(
    shapes: Mapping[str, tuple[int, int]], target: Target, packing: str = "share", placer_name: str = "snake"
) -> dict[str, tuple[BlockRecord, ...]]:
    """Cut, pack and place arrays.

    Args:
        shapes: rows and columns of each array, in the order of first use.
        target: whose tiles.
        packing: `share` or `spread`.
        placer_name: a registered placer.

    Returns:
        The blocks of each array, each at home on one tile.

    Raises:
        InfeasibleError: more tiles are needed than the target has; the text says how many are short.
    """
    tile_rows, tile_cols = target.tile.crossbar.rows, target.tile.crossbar.weight_cols
    owned = [(name, block) for name, (rows, cols) in shapes.items() for block in cut(rows, cols, tile_rows, tile_cols)]
    grid = grid_of(target)
    tiles = None if grid is None or target.tile.unlimited else grid.tiles
    spots = pack([block for _, block in owned], tile_rows, tile_cols, packing, tiles)
    bins = 1 + max((s.bin for s in spots), default=-1)
    certain = False
    if tiles is not None and bins > tiles:
        from ohmflow.compiler.mapping.exact import pack_exactly  # OR-Tools takes long to import and is rarely needed

        exact, certain = pack_exactly([block for _, block in owned], tile_rows, tile_cols, tiles)
        if exact is not None:
            spots, bins = exact, 1 + max(s.bin for s in exact)
    if tiles is not None and bins > tiles:
        weights = sum(rows * cols for rows, cols in shapes.values())
        least = -(-weights // (tile_rows * tile_cols))
        proof = "proven" if certain or least > tiles else "not proven to be the fewest"
        largest = max(shapes, key=lambda name: shapes[name][0] * shapes[name][1])
        s = "s" if tiles != 1 else ""
        raise InfeasibleError(
            f"target {target.name}: the model must fit its {tiles} tile{s} of {tile_rows} x {tile_cols}, but needs "
            f"{bins} (at least {least} by area alone), {bins - tiles} too many ({proof}); the largest array is "
            f"'{largest}' with {shapes[largest][0]} x {shapes[largest][1]} weights; use a larger mesh or tile "
            "(--set chip.mesh=..., --set tile.crossbar.rows=...), or a smaller model"
        )
    numbers = list(range(bins)) if grid is None else placer(placer_name)(bins, grid, _traffic(owned, spots))
    homes: dict[str, list[BlockRecord]] = {name: [] for name in shapes}
    for (name, block), spot in zip(owned, spots, strict=True):
        homes[name].append(
            BlockRecord(block.row0, block.col0, block.rows, block.cols, numbers[spot.bin], spot.row, spot.col)
        )
    return {name: tuple(blocks) for name, blocks in homes.items()}


def _traffic(owned: Sequence[tuple[str, Rectangle]], spots: Sequence[Spot]) -> list[Traffic]:
    """Estimate traffic between bins.

    The outputs of each array go to the next one in order of use, and partial results of its blocks both ways to its
    vector unit, which is at its first block.
    """
    order = {name: k for k, name in enumerate(dict.fromkeys(name for name, _ in owned))}
    flows: dict[tuple[int, int], int] = {}
    for (name_a, a), spot_a in zip(owned, spots, strict=True):
        for (name_b, _), spot_b in zip(owned, spots, strict=True):
            if order[name_b] == order[name_a] + 1 and spot_a.bin != spot_b.bin:
                flows[spot_a.bin, spot_b.bin] = flows.get((spot_a.bin, spot_b.bin), 0) + 4 * a.cols
    gathers: dict[str, int] = {}
    for (name, block), spot in zip(owned, spots, strict=True):
        home = gathers.setdefault(name, spot.bin)
        if home != spot.bin:
            flows[spot.bin, home] = flows.get((spot.bin, home), 0) + 4 * (block.rows + block.cols)
    return [Traffic(s, t, n) for (s, t), n in sorted(flows.items())]
