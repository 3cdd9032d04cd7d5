"""Faults of a target file, a unit or a plug-in: what a user can mend."""

import re
from collections.abc import Sequence

_MOST = 100
_ENDLESS = re.compile(r"\S{200,}")


def _one_line(problem: str) -> str:
    """A sentence as it can be printed, whatever the file holds: without control characters, and not endless."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in problem)
    return _ENDLESS.sub(lambda run: f"{run[0][:80]}…{run[0][-20:]}", text)


class QuantityError(ValueError):
    """Text that is not a quantity, or a quantity of the wrong dimension."""


class TargetError(Exception):
    """Everything that is wrong with a target, at once.

    Attributes:
        problems: one sentence each, `file:line:column: what must be …, not …; do this`.
    """

    exit_status = 2

    def __init__(self, problems: Sequence[str]) -> None:
        """Take the sentences; the error's text is one a line, and leaves out what is beyond the first hundred."""
        self.problems: list[str] = [_one_line(problem) for problem in problems]
        said = self.problems[:_MOST]
        if len(self.problems) > _MOST:
            said.append(f"{len(self.problems) - _MOST} more: all must be mended, not these alone; begin with these")
        super().__init__("\n".join(said))

    def __reduce__(self) -> tuple[type["TargetError"], tuple[list[str]]]:
        """Survive pickling with the sentences, since sweeps run in processes."""
        return type(self), (self.problems,)


class TargetWarning(UserWarning):
    """A plug-in that can not be used; the others still work."""
