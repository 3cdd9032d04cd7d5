"""Users' faults around a run: data, options, folders; and training that diverges."""


class RunError(Exception):
    """What was asked for can not be run as it stands."""

    exit_status = 2


class UntrainableError(RunError):
    """A sound model that this version can not train."""

    exit_status = 3


class DivergenceError(RunError):
    """The loss is no longer a number."""

    exit_status = 3
