import re
import sys
import types
from importlib.metadata import EntryPoint

import pytest

from ohmflow.runtime.devices import registry
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.errors import BrokenDeviceError, DuplicateDeviceError, UnknownDeviceError
from ohmflow.runtime.devices.exp_step import ExpStep
from ohmflow.runtime.devices.ideal import Ideal
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.measured import Measured
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair
from ohmflow.runtime.devices.piecewise_step import PiecewiseStep
from ohmflow.runtime.devices.pow_step import PowStep
from ohmflow.runtime.devices.protonic import Protonic
from ohmflow.runtime.devices.soft_bounds import SoftBounds
from ohmflow.runtime.devices.soft_bounds_reference import SoftBoundsReference

OURS = {
    "ideal": "ohmflow.runtime.devices.ideal:Ideal",
    "constant-step": "ohmflow.runtime.devices.constant_step:ConstantStep",
    "linear-step": "ohmflow.runtime.devices.linear_step:LinearStep",
    "soft-bounds": "ohmflow.runtime.devices.soft_bounds:SoftBounds",
    "exp-step": "ohmflow.runtime.devices.exp_step:ExpStep",
    "pow-step": "ohmflow.runtime.devices.pow_step:PowStep",
    "soft-bounds-reference": "ohmflow.runtime.devices.soft_bounds_reference:SoftBoundsReference",
    "piecewise-step": "ohmflow.runtime.devices.piecewise_step:PiecewiseStep",
    "measured": "ohmflow.runtime.devices.measured:Measured",
    "protonic": "ohmflow.runtime.devices.protonic:Protonic",
    "one-sided-pair": "ohmflow.runtime.devices.one_sided_pair:OneSidedPair",
}


@pytest.fixture
def installed(monkeypatch):
    def install(*more: tuple[str, str]) -> None:
        entries = [EntryPoint(name, value, registry.GROUP) for name, value in (*OURS.items(), *more)]
        monkeypatch.setattr(registry, "entry_points", lambda group: entries)

    return install


def test_our_devices_are_installed():
    assert {name: registry.device_class(name) for name in OURS} == {
        name: EntryPoint(name, value, registry.GROUP).load() for name, value in OURS.items()
    }


def test_our_devices_are_found_by_name(installed):
    installed()
    assert [registry.device_class(name) for name in OURS] == [
        Ideal,
        ConstantStep,
        LinearStep,
        SoftBounds,
        ExpStep,
        PowStep,
        SoftBoundsReference,
        PiecewiseStep,
        Measured,
        Protonic,
        OneSidedPair,
    ]


def test_an_unknown_name_is_refused_with_the_nearest(installed):
    installed()
    message = (
        "device.model: the device must be one of constant-step, exp-step, ideal, linear-step, measured, "
        "one-sided-pair, piecewise-step, pow-step, protonic, soft-bounds, "
        "soft-bounds-reference, not 'linear_steps'; did you mean 'linear-step'?"
    )
    with pytest.raises(UnknownDeviceError, match=f"^{re.escape(message)}$"):
        registry.device_class("linear_steps")


def test_a_name_offered_twice_names_both(installed):
    installed(("ideal", "elsewhere:Ideal"))
    message = (
        "device 'ideal': the name must be offered once, not by 'elsewhere:Ideal' and "
        "'ohmflow.runtime.devices.ideal:Ideal'; uninstall one of the packages"
    )
    with pytest.raises(DuplicateDeviceError, match=f"^{re.escape(message)}$"):
        registry.device_class("ideal")
    assert registry.device_class("linear-step") is LinearStep


def test_an_entry_seen_twice_is_one_device(installed):
    installed(("ideal", OURS["ideal"]))
    assert registry.device_class("ideal") is Ideal


def test_a_broken_plug_in_is_named_and_does_not_break_the_rest(installed, monkeypatch):
    module = types.ModuleType("half_made_devices")
    module.Nameless = type("Nameless", (), {"Parameters": Ideal.Parameters, "name": "other"})
    module.number = 3
    monkeypatch.setitem(sys.modules, "half_made_devices", module)
    installed(
        ("absent", "no_such_module_here:Device"),
        ("nameless", "half_made_devices:Nameless"),
        ("number", "half_made_devices:number"),
    )
    found = registry.catalogue()
    assert set(found.classes) == set(OURS)
    assert set(found.faults) == {"absent", "nameless", "number"}
    assert str(found.faults["absent"]) == (
        "device 'absent': 'no_such_module_here:Device' must be importable, not fail with ModuleNotFoundError: "
        "No module named 'no_such_module_here'; mend or uninstall that package"
    )
    assert "must have the name of its entry point, not 'other'" in str(found.faults["nameless"])
    with pytest.raises(BrokenDeviceError, match="pydantic `Parameters`, not 3"):
        registry.device_class("number")
