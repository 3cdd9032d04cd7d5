"""Cells of several devices: what they hold, how they are pulsed, what they conduct."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, DrawSite, ReadSpec, UpdateSpec
from ohmflow.runtime.devices.cells import Cell
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.errors import CellError
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair
from ohmflow.targets.cells import CellLayout

PAIR = CellLayout((1.0, -1.0), 2, 0)
PAIR_IN_TURN = CellLayout((1.0, -1.0), 2, 0, in_turn=True)
THREE = CellLayout((1.0, 1.0, 1.0), 3, 3)
SIGNIFICANT = CellLayout((1.0, 0.25), 2, 2)
ROWS, COLS = 12, 10


def device(**given: float) -> LinearStep:
    numbers = {"dw_min": 0.01, "w_max": 1.0, "w_min": -0.5, "gamma_up": 0.0, "gamma_down": 0.0} | given
    return LinearStep(LinearStep.Parameters(**numbers))


def array_of(model: Any, rows: int = ROWS, cols: int = COLS, **given: Any) -> CrossbarArray:
    options = {"read": None, "update": UpdateSpec(31), "conductance": None, "seed": 3} | given
    return CrossbarArray("a", 0, rows, cols, 1.0, model, (Block(0, 0, rows, cols),), **options)


def site(step: int = 0) -> DrawSite:
    return DrawSite(purpose=5, site=0, step=step, position=0, sample0=0, positions=1)


def pulse_all(array: CrossbarArray, down: bool, step: int = 0) -> Any:
    """One pulse on every cell: a train of one slot in which all lines fire."""
    rows, cols = array.w.shape
    x, d = np.ones((1, rows), np.float32), np.full((1, cols), 1.0 if down else -1.0, np.float32)
    return array.update(x, d, array.device.dw_min, site(step))


def test_pair_moves_both_devices_apart_at_every_pulse() -> None:
    array = array_of(Cell(device(), PAIR))
    assert array.device.dw_min == pytest.approx(0.02)
    assert array.device.nominal_bounds == (-1.5, 1.5)
    counts = pulse_all(array, down=False)
    assert counts.train_length[0] == 1
    np.testing.assert_allclose(array.w, 0.02, atol=1e-6)
    held = array.state()["device.held"]
    np.testing.assert_allclose(held[:ROWS], 0.01, atol=1e-6)
    np.testing.assert_allclose(held[ROWS:], -0.01, atol=1e-6)


def test_devices_in_turn_take_the_pulses_of_one_step_each() -> None:
    array = array_of(Cell(device(), PAIR_IN_TURN))
    assert array.device.dw_min == pytest.approx(0.01)
    pulse_all(array, down=True, step=0)
    held = array.state()["device.held"]
    np.testing.assert_allclose(held[:ROWS], -0.01, atol=1e-6)
    np.testing.assert_array_equal(held[ROWS:], 0.0)
    pulse_all(array, down=True, step=1)
    held = array.state()["device.held"]
    np.testing.assert_allclose(held[:ROWS], -0.01, atol=1e-6)
    np.testing.assert_allclose(held[ROWS:], 0.01, atol=1e-6)
    np.testing.assert_allclose(array.w, -0.02, atol=1e-6)


def test_weight_is_the_sum_of_gains_times_devices_after_any_updates() -> None:
    noisy = device(dw_min_dtod=0.3, dw_min_ctoc=0.3, gamma_up=0.4, gamma_down=0.7, w_max_dtod=0.3, w_min_dtod=0.3)
    draws = np.random.default_rng(1)
    for layout in (PAIR, PAIR_IN_TURN, THREE, SIGNIFICANT):
        array = array_of(Cell(noisy, layout))
        array.program(draws.uniform(-0.4, 0.4, (ROWS, COLS)))
        for step in range(3):
            x, d = (draws.normal(size=(8, n)).astype(np.float32) for n in (ROWS, COLS))
            array.update(x, d, 0.05, site(step))
        held = array.state()["device.held"].reshape(len(layout.gains), ROWS, COLS)
        np.testing.assert_allclose(array.w, np.tensordot(layout.gains, held, 1), atol=2e-6)
        low, high = array.device.bounds(array.planes)
        assert np.all(array.w >= low - 1e-5) and np.all(array.w <= high + 1e-5)


def test_programmed_weights_are_held_and_shared_out() -> None:
    wanted = np.random.default_rng(2).uniform(-0.9, 0.9, (ROWS, COLS))
    for layout in (PAIR, THREE, SIGNIFICANT):
        cell = Cell(device(), layout)
        array = array_of(cell)
        inside = np.clip(wanted, *cell.nominal_bounds)
        array.program(wanted)
        held = array.state()["device.held"].reshape(len(layout.gains), ROWS, COLS)
        np.testing.assert_allclose(array.w, inside, atol=1e-6)
        np.testing.assert_allclose(np.tensordot(layout.gains, held, 1), inside, atol=2e-6)
        assert held.min() >= -0.5 and held.max() <= 1.0
    assert array_of(Cell(device(), PAIR)).program(np.full((ROWS, COLS), 2.0)) == ROWS * COLS


def test_pair_stands_at_plus_and_minus_half_of_its_weight() -> None:
    array = array_of(Cell(device(), PAIR))
    array.program(np.full((ROWS, COLS), 0.6))
    held = array.state()["device.held"]
    np.testing.assert_allclose(held[:ROWS], 0.3, atol=1e-6)
    np.testing.assert_allclose(held[ROWS:], -0.3, atol=1e-6)


def test_cell_goes_up_to_the_sum_of_its_devices_bounds() -> None:
    array = array_of(Cell(device(), THREE))
    for _ in range(12):
        x, d = np.ones((1, ROWS), np.float32), np.full((1, COLS), -1.0, np.float32)
        array.update(x, d, 0.9, site())
    np.testing.assert_allclose(array.w, 3.0, atol=1e-5)


def test_noise_of_the_devices_of_a_cell_is_independent() -> None:
    array = array_of(Cell(device(dw_min_ctoc=0.5), THREE), 100, 100)
    pulse_all(array, down=False)
    held = array.state()["device.held"].reshape(3, -1)
    steps = held / 0.01 - 1.0
    np.testing.assert_allclose(steps.std(axis=1), 0.5, rtol=0.04)
    between = np.corrcoef(steps)[np.triu_indices(3, 1)]
    assert np.all(np.abs(between) < 4 / np.sqrt(10_000))
    assert (array.w.std() / 0.01) == pytest.approx(0.5 * np.sqrt(3), rel=0.04)


def test_pair_cancels_the_asymmetry_of_its_devices() -> None:
    single = array_of(device(up_down=0.5))
    pair = array_of(Cell(device(up_down=0.5), PAIR))
    for array in (single, pair):
        pulse_all(array, down=False)
        pulse_all(array, down=True)
    np.testing.assert_allclose(single.w, 0.005, atol=1e-6)
    np.testing.assert_allclose(pair.w, 0.0, atol=1e-6)


def test_both_devices_of_a_pair_conduct() -> None:
    window = ConductanceSpec(10e-9, 160e-9, 2)  # 100 nS a device unit; 60 nS at weight 0
    read = ReadSpec(7, 9, 12.0)
    array = array_of(Cell(device(up_down=1.0), PAIR), read=read, conductance=window)
    array.program(np.full((ROWS, COLS), 0.4))
    cells = ROWS * COLS
    assert array.block_conductance()[0] == pytest.approx(cells * 2 * 60e-9, rel=1e-5)
    pulse_all(array, down=False)  # plus rises by 0.015, minus falls by 0.005
    assert array.block_conductance()[0] == pytest.approx(cells * (120e-9 + 0.01 * 100e-9), rel=1e-4)
    many = array_of(Cell(device(), THREE), read=read, conductance=ConductanceSpec(10e-9, 160e-9, 6))
    many.program(np.full((ROWS, COLS), 0.3))
    assert many.block_conductance()[0] == pytest.approx(cells * (6 * 60e-9 + 0.3 * 100e-9), rel=1e-5)


def test_restored_cells_go_on_bit_for_bit() -> None:
    noisy = Cell(device(dw_min_dtod=0.3, dw_min_ctoc=0.3), PAIR)
    draws = np.random.default_rng(4)
    x, d = (draws.normal(size=(2, 8, n)).astype(np.float32) for n in (ROWS, COLS))
    first = array_of(noisy)
    first.update(x[0], d[0], 0.05, site(0))
    kept = first.state()
    first.update(x[1], d[1], 0.05, site(1))
    second = array_of(noisy)
    second.restore(kept)
    second.update(x[1], d[1], 0.05, site(1))
    for name, plane in first.state().items():
        np.testing.assert_array_equal(second.state()[name], plane)


def test_write_noise_of_a_cell_is_that_of_its_sum() -> None:
    assert Cell(device(write_noise=3.0), PAIR).write_noise == pytest.approx(np.sqrt(2) * 0.03)
    assert Cell(device(write_noise=3.0), SIGNIFICANT).write_noise == pytest.approx(np.hypot(1, 0.25) * 0.03)


def test_devices_with_state_of_their_own_make_no_cells() -> None:
    pair = OneSidedPair(OneSidedPair.Parameters(dw_min=0.01, w_max=1.0, w_min=-1.0))
    with pytest.raises(CellError, match=r"one-sided-pair.*must remember their weight alone"):
        Cell(pair, PAIR).planes(2, 2, 0, 0)


def test_constant_step_devices_are_no_exception() -> None:
    steps = ConstantStep(ConstantStep.Parameters(dw_min=0.01, w_max=1.0, w_min=-1.0))
    array = array_of(Cell(steps, SIGNIFICANT))
    pulse_all(array, down=False)
    np.testing.assert_allclose(array.w, 0.0125, atol=1e-6)
