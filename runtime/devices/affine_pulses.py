"""Several pulses at once where the mean step is a straight line in the state: u(w) = step + slope·w.

A pulse w' = w + u·(1 + c·ξ) makes u' = u·(1 + slope·(1 + c·ξ)) of the next step, so that n pulses are one product of
independent factors, whatever w is. Of normal ξ with the sum S the mean of that product is, with A = 1 + slope·(1 +
c·S/n), A^n − ½(n − 1)·(slope·c)²·A^(n−2) and terms of fourth order in slope·c; which is what is taken, with A^n + 2·(1
− A) for A^(n−2). What the product scatters about its mean, S being given, has a share of (n − 1)/2n·(slope·c)² in its
variance. Where the noise is additive, w' = w + u + k·ξ, n pulses leave a normal number, whose variance is a geometric
sum: nothing is neglected.

Both hold while none of the pulses but the last can reach a bound, and are used while n·|slope|·max(3, 1 + 6.7·c) is at
most 3/8. There slope·c is at most 0.056/n, so that what is neglected has 2·10⁻⁴ of the variance at most, at n = 2, and
the mean is off by 5·10⁻⁵ standard deviations at most; that moves the distribution function by 2.4·10⁻⁵, while ξ is
off by 2·10⁻⁴ itself. With no noise the sum is within 3·10⁻⁷ of its value, relative. Measured in
`tests/runtime/devices/test_law_of_pulses_at_once.py`; why at all: `docs/decisions/0018-pulses-at-once.md`.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import fused
from ohmflow.runtime.crossbar.draws import NORMAL_REACH

_ONE, _TWO, _ZERO, _HALF = np.float32(1.0), np.float32(2.0), np.float32(0.0), np.float32(0.5)
_THIRD, _QUARTER, _FIFTH = np.float32(1.0 / 3.0), np.float32(0.25), np.float32(0.2)
_REACH = np.float32(NORMAL_REACH)
_LEAST_SPREAD = np.float32(3.0)
_MOST = np.float32(0.375)
_GROWTH = np.float32(1.22)  # (e^y − 1)/y at y = 3/8: steps may grow by as much from pulse to pulse


@njit(cache=True)
def _compounded(n: Any, t: Any) -> Any:
    """Return ((1 + t)^n − 1)/(n·t), to the fifth order: exact for n up to 5."""
    first = fused(n, t, -t)
    second = first - t
    third = second - t
    value = fused((third - t) * _FIFTH, _ONE, _ONE)
    value = fused(third * _QUARTER, value, _ONE)
    value = fused(second * _THIRD, value, _ONE)
    return fused(first * _HALF, value, _ONE)


@njit(cache=True, error_model="numpy")  # n is 0 for devices whose result is dropped
def pulses_relative(w: Any, step: Any, slope: Any, lower: Any, upper: Any, ctoc: Any, n: Any, sum_of_xi: Any) -> Any:
    """Apply n pulses whose noise is a share of the step.

    Args:
        w: weight, float32.
        step: at w = 0, negative for pulses down.
        slope: of the step.
        lower: bound.
        upper: bound.
        ctoc: spread between pulses, relative to the step.
        n: pulses, float32.
        sum_of_xi: of their normal numbers.

    Returns:
        (True, w after them), or (False, anything) where they must be taken one by one.
    """
    u = fused(slope, w, step)
    spread = _ONE + _REACH * ctoc
    furthest = fused(n, u, -u) * _GROWTH
    back = furthest * (_TWO - spread)
    furthest *= spread
    is_free = w + max(max(furthest, back), _ZERO) <= upper
    is_free &= w + min(min(furthest, back), _ZERO) >= lower
    is_free &= n * abs(slope) * max(spread, _LEAST_SPREAD) <= _MOST
    taken = fused(ctoc, sum_of_xi, n)
    growth = slope * taken / n
    total = taken * _compounded(n, growth)
    lost = fused(n, slope, -slope) * (_HALF * ctoc * ctoc)
    total -= lost * fused(-_TWO, growth, fused(slope, total, _ONE))
    return is_free, min(max(fused(u, total, w), lower), upper)


@njit(cache=True)
def pulses_additive(w: Any, step: Any, slope: Any, lower: Any, upper: Any, noise: Any, n: Any, sum_of_xi: Any) -> Any:
    """Apply n pulses whose noise does not depend on the state; as `pulses_relative` but for `noise`.

    Args:
        w: weight, float32.
        step: at w = 0, negative for pulses down.
        slope: of the step.
        lower: bound.
        upper: bound.
        noise: what ξ is multiplied by.
        n: pulses, float32.
        sum_of_xi: of their normal numbers.

    Returns:
        (True, w after them), or (False, anything) where they must be taken one by one.
    """
    u = fused(slope, w, step)
    others = (n - _ONE) * _GROWTH
    away = abs(noise) * _REACH
    is_free = fused(others, max(u, _ZERO) + away, w) <= upper
    is_free &= fused(others, min(u, _ZERO) - away, w) >= lower
    is_free &= n * abs(slope) * _LEAST_SPREAD <= _MOST
    spread = np.sqrt(_compounded(n, slope * (_TWO + slope)))
    total = fused(u, n * _compounded(n, slope), w)
    return is_free, min(max(fused(noise * spread, sum_of_xi, total), lower), upper)
