"""Likelihood of pulse trains that are read with noise: an assumed-density Kalman filter over each train.

Between reads the conductance x moves as the device models of `docs/semantics.md` say,
x ← clip(x + f(x) + c·g(x)·ξ), and a read is y = x + ρ·η. The filter carries mean m and variance P of x: m + f(m),
(1 + f′)²·P + c²·(g² + g′²·P). At a bound b the law of x is a normal one below b and a point mass at b, for which the
density of y and the moments afterwards are closed forms; so a device that rests at its bound is no outlier, and
correlated increments of noisy reads are no step noise. Exact without read noise (up to the first read's), and as good
as f is linear over √P otherwise. Source: Särkkä 2013, Bayesian Filtering and Smoothing, chapters 5 and 6.

Lengths are those of `trains.Trains`: the range of all reads is from −1 to 1. Our laws are numbers and all in this file,
since numba looks for changes only in the file that declares a kernel. A law from elsewhere is an instance of a class of
tuples with a static method `step` like `step_law`, which is compiled in.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from math import erfc, exp, log, pi, sinh, sqrt
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

CONSTANT, LINEAR, LINEAR_ADDITIVE, SOFT, SOFT_ADDITIVE, EXPONENTIAL, POWER, PIECEWISE, TABLE, PROTONIC, ELSEWHERE = (
    range(11)
)
"""Laws. Parameters of one filter, in order: the device's own, upper bound, lower bound, the shared, log c, log ρ."""
NODES = 5
"""Nodes of a curve, odd; the middle one is 1 and not a parameter."""

_LOG_2PI = log(2.0 * pi)
_FAR = 7.0
_LEAST = 1e-4
"""Least distance from a bound, relative to the range, at which a power law is differentiated."""


@njit(cache=True)
def _log_cdf(t: Any) -> Any:
    """Logarithm of the standard normal distribution function."""
    if t > -30.0:
        return log(0.5 * erfc(-t / sqrt(2.0)))
    return -0.5 * t * t - log(-t) - 0.5 * _LOG_2PI


@njit(cache=True)
def _mills(t: Any) -> Any:
    """Density over distribution function at t."""
    if t < -25.0:
        return -t - 1.0 / t
    return exp(-0.5 * t * t - 0.5 * _LOG_2PI) / (0.5 * erfc(-t / sqrt(2.0)))


@njit(cache=True)
def natural(law: Any, upper: Any, theta: Any) -> Any:
    """Parameters of one filter as the law takes them: steps instead of logarithms, c² and ρ² in the last two places."""
    p = theta.copy()
    p[p.size - 2] = exp(2.0 * p[p.size - 2])
    p[p.size - 1] = exp(2.0 * p[p.size - 1])
    if law == PROTONIC:
        p[upper + 3] = exp(p[upper + 3])
    elif law != LINEAR and law != LINEAR_ADDITIVE and law != ELSEWHERE:
        for own in range(2):
            p[own] = exp(p[own])
            if law == EXPONENTIAL:
                # The own parameter is the step at w = 0, where z = 0: it follows the shared ones less than s does.
                p[own] /= max(1.0 - p[upper + 2 + own], 0.02)
    if law == TABLE:
        for k in range(upper + 2 + 2 * (NODES - 1), p.size - 2):
            p[k] = exp(p[k])
    return p


@njit(cache=True)
def _between(p: Any, at: Any, middle: Any, z: Any, cells: Any) -> Any:
    """A curve through nodes at z from 0 to 1 and its slope; `middle` is left out of the nodes and is 1."""
    place = min(max(z, 0.0), 1.0) * cells
    cell = min(int(place), cells - 1)
    low = 1.0 if cell == middle else p[at + cell - (1 if middle >= 0 and cell > middle else 0)]
    above = cell + 1
    high = 1.0 if above == middle else p[at + above - (1 if middle >= 0 and above > middle else 0)]
    inside = 1.0 if 0.0 <= z <= 1.0 else 0.0
    return low + (high - low) * (place - cell), (high - low) * cells * inside


@njit(cache=True)
def step_law(law: Any, p: Any, upper: Any, up: Any, x0: Any, x: Any, v: Any, width: Any, volts: Any) -> Any:
    """Mean signed step at x, its slope, and the same of what c multiplies.

    Args:
        law: one of the constants above, or a law from elsewhere.
        p: [parameters] of one filter, from `natural`.
        upper: index of the upper bound in p; the lower one follows, then the shared parameters.
        up: 1 for a pulse up, 0 for one down.
        x0: where w = 0.
        x: mean of the conductance.
        v: its variance.
        width: logarithm of the pulse's width, relative to that of the usual pulse.
        volts: its amplitude, relative to that of the usual pulse.
    """
    high, low = p[upper], p[upper + 1]
    sign = 1.0 if up else -1.0
    own = 0 if up else 1
    if law == CONSTANT:
        f = sign * p[own]
        return f, 0.0, f, 0.0
    if law == LINEAR or law == LINEAR_ADDITIVE:
        slope = -p[2 + own]
        f = sign * p[own] + slope * (x - x0)
        if law == LINEAR:
            return f, slope, f, slope
        return f, slope, p[own], 0.0
    if law == PROTONIC:
        rate = 1.0 / p[upper + 3]
        factor = exp(p[upper + 2] * width) * sinh(min(volts * rate, 300.0)) / sinh(min(rate, 300.0))
        slope = -p[2 + own] * factor
        f = sign * p[own] * factor + slope * (x - x0)
        return f, slope, f, slope
    room = (high - x) if up else (x - low)
    if law == SOFT or law == SOFT_ADDITIVE:
        rate = p[own]
        f = sign * rate * room
        if law == SOFT:
            return f, -rate, f, -rate
        return f, -rate, rate * ((high - x0) if up else (x0 - low)), 0.0
    span = max(high - low, 1e-6)
    if law == PIECEWISE or law == TABLE:
        z = (x - low) / span
        middle = NODES // 2
        f, slope = _between(p, upper + 2 + (0 if up else NODES - 1), middle, z, NODES - 1)
        f, slope = sign * p[own] * f, sign * p[own] * slope / span
        if law == PIECEWISE:
            return f, slope, f, slope
        at = upper + 2 + 2 * (NODES - 1)
        g, g_slope = _between(p, at if up else at + NODES - 1, middle if up else -1, z, NODES - 1)
        return f, slope, p[own] * g, p[own] * g_slope / span
    if law == EXPONENTIAL:
        gain = sign * p[upper + 4 + (1 - up)] * 2.0 / span
        lost = p[upper + 2 + (1 - up)] * exp(min(gain * (x - x0), 60.0))
        left = 1.0 - lost
        s = sign * p[own]
        spread = abs(lost * gain) * sqrt(v) + 1e-12
        t = left / spread
        if t > _FAR:
            return s * left, -s * lost * gain, s * left, -s * lost * gain
        # Where the step ends, it is the mean over where x may be that counts: the law has a corner there.
        inside = exp(_log_cdf(t))
        density = exp(-0.5 * t * t - 0.5 * _LOG_2PI)
        mean = max(left * inside + spread * density, 0.0)
        square = max((left * left + spread * spread) * inside + left * spread * density, 0.0)
        return s * mean, -s * lost * gain * inside, s * sqrt(square), 0.0
    share = max(room / span, _LEAST)
    f = sign * p[own] * exp(p[2 + own] * log(share))
    slope = -sign * f * p[2 + own] / (share * span)
    if room / span < _LEAST:
        f, slope = f * max(room / span, 0.0) / _LEAST, 0.0
    return f, slope, f, slope


def _number(law: Any) -> Any:
    """The number of a law; a stub for kernels."""
    return law


def _itself(law: Any) -> Any:
    return law


def _elsewhere(law: Any) -> Any:
    return ELSEWHERE


@overload(_number)
def _resolve_number(law: Any) -> Any:
    return _elsewhere if hasattr(law, "instance_class") else _itself


def _step(law: Any, p: Any, upper: Any, up: Any, x0: Any, x: Any, v: Any, width: Any, volts: Any) -> Any:
    """The step of our law or of one from elsewhere; a stub for kernels."""
    raise NotImplementedError("this stub is replaced when a kernel is compiled")


def _ours(law: Any, p: Any, upper: Any, up: Any, x0: Any, x: Any, v: Any, width: Any, volts: Any) -> Any:
    return step_law(law, p, upper, up, x0, x, v, width, volts)


@overload(_step)
def _resolve_step(law: Any, p: Any, upper: Any, up: Any, x0: Any, x: Any, v: Any, width: Any, volts: Any) -> Any:
    return getattr(getattr(law, "instance_class", None), "step", _ours)


@njit(cache=True)
def _read(m: Any, v: Any, sign: Any, bound: Any, y: Any, r: Any) -> Any:
    """Log density of a read after a pulse, and mean and variance of x given it."""
    total = v + r
    miss = y - m
    plain = -0.5 * (_LOG_2PI + log(total) + miss * miss / total)
    mean, var = m + v / total * miss, v * r / total
    away = sign * (bound - m) / sqrt(v)
    if away > _FAR:
        return plain, mean, var
    # Below the bound with the weight of the plain law cut there, at the bound with the rest.
    width = sqrt(var)
    t = sign * (bound - mean) / width
    below = plain + _log_cdf(t)
    at = -0.5 * (_LOG_2PI + log(r) + (y - bound) * (y - bound) / r) + _log_cdf(-away)
    top = max(below, at)
    density = top + log(exp(below - top) + exp(at - top))
    share = exp(at - density)
    ratio = _mills(t)
    cut = mean - sign * width * ratio
    cut_var = max(var * (1.0 - t * ratio - ratio * ratio), 0.0)
    both = (1.0 - share) * cut + share * bound
    spread = (1.0 - share) * (cut_var + (cut - both) ** 2) + share * (bound - both) ** 2
    return density, both, spread


@njit(cache=True)
def _clip(m: Any, v: Any, sign: Any, bound: Any) -> Any:
    """Mean and variance after clipping at a bound, of a normal law."""
    width = sqrt(v)
    t = sign * (bound - m) / width
    if t > _FAR:
        return m, v
    inside = exp(_log_cdf(t))
    ratio = _mills(t)
    cut = m - sign * width * ratio
    cut_var = max(v * (1.0 - t * ratio - ratio * ratio), 0.0)
    both = inside * cut + (1.0 - inside) * bound
    return both, inside * (cut_var + (cut - both) ** 2) + (1.0 - inside) * (bound - both) ** 2


@njit
def advance(law: Any, p: Any, upper: Any, x0: Any, up: Any, pulses: Any, m: Any, v: Any, width: Any, volts: Any) -> Any:
    """Mean and variance after some pulses, before the last one is clipped."""
    sign = 1.0 if up else -1.0
    bound = p[upper] if up else p[upper + 1]
    noise = p[p.size - 2]
    for k in range(pulses):
        if k > 0:
            m, v = _clip(m, v, sign, bound)
        f, slope, g, g_slope = _step(law, p, upper, up, x0, m, v, width, volts)
        v = (1.0 + slope) ** 2 * v + noise * (g * g + g_slope * g_slope * v) + 1e-16
        m = m + f
    return m, v


def _score(
    law: Any,
    upper: Any,
    x0: Any,
    y: Any,
    pulses: Any,
    up: Any,
    known: Any,
    drive: Any,
    begin: Any,
    end: Any,
    theta: Any,
    h: Any,
) -> Any:
    """Log likelihood of each device, its gradient, and the sum of the squares of each read's score.

    Args:
        law: which.
        upper: index of the upper bound among the parameters.
        x0: where w = 0.
        y: [reads] in order of time within a device.
        pulses: [reads] pulses since the read before; −1 where a train begins, which only says where it begins.
        up: [reads] whether those pulses were up.
        known: [reads] variance of a read that is known already.
        drive: [reads, 2] logarithm of the width of those pulses and their amplitude, relative to the usual pulse.
        begin: [devices] where a device's reads begin.
        end: [devices] where they end.
        theta: [devices, parameters].
        h: [devices, parameters] steps of the difference quotients; an empty second axis for the likelihood alone.

    Returns:
        [devices], [devices, parameters], [devices, parameters, parameters].
    """
    devices, n = theta.shape
    more = h.shape[1]
    value = np.zeros(devices)
    gradient = np.zeros((devices, more))
    outer = np.zeros((devices, more, more))
    p = np.empty((more + 1, n))
    m, v, each = np.empty(more + 1), np.empty(more + 1), np.empty(more + 1)
    s = np.empty(more)
    for d in range(devices):
        for k in range(more + 1):
            moved = theta[d].copy()
            if k > 0:
                moved[k - 1] += h[d, k - 1]
            p[k] = natural(_number(law), upper, moved)
        for i in range(begin[d], end[d]):
            for k in range(more + 1):
                r = p[k, n - 1] + known[i]
                if pulses[i] < 0:
                    m[k], v[k], each[k] = y[i], r, 0.0
                    continue
                if pulses[i] > 0:
                    m[k], v[k] = advance(law, p[k], upper, x0, up[i], pulses[i], m[k], v[k], drive[i, 0], drive[i, 1])
                sign = 1.0 if up[i] else -1.0
                bound = p[k, upper] if up[i] else p[k, upper + 1]
                each[k], m[k], v[k] = _read(m[k], v[k] + 1e-16, sign, bound, y[i], r)
            value[d] += each[0]
            for a in range(more):
                s[a] = (each[a + 1] - each[0]) / h[d, a]
                gradient[d, a] += s[a]
                for b in range(a + 1):
                    outer[d, a, b] += s[a] * s[b]
        for a in range(more):
            for b in range(a):
                outer[d, b, a] = outer[d, a, b]
    return value, gradient, outer


def _innovations(
    law: Any,
    upper: Any,
    x0: Any,
    y: Any,
    pulses: Any,
    up: Any,
    known: Any,
    drive: Any,
    first: Any,
    theta: Any,
) -> Any:
    """Standardised misses of the reads that are predicted, [reads]; not a number at a train's first; see `score`."""
    n = theta.shape[1]
    z = np.full(y.size, np.nan)
    for d in range(theta.shape[0]):
        p = natural(_number(law), upper, theta[d])
        m, v = 0.0, 1.0
        for i in range(first[d], first[d + 1]):
            r = p[n - 1] + known[i]
            if pulses[i] < 0:
                m, v = y[i], r
                continue
            if pulses[i] > 0:
                m, v = advance(law, p, upper, x0, up[i], pulses[i], m, v, drive[i, 0], drive[i, 1])
            sign = 1.0 if up[i] else -1.0
            bound = p[upper] if up[i] else p[upper + 1]
            clipped, spread = _clip(m, v + 1e-16, sign, bound)
            z[i] = (y[i] - clipped) / sqrt(spread + r)
            _, m, v = _read(m, v + 1e-16, sign, bound, y[i], r)
    return z


def _mean_step(law: Any, theta: Any, upper: Any, up: Any, x0: Any, x: Any) -> Any:
    """Mean signed step of the usual pulse at x, known without error; see `step_law`."""
    return _step(law, natural(_number(law), upper, theta), upper, up, x0, x, 0.0, 0.0, 1.0)[0]


class _Kernel:
    """A kernel that is kept for our laws; for a law from elsewhere it is compiled anew in each process.

    A kept kernel names the law's class, which another process may not be able to import, or of which the source may
    have changed.
    """

    def __init__(self, function: Any) -> None:
        self.kept, self.anew = njit(cache=True)(function), njit(function)

    def __call__(self, law: Any, *rest: Any) -> Any:
        return (self.anew if isinstance(law, tuple) else self.kept)(law, *rest)


score, innovations, mean_step = _Kernel(_score), _Kernel(_innovations), _Kernel(_mean_step)
