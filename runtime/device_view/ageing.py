"""What is seen of devices that nobody pulses: their weights as time passes."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, floor, inf, log10

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.ageing import AgeingSpec

Floats = npt.NDArray[np.float64]

_PER_DECADE = 12
_MOST_DECADES = 12


@dataclass(frozen=True)
class Waiting:
    """Weights of devices that were programmed to one weight and then left alone.

    Attributes:
        start: the weight, device units.
        w: [points, devices] weights as reads see them; devices whose bounds do not hold `start` began at the nearer
            one.
    """

    start: float
    w: Floats


@dataclass(frozen=True)
class AgeingView:
    """Weights against time.

    Attributes:
        spec: the laws.
        seconds: [points] after programming.
        high: from a weight near the upper bound.
        low: from a weight near the lower bound.
    """

    spec: AgeingSpec
    seconds: Floats
    high: Waiting
    low: Waiting

    @property
    def half_life(self) -> Floats:
        """[devices] seconds after which half of what lay between `high.start` and its end under retention is lost.

        Not a number where that does not happen while they are looked at, and without retention.
        """
        found = np.full(self.high.w.shape[1], np.nan)
        if self.spec.time_constant is None:
            return found
        begun = self.high.w[0]
        lost = (begun - self.high.w) / (begun - self.spec.level) >= 0.5
        for device in np.flatnonzero(lost.any(axis=0)):
            k = int(lost[:, device].argmax())
            found[device] = self.seconds[k]
        return found


def moments(spec: AgeingSpec, nominal: tuple[float, float]) -> Floats:
    """Choose when to look: from well before the first law is felt until the last one is through.

    Args:
        spec: the laws.
        nominal: (w_min, w_max), device units.

    Returns:
        Seconds, evenly spaced in logarithms, twelve to a decade.
    """
    first, last = inf, 0.0
    if spec.time_constant is not None:
        reach = 1.0 / min(spec.shape, 1.0)
        first, last = min(first, spec.time_constant * 1e-3**reach), max(last, 10.0 * spec.time_constant)
    if spec.drift_exponent > 0.0:
        first, last = min(first, spec.drift_reference / 10.0), max(last, spec.drift_reference * 1e5)
    if spec.deviation > 0.0:
        filled = ((nominal[1] - nominal[0]) / 4.0 / spec.deviation) ** 2
        first, last = min(first, filled * 1e-4), max(last, filled)
    end = ceil(log10(last) - 1e-9)
    begin = max(floor(log10(first) + 1e-9), end - _MOST_DECADES)
    return 10.0 ** np.linspace(begin, end, (end - begin) * _PER_DECADE + 1)


def closed_form(spec: AgeingSpec) -> Callable[[float, float], float] | None:
    """Say what a device without spread does, from the laws as `docs/semantics.md` writes them.

    Args:
        spec: the laws.

    Returns:
        w(start, seconds), or None where retention and drift go to different levels and so have no closed form together.
        Wandering has no mean and takes no part.
    """
    retains, drifts = spec.time_constant is not None, spec.drift_exponent > 0.0
    if retains and drifts and spec.level != spec.drift_level:
        return None
    level = spec.level if retains else spec.drift_level

    def w(start: float, seconds: float) -> float:
        left = 1.0
        if spec.time_constant is not None:
            left *= exp(-((seconds / spec.time_constant) ** spec.shape))
        if drifts:
            left *= (max(seconds, spec.drift_reference) / spec.drift_reference) ** -spec.drift_exponent
        return level + (start - level) * left

    return w
