"""Exact packing with CP-SAT, for when the heuristic finds no room: it either packs, or proves that nothing can.

One optional rectangle per block and tile, no two overlapping on a tile. Only small cases are tried, with a limit that
counts work and not seconds, so the answer repeats.
"""

from collections.abc import Sequence

from ortools.sat.python import cp_model

from ohmflow.compiler.mapping.blocks import Rectangle
from ohmflow.compiler.mapping.packing import Spot

LARGEST = 384
"""Blocks times tiles that are tried at most."""

_WORK = 8.0
"""Limit of deterministic time, CP-SAT's own unit."""


def pack_exactly(
    blocks: Sequence[Rectangle], tile_rows: int, tile_cols: int, tiles: int
) -> tuple[list[Spot] | None, bool]:
    """Pack blocks onto at most `tiles` tiles.

    Args:
        blocks: none larger than a tile.
        tile_rows: lines of a tile.
        tile_cols: lines of a tile.
        tiles: how many there are.

    Returns:
        One spot per block, or None; and whether the answer is certain (a packing, or a proof that there is none).
    """
    if len(blocks) * tiles > LARGEST:
        return None, False
    model = cp_model.CpModel()
    places: list[list[tuple[cp_model.IntVar, cp_model.IntVar, cp_model.IntVar]]] = []
    on_tile: list[tuple[list[cp_model.IntervalVar], list[cp_model.IntervalVar]]] = [([], []) for _ in range(tiles)]
    for k, block in enumerate(blocks):
        row: list[tuple[cp_model.IntVar, cp_model.IntVar, cp_model.IntVar]] = []
        for t in range(tiles):
            used = model.new_bool_var(f"b{k}t{t}")
            y = model.new_int_var(0, tile_rows - block.rows, f"y{k}t{t}")
            x = model.new_int_var(0, tile_cols - block.cols, f"x{k}t{t}")
            on_tile[t][0].append(model.new_optional_interval_var(y, block.rows, y + block.rows, used, f"i{k}t{t}"))
            on_tile[t][1].append(model.new_optional_interval_var(x, block.cols, x + block.cols, used, f"j{k}t{t}"))
            row.append((used, y, x))
        model.add_exactly_one(used for used, _, _ in row)
        places.append(row)
    for t in range(tiles):
        model.add_no_overlap_2d(*on_tile[t])
        model.add(sum(b.rows * b.cols * places[k][t][0] for k, b in enumerate(blocks)) <= tile_rows * tile_cols)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = _WORK
    status = solver.solve(model)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        spots = []
        for row in places:
            t = next(t for t, (used, _, _) in enumerate(row) if solver.boolean_value(used))
            spots.append(Spot(t, solver.value(row[t][1]), solver.value(row[t][2])))
        return spots, True
    return None, status == cp_model.INFEASIBLE
