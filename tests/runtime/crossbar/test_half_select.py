"""Half-selected devices that move; `test_update_reference.py` compares whole updates with the plain reference."""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import NotFiniteError, SpecError
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.linear_step import LinearStep

AT = DrawSite(Purpose.UPDATE, 0, 5)
STEP, SHARE = 2.0**-8, 0.25
HALF = UpdateSpec(31, half_select_step=SHARE)


def fire(array, x, d):
    """One vector pair of which every line that is not 0 fires in the one slot there is."""
    return array.update(np.array([x], np.float32), np.array([d], np.float32), array.device.dw_min, AT)


@pytest.mark.parametrize("sign_x", [1, -1])
@pytest.mark.parametrize("sign_d", [1, -1])
def test_a_line_alone_moves_its_devices_against_its_own_sign(make_array, sign_x, sign_d):
    array = make_array(3, 3, steps={"dw_min": STEP}, update=HALF)
    counts = fire(array, [sign_x, 0, 0], [0, sign_d, 0])
    row, column, both = -sign_x * SHARE, -sign_d * SHARE, -sign_x * sign_d
    expected = np.array([[row, both, row], [0, column, 0], [0, column, 0]])
    assert np.array_equal(array.w, (expected * STEP).astype(np.float32))
    assert counts.coincidences.tolist() == [1] and counts.half_moves.tolist() == [4]


def test_half_moves_are_counted_block_by_block(make_array):
    blocks = (Block(0, 0, 2, 3), Block(0, 3, 2, 1))
    array = make_array(2, 4, steps={"dw_min": STEP}, update=HALF, blocks=blocks)
    counts = fire(array, [1, 0], [0, 1, 0, 0])
    # The row crosses both blocks: 2 devices of the first and 1 of the second; the column has 1 more.
    assert counts.row_pulses.tolist() == [1, 1] and counts.col_pulses.tolist() == [1, 0]
    assert counts.half_moves.tolist() == [3, 1]


def test_nothing_moves_or_is_counted_when_the_step_is_zero(make_array):
    array = make_array(2, 2, steps={"dw_min": STEP})
    counts = fire(array, [1, 0], [1, 0])
    assert counts.half_moves.tolist() == [0]
    assert array.w.tolist() == [[-STEP, 0], [0, 0]]


def test_a_vector_without_coincidence_still_moves_half_selected_devices(make_array, pairs):
    array = make_array(8, 8, steps={"dw_min": STEP}, update=HALF)
    x, d = pairs(200, 8, 8)
    counts = array.update(x, d * np.float32(0.02), 1.0, AT)
    assert counts.lost > 0
    assert counts.half_moves[0] == (counts.row_pulses + counts.col_pulses)[0] * 8 - 2 * counts.coincidences[0]
    assert array.w.any()


def test_the_mean_drift_is_that_of_lone_pulses(make_array, critical_z):
    # Row i fires with p, column j with q, independently: a device drifts by h·p·(1 − q) against x and h·q·(1 − p)
    # against d, beside the p·q of gradient descent. The claim holds with probability 1 - 1e-3.
    steps = {"dw_min": STEP, "w_max": 99, "w_min": -9}
    array = make_array(1, 1, steps=steps, update=UpdateSpec(1, False, True, 0.2))
    n = 20_000
    x, d = np.full((n, 1), 0.6, np.float32), np.full((n, 1), -0.5, np.float32)
    moves = []
    for first in range(0, n, 100):
        before = float(array.w[0, 0])
        array.update(x[first : first + 100], d[first : first + 100], STEP, AT._replace(sample0=first))
        moves.append((float(array.w[0, 0]) - before) / STEP / 100)
    p, q = 0.6, 0.5
    expected = p * q - 0.2 * p * (1 - q) + 0.2 * q * (1 - p)
    assert abs(np.mean(moves) - expected) / (np.std(moves) / np.sqrt(len(moves))) < critical_z(1)


@pytest.fixture(params=["constant-step", "linear-step"])
def disturbed(request, make_array, spread_steps):
    def make(rows, cols, **given):
        steps = spread_steps | {"write_noise": 0.5}
        if request.param == "linear-step":
            parameters = {"dw_min": 0.001, "w_max": 1.0, "w_min": -1.0, "gamma_up": 0.5, "gamma_down": 0.5} | steps
            given["device"] = LinearStep(LinearStep.Parameters(**parameters))
        return make_array(rows, cols, steps=steps, update=HALF, **given)

    return make


def test_draws_depend_neither_on_the_split_nor_on_the_grouping(disturbed, pairs):
    x, d = pairs(150, 6, 9)
    whole, split = disturbed(6, 9), disturbed(6, 9, blocks=(Block(0, 0, 6, 4), Block(0, 4, 2, 5), Block(2, 4, 4, 5)))
    total = whole.update(x, d, 0.2, AT)
    parts = [split.update(x[i : i + 1], d[i : i + 1], 0.2, AT._replace(sample0=i)) for i in range(150)]
    assert whole.w.tobytes() == split.w.tobytes()
    assert total.half_moves.sum() == sum(part.half_moves.sum() for part in parts)


def test_weights_stay_within_their_devices_bounds(disturbed, pairs):
    array = disturbed(10, 12)
    x, d = pairs(64, 10, 12)
    low, high = array.device.bounds(array.planes)
    for step in range(10):
        array.update(x, d, 3.0, AT._replace(step=step))
        assert np.all(array.hidden >= low) and np.all(array.hidden <= high)


def test_vectors_that_are_zero_or_have_diverged_move_nothing(make_array):
    array = make_array(2, 2, steps={"dw_min": STEP}, update=HALF)
    assert fire(array, [0, 0], [1, 0]).half_moves.tolist() == [0]
    with pytest.raises(NotFiniteError):
        fire(array, [np.inf, 0], [1, 0])
    assert not array.w.any()


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan")])
def test_shares_that_are_none_are_refused(share):
    with pytest.raises(SpecError, match=r"update\.half_select_step: it must be from 0 to 1"):
        UpdateSpec(half_select_step=share)
