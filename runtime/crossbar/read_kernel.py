"""Reads through converters, forward and transposed (`docs/semantics.md`, *A read*).

A vector's result does not depend on the other vectors of the call: sums run over its own non-zero lines, in one
order. So samples may be read in any grouping, by any number of processes, with the same bits; a general matrix
product does not promise that.

Draws: output line j of a block has the vector's key folded with the block's logical origin (row0, col0), kind 1 and
its logical column in a forward read, kind 0 and its logical row in a transposed one.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import largest_magnitude
from ohmflow.runtime.crossbar.draws import KIND_COLUMN, KIND_ROW, fold, line_offset, mix, normal

# Places in the array of settings that an array keeps for its kernels.
DAC_LEVELS, ADC_LEVELS, OUT_BOUND, OUT_NOISE, SCALED, MAX_RETRIES, ALPHA = 0, 1, 2, 3, 4, 5, 6
# Rows of the counts.
DRIVEN, CONVERSIONS = 0, 1

_ZERO = np.uint64(0)
_NONE = np.float32(0.0)


@njit(cache=True)
def _drive(x: Any, scale: float, levels: float, u: Any, lines: Any) -> int:
    """Convert inputs to what drives the lines: u = clip(x/scale, −1, 1), rounded.

    Args:
        x: [lines] the block's part of the vector.
        scale: s·2^k.
        levels: steps from 0 to 1, or 0 for no rounding.
        u: [lines] set.
        lines: [lines + 1] set to the driven lines, in order.

    Returns:
        How many lines are driven, those with u ≠ 0.
    """
    if levels > 0.0:
        for i in range(x.shape[0]):
            u[i] = np.float32(np.rint(min(max(float(x[i]) / scale, -1.0), 1.0) * levels) / levels)
    else:
        for i in range(x.shape[0]):
            u[i] = np.float32(min(max(float(x[i]) / scale, -1.0), 1.0))
    driven = 0
    for i in range(x.shape[0]):
        lines[driven] = i
        driven += u[i] != _NONE
    return driven


@njit(cache=True, fastmath={"contract"})
def _forward_sums(w: Any, row0: int, col0: int, cols: int, u: Any, lines: Any, driven: int, v: Any) -> None:
    """Add up v[c] = Σ u·w[line, c] over the driven lines in order, by fused multiply-adds where the processor has them.

    Four lines are taken at a time only to touch v less often; the order of the sum is that of one by one.
    """
    for c in range(cols):
        v[c] = _NONE
    whole = driven - driven % 4
    for k in range(0, whole, 4):
        i0, i1, i2, i3 = lines[k], lines[k + 1], lines[k + 2], lines[k + 3]
        u0, u1, u2, u3 = u[i0], u[i1], u[i2], u[i3]
        w0, w1 = w[row0 + i0, col0 : col0 + cols], w[row0 + i1, col0 : col0 + cols]
        w2, w3 = w[row0 + i2, col0 : col0 + cols], w[row0 + i3, col0 : col0 + cols]
        for c in range(cols):
            v[c] = (((v[c] + u0 * w0[c]) + u1 * w1[c]) + u2 * w2[c]) + u3 * w3[c]
    for k in range(whole, driven):
        u0, w0 = u[lines[k]], w[row0 + lines[k], col0 : col0 + cols]
        for c in range(cols):
            v[c] = v[c] + u0 * w0[c]


@njit(cache=True, fastmath={"contract", "reassoc"})
def _transposed_sums(w: Any, row0: int, col0: int, rows: int, cols: int, u: Any, v: Any) -> None:
    """Add up v[r] = Σ u[c]·w[r, c], four rows at a time.

    The order of the terms is the compiler's, but the same for every call on a block of the same shape.
    """
    whole = rows - rows % 4
    for r in range(row0, row0 + whole, 4):
        s0, s1, s2, s3 = _NONE, _NONE, _NONE, _NONE
        w0, w1 = w[r, col0 : col0 + cols], w[r + 1, col0 : col0 + cols]
        w2, w3 = w[r + 2, col0 : col0 + cols], w[r + 3, col0 : col0 + cols]
        for c in range(cols):
            s0 += u[c] * w0[c]
            s1 += u[c] * w1[c]
            s2 += u[c] * w2[c]
            s3 += u[c] * w3[c]
        v[r - row0], v[r - row0 + 1], v[r - row0 + 2], v[r - row0 + 3] = s0, s1, s2, s3
    for r in range(whole, rows):
        s0 = _NONE
        w0 = w[row0 + r, col0 : col0 + cols]
        for c in range(cols):
            s0 += u[c] * w0[c]
        v[r] = s0


@njit(cache=True)
def _convert(v: Any, count: int, bound: float, levels: float, scale: float, y: Any) -> None:
    """Add the codes of the output lines, times s·2^k, to y."""
    for j in range(count):
        code = min(max(float(v[j]), -bound), bound)
        if levels > 0.0:
            code = np.rint(code / bound * levels) / levels * bound
        y[j] += np.float32(scale * code)


@njit(cache=True)
def read(
    w: Any,
    x: Any,
    transposed: bool,
    settings: Any,
    identity: Any,
    site: Any,
    blocks: Any,
    line_sums: Any,
    y: Any,
    retries: Any,
    counts: Any,
    dose: Any,
) -> None:
    """Read every block with n vectors.

    Args:
        w: [rows, cols] float32 weights, device units.
        x: [n, rows] float32 inputs, or [n, cols] if transposed.
        transposed: whether columns are driven and rows read.
        settings: float64, see DAC_LEVELS and the following.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        line_sums: [blocks, longest line count] float64, siemens, of the driven lines; empty to count no dose.
        y: [n, cols] float32, or [n, rows]: zeros, set to α·(sum of the blocks).
        retries: [n, blocks] int32, zeros, set.
        counts: [2, blocks] int64, added to.
        dose: [blocks] float64, added to.
    """
    n = x.shape[0]
    longest = max(w.shape[0], w.shape[1])
    lines = np.empty(longest + 1, np.int64)
    u = np.empty(longest, np.float32)
    v = np.empty(longest, np.float32)
    alpha = np.float32(settings[ALPHA])
    bound, sigma = settings[OUT_BOUND], np.float32(settings[OUT_NOISE])
    limit = 0 if transposed else int(settings[MAX_RETRIES])

    purpose, place, step, position, sample0, positions = site
    step_key = fold(fold(_ZERO, identity[0], 0), purpose, 1)
    step_key = fold(fold(fold(step_key, identity[1], 2), place, 3), step, 4)

    for b in range(blocks.shape[0]):
        row0, col0, rows, cols = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
        if transposed:
            in0, ins, out0, outs = col0, cols, row0, rows
        else:
            in0, ins, out0, outs = row0, rows, col0, cols
        for s in range(n):
            given = x[s, in0 : in0 + ins]
            scale = 1.0
            if settings[SCALED] != 0.0:
                scale = largest_magnitude(given)
                if scale == 0.0:  # nothing is driven and the result is 0, but the converters run
                    counts[CONVERSIONS, b] += outs
                    continue
            vector_key = fold(step_key, sample0 + s // positions, 5)
            vector_key = fold(vector_key, position + s % positions, 6)
            attempt = 0
            while True:
                driven = _drive(given, scale, settings[DAC_LEVELS], u, lines)
                counts[DRIVEN, b] += driven
                counts[CONVERSIONS, b] += outs
                if line_sums.size:
                    for k in range(driven):
                        dose[b] += abs(float(u[lines[k]])) * line_sums[b, lines[k]]
                if transposed:
                    _transposed_sums(w, row0, col0, rows, cols, u, v)
                else:
                    _forward_sums(w, row0, col0, cols, u, lines, driven, v)
                if sigma > _NONE:
                    key = fold(fold(fold(vector_key, attempt, 7), row0, 8), col0, 9)
                    if transposed:
                        for j in range(outs):
                            v[j] += sigma * normal(mix(key + line_offset(KIND_ROW, out0 + j, 0)))
                    else:
                        for j in range(outs):
                            v[j] += sigma * normal(mix(key + line_offset(KIND_COLUMN, 0, out0 + j)))
                if attempt == limit or largest_magnitude(v[:outs]) < bound:
                    break
                attempt += 1
                scale *= 2.0
            retries[s, b] = attempt
            _convert(v, outs, bound, settings[ADC_LEVELS], scale, y[s, out0 : out0 + outs])
    for s in range(n):
        for j in range(y.shape[1]):
            y[s, j] *= alpha


@njit(cache=True, fastmath={"reassoc"})
def conductance_sums(w: Any, blocks: Any, slope: float, base: float, row_sums: Any, col_sums: Any) -> None:
    """Add up the conductance of every line of every block, references included.

    Args:
        w: [rows, cols] float32 weights, device units.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        slope: siemens per device unit.
        base: conductance of a cell with w = 0 and of its reference, siemens.
        row_sums: [blocks, at least the rows of a block] float64, set.
        col_sums: [blocks, at least the cols of a block] float64, set.
    """
    for b in range(blocks.shape[0]):
        row0, col0, rows, cols = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
        into = col_sums[b]
        into[:cols] = base * rows
        for i in range(rows):
            line = w[row0 + i, col0 : col0 + cols]
            total = 0.0
            for j in range(cols):
                total += float(line[j])
            row_sums[b, i] = base * cols + slope * total
            for j in range(cols):
                into[j] += slope * float(line[j])
