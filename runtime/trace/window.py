"""Which training steps are traced."""

import re
from dataclasses import dataclass

from ohmflow.runtime.trace.errors import TraceError

_FORM = re.compile(r"(\d+):(\d+)")


@dataclass(frozen=True)
class Window:
    """Executions of `train_step`, counted from 1; both ends are traced."""

    first: int = 1
    last: int = 2

    def check(self, done: int, steps: int) -> None:
        """Refuse a window in which a training has no step.

        Args:
            done: steps that lie behind it.
            steps: that it has in all, if nothing ends it early.

        Raises:
            TraceError: all of the window's steps are done, or will never come.
        """
        if done >= steps:
            raise TraceError(
                f"--trace: the run must have steps left to train, but all {steps:,} are done; leave it out"
            )
        if self.last <= done or self.first > steps:
            raise TraceError(
                f"--trace-window: must hold one of the steps {done + 1} to {steps}, not only {self.first}:{self.last}; "
                f"try {done + 1}:{min(done + 2, steps)}"
            )

    def __contains__(self, step: int) -> bool:
        """Whether a step, counted from 1, is traced."""
        return self.first <= step <= self.last


def parse_window(text: str) -> Window:
    """Read FIRST:LAST.

    Raises:
        TraceError: it is not of this form, or LAST comes before FIRST.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise TraceError(f"--trace-window: must be FIRST:LAST, two step numbers, not '{text}'; try 1:2")
    first, last = int(found[1]), int(found[2])
    if not 1 <= first <= last:
        raise TraceError(
            f"--trace-window: must count steps from 1, FIRST not after LAST, not '{text}'; try {max(first, 1)}:"
            f"{max(first, last, 1)}"
        )
    return Window(first, last)
