"""Every new device learns a small matrix through its array, with spread, noise and stuck cells within its bounds."""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.registry import device_class

STEPS = {"dw_min": 0.004, "w_max": 0.8, "w_min": -0.8, "dw_min_dtod": 0.2, "w_max_dtod": 0.05, "w_min_dtod": 0.05}
ROW = (0.0, 0.01, 0.02)
DEVICES = {
    "soft-bounds-reference": {"dw_min_ctoc": 0.3, "subtract_symmetry_point": True, "ctoc_additive": True},
    "piecewise-step": {"dw_min_ctoc": 0.3, "nodes_up": (1.2, 1.0, 0.6), "nodes_down": (0.7, 1.1)},
    "protonic": {"dw_min_ctoc": 0.3, "width_ns": 5, "amplitude_V": 10, "beta": 1, "hop_nm": 0.3, "electrolyte_nm": 10},
    "one-sided-pair": {"dw_min_ctoc": 0.3, "gamma": 0.5},
    "measured": {
        "table": {
            "state": (0.0, 1.0, 2.0),
            "level": (0.0, 0.5, 1.0),
            "up": (ROW, ROW, ROW),
            "down": ((-0.02, -0.01, 0.0),) * 3,
        }
    },
}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_learns_a_matrix(name):
    model = device_class(name)
    device = model(model.Parameters(**STEPS, **DEVICES[name]))
    rows, cols, n = 8, 6, 1500
    blocks = (Block(0, 0, rows, cols),)
    array = CrossbarArray("W", 0, rows, cols, 1.0, device, blocks, None, UpdateSpec(), None, 1)
    array.program(np.zeros((rows, cols)))
    rng = np.random.default_rng(0)
    wanted = rng.uniform(-0.4, 0.4, (rows, cols)).astype(np.float32)
    inputs = rng.uniform(-1, 1, (n, rows)).astype(np.float32)
    before = float(np.abs(array.w - wanted).mean())
    for step, x in enumerate(inputs):
        error = x @ array.w - x @ wanted
        array.update(x[None], error[None], 0.1, DrawSite(Purpose.UPDATE, 0, step))
    low, high = device.bounds(array.planes)
    assert np.all(array.w >= low - 1e-6) and np.all(array.w <= high + 1e-6)
    assert float(np.abs(array.w - wanted).mean()) < 0.25 * before
