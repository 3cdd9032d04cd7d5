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


class CheckpointError(RunError):
    """A checkpoint, or a run folder, from which no training can go on."""


class StoppedError(Exception):
    """A training that was asked to stop, and has saved its state.

    Attributes:
        exit_status: 130 after Ctrl-C (SIGINT), 143 after SIGTERM.
    """

    def __init__(self, text: str, exit_status: int) -> None:
        super().__init__(text)
        self.exit_status = exit_status
