"""How long a training will take on this computer, from its first steps.

Kernels are compiled and caches filled in the first step, so the clock starts after it. It measures the host only: no
number of the run depends on it.
"""

import time
from collections.abc import Callable

from ohmflow.runtime.training.trainer import Progress

_MEASURED_SECONDS = 1.0
_MEASURED_STEPS = 50
_WORTH_SAYING_SECONDS = 60.0


class HostEstimate:
    """Watches the first steps and says once what the rest will cost, if that is a minute or more.

    Args:
        now: seconds of a steady clock.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._begin: float | None = None
        self._steps = 0
        self._said = False

    def after(self, progress: Progress) -> str | None:
        """Look at the clock after a step.

        Args:
            progress: where the training stands.

        Returns:
            One line for a person, once; None before and after.
        """
        if self._said:
            return None
        now = self._now()
        if self._begin is None:
            self._begin = now
            return None
        self._steps += 1
        spent = now - self._begin
        if spent < _MEASURED_SECONDS and self._steps < _MEASURED_STEPS:
            return None
        self._said = True
        each = spent / self._steps
        left = progress.steps * (progress.epochs - progress.epoch) + progress.steps - progress.step
        if each * left < _WORTH_SAYING_SECONDS:
            return None
        return (
            f"about {_duration(each * left)} on this computer ({_each(each)} a step, {left:,} steps), "
            "evaluations not counted"
        )


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{round(hours / 24)} days"


def _each(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{seconds * 1e3:.2g} ms"
