"""What follows from the cell that a target has: lines, steps, bounds; and which keys go together."""

import pytest

from ohmflow.targets import timing
from ohmflow.targets.area import area_tree
from ohmflow.targets.cells import CellLayout, cell_facts, layout_of
from ohmflow.targets.registry import load

CELL = "cell: single-with-reference"
PAIR = {"tile.crossbar.cell": "differential-pair"}
FOUR = {
    "tile.crossbar.cell": "multi-device",
    "tile.crossbar.cell_devices": "4",
    "tile.crossbar.cell_significance": "0.5",
}


def test_single_device_takes_a_column_and_has_a_reference(write) -> None:
    target = load(write())
    assert layout_of(target) == CellLayout((1.0,), 1, 1)
    assert layout_of(target).conducting == 2
    assert cell_facts(target) == (0.001, (-0.6, 0.6))


def test_pair_takes_two_columns_and_reaches_twice_as_far(write) -> None:
    target = load(write(), PAIR)
    layout = layout_of(target)
    assert (layout.gains, layout.columns, layout.conducting, layout.pulsed_columns) == ((1.0, -1.0), 2, 2, 2)
    assert cell_facts(target) == (0.002, (-1.2, 1.2))
    assert target.tile.crossbar.weight_cols == 16


def test_pair_of_an_asymmetric_window_is_symmetric(write) -> None:
    target = load(write(), {**PAIR, "device.parameters.w_min": "-0.4"})
    assert cell_facts(target)[1] == pytest.approx((-1.0, 1.0))


def test_devices_in_turn_step_as_one_of_them(write) -> None:
    target = load(write(), {**PAIR, "tile.crossbar.cell_pulses": "in-turn"})
    assert cell_facts(target) == (0.001, (-1.2, 1.2))
    assert layout_of(target).pulsed_columns == 1


def test_gains_of_several_devices_fall_with_their_significance(write) -> None:
    target = load(write(), FOUR)
    assert layout_of(target).gains == (1.0, 0.5, 0.25, 0.125)
    step, (low, high) = cell_facts(target)
    assert (step, low, high) == pytest.approx((0.001 * 1.875, -0.6 * 1.875, 0.6 * 1.875))
    assert layout_of(target).conducting == 8


def test_model_that_is_a_pair_is_the_whole_cell(write) -> None:
    target = load(write(change={CELL: "cell: differential-pair", "constant-step": "one-sided-pair"}))
    layout = layout_of(target)
    assert layout.is_one_model
    assert (layout.columns, layout.conducting, layout.pulsed_columns) == (2, 2, 1)
    assert cell_facts(target)[1] == (-0.6, 0.6)


def test_a_tile_holds_fewer_weights_on_the_same_area(write) -> None:
    single, pair = load(write()), load(write(), PAIR)
    assert timing.converters(single, "cols") == 2
    assert timing.converters(pair, "cols") == 1, "16 columns of weights, 16 to a converter"
    with_areas = [load("rpu-2016", change) for change in ({}, PAIR)]
    arrays = [area_tree(target).find("array") for target in with_areas]
    assert arrays[0].each.value == arrays[1].each.value
    assert [target.tile.crossbar.weight_cols for target in with_areas] == [4096, 2048]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({CELL: f"{CELL}, cell_devices: 3"}, "tile.crossbar.cell_devices must be left out where the cell is single"),
        (
            {CELL: "cell: multi-device, cell_devices: 1"},
            "tile.crossbar.cell_devices must be a whole number from 2 to 8",
        ),
        ({CELL: "cell: differential-pair", "cols: 32": "cols: 1"}, "tile.crossbar.cols must be at least the 2"),
        ({"constant-step": "one-sided-pair"}, "tile.crossbar.cell must be differential-pair for device.model 'one-s"),
        (
            {CELL: "cell: differential-pair", "energy_half_select: 10 aJ": "half_select_step: 0.1"},
            "device.half_select_step must be left out where the cell is differential-pair",
        ),
        (
            {CELL: "cell: differential-pair", "max_retries: 4": "max_retries: 4, flicker: 0.1"},
            "tile.read.flicker must be left out where the cell is differential-pair",
        ),
    ],
)
def test_keys_of_cells_that_do_not_fit_are_named(problems, change, said) -> None:
    assert any(said in text for text in problems(change))
