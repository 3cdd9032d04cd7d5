"""A read of one line of an array, at the cost of the line.

It gives what `read_kernel.read` gives for a one-hot input, bit for bit: a row by a forward read, a column by a
transposed one.

Lines without input add exactly nothing (`read_products`), so a block is read as if it were its one line; its noise,
conversions, retries and draws are those of the whole block. Not for converters that differ, noise in proportion to the
current, thermal noise, or wires: those ask for the whole block.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import KIND_COLUMN, KIND_ROW
from ohmflow.runtime.crossbar.read_converters import ALPHA, MAX_RETRIES
from ohmflow.runtime.crossbar.read_kernel import (
    CONVERSIONS,
    DRIVEN,
    attempt_keys,
    conductance_sums,
    disturb,
    encode,
    excite,
    multiply,
    settle,
    vector_keys,
)
from ohmflow.runtime.crossbar.read_products import TILE


@njit(cache=True)
def _take_line(w: Any, blocks: Any, b: int, k: int, transposed: bool, line: Any) -> None:
    """Set what of line k stands in block b."""
    row0, col0, rows, cols = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
    if transposed:
        for i in range(rows):
            line[0, i] = w[row0 + i, k]
    else:
        for j in range(cols):
            line[0, j] = w[k, col0 + j]


@njit(cache=True)
def _column_sum(line: Any, rows: int, slope: float, base: float) -> float:
    """Conductance of a column, added up in the order of `conductance_sums`."""
    total = base * rows
    for i in range(rows):
        total += slope * float(line[0, i])
    return total


@njit(cache=True)
def read_line(
    w: Any,
    k: int,
    transposed: bool,
    settings: Any,
    scales: Any,
    slope: float,
    base: float,
    counts_dose: bool,
    identity: Any,
    site: Any,
    blocks: Any,
    variances: Any,
    mismatches: Any,
    y: Any,
    retries: Any,
    counts: Any,
    doses: Any,
) -> None:
    """Read line k with a full input.

    Args:
        w: [rows, cols] float32 weights, device units.
        k: the line.
        transposed: whether it is a column, which is driven while rows are read.
        settings: of the read, see `read_converters`.
        scales: [blocks] float64 s of the direction; 0 for the largest magnitude of a vector's part.
        slope: siemens per device unit.
        base: conductance of a cell with w = 0 and of its reference, siemens.
        counts_dose: whether a dose is counted.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions, of one vector.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        variances: [blocks, longest line count] float32 of the noise of output lines.
        mismatches: [4, blocks, 0] float32: all converters are alike.
        y: [1, cols] float32, or [1, rows], set to α·(sum of the blocks).
        retries: [1, blocks] int32, set.
        counts: [2, blocks] int64, added to.
        doses: [blocks] float64, added to.
    """
    limit = 0 if transposed else int(settings[MAX_RETRIES])
    in_kind, out_kind = (KIND_COLUMN, KIND_ROW) if transposed else (KIND_ROW, KIND_COLUMN)
    keys, own_keys = np.empty(1, np.uint64), np.empty(TILE, np.uint64)
    vector_keys(identity, site, keys)
    waiting, scale = np.empty(TILE, np.int64), np.empty(TILE, np.float64)
    inputs = np.zeros((1, w.shape[1 if transposed else 0]), np.float32)
    inputs[0, k] = np.float32(1.0)
    y[:] = np.float32(0.0)
    retries[:] = 0
    row_sum, unused = np.empty((1, 1 if counts_dose else 0)), np.empty((1, y.shape[1]))
    place, line = np.zeros((1, 4), np.int64), np.empty((1, y.shape[1]), np.float32)
    for b in range(blocks.shape[0]):
        if transposed:
            in0, ins, out0, outs = blocks[b, 1], blocks[b, 3], blocks[b, 0], blocks[b, 2]
        else:
            in0, ins, out0, outs = blocks[b, 0], blocks[b, 2], blocks[b, 1], blocks[b, 3]
        inside = in0 <= k < in0 + ins
        scale[0] = scales[b] if scales[b] != 0.0 else (1.0 if inside else 0.0)
        if scale[0] == 0.0:  # nothing is driven and the result is 0, but the converters run
            counts[CONVERSIONS, b] += outs
            continue
        driven = k if inside else in0  # a line without input stands for all of them
        _take_line(w, blocks, b, driven, transposed, line)
        if counts_dose and transposed:
            row_sum[0, 0] = _column_sum(line, outs, slope, base)
        elif counts_dose:
            place[0, 2], place[0, 3] = 1, outs
            conductance_sums(line, place, slope, base, row_sum, unused)
        u, v = np.empty((TILE, 1), np.float32), np.empty((TILE, outs), np.float32)
        powers = np.empty((0, outs), np.float32)
        dose = 0.0
        waiting[0], count, attempt = 0, 1, 0
        while count > 0:
            attempt_keys(keys, waiting, 1, attempt, blocks[b, 0], blocks[b, 1], own_keys)
            counts[CONVERSIONS, b] += outs
            counts[DRIVEN, b] += encode(inputs, driven, waiting, 1, scale, settings, own_keys, in_kind, u)
            dose += excite(u, 1, settings, mismatches[:, b, :], row_sum[0])
            multiply(line, 0, 0, False, u, 1, v)
            disturb(v, 1, variances[b, :outs], powers, settings, mismatches[:, b, :], own_keys, out_kind, out0, 0)
            count = settle(
                v,
                waiting,
                1,
                scale,
                attempt == limit,
                attempt,
                settings,
                own_keys,
                out_kind,
                out0,
                1,
                y,
                retries[:, b],
            )
            attempt += 1
        doses[b] += dose
    alpha = np.float32(settings[ALPHA])
    for j in range(y.shape[1]):
        y[0, j] *= alpha
