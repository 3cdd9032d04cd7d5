"""A read of one row of an array, at the cost of the row.

It gives what `read_kernel.read` gives for a one-hot input, bit for bit.

Lines without input add exactly nothing (`read_products`), so a block is read as if it were its one row; its noise,
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
def read_row(
    w: Any,
    k: int,
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
    """Read row k with a full input.

    Args:
        w: [rows, cols] float32 weights, device units.
        k: the row.
        settings: of the read, see `read_converters`.
        scales: [blocks] float64 s; 0 for the largest magnitude of a vector's part.
        slope: siemens per device unit.
        base: conductance of a cell with w = 0 and of its reference, siemens.
        counts_dose: whether a dose is counted.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions, of one vector.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        variances: [blocks, longest line count] float32 of the noise of output lines.
        mismatches: [4, blocks, 0] float32: all converters are alike.
        y: [1, cols] float32, set to α·(sum of the blocks).
        retries: [1, blocks] int32, set.
        counts: [2, blocks] int64, added to.
        doses: [blocks] float64, added to.
    """
    limit = int(settings[MAX_RETRIES])
    keys, own_keys = np.empty(1, np.uint64), np.empty(TILE, np.uint64)
    vector_keys(identity, site, keys)
    waiting, scale = np.empty(TILE, np.int64), np.empty(TILE, np.float64)
    inputs = np.zeros((1, w.shape[0]), np.float32)
    inputs[0, k] = np.float32(1.0)
    y[:] = np.float32(0.0)
    retries[:] = 0
    row_sum, unused = np.empty((1, 1 if counts_dose else 0)), np.empty((1, w.shape[1]))
    one_row = np.empty((1, 4), np.int64)
    for b in range(blocks.shape[0]):
        row0, col0, rows, cols = blocks[b, 0], blocks[b, 1], blocks[b, 2], blocks[b, 3]
        inside = row0 <= k < row0 + rows
        scale[0] = scales[b] if scales[b] != 0.0 else (1.0 if inside else 0.0)
        if scale[0] == 0.0:  # nothing is driven and the result is 0, but the converters run
            counts[CONVERSIONS, b] += cols
            continue
        line = k if inside else row0  # a line without input stands for all of them
        if counts_dose:
            one_row[0, 0], one_row[0, 1], one_row[0, 2], one_row[0, 3] = line, col0, 1, cols
            conductance_sums(w, one_row, slope, base, row_sum, unused)
        u, v = np.empty((TILE, 1), np.float32), np.empty((TILE, cols), np.float32)
        powers = np.empty((0, cols), np.float32)
        dose = 0.0
        waiting[0], count, attempt = 0, 1, 0
        while count > 0:
            attempt_keys(keys, waiting, 1, attempt, row0, col0, own_keys)
            counts[CONVERSIONS, b] += cols
            counts[DRIVEN, b] += encode(inputs, line, waiting, 1, scale, settings, own_keys, KIND_ROW, u)
            dose += excite(u, 1, settings, mismatches[:, b, :], row_sum[0])
            multiply(w, line, col0, False, u, 1, v)
            disturb(v, 1, variances[b, :cols], powers, settings, mismatches[:, b, :], own_keys, KIND_COLUMN, col0, 0)
            count = settle(
                v,
                waiting,
                1,
                scale,
                attempt == limit,
                attempt,
                settings,
                own_keys,
                KIND_COLUMN,
                col0,
                1,
                y,
                retries[:, b],
            )
            attempt += 1
        doses[b] += dose
    alpha = np.float32(settings[ALPHA])
    for j in range(y.shape[1]):
        y[0, j] *= alpha
