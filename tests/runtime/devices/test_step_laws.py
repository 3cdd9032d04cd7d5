"""Pulse trains without noise against closed forms, for every device; and what holds for all of them."""

from math import exp

import numpy as np
import pytest

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair
from ohmflow.runtime.devices.piecewise_step import PiecewiseStep
from ohmflow.runtime.devices.pow_step import PowStep
from ohmflow.runtime.devices.protonic import Protonic
from ohmflow.runtime.devices.soft_bounds import SoftBounds

LOW, HIGH, STEP = -0.4, 0.6, 0.004
STEPS = {"dw_min": STEP, "w_max": HIGH, "w_min": LOW, "up_down": 0.3}
UP, DOWN = 1.15 * STEP, 0.85 * STEP
EXP = {"A_up": 0.05, "A_down": 0.02, "gamma_up": 3.0, "gamma_down": 4.0, "a": 0.8, "b": -0.1}
NODES = {"nodes_up": (1.4, 1.0, 0.4), "nodes_down": (0.2, 1.0, 1.2)}
PROTONS = {"width_ns": 5, "amplitude_V": 8, "beta": 1, "hop_nm": 0.3, "electrolyte_nm": 10}
DEVICES = {
    "constant-step": ConstantStep(ConstantStep.Parameters(**STEPS)),
    "linear-step": LinearStep(LinearStep.Parameters(**STEPS, gamma_up=0.7, gamma_down=0.3)),
    "soft-bounds": SoftBounds(SoftBounds.Parameters(**STEPS)),
    "exp-step": ExpStep(ExpStep.Parameters(**STEPS, **EXP)),
    "pow-step": PowStep(PowStep.Parameters(**STEPS, gamma_up=1.6, gamma_down=0.5)),
    "piecewise-step": PiecewiseStep(PiecewiseStep.Parameters(**STEPS, **NODES)),
    "protonic": Protonic(Protonic.Parameters(**STEPS, **PROTONS, gamma_up=0.7, gamma_down=0.3)),
    "one-sided-pair": OneSidedPair(OneSidedPair.Parameters(**STEPS, gamma=0.6)),
}
STARTS = [LOW, -0.2, 0.0, 0.35, HIGH]


def train(device, w, ups):
    """w before and after each pulse of a train; every pulse is certain: lr·x·d is one step of the device."""
    array = CrossbarArray("W", 0, 1, 1, 1.0, device, (Block(0, 0, 1, 1),), None, UpdateSpec(), None, 0)
    array.program([[w]])
    one, path = np.ones((1, 1), np.float32), [float(array.w[0, 0])]
    for step, up in enumerate(ups):
        counts = array.update(one, -one if up else one, device.dw_min, DrawSite(Purpose.UPDATE, 0, step))
        assert counts.coincidences.tolist() == [1]
        path.append(float(array.w[0, 0]))
    return np.array(path)


def geometric(w, n, step, slope):
    """w after n moves by step + slope·w, of [n]."""
    fixed = -step / slope
    return fixed + (w - fixed) * (1 + slope) ** n


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("up", [True, False])
def test_constant_steps_add_up_to_the_bound(start, up):
    n = np.arange(401)
    expected = np.minimum(start + n * UP, HIGH) if up else np.maximum(start - n * DOWN, LOW)
    assert train(DEVICES["constant-step"], start, [up] * 400) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize(("name", "gammas"), [("linear-step", (0.7, 0.3)), ("soft-bounds", (1.0, 1.0))])
def test_linear_steps_approach_their_fixed_point_exponentially(name, gammas, start, up):
    n = np.arange(401)
    gamma_up, gamma_down = gammas
    if up:
        expected = geometric(start, n, UP, -UP * gamma_up / HIGH)
    else:
        expected = geometric(start, n, -DOWN, DOWN * gamma_down / LOW)
    assert train(DEVICES[name], start, [up] * 400) == pytest.approx(np.clip(expected, LOW, HIGH), abs=2e-5)


@pytest.mark.parametrize("model", [LinearStep, Protonic])
def test_slopes_below_0_make_steps_grow_towards_the_bound(model):
    # Those of a surrogate of the Li-ECRAM in which steps may increase: 1.38 times as large at the upper bound.
    more = PROTONS if model is Protonic else {}
    device = model(model.Parameters(**STEPS, **more, gamma_up=-0.38, gamma_down=0.76))
    for w in (-0.3, 0.0, 0.5):
        up, down = (train(device, w, [way])[1] - w for way in (True, False))
        assert up == pytest.approx(UP * (1 + 0.38 * w / HIGH), rel=1e-3)
        assert down == pytest.approx(-DOWN * (1 - 0.76 * w / LOW), rel=1e-3)


@pytest.mark.parametrize(("mean", "allowed"), [(0.1, False), (0.1, True), (-0.1, False)])
def test_spread_slopes_change_sign_only_where_steps_may_increase(mean, allowed):
    spread = {"gamma_up_dtod": 0.2, "gamma_down_dtod": 0.2, "allow_increasing": allowed}
    side = 120
    for way, bound in enumerate((LOW, -HIGH)):
        gammas = {"gamma_up": mean, "gamma_down": mean} | spread
        planes = LinearStep(LinearStep.Parameters(**STEPS, **gammas)).planes(side, side, 3, 1)
        drawn = planes.slope[way].astype(float) / np.abs(planes.step[way]) * bound
        if allowed or mean < 0:
            # |z| below 3.66 with probability 1 - 1e-3 over four comparisons.
            assert abs(drawn.mean() - mean) / 0.2 * side < 3.66
            assert abs(drawn.var() / 0.04 - 1) / np.sqrt(2) * side < 3.66
        else:
            assert drawn.min() >= 0


def exp_factor(w, up):
    z = 2 * EXP["a"] * w / (HIGH - LOW) + EXP["b"]
    if up:
        return max(0.0, 1 - EXP["A_up"] * exp(EXP["gamma_up"] * z))
    return max(0.0, 1 - EXP["A_down"] * exp(-EXP["gamma_down"] * z))


def pow_factor(w, up):
    omega = (HIGH - w) / (HIGH - LOW)
    return omega**1.6 if up else (1 - omega) ** 0.5


def piecewise_factor(w, up):
    return np.interp((w - LOW) / (HIGH - LOW), [0.0, 0.5, 1.0], NODES["nodes_up" if up else "nodes_down"])


def protonic_factor(w, up):
    return 1 - (0.7 * w / HIGH if up else 0.3 * w / LOW)


FACTORS = {
    "exp-step": exp_factor,
    "pow-step": pow_factor,
    "piecewise-step": piecewise_factor,
    "protonic": protonic_factor,
}


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("up", [True, False])
@pytest.mark.parametrize("name", FACTORS)
def test_curved_steps_follow_their_recursion(name, start, up):
    expected = [start]
    for _ in range(300):
        w = expected[-1]
        moved = w + (UP if up else -DOWN) * FACTORS[name](w, up)
        expected.append(min(max(moved, LOW), HIGH))
    assert train(DEVICES[name], start, [up] * 300) == pytest.approx(np.array(expected), abs=2e-5)


@pytest.mark.parametrize("start", [LOW, 0.0, 0.35])
def test_exp_step_follows_the_solution_of_its_differential_equation(start):
    # dz/dn = k·(1 − A·exp(γz)) with k = 2a·s/(b_max − b_min): exp(−γz) decays to A with rate γk.
    n = np.arange(301)
    scale = 2 * EXP["a"] / (HIGH - LOW)
    decay = np.exp(-EXP["gamma_up"] * scale * UP * n)
    u = EXP["A_up"] + (np.exp(-EXP["gamma_up"] * (scale * start + EXP["b"])) - EXP["A_up"]) * decay
    expected = np.minimum((-np.log(u) / EXP["gamma_up"] - EXP["b"]) / scale, HIGH)
    assert train(DEVICES["exp-step"], start, [True] * 300) == pytest.approx(expected, abs=2 * UP)


@pytest.mark.parametrize("start", [LOW, 0.0, 0.35])
def test_pow_step_follows_the_solution_of_its_differential_equation(start):
    # dω/dn = −s/(b_max − b_min)·ω^γ: ω^(1 − γ) grows linearly for γ above 1.
    n = np.arange(301)
    omega = ((HIGH - start) / (HIGH - LOW)) ** (1 - 1.6) + 0.6 * UP / (HIGH - LOW) * n
    expected = HIGH - (HIGH - LOW) * omega ** (1 / (1 - 1.6))
    assert train(DEVICES["pow-step"], start, [True] * 300) == pytest.approx(expected, abs=2 * UP)


@pytest.mark.parametrize("name", DEVICES)
def test_the_mean_step_at_zero_is_what_the_update_counts_with(name):
    device = DEVICES[name]
    up, down = train(device, 0.0, [True])[1], train(device, 0.0, [False])[1]
    assert (up - down) / 2 == pytest.approx(device.dw_min, rel=1e-4)


def symmetry_point(difference):
    low, high = LOW, HIGH
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if difference(middle) > 0 else (low, middle)
    return low


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linear-step", (UP - DOWN) / (UP * 0.7 / HIGH - DOWN * 0.3 / LOW)),
        ("soft-bounds", (UP - DOWN) / (UP / HIGH - DOWN / LOW)),
        ("exp-step", symmetry_point(lambda w: UP * exp_factor(w, True) - DOWN * exp_factor(w, False))),
        ("pow-step", symmetry_point(lambda w: UP * pow_factor(w, True) - DOWN * pow_factor(w, False))),
    ],
)
@pytest.mark.parametrize("start", [LOW, 0.1])
def test_alternating_pulses_settle_at_the_symmetry_point(name, expected, start):
    path = train(DEVICES[name], start, [True, False] * 1500)
    assert path[-2:].mean() == pytest.approx(expected, abs=0.6 * UP)


@pytest.mark.parametrize("name", DEVICES)
def test_pulses_towards_a_bound_do_not_move_what_stands_there(name):
    assert np.unique(train(DEVICES[name], HIGH, [True] * 20)).tolist() == [np.float32(HIGH)]
    assert np.unique(train(DEVICES[name], LOW, [False] * 20)).tolist() == [np.float32(LOW)]
    assert train(DEVICES[name], HIGH, [False])[1] < HIGH
    assert train(DEVICES[name], LOW, [True])[1] > LOW


@pytest.mark.parametrize("name", DEVICES)
def test_devices_whose_bounds_are_spread_to_nothing_stay_within_them(name):
    made = DEVICES[name]
    spread = {"w_max_dtod": 2.0, "w_min_dtod": 2.0, "dw_min_dtod": 1.0, "dw_min_ctoc": 0.5}
    device = type(made)(made.parameters.model_copy(update=spread))
    array = CrossbarArray("W", 0, 20, 20, 1.0, device, (Block(0, 0, 20, 20),), None, UpdateSpec(), None, 0)
    low, high = device.bounds(array.planes)
    assert np.any((low == 0) & (high == 0))
    x = np.random.default_rng(0).standard_normal((300, 20)).astype(np.float32)
    array.update(x, x[::-1].copy(), 0.05, DrawSite(Purpose.UPDATE, 0, 0))
    assert np.isfinite(array.w).all() and np.all(array.w >= low) and np.all(array.w <= high)


def test_slopes_of_soft_bounds_are_each_devices_own():
    device = SoftBounds(SoftBounds.Parameters(**STEPS, w_max_dtod=0.3, w_min_dtod=0.3))
    array = CrossbarArray("W", 0, 4, 5, 1.0, device, (Block(0, 0, 4, 5),), None, UpdateSpec(), None, 0)
    ones = np.ones((3000, 4), np.float32)
    array.update(ones, np.full((3000, 5), -1, np.float32), STEP, DrawSite(Purpose.UPDATE, 0, 0))
    _, high = device.bounds(array.planes)
    assert array.w == pytest.approx(high, rel=1e-3) and np.ptp(high) > 0.1
