"""Faults of looking at devices."""


class DeviceViewError(Exception):
    """What is asked of a view is out of range; `exit_status` is what the shell returns."""

    exit_status = 2


class NotPulsedError(DeviceViewError):
    """A sound target whose devices are not pulsed."""

    exit_status = 3
