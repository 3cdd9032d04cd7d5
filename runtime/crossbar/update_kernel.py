"""The pulsed update `stochastic-compressed`, for every device (`docs/semantics.md`, *A pulsed update*).

Vectors are taken in chunks. `draw_trains` draws the trains of each; then one row of devices after the other is pulsed
with the whole chunk, in order. A device's state depends on nothing but its own pulses, so rows may be outermost: a
row's weights and parameters then stay in the first-level cache.

Columns that fire are packed, with their direction. For every row and vector, the devices where trains meet are listed,
in order; normal numbers are drawn for the whole list at once, which compiles to vector instructions, and then each
device of the list is pulsed. Devices without a coincidence are never touched. A block's coincidences need no look at
its devices: they are Σ over slots of (its rows that fire)·(its columns that fire).

Draws, all with the vector's key (retry = 0): a device with n coincidences uses kind 2, its row and column, and ordinal
0 if its model applies n pulses by one draw; else pulse o = 0 … n−1 uses ordinal o. Trains: see `trains.py`.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.bits import popcount
from ohmflow.runtime.crossbar.draws import GOLDEN, KIND_CROSSPOINT, hash_at, line_offset, mix, normal
from ohmflow.runtime.crossbar.trains import draw_trains, step_key, vector_key
from ohmflow.runtime.devices.protocol import pulse, pulses

_CHUNK = 64
# Devices listed before they are pulsed: few enough that the lists stay in the first-level cache.
_LISTED = 512
# A packed column carries its direction in its highest bit.
_DESCENDS = np.uint32(1 << 31)
_ASCENDS = np.uint32(0)
_COLUMN = np.uint32((1 << 31) - 1)
_ZERO = np.uint64(0)
# What one column adds to the offset of a place.
_COLUMN_STRIDE = GOLDEN << np.uint64(6)


@njit(cache=True)
def _pack(d: Any, train: Any, packed: Any, packed_train: Any, offset: Any) -> int:
    """Pack the columns that fired.

    Args:
        d: [cols] errors.
        train: [cols] trains.
        packed: [cols + 1] set to the columns, with DESCENDS added where d > 0.
        packed_train: [cols + 1] set to their trains.
        offset: [cols + 1] set to what their places add to a key.

    Returns:
        How many columns fired.
    """
    count = 0
    for j in range(d.shape[0]):
        packed[count] = np.uint32(j) | (_DESCENDS if d[j] > np.float32(0.0) else _ASCENDS)
        packed_train[count] = train[j]
        offset[count] = _COLUMN_STRIDE * np.uint64(j)
        count += train[j] != _ZERO
    return count


@njit(cache=True)
def _find_hits(
    fired: Any,
    vector: Any,
    first: int,
    count: int,
    packs: Any,
    packed: Any,
    packed_train: Any,
    offset: Any,
    keys: Any,
    row_offset: Any,
    hit: Any,
    both: Any,
    start: Any,
) -> Any:
    """List the devices of a row that are pulsed, vector by vector, until the lists are nearly full.

    The lists grow without a branch: an entry is written for every packed column, and kept if the trains meet.

    Args:
        fired: [chunk + 1] the row's trains that are not empty.
        vector: [chunk + 1] which vectors they belong to, with DESCENDS added where the row's input is negative: it
            turns a column's direction round.
        first: train to begin with.
        count: trains.
        packs: [chunk] packed columns.
        packed: [chunk, cols + 1].
        packed_train: [chunk, cols + 1].
        offset: [chunk, cols + 1].
        keys: [chunk] the vectors' keys.
        row_offset: what the row adds to them.
        hit: set to the packed columns, in their final direction.
        both: set to the slots in which row and column fire.
        start: set to what each device's draws are hashed from.

    Returns:
        How many devices are listed, and the train to go on with.
    """
    found = _ZERO  # unsigned: numba lets negative places count from the end, and would ask at every access
    at = np.uint64(first)
    while at < np.uint64(count) and found < np.uint64(_LISTED):
        mine = fired[at]
        s = np.uint64(vector[at] & _COLUMN)
        turn = vector[at] & _DESCENDS
        key = keys[s] + row_offset
        for place in range(np.uint64(packs[s])):
            slots = mine & packed_train[s, place]
            hit[found] = packed[s, place] ^ turn
            both[found] = slots
            start[found] = key + offset[s, place]
            found += np.uint64(slots != _ZERO)
        at += np.uint64(1)
    return np.int64(found), np.int64(at)


@njit(cache=True)
def _draw_normals(both: Any, start: Any, found: int, times: Any, xi: Any, sum_of_xi: Any) -> None:
    """Draw the first normal number ξ of each listed device, and √n·ξ, which has the law of the sum of n."""
    for k in range(found):
        times[k] = np.float32(np.int32(popcount(both[k])))
        xi[k] = normal(mix(start[k]))
        sum_of_xi[k] = np.sqrt(times[k]) * xi[k]


# Not kept by itself: it is part of `update_pulsed`, and whether that may be kept depends on the device.
@njit
def _pulse_hits(
    w: Any, planes: Any, i: Any, hit: Any, both: Any, start: Any, times: Any, xi: Any, sum_of_xi: Any, found: int
) -> None:
    """Pulse the listed devices of row i, in order."""
    for k in range(found):
        j = np.uint64(hit[k] & _COLUMN)
        up = hit[k] < _DESCENDS
        done, moved = pulses(planes, i, j, w[i, j], up, times[k], sum_of_xi[k])
        if not done:
            moved = pulse(planes, i, j, w[i, j], up, xi[k])
            for ordinal in range(1, popcount(both[k])):
                moved = pulse(planes, i, j, moved, up, normal(hash_at(start[k], ordinal)))
        w[i, j] = moved


@njit(cache=True)
def _mark(marks: Any, i: Any, hit: Any, start: Any, found: int) -> None:
    """Remember of each listed device of row i what its draws are hashed from."""
    for k in range(found):
        marks[i, hit[k] & _COLUMN] = start[k]


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
    """
    n, rows = x.shape
    cols = d.shape[1]
    chunk = min(n, _CHUNK)
    fired = np.empty((rows, chunk + 1), np.uint64)
    vector = np.empty((rows, chunk + 1), np.uint32)
    fires = np.empty(rows, np.uint64)
    row_train = np.empty(rows, np.uint64)
    col_train = np.empty(cols, np.uint64)
    work = np.empty((5, max(rows, cols) + 1), np.uint64)
    packed = np.empty((chunk, cols + 1), np.uint32)
    packed_train = np.empty((chunk, cols + 1), np.uint64)
    offset = np.empty((chunk, cols + 1), np.uint64)
    packs = np.empty(chunk, np.int64)
    keys = np.empty(chunk, np.uint64)
    hit = np.empty(_LISTED + cols + 1, np.uint32)
    both = np.empty(_LISTED + cols + 1, np.uint64)
    start = np.empty(_LISTED + cols + 1, np.uint64)
    times = np.empty(_LISTED + cols + 1, np.float32)
    xi = np.empty(_LISTED + cols + 1, np.float32)
    sum_of_xi = np.empty(_LISTED + cols + 1, np.float32)
    call_key = step_key(identity, site)

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        fires[:] = _ZERO
        for s in range(taken):
            v = first + s
            keys[s] = vector_key(call_key, site, v)
            lengths[v], pulsed = draw_trains(
                x[v], d[v], rate, settings, keys[s], blocks, work, row_train, col_train, counts, totals
            )
            if pulsed == 0:
                continue
            packs[s] = _pack(d[v], col_train, packed[s], packed_train[s], offset[s])
            for i in range(np.uint64(rows)):
                at = fires[i]
                fired[i, at] = row_train[i]
                vector[i, at] = np.uint32(s) | (_DESCENDS if x[v, i] < np.float32(0.0) else _ASCENDS)
                fires[i] = at + np.uint64(row_train[i] != _ZERO)
        for i in range(rows):
            row_offset = line_offset(KIND_CROSSPOINT, i, 0)
            at = 0
            while at < fires[i]:
                found, at = _find_hits(
                    fired[i],
                    vector[i],
                    at,
                    fires[i],
                    packs,
                    packed,
                    packed_train,
                    offset,
                    keys,
                    row_offset,
                    hit,
                    both,
                    start,
                )
                _draw_normals(both, start, found, times, xi, sum_of_xi)
                # numba lets negative numbers count from the end; an unsigned row saves it the question.
                _pulse_hits(w, planes, np.uint64(i), hit, both, start, times, xi, sum_of_xi, found)
                if marks is not None:
                    _mark(marks, np.uint64(i), hit, start, found)


_update_pulsed_unkept = njit(update_pulsed.py_func)


def update_kernel_for(planes: Any) -> Any:
    """Choose the kernel for an array of devices.

    Args:
        planes: the devices' draws.

    Returns:
        `update_pulsed`, or the same without its place in the kernel cache if the cache does not cover the device.
    """
    return update_pulsed if kernel_cache.covers_planes(planes) else _update_pulsed_unkept
