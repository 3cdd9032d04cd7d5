"""Users' faults around critical paths."""


class CriticalError(Exception):
    """A step can not be looked at as it was asked for."""

    exit_status = 2


class NoClockError(CriticalError):
    """The target has no time."""

    exit_status = 3


class TooLongError(CriticalError):
    """A step has more instructions and packets than can be looked at one by one.

    Args:
        text: the sentence.
        records: how many it has.
    """

    exit_status = 3

    def __init__(self, text: str, records: int) -> None:
        super().__init__(text)
        self.records = records
