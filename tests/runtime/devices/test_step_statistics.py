"""Spread from device to device and from pulse to pulse against the stated laws.

Seeds are fixed; each test rejects a true claim with probability 1e-3 over all its comparisons.
"""

from statistics import NormalDist

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.pow_step import PowStep
from ohmflow.runtime.devices.soft_bounds import SoftBounds

LOW, HIGH, STEP, NOISE = -1.0, 0.8, 0.01, 0.3
STEPS = {"dw_min": STEP, "w_max": HIGH, "w_min": LOW}
EXP = {"A_up": 0.2, "A_down": 0.1, "gamma_up": 1.0, "gamma_down": 1.5, "a": 0.7, "b": 0.0}
SIDE = 80


def z_limit(comparisons):
    return NormalDist().inv_cdf(1 - 1e-3 / (2 * comparisons))


def z_of_mean(sample, expected):
    return float((sample.mean() - expected) / (sample.std() / np.sqrt(sample.size)))


def after(device, start, pulses, up):
    """Weights of SIDE² devices that start alike, after certain pulses in one direction."""
    array = CrossbarArray("W", 0, SIDE, SIDE, 1.0, device, (Block(0, 0, SIDE, SIDE),), None, UpdateSpec(), None, 4)
    array.w[:] = start
    x = np.ones((pulses, SIDE), np.float32)
    counts = array.update(x, -x if up else x, device.dw_min, DrawSite(Purpose.UPDATE, 0, 0))
    assert counts.coincidences.tolist() == [pulses * SIDE * SIDE]
    return array.w.astype(float)


@pytest.mark.parametrize("additive", [False, True])
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("name", ["linear-step", "soft-bounds"])
def test_mean_and_variance_of_linear_trains_follow_their_recursion(name, up, additive):
    gamma = 0.6 if name == "linear-step" else 1.0
    slopes = {"gamma_up": gamma, "gamma_down": gamma} if name == "linear-step" else {}
    model = LinearStep if name == "linear-step" else SoftBounds
    device = model(model.Parameters(**STEPS, **slopes, dw_min_ctoc=NOISE, ctoc_additive=additive))
    step, slope = (STEP, -STEP * gamma / HIGH) if up else (-STEP, STEP * gamma / LOW)
    start, pulses = -0.3, 40
    mean, variance = start, 0.0
    for _ in range(pulses):
        # The noise is independent of w, so moments follow exactly: those of (step + slope·w)·(1 + σξ) or of + step·σξ.
        moved = step + slope * mean
        squared = step**2 if additive else moved**2 + slope**2 * variance
        mean, variance = mean + moved, (1 + slope) ** 2 * variance + NOISE**2 * squared
    w = after(device, start, pulses, up)
    assert LOW < w.min() and w.max() < HIGH
    assert abs(z_of_mean(w, mean)) < z_limit(2)
    assert abs(z_of_mean((w - mean) ** 2, variance)) < z_limit(2)


@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("start", [-0.5, 0.4])
@pytest.mark.parametrize("name", ["exp-step", "pow-step"])
def test_noise_of_curved_steps_is_relative_to_the_step(name, start, up):
    if name == "exp-step":
        device = ExpStep(ExpStep.Parameters(**STEPS, **EXP, dw_min_ctoc=NOISE))
        z = 2 * 0.7 * start / (HIGH - LOW)
        factor = 1 - 0.2 * np.exp(z) if up else 1 - 0.1 * np.exp(-1.5 * z)
    else:
        device = PowStep(PowStep.Parameters(**STEPS, gamma_up=2.0, gamma_down=0.8, dw_min_ctoc=NOISE))
        omega = (HIGH - start) / (HIGH - LOW)
        factor = omega**2.0 if up else (1 - omega) ** 0.8
    moved = after(device, start, 1, up) - np.float32(start)
    step = (STEP if up else -STEP) * factor
    assert abs(z_of_mean(moved, step)) < z_limit(2)
    assert abs(z_of_mean((moved - step) ** 2, (NOISE * step) ** 2)) < z_limit(2)


SPREAD = {"dw_min_dtod": 0.2, "up_down": 0.1, "up_down_dtod": 0.05, "w_max_dtod": 0.1, "w_min_dtod": 0.2}


@pytest.mark.parametrize(
    "device",
    [
        SoftBounds(SoftBounds.Parameters(**STEPS, **SPREAD)),
        ExpStep(ExpStep.Parameters(**STEPS, **SPREAD, **EXP)),
        PowStep(PowStep.Parameters(**STEPS, **SPREAD, gamma_up=1, gamma_down=2)),
    ],
    ids=lambda device: device.name,
)
def test_steps_and_bounds_vary_between_devices_as_asked(device):
    n = 150
    planes = device.planes(n, n, 3, 1)
    low, high = device.bounds(planes)
    down, up = -planes.step[0] / STEP, planes.step[1] / STEP
    asked = [
        (up, 1.05, np.hypot(0.2, 0.025)),
        (down, 0.95, np.hypot(0.2, 0.025)),
        (up - down, 0.1, 0.05),
        (high / HIGH, 1.0, 0.1),
        (low / LOW, 1.0, 0.2),
    ]
    for drawn, mean, deviation in asked:
        assert abs(drawn.mean() - mean) / (deviation / n) < z_limit(10)
        assert abs(drawn.var() / deviation**2 - 1) / np.sqrt(2 / n**2) < z_limit(10)


def test_powers_vary_between_devices_as_asked():
    n = 150
    device = PowStep(PowStep.Parameters(**STEPS, gamma_up=2.0, gamma_down=1.0, gamma_up_dtod=0.2, gamma_down_dtod=0.1))
    gamma = device.planes(n, n, 3, 1).gamma.astype(float)
    for drawn, mean, deviation in ((gamma[1], 2.0, 0.2), (gamma[0], 1.0, 0.1)):
        assert abs(drawn.mean() - mean) / (deviation / n) < z_limit(4)
        assert abs(drawn.var() / deviation**2 - 1) / np.sqrt(2 / n**2) < z_limit(4)


def test_a_spread_power_does_not_become_negative():
    device = PowStep(PowStep.Parameters(**STEPS, gamma_up=0.1, gamma_down=0.1, gamma_up_dtod=1.0))
    assert device.planes(50, 50, 0, 0).gamma.min() >= 0
