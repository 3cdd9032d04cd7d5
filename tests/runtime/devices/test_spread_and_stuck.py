"""Log-normal spread, stuck cells, resets, noise that grows, curves and references, against what is stated.

Seeds are fixed; each test rejects a true claim with probability 1e-3 over all its comparisons.
"""

from statistics import NormalDist

import numpy as np
import pytest
from pydantic import ValidationError

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.piecewise_step import PiecewiseStep
from ohmflow.runtime.devices.soft_bounds_reference import SoftBoundsReference

STEPS = {"dw_min": 0.01, "w_max": 0.8, "w_min": -1.0}
N = 150


def z_limit(comparisons):
    return NormalDist().inv_cdf(1 - 1e-3 / (2 * comparisons))


def array_of(device, side=1):
    return CrossbarArray("W", 0, side, side, 1.0, device, (Block(0, 0, side, side),), None, UpdateSpec(), None, 4)


def pulse(array, up, times=1, step=0):
    x = np.ones((times, array.w.shape[0]), np.float32)
    array.update(x, -x if up else x, array.device.dw_min, DrawSite(Purpose.UPDATE, 0, step))


def test_log_normal_steps_have_normal_logarithms():
    device = ConstantStep(ConstantStep.Parameters(**STEPS, dw_min_dtod=0.7, dw_min_dtod_log_normal=True))
    logs = np.log(device.planes(N, N, 3, 1).step[1].astype(float) / 0.01)
    assert abs(logs.mean()) / (0.7 / N) < z_limit(2)
    assert abs(logs.var() / 0.49 - 1) / (np.sqrt(2) / N) < z_limit(2)


def test_as_many_devices_are_stuck_as_asked_and_where():
    given = {"corrupt_probability": 0.12, "dead_probability": 0.05}
    device = ConstantStep(ConstantStep.Parameters(**STEPS, **given))
    planes = device.planes(N, N, 3, 1)
    low, high = device.bounds(planes)
    stuck = low == high
    dead = stuck & (low == -1.0)
    for share, asked in ((stuck.mean() - dead.mean(), 0.12), (dead.mean(), 0.05)):
        assert abs(share - asked) / (np.sqrt(asked * (1 - asked)) / N) < z_limit(4)
    assert not planes.step[:, stuck].any() and planes.step[1, ~stuck].all()
    place = (low[stuck & ~dead] + 1.0) / 1.8
    assert abs(place.mean() - 0.5) / np.sqrt(1 / 12 / place.size) < z_limit(4)
    assert abs(((place - 0.5) ** 2).mean() - 1 / 12) / np.sqrt(1 / 180 / place.size) < z_limit(4)


def test_stuck_probabilities_are_together_1_at_most():
    with pytest.raises(ValidationError, match="must add up to 1 at most; lower one of them"):
        ConstantStep.Parameters(**STEPS, corrupt_probability=0.6, dead_probability=0.5)


def test_a_reset_has_a_part_of_the_device_and_one_of_the_occasion():
    device = ConstantStep(ConstantStep.Parameters(**STEPS, reset=0.05, reset_dtod=0.03, reset_ctoc=0.04))
    planes = device.planes(N, N, 3, 1)
    first, second = (device.reset(planes, 3, 1, occasion).astype(float) for occasion in (0, 1))
    assert np.array_equal(first, device.reset(planes, 3, 1, 0).astype(float))
    assert abs(first.mean() - 0.05) / (0.05 / N) < z_limit(3)
    assert abs(first.var() / 0.05**2 - 1) / (np.sqrt(2) / N) < z_limit(3)
    assert abs((second - first).var() / (2 * 0.04**2) - 1) / (np.sqrt(2) / N) < z_limit(3)


@pytest.mark.parametrize("additive", [False, True])
def test_noise_of_exp_steps_grows_with_the_state(additive):
    curve = {"A_up": 0.2, "A_down": 0.1, "gamma_up": 1.0, "gamma_down": 1.5, "a": 0.7, "b": 0.0}
    noise = {"dw_min_ctoc": 0.5, "dw_min_ctoc_add": 0.004, "dw_min_ctoc_slope": 0.03, "ctoc_additive": additive}
    array = array_of(ExpStep(ExpStep.Parameters(**STEPS, **curve, **noise)), 80)
    array.w[:] = 0.4
    array.touch()
    pulse(array, True)
    step = 0.01 * (1 - 0.2 * np.exp(2 * 0.7 * 0.4 / 1.8))
    sigma = 0.5 * ((0.01 if additive else step) + 0.004 + 0.03 * 0.4)
    moved = array.w.astype(float) - np.float32(0.4)
    assert abs(moved.mean() - step) / (sigma / 80) < z_limit(2)
    assert abs(((moved - step) ** 2).mean() / sigma**2 - 1) / (np.sqrt(2) / 80) < z_limit(2)


def test_a_piecewise_step_is_interpolated_between_its_nodes():
    nodes = {"nodes_up": (1.4, 1.0, 0.2), "nodes_down": (0.0, 0.5, 1.5, 2.0)}
    device = PiecewiseStep(PiecewiseStep.Parameters(**STEPS, **nodes))
    places = np.linspace(0, 1, 3), np.linspace(0, 1, 4)
    array = array_of(device)
    for w in (-1.0, -0.7, -0.1, 0.0, 0.45, 0.79):
        at = (w + 1.0) / 1.8
        for up, curve, place in ((True, "nodes_up", places[0]), (False, "nodes_down", places[1])):
            array.program([[w]])
            pulse(array, up)
            wanted = np.clip(w + (0.01 if up else -0.01) * np.interp(at, place, nodes[curve]), -1.0, 0.8)
            assert array.w[0, 0] == pytest.approx(wanted, abs=1e-6)
    assert device.dw_min == pytest.approx(
        0.005 * sum(np.interp(1 / 1.8, p, nodes[c]) for p, c in zip(places, nodes, strict=True))
    )


@pytest.mark.parametrize(
    "wrong", [{"nodes_up": (1.0,)}, {"nodes_up": (1.0, -0.1)}, {"nodes_up": (0.0, 0.0), "nodes_down": (0.0, 0.0)}]
)
def test_curves_that_can_not_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        PiecewiseStep.Parameters(**STEPS | {"nodes_up": (1.0, 1.0), "nodes_down": (1.0, 1.0)} | wrong)


@pytest.mark.parametrize("additive", [False, True])
def test_a_reference_shifts_the_symmetry_point(additive):
    up, down = 1.15 * 0.01, 0.85 * 0.01
    point = (up - down) / (up / 0.8 - down / -1.0)
    for given, expected in (
        ({}, point),
        ({"reference_mean": 0.1}, point - 0.1),
        ({"subtract_symmetry_point": True}, 0.0),
    ):
        parameters = SoftBoundsReference.Parameters(**STEPS, up_down=0.3, ctoc_additive=additive, **given)
        array = array_of(SoftBoundsReference(parameters))
        array.program([[0.2]])
        x = np.ones((3000, 1), np.float32)
        d = np.tile(np.array([[-1], [1]], np.float32), (1500, 1))
        array.update(x, d, array.device.dw_min, DrawSite(Purpose.UPDATE, 0, 0))
        assert array.w[0, 0] == pytest.approx(expected, abs=up)
        low, high = array.device.bounds(array.planes)
        shift = point - expected
        assert (low[0, 0], high[0, 0]) == pytest.approx((-1.0 - shift, 0.8 - shift), abs=1e-6)


def test_references_vary_between_devices_as_asked():
    parameters = SoftBoundsReference.Parameters(**STEPS, reference_mean=0.1, reference_std=0.05)
    device = SoftBoundsReference(parameters)
    _, high = device.bounds(device.planes(N, N, 3, 1))
    shift = 0.8 - high.astype(float)
    assert abs(shift.mean() - 0.1) / (0.05 / N) < z_limit(2)
    assert abs(shift.var() / 0.05**2 - 1) / (np.sqrt(2) / N) < z_limit(2)


def test_a_reference_outside_of_the_range_is_refused():
    with pytest.raises(ValidationError, match="reference_mean must lie between w_min and w_max"):
        SoftBoundsReference.Parameters(**STEPS, reference_mean=0.8)
