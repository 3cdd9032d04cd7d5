"""Faults of a target file, a unit or a plug-in: what a user can mend."""

from collections.abc import Sequence


class QuantityError(ValueError):
    """Text that is not a quantity, or a quantity of the wrong dimension."""


class TargetError(Exception):
    """Everything that is wrong with a target, at once.

    Attributes:
        problems: one sentence each, `file:line:column: what must be …, not …; do this`.
    """

    exit_status = 2

    def __init__(self, problems: Sequence[str]) -> None:
        """Take the sentences; the error's text is one a line."""
        super().__init__("\n".join(problems))
        self.problems: list[str] = list(problems)

    def __reduce__(self) -> tuple[type["TargetError"], tuple[list[str]]]:
        """Survive pickling with the sentences, since sweeps run in processes."""
        return type(self), (self.problems,)


class TargetWarning(UserWarning):
    """A plug-in that can not be used; the others still work."""
