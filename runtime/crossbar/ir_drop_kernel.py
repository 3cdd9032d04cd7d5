"""Line-by-line solution of a crossbar's wires: tridiagonal solves of its lines, and conjugate gradients on them.

With nodes w (word line) and b (bit line) of every cell, conductances G, and r_w, r_b ohms a segment, Kirchhoff's
current law times the wire's resistance reads

    T_w·w + r_w·G·(w − b) = V·e_first        for every row,
    T_b·b + r_b·G·(b − w) = 0                for every column,

T the second difference of a line: 2 on the diagonal but 1 at the end that nothing is connected to, −1 beside it. The
form holds for wires without resistance too. Eliminating w leaves, with P = T_b + r_b·G for the columns and
A = T_w + r_w·G for the rows,

    S·b = r_b·G·A⁻¹·V·e_first,        S = P − r_b·r_w·G·A⁻¹·G,

which is symmetric and positive definite. P⁻¹ is a tridiagonal solve of each column, and the eigenvalues of P⁻¹·S lie in
(0, 1], near 1 unless wires drop much: so conjugate gradients with P as preconditioner need few turns.

`LANES` vectors are solved side by side, each with its own conjugate gradients, so that a vector's bits do not depend
on its neighbours: what has converged stands still.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

LANES = 4
"""Vectors that are solved at a time: a vector register of doubles."""

_CONTRACT = {"contract"}


@njit(cache=True)
def factors(g: Any, r_word: float, r_bit: float, word: Any, bit: Any) -> None:
    """Factorise the tridiagonal matrices of all lines.

    Args:
        g: [rows, cols] float64 conductances, siemens.
        r_word: resistance of a word-line segment, ohms.
        r_bit: resistance of a bit-line segment, ohms.
        word: [rows, cols] set to the inverse pivots of A, eliminated away from the driver.
        bit: [rows, cols] set to the inverse pivots of P, eliminated towards the sensed end.
    """
    rows, cols = g.shape
    for i in range(rows):
        before = 0.0
        for j in range(cols):
            ends = 1.0 if j == cols - 1 else 2.0
            before = 1.0 / (ends + r_word * g[i, j] - before)
            word[i, j] = before
    for i in range(rows):
        ends = 1.0 if i == 0 else 2.0
        for j in range(cols):
            above = bit[i - 1, j] if i else 0.0
            bit[i, j] = 1.0 / (ends + r_bit * g[i, j] - above)


@njit(cache=True)
def shares(word: Any, bit: Any, driven: Any, sensed: Any) -> None:
    """Solve each line alone, the lines across it at 0 volts.

    Args:
        word: [rows, cols] inverse pivots, of `factors`.
        bit: [rows, cols] inverse pivots, of `factors`.
        driven: [rows, cols] set to the share of the driver's voltage that reaches each cell, A⁻¹·e_first.
        sensed: [rows, cols] set to the share of each cell's current that reaches the sensed end, P⁻¹·e_last.
    """
    rows, cols = word.shape
    for i in range(rows):
        share = 1.0
        for j in range(cols):
            share *= word[i, j]
            driven[i, j] = share
        for j in range(cols - 2, -1, -1):
            driven[i, j] += word[i, j] * driven[i, j + 1]
    sensed[rows - 1] = bit[rows - 1]
    for i in range(rows - 2, -1, -1):
        for j in range(cols):
            sensed[i, j] = bit[i, j] * sensed[i + 1, j]


@njit(cache=True, fastmath=_CONTRACT)
def _word_line(g: Any, word: Any, scale: float, b: Any, given: Any, w: Any) -> None:
    """Set w = A⁻¹·(V·e_first + scale·G·b) of one row.

    Args:
        g: [cols] conductances of the row.
        word: [cols] its inverse pivots.
        scale: r_w, ohms.
        b: [cols, LANES] voltages of the bit lines.
        given: [LANES] volts of the driver.
        w: [cols, LANES] set.
    """
    cols = g.shape[0]
    for k in range(LANES):
        w[0, k] = (given[k] + scale * g[0] * b[0, k]) * word[0]
    for j in range(1, cols):
        weight, pivot = scale * g[j], word[j]
        for k in range(LANES):
            w[j, k] = (weight * b[j, k] + w[j - 1, k]) * pivot
    for j in range(cols - 2, -1, -1):
        pivot = word[j]
        for k in range(LANES):
            w[j, k] += pivot * w[j + 1, k]


@njit(cache=True, fastmath=_CONTRACT)
def _columns_down(bit: Any, i: int, z: Any) -> None:
    """Forward elimination of row i of all columns, in place."""
    if i == 0:
        for j in range(z.shape[1]):
            for k in range(LANES):
                z[0, j, k] *= bit[0, j]
        return
    for j in range(z.shape[1]):
        for k in range(LANES):
            z[i, j, k] = (z[i, j, k] + z[i - 1, j, k]) * bit[i, j]


@njit(cache=True, fastmath=_CONTRACT)
def _columns_up(bit: Any, z: Any, below: Any) -> None:
    """Back substitution of one row of all columns, in place.

    Args:
        bit: [cols] inverse pivots of the row.
        z: [cols, LANES] the row.
        below: [cols, LANES] the row below it.
    """
    for j in range(z.shape[0]):
        for k in range(LANES):
            z[j, k] += bit[j] * below[j, k]


@njit(cache=True, fastmath=_CONTRACT)
def sweep(g: Any, word: Any, bit: Any, r_word: float, r_bit: float, volts: Any, b: Any) -> None:
    """Solve the word lines with the bit lines as they are, then the bit lines: one turn of block Gauss-Seidel.

    Args:
        g: [rows, cols] conductances, siemens.
        word: [rows, cols] inverse pivots.
        bit: [rows, cols] inverse pivots.
        r_word: ohms a word-line segment.
        r_bit: ohms a bit-line segment.
        volts: [rows, LANES] volts of the drivers.
        b: [rows, cols, LANES] volts of the bit lines, replaced.
    """
    rows, cols = g.shape
    w = np.empty((cols, LANES))
    for i in range(rows):
        _word_line(g[i], word[i], r_word, b[i], volts[i], w)
        for j in range(cols):
            weight = r_bit * g[i, j]
            for k in range(LANES):
                b[i, j, k] = weight * w[j, k]
        _columns_down(bit, i, b)
    for i in range(rows - 2, -1, -1):
        _columns_up(bit[i], b[i], b[i + 1])


@njit(cache=True, fastmath=_CONTRACT)
def line_currents(g: Any, word: Any, seen: Any, r_word: float, volts: Any, b: Any, out: Any) -> None:
    """Solve the word lines with the bit lines as they are, and from them what leaves every bit line.

    The current of a bit line, e_last·P⁻¹·G·w, is a sum over its cells: nothing is divided by the wire's resistance, and
    nothing cancels.

    Args:
        g: [rows, cols] conductances, siemens.
        word: [rows, cols] inverse pivots.
        seen: [rows, cols] conductances times the `sensed` of `shares`, siemens.
        r_word: ohms a word-line segment.
        volts: [rows, LANES] volts of the drivers.
        b: [rows, cols, LANES] volts of the bit lines.
        out: [cols, LANES] set to amperes.
    """
    rows, cols = g.shape
    w = np.empty((cols, LANES))
    out[:] = 0.0
    for i in range(rows):
        _word_line(g[i], word[i], r_word, b[i], volts[i], w)
        for j in range(cols):
            for k in range(LANES):
                out[j, k] += seen[i, j] * w[j, k]


@njit(cache=True, fastmath=_CONTRACT)
def _advance(step: Any, p: Any, q: Any, b: Any, r: Any, z: Any) -> None:
    """Move a row's solution by step·p and its residual by −step·q; copy the residual to z. All are [cols, LANES]."""
    for j in range(p.shape[0]):
        for k in range(LANES):
            b[j, k] += step[k] * p[j, k]
            left = r[j, k] - step[k] * q[j, k]
            r[j, k] = left
            z[j, k] = left


@njit(cache=True, fastmath=_CONTRACT)
def _turn(beta: Any, z: Any, r: Any, p: Any, s: Any) -> None:
    """Take a row's next direction p = z + beta·p, and s = P·p with it. All are [cols, LANES]."""
    for j in range(p.shape[0]):
        for k in range(LANES):
            p[j, k] = z[j, k] + beta[k] * p[j, k]
            s[j, k] = r[j, k] + beta[k] * s[j, k]


@njit(cache=True, fastmath=_CONTRACT)
def _image(g: Any, scale: float, s: Any, w: Any, q: Any) -> None:
    """Set a row of q = S·p = P·p − scale·G·w, with w the word line that follows p. All but g are [cols, LANES]."""
    for j in range(g.shape[0]):
        weight = scale * g[j]
        for k in range(LANES):
            q[j, k] = s[j, k] - weight * w[j, k]


@njit(cache=True, fastmath=_CONTRACT)
def _add_products(a: Any, b: Any, total: Any) -> None:
    """Add the products of two rows [cols, LANES] to the total of each lane, two sums a lane."""
    whole = a.shape[0] - a.shape[0] % 2
    first, second = np.zeros(LANES), np.zeros(LANES)
    for j in range(0, whole, 2):
        for k in range(LANES):
            first[k] += a[j, k] * b[j, k]
        for k in range(LANES):
            second[k] += a[j + 1, k] * b[j + 1, k]
    for j in range(whole, a.shape[0]):
        for k in range(LANES):
            first[k] += a[j, k] * b[j, k]
    for k in range(LANES):
        total[k] += first[k] + second[k]


@njit(cache=True, fastmath=_CONTRACT)
def solve(
    g: Any, word: Any, bit: Any, r_word: float, r_bit: float, volts: Any, b: Any, tolerance: float, most: int
) -> int:
    """Solve S·b = r_b·G·A⁻¹·V·e_first by conjugate gradients, preconditioned by the columns.

    Args:
        g: [rows, cols] conductances, siemens.
        word: [rows, cols] inverse pivots.
        bit: [rows, cols] inverse pivots.
        r_word: ohms a word-line segment.
        r_bit: ohms a bit-line segment.
        volts: [rows, LANES] volts of the drivers.
        b: [rows, cols, LANES] volts of the bit lines: zeros, set.
        tolerance: norm of the residual in P⁻¹, relative to that at b = 0, at which a vector is solved.
        most: turns at most.

    Returns:
        Turns that the slowest vector took, or −1 if one is not solved after `most`.
    """
    rows, cols = g.shape
    r, z, q = np.empty((rows, cols, LANES)), np.empty((rows, cols, LANES)), np.zeros((rows, cols, LANES))
    p, s = np.zeros((rows, cols, LANES)), np.zeros((rows, cols, LANES))
    w = np.empty((cols, LANES))
    rz, goal, pq, none = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    step, beta = np.zeros(LANES), np.zeros(LANES)
    for i in range(rows):
        _word_line(g[i], word[i], r_word, p[i], volts[i], w)
        _image(g[i], -r_bit, q[i], w, r[i])
    for turn in range(most + 1):
        for i in range(rows):
            _advance(step, p[i], q[i], b[i], r[i], z[i])
            _columns_down(bit, i, z)
        before = rz.copy()
        rz[:] = 0.0
        for i in range(rows - 1, -1, -1):
            if i < rows - 1:
                _columns_up(bit[i], z[i], z[i + 1])
            _add_products(r[i], z[i], rz)
        if turn == 0:
            goal[:] = rz * (tolerance * tolerance)
        solved = True
        for k in range(LANES):
            beta[k] = rz[k] / before[k] if rz[k] > goal[k] and turn > 0 else 0.0
            solved = solved and rz[k] <= goal[k]
        if solved:
            return turn
        pq[:] = 0.0
        for i in range(rows):
            _turn(beta, z[i], r[i], p[i], s[i])
            _word_line(g[i], word[i], r_word, p[i], none, w)
            _image(g[i], r_bit, s[i], w, q[i])
            _add_products(p[i], q[i], pq)
        for k in range(LANES):
            step[k] = rz[k] / pq[k] if rz[k] > goal[k] else 0.0
    return -1
