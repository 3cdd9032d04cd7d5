"""The fused update kernel, the default, for every scheme and device (`docs/semantics.md`, *A pulsed update*).

Vectors are taken in chunks. What the lines of each do is drawn first; then one row of devices after the other is pulsed
with the whole chunk, in order. A device's state depends on nothing but its own pulses, so rows may be outermost: a
row's weights and parameters then stay in the first-level cache.

A row's crosspoints are counted for one vector at a time, and its devices pulsed by `update_apply.apply_hits`: all
coincidences of a device at once where that has the same law, else pulse by pulse. A block's coincidences need no look
at its devices, except under `mean-count`.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.draws import GOLDEN, KIND_CROSSPOINT, line_offset
from ohmflow.runtime.crossbar.trains import LOST, TRAIN_LENGTH, step_key, vector_key
from ohmflow.runtime.crossbar.update_apply import apply_hits
from ohmflow.runtime.crossbar.update_schemes import (
    COMPRESSED,
    DOWN,
    MEAN_COUNT,
    TIMES,
    count_coincidences,
    count_meeting,
    count_row,
    draw_lines,
    make_lines,
)

_CHUNK = 64
_COLUMN_STRIDE = GOLDEN << np.uint64(6)


@njit(cache=True)
def mark(marks: Any, i: Any, hit: Any, key: Any) -> None:
    """Remember of each device of row i that is pulsed what its write noise is hashed from.

    Args:
        marks: [rows, cols] uint64, set where a device is pulsed.
        i: the row.
        hit: [cols] uint32 counts, of `update_schemes.count_row`.
        key: the vector's.
    """
    start = key + line_offset(KIND_CROSSPOINT, i, 0)
    for j in range(np.uint64(hit.shape[0])):
        if hit[j] & TIMES != np.uint32(0):
            marks[i, j] = start + _COLUMN_STRIDE * j


@njit(cache=True)
def update_pulsed(
    w: Any,
    planes: Any,
    x: Any,
    d: Any,
    rate: float,
    settings: Any,
    identity: Any,
    site: Any,
    blocks: Any,
    lengths: Any,
    counts: Any,
    totals: Any,
    marks: Any,
    scheme: int,
) -> None:
    """Apply the updates of n vector pairs, in order, in place.

    Args:
        w: [rows, cols] float32 what pulses act on, device units; changed.
        planes: the devices' draws.
        x: [n, rows] float32 inputs.
        d: [n, cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see `trains.DW_MIN` and the following.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        lengths: [n] int32, set to the train lengths.
        counts: [3, blocks] int64, added to.
        totals: [3] int64, vectors clipped, lost, and skipped as not finite, added to.
        marks: [rows, cols] uint64, set for each device that is pulsed to what the draws of its last vector are hashed
            from; or None, for which no code is made.
        scheme: number of the scheme, see `update_schemes.SCHEME_NUMBERS`.
    """
    n, rows = x.shape
    cols = d.shape[1]
    chunk = min(n, _CHUNK)
    lines = make_lines(scheme, int(settings[TRAIN_LENGTH]), chunk, rows, cols)
    work = np.empty((7, max(rows, cols) + 1), np.uint64)
    keys = np.empty(chunk, np.uint64)
    hit = np.empty(cols, np.uint32)
    rest = np.empty(cols + 1, np.uint32)
    reached = np.empty(chunk, np.int64)
    row_word, col_word, row_key, col_key, active = lines[0], lines[1], lines[4], lines[5], lines[6]
    is_short = scheme == COMPRESSED and row_word.shape[0] == 1
    call_key = step_key(identity, site)

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        for s in range(taken):
            v = first + s
            keys[s] = vector_key(call_key, site, v)
            lengths[v] = draw_lines(scheme, lines, s, x[v], d[v], rate, settings, keys[s], blocks, work, counts, totals)
            reached[s] = 0
        for i in range(np.uint64(rows)):
            for s in range(np.uint64(taken)):
                if not active[i, s]:
                    continue
                if is_short:  # saves what handing all lines over takes, which counts in small arrays
                    mine = row_word[0, 0, i, s]
                    found = count_meeting(col_word[0, 0, s], mine & TIMES, mine & DOWN, hit)
                else:
                    found = count_row(scheme, lines, i, s, lengths[first + s], hit)
                if found == np.uint32(0):
                    continue
                if scheme == MEAN_COUNT:
                    reached[s] += count_coincidences(hit, i, blocks, counts)
                apply_hits(w, planes, i, hit, col_key[s], row_key[i, s], rest)
                if marks is not None:
                    mark(marks, i, hit, keys[s])
        if scheme == MEAN_COUNT:
            for s in range(taken):
                totals[LOST] += lengths[first + s] > 0 and reached[s] == 0


_update_pulsed_unkept = njit(update_pulsed.py_func)


def update_kernel_for(planes: Any) -> Any:
    """Choose the kernel for an array of devices.

    Args:
        planes: the devices' draws.

    Returns:
        `update_pulsed`, or the same without its place in the kernel cache if the cache does not cover the device.
    """
    return update_pulsed if kernel_cache.covers(type(planes)) else _update_pulsed_unkept
