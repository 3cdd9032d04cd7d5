"""The learning rate of each epoch.

* `constant`: the given rate.
* `steps:FACTOR@E1,E2,…`: times FACTOR from epoch E1 on, again from epoch E2 on, and so on.
* `cosine`: rate · ½(1 + cos(π(e − 1)/epochs)) in epoch e of `epochs`, without restarts and down to no floor, so that
  the first epoch has the whole rate and the last still learns (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5).
"""

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise

from ohmflow.runtime.training.errors import RunError

_KINDS = ("constant", "steps", "cosine")
_EXAMPLE = "steps:0.1@10,20"


@dataclass(frozen=True)
class Schedule:
    """How the learning rate goes from epoch to epoch.

    Attributes:
        kind: `constant`, `steps` or `cosine`.
        factor: of each step.
        at: epochs from which a step counts, rising.
    """

    kind: str
    factor: float = 1.0
    at: tuple[int, ...] = ()

    @property
    def depends_on_epochs(self) -> bool:
        """Whether the rates depend on how many epochs there are."""
        return self.kind == "cosine"

    def rate(self, lr: float, epoch: int, epochs: int) -> float:
        """The rate of an epoch.

        Args:
            lr: the given rate.
            epoch: its number, from 1.
            epochs: how many there are.
        """
        if self.kind == "cosine":
            return lr * 0.5 * (1.0 + math.cos(math.pi * (epoch - 1) / epochs))
        return lr * self.factor ** sum(epoch >= first for first in self.at)


def parse_schedule(text: str) -> Schedule:
    """Read `--lr-schedule`.

    Raises:
        RunError: it is none of those above.
    """
    kind, _, rest = text.partition(":")
    if kind not in _KINDS:
        near = get_close_matches(kind, _KINDS, 1)
        advice = f"did you mean '{near[0]}'?" if near else f"try {_EXAMPLE}"
        raise RunError(f"--lr-schedule: must be constant, steps:FACTOR@EPOCHS or cosine, not '{text}'; {advice}")
    if kind != "steps":
        if ":" in text:
            raise RunError(f"--lr-schedule: {kind} must stand alone, not as '{text}'; write {kind}")
        return Schedule(kind)
    found = re.fullmatch(r"([^@]+)@(\d+(?:,\d+)*)", rest)
    try:
        factor = float(found[1]) if found else math.nan
    except ValueError:
        factor = math.nan
    if found is None or not (math.isfinite(factor) and factor > 0):
        raise RunError(
            f"--lr-schedule: steps must be given as steps:FACTOR@EPOCHS with a factor above 0, not as '{text}'; "
            f"try {_EXAMPLE}"
        )
    at = tuple(int(epoch) for epoch in found[2].split(","))
    if any(first >= second for first, second in pairwise(at)) or at[0] < 2:
        raise RunError(
            f"--lr-schedule: epochs of steps must rise and begin at 2 or later, not be {found[2]}; try {_EXAMPLE}"
        )
    return Schedule("steps", factor, at)
