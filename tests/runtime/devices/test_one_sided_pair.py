"""Pairs of devices that pulses only raise: closed forms, their state, their refresh."""

import numpy as np
import pytest
from pydantic import ValidationError

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair

GIVEN = {"dw_min": 0.01, "w_max": 1.0, "w_min": -0.8}
NEVER = {"refresh_at": 1.0}


def pair(**more):
    return OneSidedPair(OneSidedPair.Parameters(**(GIVEN | more)))


def array_of(device, rows=1, cols=1, half_select=0.0, blocks=None):
    spec = UpdateSpec(1, False, False, half_select_step=half_select)
    blocks = blocks or (Block(0, 0, rows, cols),)
    array = CrossbarArray("W", 0, rows, cols, 1.0, device, blocks, None, spec, None, 5)
    array.program(np.zeros((rows, cols)))
    return array


def pulses(array, signs, step=0):
    """Certain pulses on all devices, up for 1 and down for -1, in one call."""
    rows, cols = array.w.shape
    x = np.ones((len(signs), rows), np.float32)
    d = -np.repeat(np.array(signs, np.float32)[:, None], cols, axis=1)
    return array.update(x, d, array.device.dw_min, DrawSite(Purpose.UPDATE, 0, step))


def test_pulses_up_raise_one_device_and_pulses_down_the_other():
    array = array_of(pair(up_down=0.2, **NEVER))
    pulses(array, [1] * 20 + [-1] * 15)
    assert array.planes.g[:, 0, 0] == pytest.approx([15 * 0.009, 20 * 0.011], abs=1e-6)
    assert array.w[0, 0] == pytest.approx(20 * 0.011 - 15 * 0.009, abs=1e-6)


def test_a_soft_device_fills_up_geometrically():
    array = array_of(pair(gamma=1.0, **NEVER))
    pulses(array, [1] * 150)
    assert array.w[0, 0] == pytest.approx(1 - (1 - 0.01) ** 150, abs=1e-5)


def test_an_exponential_device_follows_its_recursion():
    array = array_of(pair(A=-27.235, kappa=-5.0, w_max=2.0, w_min=-2.0, **NEVER))
    g = 0.0
    assert array.device.dw_min == pytest.approx(0.01 * 28.235)
    for _ in range(40):
        g = min(g + 0.01 * (1 + 27.235 * np.exp(-5.0 * g / 2.0)), 2.0)
    pulses(array, [1] * 40)
    assert array.w[0, 0] == pytest.approx(g, abs=1e-4)


def test_noise_of_a_step_has_its_three_parts():
    side, g = 80, 0.3
    device = pair(dw_min_ctoc=0.5, dw_min_ctoc_add=0.004, dw_min_ctoc_slope=0.03, **NEVER)
    array = array_of(device, side, side)
    array.program(np.full((side, side), g))
    pulses(array, [1])
    moved, sigma = array.w.astype(float) - np.float32(g), 0.5 * (0.01 + 0.004 + 0.03 * g)
    # Mean and variance of 6400 normal numbers: |z| stays below 3.48 with probability 1 - 1e-3 over both.
    assert abs(moved.mean() - 0.01) / (sigma / side) < 3.48
    assert abs(moved.var() / sigma**2 - 1) / (np.sqrt(2) / side) < 3.48


def test_half_selected_pulses_raise_a_device_by_their_share():
    array = array_of(pair(**NEVER), 1, 2, half_select=0.2)
    one = np.ones((1, 1), np.float32)
    array.update(-one, np.array([[0, 1]], np.float32), 0.01, DrawSite(Purpose.UPDATE, 0, 0))
    assert array.planes.g[:, 0, 0] == pytest.approx([0.0, 0.002])
    assert array.planes.g[:, 0, 1] == pytest.approx([0.0, 0.01])


def test_pairs_saturate_without_a_refresh_and_train_on_with_one():
    signs = ([1] * 5 + [-1] * 4) * 8
    stuck, refreshed = array_of(pair(**NEVER, dw_min_ctoc=0.01)), array_of(pair(refresh_at=0.8, dw_min_ctoc=0.01))
    resets = 0
    for step in range(4):
        pulses(stuck, signs, step)
        counts = pulses(refreshed, signs, step)
        resets += 0 if counts.refresh is None else int(counts.refresh.resets.sum()) // 2
    assert stuck.w[0, 0] == pytest.approx(0.2, abs=0.01)  # both full: 1.0 - 0.8
    assert refreshed.w[0, 0] == pytest.approx(4 * 8 * 0.01, abs=0.03)
    assert resets >= 2


def test_a_refresh_keeps_the_weight_within_half_a_step_and_counts_what_it_did():
    device = pair(refresh_at=0.5)
    array = array_of(device, 3, 4, blocks=(Block(0, 0, 1, 4), Block(1, 0, 2, 4)))
    array.planes.g[:, 1:, :2] = np.array([0.413, 0.64], np.float32)[:, None, None]
    array.w[:] = array.planes.g[1] - array.planes.g[0]
    before = array.w.copy()
    refresh = array.update(
        np.zeros((1, 3), np.float32), np.zeros((1, 4), np.float32), 0.01, DrawSite(Purpose.UPDATE, 0, 0)
    ).refresh
    assert np.abs(array.w - before).max() <= 0.005 + 1e-6
    assert array.planes.g[0].max() == 0.0
    assert refresh.rows.tolist() == [0, 2] and refresh.resets.tolist() == [0, 2 * 4]
    assert refresh.pulses.tolist() == [0, 4 * 23] and refresh.device_pulses.sum() == 92 + 8
    assert refresh.reads.tolist() == [0, 2 * (2 + 23)], "one, one behind the reset, one behind each pulse"
    assert refresh.conversions.tolist() == [0, 2 * (2 + 23) * 4]


def test_a_weight_that_is_large_itself_is_not_refreshed():
    array = array_of(pair(refresh_at=0.5))
    array.program([[0.7]])
    assert pulses(array, [1]).refresh is None


def test_a_reset_leaves_what_the_device_and_the_occasion_say():
    device = pair(refresh_at=0.3, reset=0.05, reset_dtod=0.01, reset_ctoc=0.004, refresh_pulses=1)
    array = array_of(device, 60, 60)
    left = []
    for step in range(2):
        array.planes.g[:] = 0.5
        array.w[:] = 0.0
        x, d = np.zeros((1, 60), np.float32), np.zeros((1, 60), np.float32)
        array.update(x, d, 0.01, DrawSite(Purpose.UPDATE, 0, step))
        left.append(array.planes.g.min(axis=0).astype(float))
    assert not np.array_equal(*left)
    # The two resets share the device's part: correlation 0.01²/(0.01² + 0.004²) = 0.86, less what the pulse adds.
    assert np.corrcoef(left[0].ravel(), left[1].ravel())[0, 1] > 0.5


def test_what_a_pair_remembers_is_part_of_the_arrays_state():
    device = pair(refresh_at=0.6, dw_min_ctoc=0.2)
    first, second = array_of(device, 4, 5), array_of(device, 4, 5)
    pulses(first, [1, -1] * 20)
    kept = first.state()
    assert kept["device.g"].shape == (2, 4, 5)
    pulses(first, [1, 1, -1] * 9, 1)
    second.restore(kept)
    pulses(second, [1, 1, -1] * 9, 1)
    assert first.w.tobytes() == second.w.tobytes() and first.planes.g.tobytes() == second.planes.g.tobytes()


def test_weights_set_from_outside_are_divided_among_the_pair():
    array = array_of(pair(**NEVER))
    pulses(array, [1, -1] * 10)
    array.w[:] -= 0.05  # as by drift: the common part stays
    array.touch()
    assert array.planes.g[:, 0, 0] == pytest.approx([0.15, 0.1], abs=1e-6)
    array.program([[-0.3]])
    assert array.planes.g[:, 0, 0] == pytest.approx([0.3, 0.0], abs=1e-6)


def test_stuck_pairs_stay_where_they_are():
    device = pair(corrupt_probability=0.5, dead_probability=0.2, dw_min_ctoc=0.3, refresh_at=0.5)
    array = array_of(device, 20, 20)
    low, high = device.bounds(array.planes)
    still = low == high
    assert 0.3 < still.mean() < 0.7, "both devices are stuck in 49 pairs of 100"
    start = array.w.copy()
    pulses(array, [1, 1, -1] * 30)
    assert np.array_equal(array.w[still], start[still]) and (array.w[~still] != start[~still]).mean() > 0.9
    assert np.all(array.w >= low - 1e-6) and np.all(array.w <= high + 1e-6)


def test_each_device_of_a_pair_is_dead_by_itself_and_then_conducts_nothing():
    array = array_of(pair(dead_probability=0.3, **NEVER), 60, 60)
    dead = array.planes.low == array.planes.high
    # Shares of 3600 devices: |z| below 3.72 with probability 1 - 1e-3 over five comparisons.
    for share, asked in ((dead[0].mean(), 0.3), (dead[1].mean(), 0.3), ((dead[0] & dead[1]).mean(), 0.09)):
        assert abs(share - asked) / (np.sqrt(asked * (1 - asked)) / 60) < 3.72
    assert not array.planes.high[dead].any() and array.device.conducting(array.planes)[dead.all(axis=0)].max() == 0.0
    pulses(array, [1] * 7)
    pulses(array, [-1] * 5, 1)
    expected = np.where(dead[1], 0, 0.07) - np.where(dead[0], 0, 0.05)
    assert np.abs(array.w - expected).max() < 1e-6


def test_a_pair_with_a_stuck_device_moves_on_one_side_of_it_only():
    array = array_of(pair(corrupt_probability=0.4, **NEVER), 40, 40)
    low, high = array.planes.low, array.planes.high
    plus, minus = (low[1] == high[1]) & (low[0] < high[0]), (low[0] == high[0]) & (low[1] < high[1])
    for step in range(3):
        pulses(array, [1] * 40, step)
    # Programmed to 0, the free device stood as high as the stuck one, or at its own bound.
    assert np.abs(array.w[plus] - np.maximum(low[1][plus] - 0.8, 0)).max() < 1e-6
    assert np.abs(array.w[minus] - (1.0 - low[0][minus])).max() < 1e-6
    for step in range(3):
        pulses(array, [-1] * 60, 3 + step)
    assert np.abs(array.w[plus] - (low[1][plus] - 0.8)).max() < 1e-6


def test_a_pair_of_which_one_device_is_stuck_is_never_refreshed():
    array = array_of(pair(dead_probability=0.5, refresh_at=0.3), 20, 20)
    stuck = (array.planes.low == array.planes.high).any(axis=0)
    for step in range(4):
        refresh = pulses(array, [1, -1] * 25, step).refresh
        assert refresh is not None and not refresh.device_pulses[stuck].any()
    assert array.planes.g[:, stuck].max() > 0.79, "they fill up"


@pytest.mark.parametrize(("wrong", "said"), [({"A": 1}, "stands at 0; lower A"), ({"refresh_at": 0}, "greater than 0")])
def test_pairs_that_can_not_be_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        pair(**wrong)
