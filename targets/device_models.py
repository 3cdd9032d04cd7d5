"""Device models by name, for the parameters that they declare.

A target names its device model; the model is a class found by an entry point of the group `ohmflow.devices`, and its
attribute `Parameters`, a pydantic model, says which numbers the target file must give. Nothing of the runtime is
imported but through that door.
"""

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ohmflow.targets.schema.device import FIXED, Device

GROUP = "ohmflow.devices"


class DeviceModelError(Exception):
    """A device model that can not be had; the text is the predicate of a sentence about `device.model`."""


class FixedParameters(BaseModel):
    """`fixed`: weights that are written once and only read, on a chip that no machine executes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    w_max: float = Field(gt=0, description="largest weight")
    w_min: float = Field(lt=0, description="smallest weight")


def model_entries() -> dict[str, list[EntryPoint]]:
    """Entry points of device models by name; a name with several is a conflict."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        # A checkout and its installation both list the same class: that is one model.
        if entry.value not in (other.value for other in found.setdefault(entry.name, [])):
            found[entry.name].append(entry)
    return found


def parameters_of(model: str) -> type[BaseModel]:
    """The class that validates a model's parameters.

    Raises:
        DeviceModelError: no such model, two of that name, or one that can not be loaded.
    """
    if _is_only_read(model):
        return FixedParameters
    parameters: type[BaseModel] = _device_class(model).Parameters
    return parameters


def under_its_pulses(device: Any, section: Device) -> Any:
    """A device of a model as a target pulses it.

    Args:
        device: of a model, with its parameters.
        section: `device:` of the target.

    Returns:
        The device under the target's pulses, where its model has a law for pulses of any width and amplitude and the
        target says what they are; else the device itself.
    """
    under = getattr(device, "under", None)
    if under is None or section.pulse is None:
        return device
    return under(section.pulse.width.si, section.pulse.amplitude.si)


def facts_of(section: Device) -> tuple[float, tuple[float, float]]:
    """What a target's device model says of its steps and bounds, before the spread from device to device.

    Args:
        section: `device:` of the target: model, parameters, and the pulses that the step is for.

    Returns:
        Mean step of a pulse at w = 0, and (w_min, w_max), in device units; a step of 0 is a device that adds exactly,
        infinite bounds are none.

    Raises:
        DeviceModelError: no such model, two of that name, or one that can not be loaded.
    """
    if _is_only_read(section.model):
        return 0.0, (float(section.parameters["w_min"]), float(section.parameters["w_max"]))
    device = _made(section)
    low, high = device.nominal_bounds
    return float(device.dw_min), (float(low), float(high))


def is_pair(model: str) -> bool:
    """Whether a device model is itself two devices, of which w is the difference and a pulse moves one.

    Raises:
        DeviceModelError: no such model, two of that name, or one that can not be loaded.
    """
    return bool(getattr(_device_class(model), "is_pair", False)) if model != FIXED else False


def has_half_select_law(model: str) -> bool:
    """Whether a device model says by itself what a half-selected pulse does, so that a target can not.

    Raises:
        DeviceModelError: no such model, two of that name, or one that can not be loaded.
    """
    return model != FIXED and hasattr(_device_class(model), "half_select_ratio")


def refreshes(section: Device) -> bool:
    """Whether devices may be read, reset and programmed anew after an update.

    Args:
        section: `device:` of the target.

    Returns:
        Whether the model does upkeep (`maintain`) and its device does not say, by `refreshes`, that it never will.

    Raises:
        DeviceModelError: no such model, two of that name, or one that can not be loaded.
    """
    if _is_only_read(section.model) or not hasattr(_device_class(section.model), "maintain"):
        return False
    return bool(getattr(_made(section), "refreshes", True))


def _made(section: Device) -> Any:
    kind = _device_class(section.model)
    return under_its_pulses(kind(kind.Parameters(**section.parameters)), section)


def _is_only_read(model: str) -> bool:
    return model == FIXED and model not in model_entries()


def _device_class(model: str) -> Any:
    """Load the class of a model; its attribute `Parameters` is checked, the rest is the runtime's business."""
    entries = model_entries()
    if model not in entries:
        near = get_close_matches(model, entries, n=1, cutoff=0.4)
        known = ", ".join(sorted(entries)) or "none, since none is installed"
        do = f"write '{near[0]}'" if near else "install the package that brings it"
        raise DeviceModelError(f"must be an installed device model ({known}), not '{model}'; {do}")
    owners = [f"'{entry.value}' of {entry.dist.name if entry.dist else '?'}" for entry in entries[model]]
    if len(owners) > 1:
        raise DeviceModelError(
            f"must be offered once, but '{model}' is {' and '.join(sorted(owners))}; uninstall one of the packages"
        )
    try:
        loaded = entries[model][0].load()
    except Exception as error:  # a plug-in may fail in any way; which one it was is what the user must know
        raise DeviceModelError(
            f"must be a model that can be imported, but {owners[0]} fails with {type(error).__name__}: {error}; "
            "mend or uninstall that package"
        ) from error
    parameters = getattr(loaded, "Parameters", None)
    if not (isinstance(parameters, type) and issubclass(parameters, BaseModel)):
        raise DeviceModelError(
            f"must be a class with a pydantic attribute `Parameters`, but {owners[0]} has none; mend that package"
        )
    return loaded
