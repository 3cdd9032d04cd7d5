import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.soft_bounds import SoftBounds
from ohmflow.runtime.devices.spread import SteppedParameters

STEP, NOISE = 0.001, 2.5
AT = DrawSite(Purpose.UPDATE, 0, 0)


@pytest.fixture
def noisy(make_array):
    def make(rows, cols, **given):
        return make_array(rows, cols, steps={"dw_min": STEP, "dw_min_ctoc": 0.3, "write_noise": NOISE}, **given)

    return make


def strays(array):
    return (array.w - array.hidden).astype(float)


def test_without_write_noise_reads_see_what_pulses_act_on(make_array, pairs):
    array = make_array(4, 4)
    array.update(*pairs(5, 4, 4), 0.3, AT)
    assert array.hidden is array.w and set(array.state()) == {"w"}


def test_pulses_act_on_what_they_would_act_on_without_write_noise(noisy, make_array, pairs):
    x, d = pairs(30, 8, 9)
    with_noise, without = noisy(8, 9), make_array(8, 9, steps={"dw_min": STEP, "dw_min_ctoc": 0.3})
    for array in (with_noise, without):
        for step in range(3):
            array.update(x, d, 0.1, AT._replace(step=step))
    assert np.array_equal(with_noise.hidden, without.w)
    assert not np.array_equal(with_noise.w, without.w)


def test_every_pulsed_device_strays_by_the_stated_spread(noisy, critical_z):
    # Claims hold with probability 1 - 1e-3 over all comparisons.
    side = 120
    array = noisy(side, side)
    ones = np.ones((1, side), np.float32)
    array.update(ones, ones, STEP, AT)
    stray, n = strays(array) / (NOISE * STEP), side * side
    assert abs(stray.mean()) * np.sqrt(n) < critical_z(3)
    assert abs(stray.var() - 1) / np.sqrt(2 / n) < critical_z(3)
    # Neither does the stray tell of the pulse's own noise.
    moved = array.hidden.astype(float).ravel() + STEP
    assert abs(np.corrcoef(moved, stray.ravel())[0, 1]) * np.sqrt(n) < critical_z(3)


def test_the_stray_is_drawn_anew_with_every_pulse_and_only_then(noisy, critical_z):
    side = 100
    array = noisy(side, side)
    ones, half = np.ones((1, side), np.float32), np.ones((1, side), np.float32)
    array.update(ones, ones, STEP, AT)
    first = strays(array)
    half[:, side // 2 :] = 0
    array.update(ones, half, STEP, AT._replace(step=1))
    second = strays(array)
    assert np.array_equal(first[:, side // 2 :], second[:, side // 2 :])
    pulsed = np.corrcoef(first[:, : side // 2].ravel(), second[:, : side // 2].ravel())[0, 1]
    assert abs(pulsed) * np.sqrt(side * side / 2) < critical_z(1)


def test_strays_depend_neither_on_grouping_nor_on_blocks(noisy, pairs):
    x, d = pairs(150, 6, 9)
    whole = noisy(6, 9)
    single = noisy(6, 9, blocks=(Block(0, 0, 6, 4), Block(0, 4, 6, 5)))
    whole.update(x, d, 0.2, AT)
    for i in range(150):
        single.update(x[i : i + 1], d[i : i + 1], 0.2, AT._replace(sample0=i))
    assert whole.w.tobytes() == single.w.tobytes() and whole.hidden.tobytes() == single.hidden.tobytes()


def test_programmed_weights_do_not_stray(noisy):
    array = noisy(3, 3)
    array.update(np.ones((1, 3), np.float32), np.ones((1, 3), np.float32), STEP, AT)
    assert strays(array).any()
    array.program(np.full((3, 3), 0.25))
    assert not strays(array).any() and np.all(array.w == 0.25)


def test_what_pulses_act_on_is_restored_too(noisy, pairs):
    x, d = pairs(20, 6, 5)
    first, second = noisy(6, 5), noisy(6, 5)
    first.update(x[:10], d[:10], 0.3, AT)
    second.restore(first.state())
    for array in (first, second):
        array.update(x[10:], d[10:], 0.3, AT._replace(step=1))
    assert set(first.state()) == {"w", "hidden"}
    for name, plane in first.state().items():
        assert plane.tobytes() == second.state()[name].tobytes()


def test_reads_see_the_stray(noisy):
    array = noisy(2, 2)
    ones = np.ones((1, 2), np.float32)
    array.update(ones, ones, STEP, AT)
    y, _ = array.forward(np.array([[1, 0]], np.float32), DrawSite(Purpose.FORWARD, 0, 0))
    assert y[0] == pytest.approx(array.w[0], abs=1e-6) and np.array_equal(array.weights(), array.w)


class OutsidersDevice(ConstantStep):
    name = "outsiders"
    Parameters = SteppedParameters


@pytest.mark.parametrize("model", [SoftBounds, OutsidersDevice])
def test_any_device_with_stepped_parameters_has_write_noise(make_array, model):
    device = model(model.Parameters(dw_min=STEP, w_max=1, w_min=-1, write_noise=NOISE))
    array = make_array(3, 3, device=device, update=UpdateSpec(5))
    array.update(np.ones((1, 3), np.float32), np.ones((1, 3), np.float32), STEP, AT)
    assert np.all(strays(array) != 0)
