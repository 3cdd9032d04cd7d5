"""Users' faults around critical paths."""


class CriticalError(Exception):
    """A step can not be looked at as it was asked for."""

    exit_status = 2


class NoClockError(CriticalError):
    """The target has no time."""

    exit_status = 3
