"""Every device's step in the middle of its range, through the fused kernel, has the distribution that is stated.

One certain pulse moves equal devices; what they moved by is held to the law of `docs/semantics.md`, *Device models*, by
a Kolmogorov–Smirnov test. Seeds are fixed; all claims of this file hold together with probability 1 - 1e-3.
"""

from math import exp

import numpy as np
import pytest
from scipy.stats import kstest, norm

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.registry import catalogue, device_class

SIDE, AT = 80, 0.1
STEP, NOISE, HIGH, LOW = 0.01, 0.3, 0.6, -0.5
STEPS = {"dw_min": STEP, "dw_min_ctoc": NOISE, "w_max": HIGH, "w_min": LOW}
SLOPES = {"gamma_up": 0.8, "gamma_down": 0.5}
UP, DOWN = 1 - 0.8 * AT / HIGH, 1 - 0.5 * AT / LOW
OMEGA = (HIGH - AT) / (HIGH - LOW)
Z = 2 * 0.4 * AT / (HIGH - LOW) + 0.2
LEVELS, STATES = (0.0, 0.5, 1.0), (0.0, 1.0)
QUANTILES = {
    "up": ((0.004, 0.01, 0.02), (0.0, 0.004, 0.01)),
    "down": ((-0.008, -0.004, 0.0), (-0.02, -0.01, -0.003)),
}
# Parameters, and what the mean step at w = AT is of s₊ and s₋.
GAUSSIAN = {
    "constant-step": ({}, 1, 1),
    "linear-step": (SLOPES, UP, DOWN),
    "soft-bounds": ({}, 1 - AT / HIGH, 1 - AT / LOW),
    "soft-bounds-reference": ({"reference_mean": 0.05}, 1 - (AT + 0.05) / HIGH, 1 - (AT + 0.05) / LOW),
    "exp-step": (
        {"A_up": 0.1, "A_down": 0.3, "gamma_up": 3.0, "gamma_down": 2.0, "a": 0.4, "b": 0.2},
        1 - 0.1 * exp(3 * Z),
        1 - 0.3 * exp(-2 * Z),
    ),
    "pow-step": (SLOPES, OMEGA**0.8, (1 - OMEGA) ** 0.5),
    "piecewise-step": (
        {"nodes_up": (1.3, 1.0, 0.4), "nodes_down": (0.5, 1.1, 1.0, 0.9)},
        np.interp(1 - OMEGA, (0, 1 / 2, 1), (1.3, 1.0, 0.4)),
        np.interp(1 - OMEGA, (0, 1 / 3, 2 / 3, 1), (0.5, 1.1, 1.0, 0.9)),
    ),
    "protonic": (
        {"width_ns": 5.0, "amplitude_V": 10.0, "beta": 0.5, "hop_nm": 0.3, "electrolyte_nm": 10.0} | SLOPES,
        UP,
        DOWN,
    ),
    # What is written has the other device of the pair at 0.
    "one-sided-pair": ({"gamma": 0.5}, 1 - 0.5 * AT / HIGH, 1),
}
LIMIT = 1e-3 / (2 * (len(GAUSSIAN) + 1))


def steps_of(name, up, parameters):
    """What SIDE² devices at AT move by in one pulse, in its direction; and the device."""
    kind = device_class(name)
    device = kind(kind.Parameters(**STEPS | parameters))
    array = CrossbarArray("W", 0, SIDE, SIDE, 1.0, device, (Block(0, 0, SIDE, SIDE),), None, UpdateSpec(), None, 9)
    array.program(np.full((SIDE, SIDE), AT))
    before = array.w.astype(float)
    x = np.ones((1, SIDE), np.float32)
    counts = array.update(x, -x if up else x, device.dw_min, DrawSite(Purpose.UPDATE, 0, 0))
    assert counts.coincidences.tolist() == [SIDE * SIDE]
    return (array.w - before).ravel() * (1 if up else -1), device


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("name", GAUSSIAN)
def test_steps_are_normal_with_the_stated_mean_and_spread(name, up):
    parameters, *shares = GAUSSIAN[name]
    moved, device = steps_of(name, up, parameters)
    # The pulse of a protonic target need not be that of the measurement, but both directions take the same part of s.
    step = device.dw_min if name == "protonic" else STEP
    mean = step * shares[0 if up else 1]
    assert kstest(moved, norm(mean, NOISE * mean).cdf).pvalue > LIMIT


@pytest.mark.parametrize("up", [True, False])
def test_measured_steps_have_the_distribution_of_the_table_between_its_states(up):
    table = {"state": (0, 1), "level": LEVELS} | QUANTILES
    moved, _ = steps_of("measured", up, {"dw_min_ctoc": 0.0, "table": table})

    def quantiles(way, w):
        low, high = (np.abs(np.array(row)) for row in QUANTILES[way])
        return low + (w - LOW) / (HIGH - LOW) * (high - low)

    mean = np.mean([np.trapezoid(quantiles(way, 0.0), LEVELS) for way in QUANTILES])
    nodes = np.sort(quantiles("up" if up else "down", AT) * STEP / mean)
    assert kstest(moved, lambda step: np.interp(step, nodes, LEVELS)).pvalue > LIMIT


def test_every_pulsed_device_of_ours_is_tested():
    ours = {name for name, kind in catalogue().classes.items() if kind.__module__.startswith("ohmflow.")}
    assert ours - {"ideal"} == {*GAUSSIAN, "measured"}
