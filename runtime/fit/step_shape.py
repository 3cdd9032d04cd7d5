"""How steps are distributed beyond their mean and spread, with the noise of reads taken out.

A difference of two reads is the step plus a difference of two errors. Cumulants of independent terms add, and those of
a normal law beyond the second are 0; so third and fourth cumulants of differences are those of steps, whatever the
noise, and only their errors grow with it. Differences are taken in units of the device's own spread between pulses,
and only where that stands out of the noise and no bound is near. Quantiles come from both by the expansion of Cornish
and Fisher (1938, 10.2307/1400905), held where it rises. No quantile of single differences is used: those are as wide as
the noise.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import NODES
from ohmflow.runtime.fit.likelihood import Likely
from ohmflow.runtime.fit.models.measured_steps import curves

Floats = npt.NDArray[np.float64]

LEVELS = 33
"""Levels of the quantiles of a table."""
_MOST_NOISE, _FEWEST = 3.0, 200
"""Noise of a difference over the spread of a step up to which it tells of the shape; differences that it takes."""
_AWAY = 0.1
"""Share of the range next to each bound that is left out: steps are cut there."""
_SKEW, _PEAK = 0.8, 1.5
"""Largest third and fourth cumulants of which the expansion rises everywhere that counts."""
_ENDS = 3.5
"""Where a table ends, in standard deviations: the machine's draws hardly go beyond."""


@dataclass(frozen=True)
class Shape:
    """Of the steps of each direction, up first.

    Attributes:
        mean: [2, nodes] of the step at equal distances from b_min to b_max, over the step in the middle.
        spread: [2, nodes] between pulses, in the same unit.
        skew: [2] third cumulant over the spread's third power; 0 where not told.
        peak: [2] fourth cumulant over its fourth power; 0 where not told.
        differences: [2] how many differences told them.
    """

    mean: Floats
    spread: Floats
    skew: Floats
    peak: Floats
    differences: npt.NDArray[np.int64]

    def table(self, dw_min: float, w_max: float, w_min: float) -> dict[str, list[float] | list[list[float]]]:
        """Return the table of `measured`: states, levels, and quantiles of the step up and down, device units."""
        level = np.linspace(0.0, 1.0, LEVELS)
        rows = [
            dw_min * sign * (self.mean[way][:, None] + self.spread[way][:, None] * _quantiles(skew, peak, level))
            for way, (sign, skew, peak) in enumerate(
                (s, float(k), float(q)) for s, k, q in zip((1.0, -1.0), self.skew, self.peak, strict=True)
            )
        ]
        state = np.linspace(w_min, w_max, NODES)
        return {
            "state": [float(f"{x:.6g}") for x in state],
            "level": [float(f"{x:.6g}") for x in level],
            "up": [[float(f"{x:.5g}") for x in np.sort(row)] for row in rows[0]],
            "down": [[float(f"{x:.5g}") for x in np.sort(row)] for row in rows[1]],
        }


def _quantiles(skew: float, peak: float, level: Floats) -> Floats:
    """Quantiles of a law of mean 0 and spread 1, which stays so when they are joined by straight lines."""
    from scipy.stats import norm

    fine = np.clip(norm.ppf(np.linspace(0.0, 1.0, 64 * (level.size - 1) + 1)), -_ENDS, _ENDS)
    x = np.maximum.accumulate(
        fine + skew / 6.0 * (fine**2 - 1.0) + peak / 24.0 * (fine**3 - 3.0 * fine)
        - skew**2 / 36.0 * (2.0 * fine**3 - 5.0 * fine)
    )  # fmt: skip
    found: Floats = np.interp(level, np.linspace(0.0, 1.0, x.size), x)
    low, high = found[:-1], found[1:]
    mean = float(((low + high) / 2.0).mean())
    square = float(((low * low + low * high + high * high) / 3.0).mean()) - mean**2
    scaled: Floats = (found - mean) / square**0.5
    return scaled


def shape_of(likely: Likely) -> Shape:
    """Take the shape from a fit of `measured`.

    Args:
        likely: the fit.
    """
    t, m, theta = likely.trains, likely.model, likely.theta
    mean, spread = curves(likely.shared)
    after = np.flatnonzero((t.pulses == 1) & (t.known == 0.0))
    device = t.device[after]
    high, low = theta[device, m.upper], theta[device, m.upper + 1]
    # The state before the pulse is judged by the read before that, whose error is not in the difference.
    earlier = np.where(t.pulses[after - 1] >= 0, t.y[np.maximum(after - 2, 0)], np.nan)
    z = (earlier - low) / (high - low)
    moved = t.y[after] - t.y[after - 1]
    noise = np.exp(2.0 * theta[0, -1]) * 2.0
    own = np.exp(theta[:, :2])
    nodes = np.linspace(0.0, 1.0, NODES)
    skew, peak, differences = np.zeros(2), np.zeros(2), np.zeros(2, np.int64)
    for way, up in ((0, 1), (1, 0)):
        size = own[device, way]
        step = size * np.interp(z, nodes, mean[way])
        width = size * np.interp(z, nodes, spread[way])
        room = np.where(up == 1, high - earlier, earlier - low) > 2.0 * step + 3.0 * width
        take = (t.up[after] == up) & (z > _AWAY) & (z < 1.0 - _AWAY) & room & (noise < (_MOST_NOISE * width) ** 2)
        differences[way] = np.count_nonzero(take)
        if differences[way] < _FEWEST:
            continue
        sign = 1.0 if up else -1.0
        x = (sign * moved[take] - step[take]) / width[take]
        x = x - x.mean()
        second, third, fourth = ((x**k).mean() for k in (2, 3, 4))
        n = x.size
        # Told only where they stand out of what chance alone makes of normal differences.
        if abs(third) > 3.0 * (6.0 * second**3 / n) ** 0.5:
            skew[way] = float(np.clip(third, -_SKEW, _SKEW))
        excess = fourth - 3.0 * second**2
        if abs(excess) > 3.0 * (24.0 * second**4 / n) ** 0.5:
            peak[way] = float(np.clip(excess, 0.0, _PEAK))
    return Shape(mean, spread, skew, peak, differences)
