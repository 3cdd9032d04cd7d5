"""The law in width and voltage against its closed form."""

from math import cosh, sinh

import numpy as np
import pytest
from pydantic import ValidationError

from ohmflow.compiler.rules.choosing import device_facts
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.errors import PulseError
from ohmflow.runtime.devices.of_target import device_of, half_select_ratio_of
from ohmflow.runtime.devices.protonic import Protonic
from ohmflow.targets.cells import cell_facts
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load

LAW = {"width_ns": 5, "amplitude_V": 10, "beta": 0.8, "hop_nm": 0.3, "electrolyte_nm": 10, "temperature_K": 300}
GIVEN = {"dw_min": 0.002, "w_max": 0.8, "w_min": -1.0} | LAW
V0 = 2 * (1.380649e-23 / 1.602176634e-19) * 300 * 10 / 0.3


def protonic(**more):
    return Protonic(Protonic.Parameters(**(GIVEN | more)))


def array_of(device, cols=1, half_select=0.0):
    spec = UpdateSpec(1, False, False, half_select_step=half_select)
    array = CrossbarArray("W", 0, 1, cols, 1.0, device, (Block(0, 0, 1, cols),), None, spec, None, 0)
    array.program(np.zeros((1, cols)))
    return array


def pulse_once(array, x, d, device):
    array.update(np.array([[x]], np.float32), np.array([d], np.float32), device.dw_min, DrawSite(Purpose.UPDATE, 0, 0))
    return array.w[0].astype(float)


def test_the_scale_of_the_law_follows_from_hop_thickness_and_temperature():
    assert protonic().parameters.v0 == pytest.approx(V0) == pytest.approx(1.7234, rel=1e-4)


def test_dw_min_is_the_step_of_the_pulse_that_was_measured():
    for device in (protonic(), protonic(up_down=0.4), protonic(offset_V=1.5)):
        down, up = device.step_of(5e-9, 10.0)
        assert device.dw_min == (up - down) / 2
    assert protonic().dw_min == pytest.approx(0.002)
    assert protonic(offset_V=1.5).dw_min == pytest.approx(0.002)


@pytest.mark.parametrize(("width", "amplitude"), [(5e-9, 8.0), (20e-9, 10.0), (1e-9, 3.0)])
def test_other_pulses_move_a_device_by_the_law(width, amplitude):
    device = protonic().under(width, amplitude)
    expected = 0.002 * (width / 5e-9) ** 0.8 * sinh(amplitude / V0) / sinh(10 / V0)
    assert device.dw_min == pytest.approx(expected)
    for d, sign in ((-1, 1), (1, -1)):
        assert pulse_once(array_of(device), 1, [d], device)[0] == pytest.approx(sign * expected, rel=1e-5)


def test_an_offset_helps_one_direction_and_opposes_the_other():
    device = protonic(offset_V=0.75)
    up, down = (pulse_once(array_of(device), 1, [d], device)[0] for d in (-1, 1))
    scale = 0.002 / (sinh(10 / V0) * cosh(0.75 / V0))
    assert up == pytest.approx(scale * sinh(9.25 / V0), rel=1e-5)
    assert down == pytest.approx(-scale * sinh(10.75 / V0), rel=1e-5)


def test_half_selected_pulses_follow_from_the_law():
    device = protonic(offset_V=0.75)
    assert device.half_select_ratio == pytest.approx(1 / (2 * cosh(5 / V0)))
    scale = 0.002 / (sinh(10 / V0) * cosh(0.75 / V0))
    # Column 0 is silent, so its device sees the row alone, which has the direction of -x.
    for x, expected in ((-1, scale * sinh(4.25 / V0)), (1, -scale * sinh(5.75 / V0))):
        array = array_of(device, 2, device.half_select_ratio)
        assert pulse_once(array, x, [0, 1], device)[0] == pytest.approx(expected, rel=1e-5)


def test_the_step_falls_with_the_state_as_in_linear_step():
    device = protonic(gamma_up=0.5, gamma_down=0.2)
    for w in (-0.6, 0.5):
        array = array_of(device)
        array.program([[w]])
        assert pulse_once(array, 1, [-1], device)[0] - w == pytest.approx(0.002 * (1 - 0.5 * w / 0.8), rel=1e-3)
        array.program([[w]])
        assert pulse_once(array, 1, [1], device)[0] - w == pytest.approx(-0.002 * (1 - 0.2 * w / -1.0), rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"offset_V": -10}, "offset_V must be smaller than amplitude_V, or pulses move the wrong way; lower it"),
        ({"hop_nm": 40}, r"amplitude_V must be at most 300 times v0 = 0.0129 V of the law; raise electrolyte_nm"),
        ({"beta": 0}, "greater than 0"),
    ],
)
def test_laws_that_can_not_be_are_refused(wrong, said):
    with pytest.raises(ValidationError, match=said):
        protonic(**wrong)


def test_pulses_that_move_the_wrong_way_are_refused():
    said = (
        "^device 'protonic': the amplitude of a pulse must be above the offset of 3 V and at most 300 times "
        "v0 = 1.72 V, not 2 V; change device.pulse.amplitude, or the law's parameters$"
    )
    with pytest.raises(PulseError, match=said):
        protonic(offset_V=3).under(5e-9, 2.0)


def test_a_target_puts_the_device_under_its_own_pulses(tmp_path):
    parameters = "\n".join(f"    {name}: {value}" for name, value in GIVEN.items())
    (tmp_path / "chip.yaml").write_text(
        "name: chip\nsummary: s\nextends: protonic-psg\ndevice:\n  model: protonic\n  parameters:\n" + parameters
    )
    target = load(tmp_path / "chip.yaml", {"device.pulse.amplitude": "9 V", "device.pulse.width": "10 ns"})
    device = device_of(target.device)
    assert device.dw_min == pytest.approx(0.002 * 2**0.8 * sinh(9 / V0) / sinh(10 / V0))
    assert half_select_ratio_of(device, target.device) == pytest.approx(1 / (2 * cosh(4.5 / V0)))
    still = load(tmp_path / "chip.yaml", {"device.half_select_step": "0"})
    assert half_select_ratio_of(device, still.device) == 0.0
    whole = load(tmp_path / "chip.yaml", {"device.pulse.scheme": "full"})
    assert half_select_ratio_of(device, whole.device) == 0.0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"device.half_select_step": "0.25"},
            "device.half_select_step must be 0 or left out for device.model 'protonic', whose own law says what half "
            "the amplitude does, not '0.25'; remove it, and set the law's parameters",
        ),
        (
            {"device.voltage": "{law: sinh, v0: 2 V}"},
            "device.voltage must be left out for device.model 'protonic', whose own law says what half the amplitude "
            "does; remove it, and set the law's parameters",
        ),
        (
            {"tile.update.scheme": "stochastic"},
            "tile.update.scheme must be stochastic-compressed where half-selected devices move, by the law of "
            "device.model 'protonic', not 'stochastic'; write 'stochastic-compressed', or 'device.half_select_step: 0' "
            "without device.voltage",
        ),
    ],
)
def test_a_second_law_of_half_selected_pulses_is_refused_and_not_ignored(tmp_path, more, said):
    parameters = "\n".join(f"    {name}: {value}" for name, value in GIVEN.items())
    (tmp_path / "chip.yaml").write_text(
        "name: chip\nsummary: s\nextends: protonic-psg\ndevice:\n  model: protonic\n  parameters:\n" + parameters
    )
    with pytest.raises(TargetError) as refused:
        load(tmp_path / "chip.yaml", more)
    assert [problem for problem in refused.value.problems if problem.endswith(said)], refused.value.problems
    assert load(tmp_path / "chip.yaml", {"device.half_select_step": "0", "tile.update.scheme": "stochastic"})


@pytest.mark.parametrize(("up", "bound"), [(True, 0.8), (False, -1.0)])
def test_half_selected_pulses_stop_at_the_bound(up, bound):
    device = protonic(dw_min=0.05)
    sign = 1 if up else -1
    half = device.step_of(5e-9, 5.0)[int(up)]
    array = array_of(device, 2, device.half_select_ratio)
    near = bound - half / 4  # a quarter of a half-selected step away
    array.program([[near, near - half]])
    # The row and the first column fire, so the second device is half selected, in the direction of -x.
    pulse_once(array, -sign, [1, 0], device)
    assert array.w[0, 0] == np.float32(bound)
    assert array.w[0, 1] == pytest.approx(near, rel=1e-5), "it had room for its whole step"
    array.program([[0.0, near]])
    pulse_once(array, -sign, [1, 0], device)
    assert array.w[0, 1] == np.float32(bound), "and no further"


def test_half_selected_pulses_below_the_offset_stop_at_the_other_bound():
    device = protonic(dw_min=0.05, offset_V=6.0)
    array = array_of(device, 2, 0.5)
    array.program([[0.0, -0.999995]])
    pulse_once(array, -1, [1, 0], device)
    assert array.w[0, 1] == np.float32(-1.0), "half of an upward pulse of 10 V is below 6 V, and moves the device down"


def test_facts_of_a_target_are_those_of_its_pulses(tmp_path):
    parameters = "\n".join(f"    {name}: {value}" for name, value in GIVEN.items())
    (tmp_path / "chip.yaml").write_text(
        "name: chip\nsummary: s\nextends: protonic-psg\ndevice:\n  model: protonic\n  parameters:\n" + parameters
    )
    for width, amplitude in ((5, 10), (10, 9)):
        pulse = {"device.pulse.amplitude": f"{amplitude} V", "device.pulse.width": f"{width} ns"}
        target = load(tmp_path / "chip.yaml", pulse)
        expected = 0.002 * (width / 5) ** 0.8 * sinh(amplitude / V0) / sinh(10 / V0)
        assert cell_facts(target) == (pytest.approx(expected), (-1.0, 0.8))
        assert device_facts(target).dw_min == device_of(target.device).dw_min == cell_facts(target)[0]
