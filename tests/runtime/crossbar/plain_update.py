"""The pulsed update once more, in plain Python and numpy, written from `docs/semantics.md`: trains and draws in Python
integers, devices in float32 arrays. What a device's pulse does is given as a law, `law(planes, w, up, xi) -> w'`.
"""

from collections.abc import Callable
from math import ceil, sqrt
from typing import Any

import numpy as np

from ohmflow.runtime.crossbar.draws import NORMAL_NODES, NORMAL_REACH

MASK = 2**64 - 1
G = 0x9E3779B97F4A7C15


def mix(z):
    z ^= z >> 30
    z = z * 0xBF58476D1CE4E5B9 & MASK
    z ^= z >> 27
    z = z * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def key(*fields):
    h = 0
    for position, field in enumerate(fields):
        h = mix(h ^ ((field + G * (position + 1)) & MASK))
    return h


def draw(vector_key, kind, row, column, ordinal):
    index = (kind << 62) + (row << 34) + (column << 6) + ordinal
    return mix((vector_key + G * (1 + index)) & MASK)


def slot_uniforms(vector_key, kind, line, length):
    """The 32-bit uniform of each slot: binary digit b of slot t is bit t of the draw with ordinal b."""
    place = (line, 0) if kind == 0 else (0, line)
    digits = [draw(vector_key, kind, *place, b) for b in range(32)]
    return [sum(((digits[b] >> t) & 1) << (31 - b) for b in range(32)) for t in range(length)]


def fires(vector_key, kind, values, gain, length):
    """Whether each line fires in each slot, [lines, slots]."""
    fired = np.zeros((len(values), length), bool)
    for line, value in enumerate(values):
        if value != 0:
            limit = int(min(gain * float(abs(value)), 1.0) * 2**32 + 0.5)
            fired[line] = [u < limit for u in slot_uniforms(vector_key, kind, line, length)]
    return fired


def trains(x, d, rate, dw_min, spec, vector_key):
    """Pulses of one vector pair: length, row trains, column trains."""
    largest_x, largest_d = float(np.abs(x).max()), float(np.abs(d).max())
    wanted = rate * largest_x * largest_d / dw_min
    if wanted == 0:
        return 0, np.zeros((len(x), 0), bool), np.zeros((len(d), 0), bool)
    if abs(wanted - round(wanted)) <= 1e-6 * round(wanted):
        rate *= round(wanted) / wanted
        wanted = round(wanted)
    length = min(ceil(wanted), spec.train_length) if spec.train_length_management else spec.train_length
    gain = sqrt(rate / (length * dw_min))
    balance = sqrt(largest_d / largest_x) if spec.update_management else 1.0
    rows = fires(vector_key, 0, x, gain * balance, length)
    cols = fires(vector_key, 1, d, gain / balance, length)
    return length, rows, cols


def normal(h):
    """The normal number of a hash, in float32."""
    cell, fraction = h >> 52, np.float32((h >> 28) & 0xFFFFFF) * np.float32(2**-24)
    return NORMAL_NODES[cell] + fraction * (NORMAL_NODES[cell + 1] - NORMAL_NODES[cell])


def normals(vector_key, shape, ordinal):
    """The normal number of every device for one ordinal, [rows, cols]."""
    drawn = [[normal(draw(vector_key, 2, i, j, ordinal)) for j in range(shape[1])] for i in range(shape[0])]
    return np.array(drawn, np.float32)


def pulse_hash(place, ordinal, last):
    """The 32 bits of a pulse, before and after the second multiplication."""
    h = (place + 0x9E3779B9 * ordinal) & 0xFFFFFFFF
    h ^= h >> 16
    h = h * 0x7FEB352D & 0xFFFFFFFF
    h ^= h >> 15
    return h if not last else h * 0x846CA68B & 0xFFFFFFFF


def pulse_place(vector_key, row, column):
    """Sum of the row's and the column's part of a crosspoint's key."""
    return ((draw(vector_key, 3, row, 0, 0) >> 32) + (draw(vector_key, 3, 0, column, 1) >> 32)) & 0xFFFFFFFF


def fused(a, b, c):
    """a·b + c of float32 numbers, rounded once: float64 holds the product exactly."""
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


def pulse_normal(vector_key, row, column, ordinal):
    """The normal number of a pulse: ones of 32 bits, smoothed, through an odd polynomial."""
    place = pulse_place(vector_key, row, column)
    h = pulse_hash(place, ordinal, False)
    ones = pulse_hash(place, ordinal, True).bit_count()
    y = np.float32((ones << 16) + (h >> 16) + (h & 0xFFFF)) * np.float32(2**-16) - np.float32(17 - 2**-16)
    z = y * y
    return y * fused(z, fused(z, np.float32(2.0941365e-07), np.float32(9.9312576e-05)), np.float32(0.34733875))


def pulse_normals(vector_key, shape, ordinal):
    """The normal number of every device's pulse for one ordinal, [rows, cols]."""
    drawn = [[pulse_normal(vector_key, i, j, ordinal) for j in range(shape[1])] for i in range(shape[0])]
    return np.array(drawn, np.float32)


Law = Callable[[Any, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
ONE, ZERO = np.float32(1), np.float32(0)


def way(planes_of_both, up):
    """What of [2, rows, cols] belongs to each device's direction."""
    return np.where(up, planes_of_both[1], planes_of_both[0])


def constant(planes, w, up, xi):
    moved = w + way(planes.step, up) * (ONE + planes.ctoc * xi)
    return np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def linear(planes, w, up, xi):
    step = fused(way(planes.slope, up), w, way(planes.step, up))
    moved = fused(step, fused(planes.ctoc, xi, ONE), w)
    return np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def linear_additive(planes, w, up, xi):
    step = way(planes.step, up)
    moved = w + ((step + way(planes.slope, up) * w) + step * (planes.ctoc * xi))
    return np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def exp2(x):
    """2^x by the polynomial of degree 5 that interpolates it at the Chebyshev points of [-1/2, 1/2]."""
    x = np.clip(x, np.float32(-126), np.float32(127))
    whole = np.rint(x)
    f = x - whole
    a = np.array([1.0000001, 0.6931472, 0.24022107, 0.05550357, 0.009676032, 0.0013390863], np.float32)
    g = f * f
    value = fused(g, fused(g, fused(f, a[5], a[4]), fused(f, a[3], a[2])), fused(f, a[1], a[0]))
    return np.ldexp(value, whole.astype(int))


LOG = np.array(
    [1.4426948, -0.72135717, 0.48093945, -0.3600872, 0.28670755, -0.2500693, 0.23688978, -0.14574295], np.float32
)


def log2(x):
    """log₂ x by the polynomial of degree 8 about 1; of 0, below -126."""
    m, exponent = np.frexp(x)
    low = m < np.float32(sqrt(0.5))
    m, exponent = np.where(low, 2 * m, m), np.where(low, exponent - 1, exponent)
    r = m - ONE
    z = r * r
    low = fused(z, fused(r, LOG[3], LOG[2]), fused(r, LOG[1], LOG[0]))
    high = fused(z, fused(r, LOG[7], LOG[6]), fused(r, LOG[5], LOG[4]))
    value = fused(r, fused(z * z, high, low), exponent.astype(np.float32))
    return np.where(x == 0, np.float32(-127), value)


def exponential(planes, w, up, xi):
    lost, offset = (np.where(up, pair[1], pair[0]) for pair in (planes.lost, planes.offset))
    left = fused(-lost, exp2(fused(way(planes.rate, up), w, offset)), ONE)
    moved = fused(way(planes.step, up) * np.maximum(left, ZERO), fused(planes.ctoc, xi, ONE), w)
    return np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def power(planes, w, up, xi):
    room = np.abs(way(planes.bound, up) - w) * planes.per_range
    factor = exp2(way(planes.gamma, up) * log2(room))
    moved = fused(way(planes.step, up) * factor, fused(planes.ctoc, xi, ONE), w)
    return np.minimum(np.maximum(moved, planes.bound[0]), planes.bound[1])


def constant_at_once(planes, w, up, n, sum_of_xi):
    """Whether n pulses are one draw, and w after it."""
    step = way(planes.step, up)
    mean = (n - ONE) * step
    reach = np.abs(mean) * (planes.ctoc * np.float32(NORMAL_REACH))
    free = (w + np.maximum(mean + reach, ZERO) <= planes.b_max) & (w + np.minimum(mean - reach, ZERO) >= planes.b_min)
    moved = w + step * (n + planes.ctoc * sum_of_xi)
    return free, np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def compounded(n, t):
    """((1 + t)^n - 1)/(n t), to the fifth order."""
    first = fused(n, t, -t)
    value = fused(((first - t) - t - t) * np.float32(1 / 5), ONE, ONE)
    value = fused(((first - t) - t) * np.float32(1 / 4), value, ONE)
    value = fused((first - t) * np.float32(1 / 3), value, ONE)
    return fused(first * np.float32(1 / 2), value, ONE)


GROWTH, MOST = np.float32(1.22), np.float32(3 / 8)


def linear_at_once(planes, w, up, n, sum_of_xi):
    """The same where the step is linear in w and noise a share of it."""
    slope, some = way(planes.slope, up), np.maximum(n, ONE)
    u = fused(slope, w, way(planes.step, up))
    spread = ONE + np.float32(NORMAL_REACH) * planes.ctoc
    furthest = fused(n, u, -u) * GROWTH
    back, furthest = furthest * (np.float32(2) - spread), furthest * spread
    free = w + np.maximum(np.maximum(furthest, back), ZERO) <= planes.b_max
    free &= w + np.minimum(np.minimum(furthest, back), ZERO) >= planes.b_min
    free &= n * np.abs(slope) * np.maximum(spread, np.float32(3)) <= MOST
    taken = fused(planes.ctoc, sum_of_xi, n)
    growth = slope * taken / some
    total = taken * compounded(n, growth)
    lost = fused(n, slope, -slope) * (np.float32(0.5) * planes.ctoc * planes.ctoc)
    total = total - lost * fused(np.float32(-2), growth, fused(slope, total, ONE))
    return free, np.minimum(np.maximum(fused(u, total, w), planes.b_min), planes.b_max)


def additive_at_once(planes, w, up, n, sum_of_xi, noise):
    """The same where the step is linear in w and noise is not."""
    slope = way(planes.slope, up)
    u = fused(slope, w, way(planes.step, up))
    others, away = (n - ONE) * GROWTH, np.abs(noise) * np.float32(NORMAL_REACH)
    free = fused(others, np.maximum(u, ZERO) + away, w) <= planes.b_max
    free &= fused(others, np.minimum(u, ZERO) - away, w) >= planes.b_min
    free &= n * np.abs(slope) * np.float32(3) <= MOST
    spread = np.sqrt(compounded(n, slope * (np.float32(2) + slope)))
    moved = fused(noise * spread, sum_of_xi, fused(u, n * compounded(n, slope), w))
    return free, np.minimum(np.maximum(moved, planes.b_min), planes.b_max)


def linear_additive_at_once(planes, w, up, n, sum_of_xi):
    """The same where noise is a share of the step at w = 0."""
    return additive_at_once(planes, w, up, n, sum_of_xi, way(planes.step, up) * planes.ctoc)


AT_ONCE = {constant: constant_at_once, linear: linear_at_once, linear_additive: linear_additive_at_once}
"""What n pulses at once do, of laws that can."""


def pulse_together(law: Law, planes, w, n, up, vector_key):
    """w after every device's n coincidences of one vector."""
    xi = pulse_normals(vector_key, w.shape, 0)
    moved = np.where(n > 0, law(planes, w, up, xi), w)
    for ordinal in range(1, n.max(initial=0)):
        moved = np.where(n > ordinal, law(planes, moved, up, pulse_normals(vector_key, w.shape, ordinal)), moved)
    if law in AT_ONCE:  # n pulses are one draw where none but the last can reach a bound
        times = n.astype(np.float32)
        free, at_once = AT_ONCE[law](planes, w, up, times, np.sqrt(times) * xi)
        asked = (n > 0) if law is constant else (n > 0) & (n.max(axis=1, keepdims=True) > 2)
        moved = np.where(asked & free, at_once, moved)
    return moved


def pulse_slots(law: Law, planes, w, rows, cols, row_up, col_up, share, vector_key):
    """w after one vector where half-selected devices move.

    Args:
        law: of the device.
        planes: its draws.
        w: [rows, cols].
        rows: [rows, slots] whether a row fires.
        cols: [cols, slots] whether a column fires.
        row_up: [rows] whether a row alone moves a device up.
        col_up: [cols] whether a column alone does.
        share: of a whole pulse.
        vector_key: the vector's.
    """
    both_up = row_up[:, None] != col_up
    for slot in range(rows.shape[1]):
        row, col = np.broadcast_arrays(rows[:, slot, None], cols[:, slot])
        xi = normals(vector_key, w.shape, slot)
        whole = law(planes, w, both_up, xi)
        alone = np.where(row, row_up[:, None], col_up)
        part = w + np.float32(share) * (law(planes, w, alone, xi) - w)
        w = np.where(row & col, whole, np.where(row | col, part, w))
    return w


def update(law: Law, array, x, d, rate, spec, keys, sigma=0.0):
    """Weights of an array after updates: what pulses act on, and what is read.

    Args:
        law: of its devices.
        array: with the weights before.
        x: [n, rows].
        d: [n, cols].
        rate: lr/α.
        spec: the `UpdateSpec`.
        keys: [n] keys of the vectors.
        sigma: write noise, device units.
    """
    hidden, shown = array.hidden.copy(), array.w.copy()
    for i, vector_key in enumerate(keys):
        _, rows, cols = trains(x[i], d[i], rate, array.device.dw_min, spec, vector_key)
        n = rows.astype(int) @ cols.T.astype(int)
        if spec.half_select_step:
            step = spec.half_select_step
            hidden = pulse_slots(law, array.planes, hidden, rows, cols, x[i] < 0, d[i] < 0, step, vector_key)
            touched = (rows[:, None] | cols[None]).any(2)
        else:
            hidden = pulse_together(law, array.planes, hidden, n, np.outer(x[i], d[i]) < 0, vector_key)
            touched = n > 0
        shown = np.where(touched, hidden + np.float32(sigma) * normals(vector_key, hidden.shape, 63), shown)
    return hidden, shown
