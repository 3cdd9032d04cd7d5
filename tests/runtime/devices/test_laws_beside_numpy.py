"""Devices in both kernels beside their laws in plain numpy, bit for bit (`tests/runtime/crossbar/plain_update.py`)."""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.measured import Measured
from ohmflow.runtime.devices.piecewise_step import PiecewiseStep
from ohmflow.runtime.devices.pow_step import PowStep
from ohmflow.runtime.devices.protonic import Protonic
from ohmflow.runtime.devices.soft_bounds_reference import SoftBoundsReference
from tests.runtime.crossbar import plain_update as plain
from tests.runtime.crossbar.plain_update import exp2, log2, way

ONE, ZERO = np.float32(1), np.float32(0)


def clipped(planes, moved):
    return np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def shifted(planes, w, up, xi):
    return clipped(planes, w + ((way(planes.step, up) + way(planes.slope, up) * w) + way(planes.noise, up) * xi))


plain.AT_ONCE[shifted] = lambda planes, w, up, n, sum_of_xi: plain.additive_at_once(
    planes, w, up, n, sum_of_xi, way(planes.noise, up)
)


def protonic(planes, w, up, xi):
    step = way(planes.step, up) + way(planes.slope, up) * w
    return clipped(planes, w + (step * (ONE + planes.relative * xi) + way(planes.noise, up) * xi))


def power_additive(planes, w, up, xi):
    room = np.abs(way(planes.bound, up) - w) * planes.per_range
    factor = exp2(way(planes.gamma, up) * log2(room))
    moved = plain.fused(way(planes.step, up), plain.fused(planes.ctoc, xi, factor), w)
    return np.minimum(np.maximum(moved, planes.bound[0]), planes.bound[1])


def exponential_noisy(planes, w, up, xi):
    lost, offset = (np.where(up, pair[1], pair[0]) for pair in (planes.lost, planes.offset))
    left = plain.fused(-lost, exp2(plain.fused(way(planes.rate, up), w, offset)), ONE)
    move = way(planes.step, up) * np.maximum(left, ZERO)
    noise = planes.share * np.abs(move) + way(planes.floor, up) + planes.slope * np.abs(w)
    return clipped(planes, w + move + noise * xi)


def piecewise(planes, w, up, xi):
    cells = np.where(up, planes.cells[1], planes.cells[0])
    at = np.maximum((w - planes.b_min) * planes.per_range, ZERO) * cells
    cell = np.minimum(at, cells - ONE).astype(int)
    low, high = planes.nodes[up.astype(int), cell], planes.nodes[up.astype(int), cell + 1]
    factor = low + np.minimum(at - cell.astype(np.float32), ONE) * (high - low)
    moved = w + way(planes.step, up) * (factor * (ONE + planes.relative * xi) + planes.fixed * xi)
    return clipped(planes, moved)


def phi(x):
    far = np.abs(x)
    t = ONE / (ONE + np.float32(0.2316419) * far)
    c = np.array([0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429], np.float32)
    bell = np.float32(0.39894228) * exp2(np.float32(-0.72134752) * far * far)
    tail = bell * t * (c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * c[4]))))
    tail = np.minimum(np.maximum(tail, ZERO), ONE)
    return np.where(x < 0, tail, ONE - tail)


def tabled(planes, w, up, xi):
    z = np.minimum(np.maximum((w - planes.b_min) * planes.per_range, ZERO), ONE)
    u, d = phi(xi), up.astype(int)
    i = np.clip(np.searchsorted(planes.state, z, side="left") - 1, 0, planes.state.size - 2)
    k = np.clip(np.searchsorted(planes.level, u, side="left") - 1, 0, planes.level.size - 2)
    share = (u - planes.level[k]) / (planes.level[k + 1] - planes.level[k])
    q = planes.quantile
    low = q[d, i, k] + share * (q[d, i, k + 1] - q[d, i, k])
    high = q[d, i + 1, k] + share * (q[d, i + 1, k + 1] - q[d, i + 1, k])
    place = (z - planes.state[i]) / (planes.state[i + 1] - planes.state[i])
    return clipped(planes, w + way(planes.scale, up) * (low + place * (high - low)))


BOUNDS = {"dw_min": 0.02, "w_max": 0.2, "w_min": -0.3, "w_max_dtod": 0.3, "w_min_dtod": 0.3}
SPREAD = BOUNDS | {"up_down": 0.2, "up_down_dtod": 0.1, "dw_min_dtod": 0.3, "dw_min_ctoc": 0.4}
STUCK = {"corrupt_probability": 0.2, "dead_probability": 0.1}
GAMMAS = {"gamma_up": 1.2, "gamma_down": 0.7, "gamma_up_dtod": 0.1, "gamma_down_dtod": 0.2}
EXP = {"A_up": 0.1, "A_down": 0.3, "gamma_up": 3.0, "gamma_down": 2.0, "a": 0.4, "b": 0.2}
NODES = {"nodes_up": (1.3, 0.9, 1.1, 0.2), "nodes_down": (0.0, 1.1)}
LAW = {"width_ns": 5, "amplitude_V": 8, "beta": 1, "hop_nm": 0.3, "electrolyte_nm": 10}
TABLE = {
    "state": (1.0, 1.3, 3.0, 4.0),
    "level": (0.0, 0.1, 0.5, 0.51, 1.0),
    "up": ((0.0, 0.1, 0.2, 0.2, 0.3), (-0.1, 0.1, 0.2, 0.3, 0.4), (0.0, 0.1, 0.1, 0.1, 0.2), (-0.1, 0, 0, 0, 0.1)),
    "down": (
        (-0.1, 0, 0, 0, 0.1),
        (-0.3, -0.1, -0.1, 0.0, 0.0),
        (-0.4, -0.3, -0.2, 0.0, 0.1),
        (-0.3, -0.2, -0.1, 0, 0),
    ),
}
REFERENCE = {"reference_mean": 0.05, "reference_std": 0.05, "subtract_symmetry_point": True}
DEVICES = {
    "soft-bounds-reference": (plain.linear, SoftBoundsReference, REFERENCE),
    "soft-bounds-reference additive": (shifted, SoftBoundsReference, REFERENCE | {"ctoc_additive": True} | STUCK),
    "exp-step noisy": (exponential_noisy, ExpStep, EXP | {"dw_min_ctoc_add": 0.01, "dw_min_ctoc_slope": 0.2}),
    "exp-step additive": (exponential_noisy, ExpStep, EXP | {"ctoc_additive": True} | STUCK),
    "pow-step additive": (power_additive, PowStep, GAMMAS | {"ctoc_additive": True} | STUCK),
    "piecewise-step": (piecewise, PiecewiseStep, NODES | STUCK),
    "piecewise-step additive": (piecewise, PiecewiseStep, NODES | {"ctoc_additive": True}),
    "measured": (tabled, Measured, {"table": TABLE, "dw_min_ctoc": 0.0} | STUCK),
    "protonic": (protonic, Protonic, LAW | GAMMAS),
    "protonic additive": (protonic, Protonic, LAW | GAMMAS | {"ctoc_additive": True} | STUCK),
}


# Half-selected protonic pulses have a law of their own: see `test_protonic.py`.
CASES = [(name, half) for name in DEVICES for half in (False, True) if not (half and "protonic" in name)]


@pytest.mark.parametrize(("name", "half_selected"), CASES)
def test_every_device_is_pulsed_as_in_numpy(name, half_selected):
    law, model, more = DEVICES[name]
    device = model(model.Parameters(**(SPREAD | more)))
    spec = UpdateSpec(9, half_select_step=0.15 if half_selected else 0.0)
    rows, cols, n, rate = 5, 6, 12, 0.9
    blocks = (Block(0, 0, 2, 6), Block(2, 0, 3, 6))
    array = CrossbarArray("W", 3, rows, cols, 1.0, device, blocks, None, spec, None, 11)
    rng = np.random.default_rng(5)
    x = rng.standard_normal((n, rows)).astype(np.float32)
    d = (0.2 * rng.standard_normal((n, cols)) * (rng.random((n, cols)) < 0.8)).astype(np.float32)
    array.program(rng.uniform(-0.2, 0.2, (rows, cols)))
    keys = [plain.key(11, Purpose.UPDATE, 3, 0, 9, 2 + i // 4, 1 + i % 4, 0) for i in range(n)]
    expected, _ = plain.update(law, array, x, d, rate, spec, keys)
    counts = array.update(x, d, rate, DrawSite(Purpose.UPDATE, 0, 9, 1, 2, 4))
    assert counts.coincidences.sum() > 100
    assert array.w.tobytes() == expected.tobytes()
