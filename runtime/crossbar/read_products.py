"""Products of many vectors with one block of weights, each output a sum in one order.

A vector's result does not depend on the vectors beside it. A forward sum runs over the block's lines in order, one
fused multiply-add for each (where the processor has them); a line whose input is 0 adds exactly nothing, so that lines
may be left out at will. A transposed sum is a dot product in the compiler's order, the same for every vector and every
group of four vectors, as there is one such loop for a row.

Four vectors are taken at a time with four lines: sixteen multiply-adds for each four weights loaded, which is what
keeps the processor's multipliers and not its memory busy.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

TILE = 4
"""Vectors that are multiplied together."""

_PANEL = 512
_LINES = 16
"""Columns and lines of the piece of the weights that all vectors use before the next is fetched: 32 KiB."""

_APART = 16

_NONE = np.float32(0.0)


@njit(cache=True, fastmath={"contract"})
def _forward_tile(w: Any, row0: int, col0: int, cols: int, lines: Any, u: Any, v: Any) -> None:
    """Add u·w over some lines to four vectors' sums.

    Args:
        w: [all rows, all columns] float32.
        row0: first row of the block.
        col0: first column to add to.
        cols: columns to add to.
        lines: [k] rows of the block to add, in order.
        u: [4, rows of the block] float32 inputs.
        v: [4, at least cols] float32 sums.
    """
    v0, v1, v2, v3 = v[0], v[1], v[2], v[3]
    last = col0 + cols
    whole = lines.shape[0] - lines.shape[0] % 4
    for k in range(0, whole, 4):
        i, j, m, n = lines[k], lines[k + 1], lines[k + 2], lines[k + 3]
        wi, wj, wm, wn = w[row0 + i, col0:last], w[row0 + j, col0:last], w[row0 + m, col0:last], w[row0 + n, col0:last]
        i0, j0, m0, n0 = u[0, i], u[0, j], u[0, m], u[0, n]
        i1, j1, m1, n1 = u[1, i], u[1, j], u[1, m], u[1, n]
        i2, j2, m2, n2 = u[2, i], u[2, j], u[2, m], u[2, n]
        i3, j3, m3, n3 = u[3, i], u[3, j], u[3, m], u[3, n]
        for c in range(cols):
            a, b, d, e = wi[c], wj[c], wm[c], wn[c]
            v0[c] = (((v0[c] + i0 * a) + j0 * b) + m0 * d) + n0 * e
            v1[c] = (((v1[c] + i1 * a) + j1 * b) + m1 * d) + n1 * e
            v2[c] = (((v2[c] + i2 * a) + j2 * b) + m2 * d) + n2 * e
            v3[c] = (((v3[c] + i3 * a) + j3 * b) + m3 * d) + n3 * e
    for k in range(whole, lines.shape[0]):
        i = lines[k]
        wi, i0, i1, i2, i3 = w[row0 + i, col0:last], u[0, i], u[1, i], u[2, i], u[3, i]
        for c in range(cols):
            v0[c] = v0[c] + i0 * wi[c]
            v1[c] = v1[c] + i1 * wi[c]
            v2[c] = v2[c] + i2 * wi[c]
            v3[c] = v3[c] + i3 * wi[c]


@njit(cache=True, fastmath={"contract"})
def _forward_one(w: Any, row0: int, col0: int, cols: int, lines: Any, u: Any, v: Any) -> None:
    """Add u·w over some lines to one vector's sums, four lines at a time only to touch v less often.

    Args:
        w: [all rows, all columns] float32.
        row0: first row of the block.
        col0: its first column.
        cols: its columns.
        lines: [k] rows of the block to add, in order.
        u: [rows of the block] float32 inputs.
        v: [cols] float32 sums.
    """
    last = col0 + cols
    whole = lines.shape[0] - lines.shape[0] % 4
    for k in range(0, whole, 4):
        i, j, m, n = lines[k], lines[k + 1], lines[k + 2], lines[k + 3]
        ui, uj, um, un = u[i], u[j], u[m], u[n]
        wi, wj, wm, wn = w[row0 + i, col0:last], w[row0 + j, col0:last], w[row0 + m, col0:last], w[row0 + n, col0:last]
        for c in range(cols):
            v[c] = (((v[c] + ui * wi[c]) + uj * wj[c]) + um * wm[c]) + un * wn[c]
    for k in range(whole, lines.shape[0]):
        i = lines[k]
        ui, wi = u[i], w[row0 + i, col0:last]
        for c in range(cols):
            v[c] = v[c] + ui * wi[c]


@njit(cache=True)
def _driven_lines(u: Any, count: int, lines: Any) -> int:
    """Collect the lines that any of the vectors drives.

    Args:
        u: [at least count, lines] float32 inputs.
        count: vectors.
        lines: [lines + 1] int64, set to the lines in order.

    Returns:
        How many they are.
    """
    size = u.shape[1]
    used = np.zeros(size, np.uint8)
    for s in range(count):
        given = u[s]
        for i in range(size):
            used[i] |= given[i] != _NONE
    found = 0
    for i in range(size):
        lines[found] = i
        found += used[i]
    return found


@njit(cache=True)
def forward_products(w: Any, row0: int, col0: int, u: Any, count: int, v: Any) -> None:
    """Set v = u·(block of w).

    Args:
        w: [all rows, all columns] float32.
        row0: first row of the block.
        col0: its first column.
        u: [m, rows of the block] float32 inputs; m is `count` rounded up to whole tiles, and what is beyond is 0.
        count: vectors, at least 1.
        v: [m, columns of the block] float32, set.
    """
    rows, cols = u.shape[1], v.shape[1]
    lines = np.empty(rows + 1, np.int64)
    found = _driven_lines(u, count, lines)
    if count == 1:
        v[:] = _NONE
        _forward_one(w, row0, col0, cols, lines[:found], u[0], v[0])
        return
    # Lines of a panel do not lie a power of two apart, in which case they would displace each other from the cache.
    sums = np.empty((u.shape[0], min(_PANEL, cols) + _APART), np.float32)
    for c in range(0, cols, _PANEL):
        width = min(_PANEL, cols - c)
        sums[:] = _NONE
        for k in range(0, found, _LINES):
            some = lines[k : min(k + _LINES, found)]
            for s in range(0, count, TILE):
                _forward_tile(w, row0, col0 + c, width, some, u[s : s + TILE], sums[s : s + TILE])
        v[:, c : c + width] = sums[:, :width]


@njit(cache=True, fastmath={"contract", "reassoc"})
def _dots(wa: Any, wb: Any, wc: Any, wd: Any, u: Any, v: Any, r: int) -> None:
    """Set four outputs of four vectors.

    Args:
        wa: [cols] float32 weights of the first output.
        wb: those of the second.
        wc: those of the third.
        wd: those of the fourth.
        u: [4, cols] float32 inputs.
        v: [4, rows] float32, of which the outputs from r on are set.
        r: first of the outputs.
    """
    u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
    a0, a1, a2, a3 = _NONE, _NONE, _NONE, _NONE
    b0, b1, b2, b3 = _NONE, _NONE, _NONE, _NONE
    c0, c1, c2, c3 = _NONE, _NONE, _NONE, _NONE
    d0, d1, d2, d3 = _NONE, _NONE, _NONE, _NONE
    for k in range(wa.shape[0]):
        x0, x1, x2, x3 = u0[k], u1[k], u2[k], u3[k]
        a, b, c, d = wa[k], wb[k], wc[k], wd[k]
        a0 += a * x0
        a1 += a * x1
        a2 += a * x2
        a3 += a * x3
        b0 += b * x0
        b1 += b * x1
        b2 += b * x2
        b3 += b * x3
        c0 += c * x0
        c1 += c * x1
        c2 += c * x2
        c3 += c * x3
        d0 += d * x0
        d1 += d * x1
        d2 += d * x2
        d3 += d * x3
    v[0, r], v[0, r + 1], v[0, r + 2], v[0, r + 3] = a0, b0, c0, d0
    v[1, r], v[1, r + 1], v[1, r + 2], v[1, r + 3] = a1, b1, c1, d1
    v[2, r], v[2, r + 1], v[2, r + 2], v[2, r + 3] = a2, b2, c2, d2
    v[3, r], v[3, r + 1], v[3, r + 2], v[3, r + 3] = a3, b3, c3, d3


@njit(cache=True, fastmath={"contract", "reassoc"})
def _dot(w: Any, u: Any, v: Any, r: int) -> None:
    """Set one output of four vectors.

    Args:
        w: [cols] float32 weights.
        u: [4, cols] float32 inputs.
        v: [4, rows] float32, of which output r is set.
        r: the output.
    """
    u0, u1, u2, u3 = u[0], u[1], u[2], u[3]
    a0, a1, a2, a3 = _NONE, _NONE, _NONE, _NONE
    for k in range(w.shape[0]):
        a = w[k]
        a0 += a * u0[k]
        a1 += a * u1[k]
        a2 += a * u2[k]
        a3 += a * u3[k]
    v[0, r], v[1, r], v[2, r], v[3, r] = a0, a1, a2, a3


@njit(cache=True)
def transposed_products(w: Any, row0: int, col0: int, u: Any, count: int, v: Any) -> None:
    """Set v = u·(block of w)ᵀ.

    Args:
        w: [all rows, all columns] float32.
        row0: first row of the block.
        col0: its first column.
        u: [m, columns of the block] float32 inputs; m is `count` rounded up to whole tiles, and what is beyond is 0.
        count: vectors, at least 1.
        v: [m, rows of the block] float32, set.
    """
    rows, last = v.shape[1], col0 + u.shape[1]
    whole = rows - rows % 4
    for r in range(0, whole, 4):
        i = row0 + r
        wa, wb, wc, wd = w[i, col0:last], w[i + 1, col0:last], w[i + 2, col0:last], w[i + 3, col0:last]
        for s in range(0, count, TILE):
            _dots(wa, wb, wc, wd, u[s : s + TILE], v[s : s + TILE], r)
    for r in range(whole, rows):
        wa = w[row0 + r, col0:last]
        for s in range(0, count, TILE):
            _dot(wa, u[s : s + TILE], v[s : s + TILE], r)
