"""The window: what conductances weights of w_min and w_max have, as means over devices, with their errors."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.likelihood import Likely
from ohmflow.runtime.fit.populations import Population, half_width, population
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]

VAGUE_BOUND = 0.25
"""Standard error, in halves of the range of all reads, above which a bound counts as not reached."""


@dataclass(frozen=True)
class Nominal:
    """What the scale of weights is chosen to be.

    Attributes:
        w_max: nominal upper bound, device units.
        w_min: nominal lower bound.
        window: conductances there, siemens (low, high), if they are not to be estimated.
    """

    w_max: float = 1.0
    w_min: float = -1.0
    window: tuple[float, float] | None = None


class Mean:
    """A mean over devices, or something made of several: value, and how devices and shared parameters move it."""

    def __init__(self, value: float, influence: Floats, shared: Floats, devices: int, own_error: float) -> None:
        self.value, self.influence, self.shared, self.devices, self.own_error = (
            value,
            influence,
            shared,
            devices,
            own_error,
        )

    def plus(self, factor: float, other: "Mean") -> "Mean":
        """Add how another moves this one; the value stays."""
        return Mean(
            self.value,
            self.influence + factor * other.influence,
            self.shared + factor * other.shared,
            min(self.devices, other.devices) if factor else self.devices,
            float(np.hypot(self.own_error, factor * other.own_error)),
        )

    def interval(self, shared_variance: Floats) -> tuple[float, float, float]:
        """(value, low, high)."""
        more = float(self.shared @ shared_variance @ self.shared)
        half = half_width(self.influence, self.devices, more, self.own_error)
        return self.value, self.value - half, self.value + half


def rough_zero(trains: Trains, bounds: Floats, nominal: Nominal) -> float:
    """About where w = 0, in the unit of `Trains.y`; what is left is a turn of the scale, which `conclude` makes.

    Args:
        trains: the measurement.
        bounds: [devices, 2] upper and lower, not to be trusted beyond the reads.
        nominal: the scale of weights.
    """
    high, low = (float(np.median(np.clip(bounds[:, k], -1.1, 1.1))) for k in (0, 1))
    if nominal.window is not None:
        low, high = ((g - trains.centre) / trains.half for g in nominal.window)
    return low + (high - low) * -nominal.w_min / (nominal.w_max - nominal.w_min)


def mean_of(pop: Population, shared: Floats) -> Mean:
    """The mean of a population, given how devices follow the shared parameters, [devices, shared]."""
    return Mean(pop.mean, pop.influence, pop.weights @ shared, pop.devices, pop.error)


def window_of(likely: Likely, nominal: Nominal) -> tuple[tuple[Mean, Mean], tuple[str, str], bool]:
    """The means of the bounds; what to say where the trains do not tell them; whether they were given."""
    trains = likely.trains
    nothing = np.zeros(trains.devices)
    none = np.zeros(likely.shared.size)
    found, notes = [], []
    ends, variances, cross = _ends(likely, nominal)
    for k, side in enumerate(("upper", "lower")):
        bounds, variance = ends[:, k], variances[:, k]
        known = np.sqrt(variance) < VAGUE_BOUND
        count = int(np.count_nonzero(known))
        if nominal.window is not None:
            given = nominal.window[1 if side == "upper" else 0]
            found.append(Mean((given - trains.centre) / trains.half, nothing, none, trains.devices, 0.0))
            notes.append("given, not fitted")
        elif count * 2 < trains.devices or count == 0:
            seen = np.array([_end(trains.y[a:b], side) for a, b in zip(trains.first, trains.first[1:], strict=False)])
            found.append(Mean(float(seen.mean()), nothing, none, trains.devices, 0.0))
            notes.append(
                f"not told: {count} of {trains.devices} devices come near enough to their {side} bound; the mean of "
                f"the {'highest' if side == 'upper' else 'lowest'} reads stands in"
            )
        else:
            found.append(mean_of(population(bounds, variance, known), cross[:, k, :]))
            few = f"of {count} of {trains.devices} devices, those that come near it" if count < trains.devices else ""
            notes.append(few)
    return (found[0], found[1]), (notes[0], notes[1]), nominal.window is not None


def _end(reads: Floats, side: str) -> float:
    return float(reads.max() if side == "upper" else reads.min())


def _ends(likely: Likely, nominal: Nominal) -> tuple[Floats, Floats, Floats]:
    """What stands for w_max and w_min on each device: places, squares of their errors, how they follow the shared."""
    m, theta = likely.model, likely.theta
    at = slice(m.upper, m.own_count)
    if m.ends is None:
        variance = np.einsum("dii->di", likely.own_variance)[:, at]
        return theta[:, at], variance, likely.cross[:, at, :]
    h, columns = 1e-5, []
    for k in range(m.own_count):
        two = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[:, k] += sign * h
            two.append(m.ends(moved[:, : m.upper], moved[:, at], nominal.w_max, nominal.w_min))
        columns.append((two[0] - two[1]) / (2.0 * h))
    slope = np.stack(columns, axis=2)
    variance = np.einsum("dei,dij,dej->de", slope, likely.own_variance, slope)
    places = m.ends(theta[:, : m.upper], theta[:, at], nominal.w_max, nominal.w_min)
    return places, variance, np.einsum("dei,dis->des", slope, likely.cross)
