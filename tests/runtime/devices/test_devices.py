from typing import Any, NamedTuple

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep, ConstantStepPlanes
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.ideal import Ideal
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.measured import Measured
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair
from ohmflow.runtime.devices.piecewise_step import PiecewiseStep
from ohmflow.runtime.devices.pow_step import PowStep
from ohmflow.runtime.devices.protocol import half_pulse, pulse, pulses
from ohmflow.runtime.devices.protonic import Protonic
from ohmflow.runtime.devices.soft_bounds import SoftBounds
from ohmflow.runtime.devices.soft_bounds_reference import SoftBoundsReference

STEPS = {"dw_min": 0.01, "w_max": 0.6, "w_min": -0.4}
SPREAD = {"dw_min_dtod": 0.3, "up_down_dtod": 0.1, "w_max_dtod": 0.3, "w_min_dtod": 0.5}
SLOPES = {"gamma_up": 0.5, "gamma_down": 0.2}
AT = DrawSite(Purpose.UPDATE, 0, 0)


CURVE = {"A_up": 0.1, "A_down": 0.1, "gamma_up": 1, "gamma_down": 1, "a": 0.5, "b": 0}
GIVEN = {
    ConstantStep: STEPS,
    LinearStep: STEPS | SLOPES,
    SoftBounds: STEPS,
    ExpStep: STEPS | CURVE,
    PowStep: STEPS | SLOPES,
    SoftBoundsReference: STEPS,
    PiecewiseStep: STEPS | {"nodes_up": (1.0, 0.5), "nodes_down": (0.5, 1.0)},
    Protonic: STEPS | {"width_ns": 5, "amplitude_V": 10, "beta": 1, "hop_nm": 0.3, "electrolyte_nm": 10},
    OneSidedPair: STEPS,
    Measured: STEPS | {"table": {"state": (0, 1), "level": (0, 1), "up": ((0, 1), (0, 1)), "down": ((-1, 0), (-1, 0))}},
    Ideal: {},
}


@pytest.mark.parametrize(("model", "given"), GIVEN.items(), ids=lambda v: getattr(v, "name", ""))
def test_every_parameter_is_documented_and_checked(model, given):
    parameters = model.Parameters(**given)
    assert all(field.description for field in model.Parameters.model_fields.values())
    with pytest.raises(ValidationError):
        model.Parameters(**given, surprise=1)
    with pytest.raises(ValidationError):
        parameters.w_max = 2.0


@pytest.mark.parametrize("wrong", [{"dw_min": 0}, {"w_max": 0}, {"w_min": 0.1}, {"dw_min_ctoc": -1}, {"dw_min": "nan"}])
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        ConstantStep.Parameters(**(STEPS | wrong))


@pytest.mark.parametrize("model", [m for m in GIVEN if m is not Ideal])
def test_planes_repeat_for_equal_seed_and_array_only(model):
    given = GIVEN[model] | SPREAD | ({"gamma_up_dtod": 0.1} if model in (LinearStep, PowStep) else {})
    device = model(model.Parameters(**given))
    first, steps = device.planes(20, 30, 1, 2), "scale" if model is Measured else "step"
    for a, b in zip(first, device.planes(20, 30, 1, 2), strict=True):
        assert np.array_equal(a, b)
    for other in (device.planes(20, 30, 2, 2), device.planes(20, 30, 1, 3)):
        assert not np.array_equal(getattr(first, steps), getattr(other, steps))
        assert not np.array_equal(device.bounds(first), device.bounds(other))


def test_steps_and_bounds_never_change_sign():
    given = STEPS | SPREAD | {"dw_min_dtod": 2.0, "w_max_dtod": 2.0, "w_min_dtod": 2.0}
    planes = ConstantStep(ConstantStep.Parameters(**given)).planes(50, 50, 0, 0)
    assert (planes.step[0] <= 0).all() and (planes.step[1] >= 0).all()
    assert (planes.b_min <= 0).all() and (planes.b_max >= 0).all()


@pytest.mark.parametrize("model", [m for m in GIVEN if m not in (Ideal, Measured, OneSidedPair)])
def test_the_mean_asymmetry_is_shared_by_both_directions(model):
    planes = model(model.Parameters(**GIVEN[model], up_down=0.4)).planes(2, 2, 0, 0)
    assert np.allclose(planes.step[1], 1.2 * 0.01) and np.allclose(planes.step[0], -0.8 * 0.01)


def one_pulse(device, w, d):
    """w after one certain pulse: down for d = 1, up for d = -1."""
    array = CrossbarArray("W", 0, 1, 1, 1.0, device, (Block(0, 0, 1, 1),), None, UpdateSpec(), None, 0)
    array.w[:] = w
    counts = array.update(np.ones((1, 1), np.float32), np.full((1, 1), d, np.float32), device.dw_min, AT)
    assert counts.coincidences.tolist() == [1]
    return float(array.w[0, 0])


@pytest.mark.parametrize("w", [-0.3, 0.0, 0.45])
def test_linear_step_follows_its_equation(w):
    device = LinearStep(LinearStep.Parameters(**STEPS, **SLOPES))
    assert one_pulse(device, w, -1) - w == pytest.approx(0.01 * (1 - 0.5 * w / 0.6), rel=1e-4)
    assert one_pulse(device, w, 1) - w == pytest.approx(-0.01 * (1 - 0.2 * w / -0.4), rel=1e-4)


@pytest.mark.parametrize("w", [-0.3, 0.0, 0.45])
def test_constant_step_is_the_same_everywhere(w):
    device = ConstantStep(ConstantStep.Parameters(**STEPS))
    assert one_pulse(device, w, -1) - w == pytest.approx(0.01, rel=1e-4)
    assert one_pulse(device, w, 1) - w == pytest.approx(-0.01, rel=1e-4)


class LeakyPlanes(NamedTuple):
    """An outsider's device: every pulse halves w, whatever its direction."""

    factor: np.ndarray

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        return w * planes.factor[r, c]


class Leaky:
    name = "leaky"
    Parameters = BaseModel
    dw_min = 0.01
    nominal_bounds = (-1.0, 1.0)

    def planes(self, rows, cols, seed, array_id):
        return LeakyPlanes(np.full((rows, cols), 0.5, np.float32))

    def bounds(self, planes):
        return -np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)


def test_a_new_device_is_one_class():
    array = CrossbarArray("W", 0, 2, 2, 1.0, Leaky(), (Block(0, 0, 2, 2),), None, UpdateSpec(), None, 0)
    array.w[:] = 1
    counts = array.update(np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), 0.0299, AT)
    pulses_seen = -np.log2(array.w)
    assert pulses_seen.sum() == counts.coincidences[0] > 4


def test_kernels_of_devices_that_are_not_installed_are_not_kept():
    # numba's index of kept kernels names the classes; a process that can not import one of them could not read it.
    assert kernel_cache.covers(ConstantStepPlanes)
    assert not kernel_cache.covers(LeakyPlanes)


def test_stubs_say_where_they_belong():
    with pytest.raises(TypeError, match="compiled kernel"):
        pulse((), 0, 0, 0.0, True, 0.0)
    with pytest.raises(TypeError, match="compiled kernel"):
        pulses((), 0, 0, 0.0, True, 1.0, 0.0)
    with pytest.raises(TypeError, match="compiled kernel"):
        half_pulse((), 0, 0, 0.0, True, 0.0, 0.1)
