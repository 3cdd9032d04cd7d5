"""What plain regressions say of trains: where the search for the most likely parameters begins."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FirstLook:
    """Rough figures of each device, in the unit of `Trains.y`.

    Attributes:
        step: [2, devices] mean size of a step down and up, at the middle of the device's range.
        slope: [2, devices] change of the signed mean step with y, down and up.
        high: [devices] highest conductance.
        low: [devices] lowest conductance.
        middle: [devices] their mean.
        step_noise: log of the spread between pulses relative to the step.
        read_noise: log of the spread of reads.
    """

    step: Floats
    slope: Floats
    high: Floats
    low: Floats
    middle: Floats
    step_noise: float
    read_noise: float


def look(trains: Trains) -> FirstLook:
    """Take the first look.

    Args:
        trains: with both directions on every device.
    """
    device, y = trains.device, trains.y
    d = trains.devices
    high, low = _extremes(trains)
    middle = (high + low) / 2.0
    last = np.flatnonzero(trains.pulses > 0)
    moved = (y[last] - y[last - 1]) / trains.pulses[last]
    at = y[last - 1] - middle[device[last]]
    step, slope = np.zeros((2, d)), np.zeros((2, d))
    residual = np.full(y.size, np.nan)
    for way in (0, 1):
        take = trains.up[last] == way
        who, x, delta = device[last][take], at[take], moved[take]
        # Near a bound steps are cut; the inner part tells more of the law.
        n = np.maximum(np.bincount(who, minlength=d), 1)
        mx, md = np.bincount(who, x, d) / n, np.bincount(who, delta, d) / n
        xx = np.bincount(who, (x - mx[who]) ** 2, d)
        xd = np.bincount(who, (x - mx[who]) * (delta - md[who]), d)
        slope[way] = np.where(xx > 0.0, xd / np.maximum(xx, 1e-12), 0.0)
        step[way] = (md - slope[way] * mx) * (1.0 if way else -1.0)
        residual[last[take]] = (delta - md[who] - slope[way][who] * (x - mx[who])) * trains.pulses[last[take]]
    span = np.maximum(high - low, 1e-9)
    step = np.maximum(step, 1e-4 * span)
    pairs = residual[1:] * residual[:-1]
    pairs = pairs[np.isfinite(pairs)]
    total = float(np.nanvar(residual))
    read = min(max(-float(pairs.mean()) if pairs.size else 0.0, 0.02 * total), 0.45 * total)
    noise = max(total - 2.0 * read, 0.05 * total)
    floor = max(trains.resolution / trains.half, 1e-7)
    size = float(np.median(step))
    return FirstLook(
        step,
        slope,
        high,
        low,
        middle,
        float(np.clip(0.5 * np.log(noise / size**2 + 1e-12), -5.0, 2.0)),
        float(np.log(max(read**0.5, floor))),
    )


def _extremes(trains: Trains) -> tuple[Floats, Floats]:
    """Highest and lowest mean of five reads in a row, [devices] each: single ones are noise."""
    high, low = np.empty(trains.devices), np.empty(trains.devices)
    kernel = np.ones(5) / 5.0
    for d in range(trains.devices):
        reads = trains.y[trains.first[d] : trains.first[d + 1]]
        smooth = np.convolve(reads, kernel, "valid") if reads.size >= 10 else reads
        high[d], low[d] = smooth.max(), smooth.min()
    return high, low
