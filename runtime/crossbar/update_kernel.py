"""The pulsed update `stochastic-compressed`, for every device (`docs/semantics.md`, *A pulsed update*).

Vectors are taken in chunks. `_draw_trains` draws the trains of a chunk; `_apply_row` pulses one row of devices with
all of them, in order. A device's state depends on nothing but its own pulses, so rows may be outermost: a row's
weights and parameters then stay in the first-level cache.

Columns that fire are packed, with their direction. For every row and vector, the devices where trains meet are listed,
in order; normal numbers are drawn for the whole list at once, which compiles to vector instructions, and then each
device of the list is pulsed. Devices without a coincidence are never touched. A block's coincidences need no look at
its devices: they are Σ over slots of (its rows that fire)·(its columns that fire).

Draws, all with the vector's key (retry = 0): a row line's train has kind 0 and its row, a column line's kind 1 and its
column. A device with n coincidences uses kind 2, its row and column, and ordinal 0 if its model applies n pulses by
one draw; else pulse o = 0 … n−1 uses ordinal o.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from math import ceil, sqrt
from typing import Any

import numpy as np
from numba import njit

from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.bits import largest_magnitude, popcount
from ohmflow.runtime.crossbar.draws import (
    GOLDEN,
    KIND_COLUMN,
    KIND_CROSSPOINT,
    KIND_ROW,
    fold,
    hash_at,
    line_offset,
    line_train,
    mix,
    normal,
    threshold,
)
from ohmflow.runtime.devices.protocol import pulse, pulses

# Places in the array of settings that an array keeps for its kernels.
DW_MIN, TRAIN_LENGTH, UPDATE_MANAGEMENT, TRAIN_LENGTH_MANAGEMENT = 0, 1, 2, 3
# Rows of the counts.
ROW_PULSES, COL_PULSES, COINCIDENCES = 0, 1, 2
CLIPPED, LOST, NOT_FINITE = 0, 1, 2

_CHUNK = 64
# Devices listed before they are pulsed: few enough that the lists stay in the first-level cache.
_LISTED = 512
# A packed column carries its direction in its highest bit.
_DESCENDS = np.uint32(1 << 31)
_ASCENDS = np.uint32(0)
_COLUMN = np.uint32((1 << 31) - 1)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
# What one column adds to the offset of a place.
_COLUMN_STRIDE = GOLDEN << np.uint64(6)


@njit(cache=True)
def _fire(values: Any, gain: float, key: Any, kind: int, slots: Any, driven: Any, trains: Any) -> None:
    """Draw the trains of all lines of one kind; a line fires with probability gain·abs(value).

    Args:
        values: [lines] x or d.
        gain: what makes a probability of a magnitude.
        key: the vector's key.
        kind: of the lines.
        slots: mask of the train's slots.
        driven: [lines + 1] scratch.
        trains: [lines] set.
    """
    # The lines that are not 0 are listed first, without a branch: activations are 0 at random places.
    count: Any = _ZERO  # unsigned, as in `_find_hits`
    for i in range(values.shape[0]):
        trains[i] = _ZERO
        driven[count] = np.uint32(i)
        count += np.uint64(values[i] != np.float32(0.0))
    origin = key + line_offset(kind, 0, 0)
    stride = line_offset(kind, 1, 0) if kind == KIND_ROW else line_offset(kind, 0, 1)
    stride -= line_offset(kind, 0, 0)
    for k in range(count):
        line = np.uint64(driven[k])
        limit = threshold(gain * float(abs(values[line])))
        trains[line] = line_train(origin + stride * line, limit, slots)


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
def _count_line(train: Any, first: int, count: int, slot: int) -> Any:
    """Count the lines first … first + count − 1 that fire in a slot."""
    total = _ZERO
    lines = train[first : first + count]
    for i in range(lines.shape[0]):
        total += (lines[i] >> np.uint64(slot)) & _ONE
    return np.int64(total)


@njit(cache=True)
def _count(row_train: Any, col_train: Any, length: int, blocks: Any, counts: Any) -> int:
    """Add one vector's pulses and coincidences to the counts of each block.

    Args:
        row_train: [rows] trains.
        col_train: [cols] trains.
        length: slots.
        blocks: [blocks, 4] row0, col0, rows, cols.
        counts: [3, blocks] added to.

    Returns:
        Coincidences in all blocks.
    """
    total = 0
    for b in range(blocks.shape[0]):
        for slot in range(length):
            rows = _count_line(row_train, blocks[b, 0], blocks[b, 2], slot)
            cols = _count_line(col_train, blocks[b, 1], blocks[b, 3], slot)
            counts[ROW_PULSES, b] += rows
            counts[COL_PULSES, b] += cols
            counts[COINCIDENCES, b] += rows * cols
            total += rows * cols
    return total


@njit(cache=True)
def _find_hits(
    fired: Any,
    turned: Any,
    first: int,
    taken: int,
    counts: Any,
    packed: Any,
    packed_train: Any,
    offset: Any,
    starts: Any,
    hit: Any,
    both: Any,
    start: Any,
) -> Any:
    """List the devices of a row that are pulsed, vector by vector, until the lists are nearly full.

    The lists grow without a branch: an entry is written for every packed column, and kept if the trains meet.

    Args:
        fired: [chunk] the row's trains.
        turned: [chunk] DESCENDS where the row's input is negative, else 0: it turns a column's direction round.
        first: vector to begin with.
        taken: vectors in the chunk.
        counts: [chunk] packed columns.
        packed: [chunk, cols + 1].
        packed_train: [chunk, cols + 1].
        offset: [chunk, cols + 1].
        starts: [chunk] the vectors' keys with the row's offset.
        hit: set to the packed columns, in their final direction.
        both: set to the slots in which row and column fire.
        start: set to what each device's draws are hashed from.

    Returns:
        How many devices are listed, and the vector to go on with.
    """
    found = _ZERO  # unsigned: numba lets negative places count from the end, and would ask at every access
    s = first
    while s < taken and found < np.uint64(_LISTED):
        mine = fired[s]
        if mine != _ZERO:
            key = starts[s]
            turn = turned[s]
            for place in range(np.uint64(counts[s])):
                slots = mine & packed_train[s, place]
                hit[found] = packed[s, place] ^ turn
                both[found] = slots
                start[found] = key + offset[s, place]
                found += np.uint64(slots != _ZERO)
        s += 1
    return np.int64(found), s


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
) -> None:
    """Apply the updates of n vector pairs, in order, in place.

    Args:
        w: [rows, cols] float32 weights, device units; changed.
        planes: the devices' draws.
        x: [n, rows] float32 inputs.
        d: [n, cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see DW_MIN and the following.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        lengths: [n] int32, set to the train lengths.
        counts: [3, blocks] int64, added to.
        totals: [3] int64, vectors clipped, lost, and skipped as not finite, added to.
    """
    n, rows = x.shape
    cols = d.shape[1]
    chunk = min(n, _CHUNK)
    dw_min = settings[DW_MIN]
    longest = settings[TRAIN_LENGTH]
    fired = np.empty((rows, chunk), np.uint64)
    turned = np.empty((rows, chunk), np.uint32)
    row_train = np.empty(rows, np.uint64)
    col_train = np.empty(cols, np.uint64)
    driven = np.empty(max(rows, cols) + 1, np.uint32)
    packed = np.empty((chunk, cols + 1), np.uint32)
    packed_train = np.empty((chunk, cols + 1), np.uint64)
    offset = np.empty((chunk, cols + 1), np.uint64)
    packs = np.empty(chunk, np.int64)
    keys = np.empty(chunk, np.uint64)
    starts = np.empty(chunk, np.uint64)
    hit = np.empty(_LISTED + cols + 1, np.uint32)
    both = np.empty(_LISTED + cols + 1, np.uint64)
    start = np.empty(_LISTED + cols + 1, np.uint64)
    times = np.empty(_LISTED + cols + 1, np.float32)
    xi = np.empty(_LISTED + cols + 1, np.float32)
    sum_of_xi = np.empty(_LISTED + cols + 1, np.float32)

    purpose, place, step, position, sample0, positions = site
    step_key = fold(fold(_ZERO, identity[0], 0), purpose, 1)
    step_key = fold(fold(fold(step_key, identity[1], 2), place, 3), step, 4)

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        for s in range(taken):
            v = first + s
            x_max = largest_magnitude(x[v])
            d_max = largest_magnitude(d[v])
            wanted = rate * x_max * d_max / dw_min
            packs[s] = 0
            lengths[v] = 0
            if x_max == np.inf or d_max == np.inf:
                totals[NOT_FINITE] += 1
                continue
            if wanted == 0.0:
                continue
            managed = settings[TRAIN_LENGTH_MANAGEMENT] != 0.0 and wanted < longest
            length = float(ceil(wanted)) if managed else longest
            lengths[v] = int(length)
            if wanted > longest:
                totals[CLIPPED] += 1
            gain = sqrt(rate / (length * dw_min))
            balance = sqrt(d_max / x_max) if settings[UPDATE_MANAGEMENT] != 0.0 else 1.0
            slots = (_ONE << np.uint64(lengths[v])) - _ONE
            key = fold(step_key, sample0 + v // positions, 5)
            keys[s] = fold(fold(key, position + v % positions, 6), 0, 7)
            _fire(x[v], gain * balance, keys[s], KIND_ROW, slots, driven, row_train)
            _fire(d[v], gain / balance, keys[s], KIND_COLUMN, slots, driven, col_train)
            if _count(row_train, col_train, lengths[v], blocks, counts) == 0:
                totals[LOST] += 1
                continue
            packs[s] = _pack(d[v], col_train, packed[s], packed_train[s], offset[s])
            for i in range(rows):
                fired[i, s] = row_train[i]
                turned[i, s] = _DESCENDS if x[v, i] < np.float32(0.0) else _ASCENDS
        for i in range(rows):
            row_offset = line_offset(KIND_CROSSPOINT, i, 0)
            for s in range(taken):
                starts[s] = keys[s] + row_offset
            s = 0
            while s < taken:
                found, s = _find_hits(
                    fired[i], turned[i], s, taken, packs, packed, packed_train, offset, starts, hit, both, start
                )
                _draw_normals(both, start, found, times, xi, sum_of_xi)
                # numba lets negative numbers count from the end; an unsigned row saves it the question.
                _pulse_hits(w, planes, np.uint64(i), hit, both, start, times, xi, sum_of_xi, found)


_update_pulsed_unkept = njit(update_pulsed.py_func)


def update_kernel_for(planes: Any) -> Any:
    """Choose the kernel for an array of devices.

    Args:
        planes: the devices' draws.

    Returns:
        `update_pulsed`, or the same without its place in the kernel cache if the cache does not cover the device.
    """
    return update_pulsed if kernel_cache.covers(type(planes)) else _update_pulsed_unkept
