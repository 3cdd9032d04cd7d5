"""What is done to the lines of a block around its product: input converters, noise, output converters.

Draws of an attempt have one key (`docs/semantics.md`, *A read*). An input line's rounding takes ordinal 0 of the line;
an output line's noise takes ordinal 2p in pass p, and its rounding 2p + 1.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import GOLDEN, NORMAL_NODES, line_offset, mix, uniform

# Places in the array of settings that an array keeps for its kernels.
DAC_LEVELS, DAC_STOCHASTIC, NEGATIVE_GAIN = 0, 1, 2
ADC_HIGH, ADC_LOW, ADC_LEVELS, ADC_TOP, ADC_BOTTOM, ADC_STOCHASTIC = 3, 4, 5, 6, 7, 8
FLICKER, MAX_RETRIES, ALPHA = 9, 10, 11
SETTINGS = 12

_NONE = np.float32(0.0)
_LINE_BITS = (34, 6)
"""Places of a row's and of a column's number in the index of a draw, by kind of line."""


@njit(cache=True)
def _stride(kind: int) -> np.uint64:
    """Return what lies between the draws of neighbouring lines."""
    return GOLDEN * (np.uint64(1) << np.uint64(_LINE_BITS[kind]))


@njit(cache=True)
def _first(key: np.uint64, kind: int, line0: int, ordinal: int) -> np.uint64:
    """Return what is hashed for a draw of line `line0`."""
    place = line_offset(kind, line0, 0) if kind == 0 else line_offset(kind, 0, line0)
    return key + place + GOLDEN * np.uint64(ordinal)


@njit(cache=True)
def codes(x: Any, scale: float, settings: Any, key: np.uint64, kind: int, line0: int, u: Any) -> int:
    """Convert inputs to codes: u = clip(x/scale, −1, 1), rounded.

    Args:
        x: [lines] float32, the block's part of a vector.
        scale: s·2^k.
        settings: see DAC_LEVELS and the following.
        key: of the attempt, for stochastic rounding.
        kind: of the lines that are driven.
        line0: logical number of the first.
        u: [lines] float32, set.

    Returns:
        How many lines have a code other than 0.
    """
    levels = settings[DAC_LEVELS]
    n = x.shape[0]
    if levels == 0.0:
        for i in range(n):
            u[i] = np.float32(min(max(float(x[i]) / scale, -1.0), 1.0))
    elif settings[DAC_STOCHASTIC] != 0.0:
        start, stride = _first(key, kind, line0, 0), _stride(kind)
        for i in range(n):
            wanted = min(max(float(x[i]) / scale, -1.0), 1.0) * levels
            u[i] = np.float32(np.floor(wanted + uniform(mix(start + stride * np.uint64(i)))) / levels)
    else:
        for i in range(n):
            u[i] = np.float32(np.rint(min(max(float(x[i]) / scale, -1.0), 1.0) * levels) / levels)
    driven = 0
    for i in range(n):
        driven += u[i] != _NONE
    return driven


@njit(cache=True)
def drive(u: Any, settings: Any, gain: Any, offset: Any) -> None:
    """Turn codes into what drives the lines, in place: converters that differ, and another gain of what is negative.

    Args:
        u: [lines] float32.
        settings: see DAC_LEVELS and the following.
        gain: [lines] float32 of the converters; empty if all are alike.
        offset: [lines] float32, in full inputs; empty like `gain`.
    """
    if gain.shape[0]:
        for i in range(u.shape[0]):
            u[i] = gain[i] * u[i] + offset[i]
    below = np.float32(settings[NEGATIVE_GAIN])
    if below != np.float32(1.0):
        for i in range(u.shape[0]):
            u[i] = u[i] * below if u[i] < _NONE else u[i]


@njit(cache=True, fastmath={"reassoc"})
def dose(u: Any, line_sums: Any) -> float:
    """Return Σ abs(u)·line_sums, siemens.

    Args:
        u: [lines] float32 inputs.
        line_sums: [at least as many] float64 siemens of the lines.
    """
    total = 0.0
    for i in range(u.shape[0]):
        total += abs(float(u[i])) * line_sums[i]
    return total


@njit(cache=True)
def add_noise(v: Any, sigma: Any, key: np.uint64, kind: int, line0: int, ordinal: int) -> None:
    """Add sigma·ξ to every output line.

    Args:
        v: [lines] float32, changed.
        sigma: [lines] float32.
        key: of the attempt.
        kind: of the lines that are read.
        line0: logical number of the first.
        ordinal: of the draw.
    """
    n = v.shape[0]
    cells, fractions = np.empty(n, np.int32), np.empty(n, np.float32)
    start, stride = _first(key, kind, line0, ordinal), _stride(kind)
    # Hashes are vector instructions, looking up is not: so each has its loop.
    for j in range(n):
        h = mix(start + stride * np.uint64(j))
        cells[j] = np.int32(h >> np.uint64(52))
        fractions[j] = np.float32(np.int32((h >> np.uint64(28)) & np.uint64(0xFFFFFF))) * np.float32(2.0**-24)
    for j in range(n):
        cell = np.uint64(cells[j])
        low = NORMAL_NODES[cell]
        v[j] += sigma[j] * (low + fractions[j] * (NORMAL_NODES[cell + np.uint64(1)] - low))


@njit(cache=True)
def is_clipped(v: Any, settings: Any) -> bool:
    """Say whether any output line reaches an end of the output converters' range."""
    high, low = np.float32(settings[ADC_HIGH]), np.float32(-settings[ADC_LOW])
    clipped = 0
    for j in range(v.shape[0]):
        clipped |= (v[j] >= high) | (v[j] <= low) | (v[j] != v[j])
    return clipped != 0


@njit(cache=True)
def mismatch(v: Any, gain: Any, offset: Any) -> None:
    """Let output converters that differ see their lines, in place: gain·v + offset; empty if all are alike."""
    if gain.shape[0]:
        for j in range(v.shape[0]):
            v[j] = gain[j] * v[j] + offset[j]


@njit(cache=True)
def convert(v: Any, settings: Any, scale: float, key: np.uint64, kind: int, line0: int, ordinal: int, y: Any) -> None:
    """Add the codes of the output lines, times `scale`, to y.

    Args:
        v: [lines] float32.
        settings: see DAC_LEVELS and the following.
        scale: s·2^k.
        key: of the attempt, for stochastic rounding.
        kind: of the lines that are read.
        line0: logical number of the first.
        ordinal: of the draw.
        y: [lines] float32, added to.
    """
    high, low, levels = settings[ADC_HIGH], -settings[ADC_LOW], settings[ADC_LEVELS]
    top, bottom = settings[ADC_TOP], -settings[ADC_BOTTOM]
    n = v.shape[0]
    if levels == 0.0:
        for j in range(n):
            y[j] += np.float32(scale * min(max(float(v[j]), low), high))
    elif settings[ADC_STOCHASTIC] != 0.0:
        start, stride = _first(key, kind, line0, ordinal), _stride(kind)
        for j in range(n):
            wanted = np.floor(float(v[j]) / high * levels + uniform(mix(start + stride * np.uint64(j))))
            y[j] += np.float32(scale * (min(max(wanted, bottom), top) / levels * high))
    else:
        for j in range(n):
            code = min(max(np.rint(float(v[j]) / high * levels), bottom), top)
            y[j] += np.float32(scale * (code / levels * high))
