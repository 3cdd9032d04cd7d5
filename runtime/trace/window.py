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
