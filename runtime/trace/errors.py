"""Users' faults around traces."""


class TraceError(Exception):
    """A trace can not be made as it was asked for."""

    exit_status = 2


class UntimedError(TraceError):
    """The target has no time."""

    exit_status = 3
