"""Mapping: every weight has one home, on tiles that exist."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohmflow.compiler.errors import ChoiceError
from ohmflow.compiler.mapping.assign import assign
from ohmflow.compiler.mapping.blocks import cut
from ohmflow.compiler.mapping.errors import InfeasibleError
from ohmflow.compiler.mapping.packing import PACKINGS
from ohmflow.compiler.mapping.placers import Grid, Traffic, placer, placers, travel
from ohmflow.targets.schema.target import Target
from tests.compiler.program.golden import check_golden
from tests.runtime.machine.hand_target import hand_target

shapes = st.dictionaries(
    st.sampled_from([f"W{k}" for k in range(5)]),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    min_size=1,
    max_size=5,
)
sizes = st.integers(4, 20)


def target(rows: int = 16, cols: int = 16, mesh: str = "40 x 20", per_node: int = 1) -> Target:
    return hand_target(
        tile__crossbar={"rows": rows, "cols": cols, "cell": "single-with-reference"},
        chip__mesh=mesh,
        chip__tiles_per_node=per_node,
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(shapes, sizes, sizes, st.sampled_from(PACKINGS), st.sampled_from(sorted(placers())), st.integers(1, 3))
def test_every_weight_has_one_home_and_blocks_are_apart_on_their_tiles(
    arrays: dict[str, tuple[int, int]], rows: int, cols: int, packing: str, placer_name: str, per_node: int
) -> None:
    chip = target(rows, cols, per_node=per_node)
    homes = assign(arrays, chip, packing, placer_name)
    assert list(homes) == list(arrays)
    used: dict[int, np.ndarray] = {}
    for name, blocks in homes.items():
        owners = np.zeros(arrays[name], int)
        for b in blocks:
            # No rotation: as many rows and columns on the tile as in the array.
            owners[b.row0 : b.row0 + b.rows, b.col0 : b.col0 + b.cols] += 1
            assert b.row0 + b.rows <= arrays[name][0] and b.col0 + b.cols <= arrays[name][1]
            assert chip.chip is not None and 0 <= b.tile < chip.chip.tiles
            assert min(b.tile_row, b.tile_col) >= 0
            assert b.tile_row + b.rows <= rows and b.tile_col + b.cols <= cols
            lines = used.setdefault(b.tile, np.zeros((rows, cols), int))
            lines[b.tile_row : b.tile_row + b.rows, b.tile_col : b.tile_col + b.cols] += 1
        assert (owners == 1).all()
    assert all((lines <= 1).all() for lines in used.values())
    if packing == "spread":
        assert len(used) == sum(len(blocks) for blocks in homes.values())


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 100), st.integers(1, 100))
def test_an_array_is_cut_into_the_fewest_blocks_of_nearly_equal_size(
    rows: int, cols: int, tile_rows: int, tile_cols: int
) -> None:
    blocks = cut(rows, cols, tile_rows, tile_cols)
    assert len(blocks) == -(-rows // tile_rows) * -(-cols // tile_cols)
    for lengths in ({b.rows for b in blocks}, {b.cols for b in blocks}):
        assert max(lengths) - min(lengths) <= 1


@settings(derandomize=True)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 3), st.data())
def test_every_placer_gives_distinct_tiles_of_the_chip(
    columns: int, rows: int, per_node: int, data: st.DataObject
) -> None:
    grid = Grid(columns, rows, per_node)
    bins = data.draw(st.integers(1, grid.tiles))
    for make in placers().values():
        tiles = make(bins, grid, [])
        assert len(tiles) == len(set(tiles)) == bins
        assert all(0 <= tile < grid.tiles for tile in tiles)


def test_snake_puts_successive_bins_on_the_same_or_neighbouring_nodes() -> None:
    grid = Grid(4, 3, 2)
    nodes = [tile // 2 for tile in placer("snake")(24, grid, [])]
    for a, b in pairwise(nodes):
        assert abs(a % 4 - b % 4) + abs(a // 4 - b // 4) <= 1


def test_a_border_between_chips_counts_as_so_many_hops() -> None:
    grid = Grid(4, 2, 2, chips=(2, 1), border=5)
    assert grid.distance(0, 2) == 1, "neighbours on one chip"
    assert grid.distance(2, 4) == 5, "neighbours on two"
    assert grid.distance(0, 15) == 3 + 1 + 4


def test_snake_fills_one_chip_after_the_other_where_that_crosses_less() -> None:
    grid = Grid(4, 4, 1, chips=(2, 2), border=5)
    chain = [Traffic(k, k + 1, 100) for k in range(15)]
    order = placer("snake")(16, grid, chain)
    assert {tile % 4 // 2 + 2 * (tile // 8) for tile in order[:4]} == {0}, "the first four are on one chip"
    assert travel(order, grid, chain) < travel(placer("snake")(16, replace(grid, chips=(1, 1)), chain), grid, chain)


def test_snake_goes_over_the_whole_mesh_where_that_is_shorter() -> None:
    grid = Grid(4, 2, 1, chips=(1, 2), border=5)
    rows = [Traffic(k, k + 1, 100) for k in range(7)]
    assert placer("snake")(8, grid, rows) == placer("snake")(8, replace(grid, chips=(1, 1)), rows)


def test_scatter_uses_the_far_end_of_the_chip() -> None:
    assert placer("scatter")(4, Grid(4, 4, 1), []) == [0, 4, 8, 12]


def test_small_arrays_share_a_tile_and_spread_ones_do_not() -> None:
    arrays = {"A": (8, 8), "B": (8, 8), "C": (16, 8)}
    shared, spread = (assign(arrays, target(), packing) for packing in ("share", "spread"))
    assert len({b.tile for blocks in shared.values() for b in blocks}) == 1
    assert len({b.tile for blocks in spread.values() for b in blocks}) == 3


def test_spread_shares_when_there_are_too_few_tiles() -> None:
    arrays = {f"W{k}": (8, 8) for k in range(5)}
    homes = assign(arrays, target(mesh="2 x 1"), "spread")
    assert {b.tile for blocks in homes.values() for b in blocks} <= {0, 1}


def test_what_only_an_exact_packing_fits_is_packed() -> None:
    # The heuristic wants a second tile for these; they tile 16 x 16 exactly.
    arrays = {"A": (10, 6), "B": (6, 10), "C": (10, 10), "D": (6, 6)}
    homes = assign(arrays, target(mesh="1 x 1"))
    assert {b.tile for blocks in homes.values() for b in blocks} == {0}


def test_a_target_without_a_chip_has_as_many_tiles_as_needed() -> None:
    tree = hand_target(device="ideal").model_copy(update={"chip": None})
    homes = assign({"A": (100, 100)}, tree)
    assert [b.tile for b in homes["A"]] == list(range(49))


@pytest.mark.parametrize(
    ("name", "arrays", "mesh"),
    [
        ("by-area", {"small": (16, 4), "large": (100, 60)}, "2 x 2"),
        ("by-shape", {"A": (9, 9), "B": (9, 9), "C": (9, 9)}, "2 x 1"),
    ],
)
def test_too_large_a_model_is_refused_with_what_is_short(
    name: str, arrays: dict[str, tuple[int, int]], mesh: str
) -> None:
    with pytest.raises(InfeasibleError) as caught:
        assign(arrays, target(mesh=mesh))
    assert caught.value.exit_status == 3
    check_golden(f"program/refusals/mapping-{name}.txt", str(caught.value))


def test_an_unknown_placer_is_refused_and_the_nearest_one_offered() -> None:
    with pytest.raises(ChoiceError) as caught:
        assign({"A": (4, 4)}, target(), placer_name="snek")
    check_golden("program/refusals/mapping-unknown-placer.txt", str(caught.value))
