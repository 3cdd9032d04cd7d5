"""Faults of device models and of the plug-ins that bring them."""


class DeviceError(Exception):
    """Base of the device errors; `exit_status` is what the shell returns."""

    exit_status = 2


class UnknownDeviceError(DeviceError):
    """No installed package offers a device of that name; the message offers the nearest."""


class DuplicateDeviceError(DeviceError):
    """Two installed packages offer a device of one name; the message names both."""


class BrokenDeviceError(DeviceError):
    """A device's entry point can not be loaded, or what it loads is not a device class."""


class PulseError(DeviceError):
    """A device can not be under the pulses that a target gives it."""


class CellError(DeviceError):
    """Devices that can not be put together to the cell that a target asks for."""
