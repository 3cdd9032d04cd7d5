"""What time does to a plane of weights: exponential approaches and a random walk, device by device.

Exponentials and logarithms are made here of sums, products and quotients in float64, so that their bits depend on no
library: exp(−x) − 1 by its power series at x/2^k, then k times (1 + p)² − 1 = p·(2 + p); ln m by that of artanh. What
is small is exact to about 10⁻¹⁵ of its own value, so that many small steps make the same whole as few large ones.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import KIND_CROSSPOINT, line_offset, mix, normal

LARGEST_EXPONENT = 40.0
"""exp(−x) of a larger x counts as that of this one, 4·10⁻¹⁸: below a float32 weight's last bit."""

_SERIES_REACH = 1.0 / 16.0
# 1/k!: the first term that is left out is below 4e-18 of the whole.
_C2, _C3, _C4, _C5 = 1.0 / 2.0, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0
_C6, _C7, _C8, _C9 = 1.0 / 720.0, 1.0 / 5040.0, 1.0 / 40320.0, 1.0 / 362880.0
# artanh s = s·Σ s^2k/(2k + 1) with s² below 0.0295.
_A3, _A5, _A7, _A9, _A11 = 1.0 / 3.0, 1.0 / 5.0, 1.0 / 7.0, 1.0 / 9.0, 1.0 / 11.0
_A13, _A15, _A17, _A19, _A21 = 1.0 / 13.0, 1.0 / 15.0, 1.0 / 17.0, 1.0 / 19.0, 1.0 / 21.0
_LN2 = 0.6931471805599453
_TINY, _HIGHEST = 1e-300, 700.0
_PER_LN2 = 1.4426950408889634
_ROOT_HALF = np.int64(0x3FE6A09E667F3BCD)  # bits of √½: mantissas are taken from [√½, √2), about 1
_MANTISSA_BITS = np.int64(52)
_ROUNDING = 1.5 * 2.0**52  # adding it and taking it away leaves a float64 below 2^51 rounded


@njit(cache=True)
def _expm1_near_zero(y: float) -> float:
    """Return e^y − 1 of |y| ≤ 1/16."""
    low = _C5 + y * (_C6 + y * (_C7 + y * (_C8 + y * _C9)))
    return y * (1.0 + y * (_C2 + y * (_C3 + y * (_C4 + y * low))))


@njit(cache=True)
def halvings_of(largest: float) -> int:
    """Return how often exponents up to `largest` are halved until the series holds."""
    count = 0
    while largest > _SERIES_REACH:
        largest *= 0.5
        count += 1
    return count


@njit(cache=True, error_model="numpy")  # m + 1 is above 1: no need to ask whether it is 0
def natural_log(x: Any) -> Any:
    """Return ln x of a float64 that is positive and normal."""
    bits = np.float64(x).view(np.int64)
    exponent = (bits - _ROOT_HALF) >> _MANTISSA_BITS
    m = np.int64(bits - (exponent << _MANTISSA_BITS)).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    high = _A13 + z * (_A15 + z * (_A17 + z * (_A19 + z * _A21)))
    total = 1.0 + z * (_A3 + z * (_A5 + z * (_A7 + z * (_A9 + z * (_A11 + z * high)))))
    return np.float64(exponent) * _LN2 + 2.0 * s * total


@njit(cache=True)
def relax(w: Any, exponent: Any, scale: float, level: Any) -> None:
    """Bring weights closer to their levels: w ← level + (w − level)·exp(−scale·exponent).

    Args:
        w: [rows, cols] float32, device units; changed.
        exponent: [rows, cols] float64, at least 0.
        scale: by which all exponents are multiplied.
        level: [rows, cols] float32, device units.
    """
    rows, cols = w.shape
    decay = np.empty(cols, np.float64)
    for i in range(rows):
        largest = 0.0
        for j in range(cols):
            largest = max(largest, exponent[i, j])
        largest = min(largest * scale, LARGEST_EXPONENT)
        halvings = halvings_of(largest)
        down = -scale * 0.5**halvings
        bottom = -largest * 0.5**halvings
        for j in range(cols):
            decay[j] = _expm1_near_zero(max(down * exponent[i, j], bottom))
        for _ in range(halvings):
            for j in range(cols):
                decay[j] *= 2.0 + decay[j]
        for j in range(cols):
            held = np.float64(w[i, j])
            w[i, j] = np.float32(held + (held - np.float64(level[i, j])) * decay[j])


@njit(cache=True, error_model="numpy")  # the reference is above 0
def drift_exponents(written: Any, now: float, later: float, reference: float, nu: Any, exponent: Any) -> None:
    """Set the exponents with which weights drift: ν·ln of how much max(age, reference) grows.

    Args:
        written: [rows, cols] float64 when devices were last written, s.
        now: s, at most `later`.
        later: s.
        reference: s, the age before which nothing drifts.
        nu: [rows, cols] float64.
        exponent: [rows, cols] float64, set.
    """
    for i in range(written.shape[0]):
        for j in range(written.shape[1]):
            old = max(now - written[i, j], reference)
            new = max(later - written[i, j], reference)
            exponent[i, j] = nu[i, j] * natural_log(new / old) if new > old else 0.0


@njit(cache=True)
def exponential(y: Any) -> Any:
    """Return e^y of |y| ≤ 700, as 2^n·(e^(r/8))^8 with |r| at most half of ln 2."""
    whole = (y * _PER_LN2 + _ROUNDING) - _ROUNDING
    e = 1.0 + _expm1_near_zero((y - whole * _LN2) * 0.125)
    e *= e
    e *= e
    return e * e * np.int64((np.int64(whole) + 1023) << _MANTISSA_BITS).view(np.float64)


@njit(cache=True)
def exponentials(y: Any) -> Any:
    """Return e^y of [rows, cols] float64."""
    powers = np.empty_like(y)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            powers[i, j] = exponential(y[i, j])
    return powers


@njit(cache=True)
def _power(x: Any, shape: Any) -> Any:
    """Return x^shape of x ≥ 0, without a branch."""
    return np.float64(x > 0.0) * exponential(min(shape * natural_log(max(x, _TINY)), _HIGHEST))


@njit(cache=True)
def stretched_exponents(written: Any, now: float, later: float, shape: float, rate: Any, exponent: Any) -> None:
    """Set the exponents of a stretched exponential: how much (age·rate)^shape grows.

    Args:
        written: [rows, cols] float64 when devices were last written, s; a device that was after `now` ages from then.
        now: s, at most `later`.
        later: s, not before any of `written`.
        shape: of the law.
        rate: [rows, cols] float64, 1/s.
        exponent: [rows, cols] float64, set.
    """
    for i in range(written.shape[0]):
        for j in range(written.shape[1]):
            old, new = max(now - written[i, j], 0.0), later - written[i, j]
            exponent[i, j] = _power(new * rate[i, j], shape) - _power(old * rate[i, j], shape)


@njit(cache=True)
def wander(w: Any, sigma: Any, scale: float, key: Any) -> None:
    """Add a normal draw to every weight.

    Args:
        w: [rows, cols] float32, device units; changed.
        sigma: [rows, cols] float32 standard deviations, device units.
        scale: by which all of them are multiplied.
        key: what the draws are for; kind 2, ordinal 0.
    """
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            xi = normal(mix(key + line_offset(KIND_CROSSPOINT, i, j)))
            w[i, j] = np.float32(w[i, j] + scale * sigma[i, j] * xi)
