"""The device of a target: the model that it names, with its parameters, under its pulses."""

from ohmflow.runtime.devices.cells import Cell
from ohmflow.runtime.devices.errors import CellError
from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.registry import device_class
from ohmflow.targets.cells import layout_of
from ohmflow.targets.device_models import under_its_pulses
from ohmflow.targets.schema.device import Device as DeviceSection
from ohmflow.targets.schema.target import Target


def device_of(section: DeviceSection) -> Device:
    """Make the device of a target.

    Args:
        section: `device:` of the target.

    Returns:
        The model. Where it has a law for pulses of any width and amplitude (`protocol.py`, `under`) and the target says
        what its pulses are, it is the device under those.

    Raises:
        DeviceError: the model can not be had, or not under such pulses.
    """
    model = device_class(section.model)
    made: Device = under_its_pulses(model(model.Parameters(**section.parameters)), section)
    return made


def half_select_ratio_of(device: Device, section: DeviceSection) -> float:
    """Say how far a half-selected pulse moves a device relative to a whole one.

    Args:
        device: what `device_of` gave for the section.
        section: `device:` of the target.

    Returns:
        What the target says; where it says nothing and half selects, what the model has a law for; else 0.
    """
    told = section.half_select_step is not None or section.voltage is not None
    if told or section.pulse is None or section.pulse.scheme != "half-select":
        return section.half_select_ratio
    return float(getattr(device, "half_select_ratio", 0.0))


def cell_of(target: Target) -> Device:
    """Make the cell of a target, which holds one weight.

    Args:
        target: its device, and what its crossbar makes of it.

    Returns:
        The device itself where it is the whole cell.

    Raises:
        DeviceError: the model can not be had, not under such pulses, or not in such a cell.
    """
    device, layout = device_of(target.device), layout_of(target)
    if len(layout.gains) == 1:
        return device
    if half_select_ratio_of(device, target.device) > 0.0:
        raise CellError(
            f"tile.crossbar.cell: devices of a {target.tile.crossbar.cell} cell must not move when half selected, "
            "since lines of one cell then have polarities of their own; write 'scheme: full' or "
            "'half_select_step: 0' under device"
        )
    return Cell(device, layout)
