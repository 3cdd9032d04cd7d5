"""The pulsed update beside the second one of `plain_update.py`."""

from math import sqrt

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.pow_step import PowStep
from ohmflow.runtime.devices.soft_bounds import SoftBounds
from tests.runtime.crossbar import plain_update as plain
from tests.runtime.crossbar.plain_update import key


@pytest.mark.parametrize("update_management", [True, False])
@pytest.mark.parametrize("train_length_management", [True, False])
@pytest.mark.parametrize("rate", [0.002, 0.05, 3.0])
def test_pulse_counts_equal_the_plain_reference(make_array, pairs, rate, update_management, train_length_management):
    rows, cols, n, step = 9, 13, 6, 2.0**-10
    spec = UpdateSpec(17, update_management, train_length_management)
    blocks = (Block(0, 0, 4, 13), Block(4, 0, 5, 6), Block(4, 6, 5, 7))
    array = make_array(
        rows, cols, steps={"dw_min": step, "w_max": 8, "w_min": -8}, update=spec, blocks=blocks, alpha=2.0
    )
    x, d = pairs(n, rows, cols)
    x[4] = 0
    counts = array.update(x, d, 2.0 * rate, DrawSite(Purpose.UPDATE, 2, 77, 1, 40))

    moved = np.zeros((rows, cols))
    expected = np.zeros((3, len(blocks)), int)
    lengths, clipped, lost = [], 0, 0
    for i in range(n):
        vector_key = key(11, Purpose.UPDATE, 3, 2, 77, 40 + i, 1, 0)
        length, row_fires, col_fires = plain.trains(x[i], d[i], rate, step, spec, vector_key)
        together = row_fires.astype(int) @ col_fires.T.astype(int)
        moved -= together * np.sign(np.outer(x[i], d[i])) * step
        for b, block in enumerate(blocks):
            r, c = slice(block.row0, block.row0 + block.rows), slice(block.col0, block.col0 + block.cols)
            expected[:, b] += row_fires[r].sum(), col_fires[c].sum(), together[r, c].sum()
        lengths.append(length)
        largest = float(np.abs(x[i]).max()) * float(np.abs(d[i]).max())
        clipped += rate * largest / step > spec.train_length
        lost += largest > 0 and together.sum() == 0
    assert counts.train_length.tolist() == lengths
    assert counts.row_pulses.tolist() == expected[0].tolist()
    assert counts.col_pulses.tolist() == expected[1].tolist()
    assert counts.coincidences.tolist() == expected[2].tolist()
    assert (counts.clipped, counts.lost, counts.vectors) == (clipped, lost, n)
    # Steps of 2^-10 add exactly in float32, so the weights hold the pulses of every device.
    assert np.array_equal(array.w, moved.astype(np.float32))


def test_noisy_steps_equal_the_plain_reference(make_array):
    step, noise = 0.01, 0.3
    array = make_array(1, 1, steps={"dw_min": step, "dw_min_ctoc": noise, "w_max": 10, "w_min": -10})
    x = d = np.ones((1, 1), np.float32)
    array.update(x, d, 5 * step * (1 - 1e-9), DrawSite(Purpose.UPDATE, 0, 4))
    xi = plain.pulse_normal(key(11, Purpose.UPDATE, 3, 0, 4, 0, 0, 0), 0, 0, 0)
    assert array.w[0, 0] == pytest.approx(-step * (5 + noise * sqrt(5) * xi), rel=1e-6)


STEPS = {"dw_min": 0.02, "up_down": 0.2, "up_down_dtod": 0.1, "dw_min_ctoc": 0.4, "w_max": 0.2, "w_min": -0.3}
SPREAD = STEPS | {"dw_min_dtod": 0.3, "w_max_dtod": 0.3, "w_min_dtod": 0.3}
GAMMAS = {"gamma_up": 1.2, "gamma_down": 0.7, "gamma_up_dtod": 0.1, "gamma_down_dtod": 0.2}
DEVICES = {
    "constant-step": (plain.constant, ConstantStep, {}),
    "linear-step": (plain.linear, LinearStep, GAMMAS),
    "linear-step additive": (plain.linear_additive, LinearStep, GAMMAS | {"ctoc_additive": True}),
    "soft-bounds": (plain.linear, SoftBounds, {}),
    "soft-bounds additive": (plain.linear_additive, SoftBounds, {"ctoc_additive": True}),
    # Of steps as small, most pulses come at once.
    "linear-step small": (plain.linear, LinearStep, GAMMAS | {"dw_min": 0.002}),
    "linear-step additive, small": (
        plain.linear_additive,
        LinearStep,
        GAMMAS | {"dw_min": 0.002, "ctoc_additive": True},
    ),
    "exp-step": (
        plain.exponential,
        ExpStep,
        {"A_up": 0.1, "A_down": 0.3, "gamma_up": 3.0, "gamma_down": 2.0, "a": 0.4, "b": 0.2},
    ),
    "pow-step": (plain.power, PowStep, GAMMAS),
}


# Write noise is one mechanism for all devices: one of each kind of kernel is enough.
CASES = [(name, share, 0.0) for name in DEVICES for share in (0.0, 0.15)]
CASES += [("constant-step", 0.0, 0.7), ("pow-step", 0.15, 0.7)]


@pytest.mark.parametrize(("name", "half_select_step", "write_noise"), CASES)
def test_every_device_is_pulsed_as_in_the_plain_reference(make_array, name, half_select_step, write_noise):
    law, model, more = DEVICES[name]
    device = model(model.Parameters(**(SPREAD | more), write_noise=write_noise))
    spec = UpdateSpec(9, half_select_step=half_select_step)
    rows, cols, n, rate = 5, 6, 12, 0.9
    blocks = (Block(0, 0, 2, 6), Block(2, 0, 3, 6))
    array = make_array(rows, cols, device=device, update=spec, blocks=blocks)
    rng = np.random.default_rng(5)
    x = rng.standard_normal((n, rows)).astype(np.float32)
    d = (0.2 * rng.standard_normal((n, cols)) * (rng.random((n, cols)) < 0.8)).astype(np.float32)
    array.program(rng.uniform(-0.2, 0.2, (rows, cols)))
    keys = [key(11, Purpose.UPDATE, 3, 0, 9, 2 + i // 4, 1 + i % 4, 0) for i in range(n)]
    hidden, shown = plain.update(law, array, x, d, rate, spec, keys, write_noise * 0.02)
    counts = array.update(x, d, rate, DrawSite(Purpose.UPDATE, 0, 9, 1, 2, 4))
    assert counts.coincidences.sum() > 100
    assert array.hidden.tobytes() == hidden.tobytes()
    assert array.w.tobytes() == (shown if write_noise else hidden).tobytes()
