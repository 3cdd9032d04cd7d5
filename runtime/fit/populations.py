"""A number that differs from device to device, estimated on each with an error: its mean and spread over devices.

z_d ~ N(μ, τ² + V_d), the random-effects model. τ² is the restricted-likelihood estimate; its interval is the Q-profile
(Viechtbauer 2007, 10.1002/sim.2514), exact for known V_d; that of μ is Knapp and Hartung's (2003, 10.1002/sim.1482), by
the scatter of the devices and the t distribution. Ratios τ/μ take both intervals by MOVER (Donner and Zou 2012,
10.1177/0962280210390532).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEVEL = 0.95
"""Confidence of every interval."""


@dataclass(frozen=True)
class Population:
    """Mean and spread over devices of one number.

    Attributes:
        mean: μ.
        spread: τ.
        spread_low: lower end of the interval of τ.
        spread_high: upper end; infinite if one device only is known.
        weights: [devices] of the mean, which add up to 1; 0 for those on which the number is not known.
        influence: [devices] how far each device moves the mean.
        devices: on how many it is known.
        error: standard error of the mean by the devices' own errors alone, for one device.
    """

    mean: float
    spread: float
    spread_low: float
    spread_high: float
    weights: Floats
    influence: Floats
    devices: int
    error: float


def population(z: Floats, variance: Floats, known: npt.NDArray[np.bool_]) -> Population:
    """Estimate mean and spread over devices.

    Args:
        z: [devices] estimates.
        variance: [devices] squares of their errors.
        known: [devices] which to use; one at least.
    """
    from scipy.optimize import brentq
    from scipy.stats import chi2

    x = z[known]
    v = np.maximum(variance[known], 1e-12 * float(x.var()) + 1e-100)
    n = x.size
    weights = known / n
    if n == 1:
        return Population(float(x[0]), 0.0, 0.0, float("inf"), weights, np.zeros(z.size), 1, float(np.sqrt(v[0])))

    def mean_at(t: float) -> tuple[float, Floats]:
        w = 1.0 / (v + t)
        w = w / w.sum()
        return float((w * x).sum()), w

    def q(t: float) -> float:
        mean, _ = mean_at(t)
        return float(((x - mean) ** 2 / (v + t)).sum())

    def restricted(t: float) -> float:
        """Derivative of the restricted log likelihood by τ², times 2."""
        mean, _ = mean_at(t)
        w = 1.0 / (v + t)
        return float((w * w * (x - mean) ** 2).sum() - w.sum() + (w * w).sum() / w.sum())

    top = 4.0 * float(((x - x.mean()) ** 2).sum()) + 1e-300

    def root(f: "object", level: float) -> float:
        assert callable(f)
        if f(0.0) <= level:
            return 0.0
        high = top
        while f(high) > level:
            high *= 10.0
        return float(brentq(lambda t: f(t) - level, 0.0, high, xtol=1e-12 * top, rtol=1e-10))

    t = root(restricted, 0.0)
    below, above = ((1.0 + LEVEL) / 2.0, (1.0 - LEVEL) / 2.0)
    low, high = root(q, float(chi2.ppf(below, n - 1))), root(q, float(chi2.ppf(above, n - 1)))
    mean, w = mean_at(t)
    weights[known] = w
    influence = weights * (np.where(known, z, mean) - mean)
    return Population(mean, t**0.5, low**0.5, high**0.5, weights, influence, n, float(np.sqrt((w * w * (v + t)).sum())))


def half_width(influence: Floats, devices: int, shared_variance: float, own_error: float) -> float:
    """Half of the 95 % interval of something that the devices' means make.

    Args:
        influence: [devices] how far each device moves it.
        devices: how many know it.
        shared_variance: square of the error that parameters shared by all devices bring.
        own_error: standard error by the device's own errors, used if it is one device alone.
    """
    from scipy.stats import norm, t

    if devices < 2:
        return float(norm.ppf((1.0 + LEVEL) / 2.0) * np.sqrt(own_error**2 + shared_variance))
    scatter = float((influence**2).sum()) * devices / (devices - 1)
    return float(t.ppf((1.0 + LEVEL) / 2.0, devices - 1) * np.sqrt(scatter + shared_variance))


def ratio_interval(top: tuple[float, float, float], bottom: tuple[float, float, float]) -> tuple[float, float]:
    """Interval of a ratio of two independent positive estimates, each (estimate, low, high), by MOVER."""
    a, a_low, a_high = top
    b, b_low, b_high = bottom
    if b_low <= 0.0:
        return 0.0, float("inf")
    x, y = a * b, 0.0
    # Roots of (a − R·b)² = (a − a_low)² + R²·(b_high − b)², and likewise above.
    y = b * b - (b_high - b) ** 2
    low_root = x * x - (a * a - (a - a_low) ** 2) * y
    low = (x - np.sqrt(max(low_root, 0.0))) / y if y > 0.0 else a_low / b_high
    y = b * b - (b - b_low) ** 2
    high_root = x * x - (a * a - (a_high - a) ** 2) * y
    high = (x + np.sqrt(max(high_root, 0.0))) / y if y > 0.0 else a_high / b_low
    return float(max(low, 0.0)), float(high)
