"""The pulsed update `stochastic-compressed`, for every device (`docs/semantics.md`, *A pulsed update*).

Vectors are taken in chunks. `_draw_trains` draws the trains of a chunk; `_apply_row` pulses one row of devices with
all of them, in order. A device's state depends on nothing but its own pulses, so rows may be outermost: a row's
weights and parameters then stay in the first-level cache.

Columns that fire are packed, those with d > 0 first, those with d < 0 from the next word on, so that one word of 64
columns is pulsed in one direction. For every slot, a bit mask says which packed columns fire in it; the devices that a
row pulses are the ones in the union of these masks over the row's own slots. Devices without a coincidence cost
nothing, and a block's coincidences are Σ over slots of (its rows that fire)·(its columns that fire).

Draws, all with the vector's key (retry = 0): a row line's train has kind 0 and its row, a column line's kind 1 and its
column. A device with n coincidences uses kind 2, its row and column, and ordinal 0 if its model applies n pulses by
one draw; else pulse o = 0 … n−1 uses ordinal o.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from math import ceil, sqrt
from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import lowest_one, popcount
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
CLIPPED, LOST = 0, 1

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
def _largest(values: Any) -> float:
    largest = np.float32(0.0)
    for value in values:
        largest = max(largest, abs(value))
    return float(largest)


@njit(cache=True)
def _fire(values: Any, gain: float, key: Any, kind: int, slots: Any, trains: Any) -> None:
    """Draw the trains of all lines of one kind; a line fires with probability gain·abs(value)."""
    row_step, column_step = (1, 0) if kind == KIND_ROW else (0, 1)
    for i in range(values.shape[0]):
        trains[i] = _ZERO
        if values[i] != np.float32(0.0):
            start = key + line_offset(kind, i * row_step, i * column_step)
            trains[i] = line_train(start, threshold(gain * float(abs(values[i]))), slots)


@njit(cache=True)
def _pack(d: Any, train: Any, packed: Any, packed_train: Any, slot_masks: Any) -> int:
    """Pack the columns that fired, and set their bits in the masks of their slots.

    Args:
        d: [cols] errors.
        train: [cols] trains.
        packed: [64·words] set to the columns, with DESCENDS added where d > 0.
        packed_train: [64·words] set to their trains.
        slot_masks: [slots, words] set to the packed columns that fire in each slot.

    Returns:
        Words in use.
    """
    slot_masks[:] = _ZERO
    place = 0
    for j in range(d.shape[0]):
        bits = train[j]
        if bits == _ZERO:
            continue
        packed[place] = np.uint32(j) | (_DESCENDS if d[j] > np.float32(0.0) else _ASCENDS)
        packed_train[place] = bits
        while bits != _ZERO:
            slot_masks[lowest_one(bits), place >> 6] |= _ONE << np.uint64(place & 63)
            bits &= bits - _ONE
        place += 1
    return (place + 63) >> 6


@njit(cache=True)
def _count_line(train: Any, first: int, count: int, slot: int) -> int:
    """Count the lines first … first + count − 1 that fire in a slot."""
    total = _ZERO
    for i in range(first, first + count):
        total += (train[i] >> np.uint64(slot)) & _ONE
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
    words: Any,
    slot_masks: Any,
    packed: Any,
    packed_train: Any,
    starts: Any,
    hit: Any,
    times: Any,
    start: Any,
) -> tuple[int, int]:
    """List the devices of a row that are pulsed, vector by vector, until the lists are nearly full.

    Args:
        fired: [chunk] the row's trains.
        turned: [chunk] DESCENDS where the row's input is negative, else 0: it turns a column's direction round.
        first: vector to begin with.
        taken: vectors in the chunk.
        words: [chunk] words of packed columns in use.
        slot_masks: [chunk, slots, words].
        packed: [chunk, 64·words].
        packed_train: [chunk, 64·words].
        starts: [chunk] the vectors' keys with the row's offset.
        hit: set to the packed columns, in their final direction.
        times: set to how many times each device is pulsed.
        start: set to what each device's draws are hashed from.

    Returns:
        How many devices are listed, and the vector to go on with.
    """
    found = 0
    full = _LISTED
    s = first
    while s < taken and found < full:
        mine = fired[s]
        if mine != _ZERO:
            key = starts[s]
            turn = turned[s]
            for word in range(words[s]):
                bits = _ZERO
                slots = mine
                while slots != _ZERO:
                    bits |= slot_masks[s, lowest_one(slots), word]
                    slots &= slots - _ONE
                while bits != _ZERO:
                    place = np.uint64((word << 6) + lowest_one(bits))
                    bits &= bits - _ONE
                    column = packed[s, place]
                    hit[found] = column ^ turn
                    times[found] = popcount(mine & packed_train[s, place])
                    start[found] = key + _COLUMN_STRIDE * np.uint64(column & _COLUMN)
                    found += 1
        s += 1
    return found, s


@njit(cache=True)
def _draw_normals(start: Any, found: int, xi: Any) -> None:
    """Draw the first normal number of each listed device."""
    for k in range(found):
        xi[k] = normal(mix(start[k]))


@njit(cache=True)
def _pulse_hits(w: Any, planes: Any, i: Any, hit: Any, times: Any, start: Any, xi: Any, found: int) -> None:
    """Pulse the listed devices of row i, in order."""
    for k in range(found):
        j = np.uint64(hit[k] & _COLUMN)
        up = hit[k] < _DESCENDS
        n = times[k]
        done, moved = pulses(planes, i, j, w[i, j], up, n, xi[k])
        if not done:
            moved = pulse(planes, i, j, w[i, j], up, xi[k])
            for ordinal in range(1, n):
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
        totals: [2] int64, clipped and lost vectors, added to.
    """
    n, rows = x.shape
    cols = d.shape[1]
    chunk = min(n, _CHUNK)
    width = (cols + 63) >> 6
    dw_min = settings[DW_MIN]
    longest = settings[TRAIN_LENGTH]
    fired = np.empty((rows, chunk), np.uint64)
    turned = np.empty((rows, chunk), np.uint32)
    row_train = np.empty(rows, np.uint64)
    col_train = np.empty(cols, np.uint64)
    packed = np.empty((chunk, width << 6), np.uint32)
    packed_train = np.empty((chunk, width << 6), np.uint64)
    slot_masks = np.empty((chunk, int(longest), width), np.uint64)
    words = np.empty(chunk, np.int64)
    keys = np.empty(chunk, np.uint64)
    starts = np.empty(chunk, np.uint64)
    hit = np.empty(_LISTED + cols, np.uint32)
    times = np.empty(_LISTED + cols, np.int32)
    start = np.empty(_LISTED + cols, np.uint64)
    xi = np.empty(_LISTED + cols, np.float32)

    purpose, place, step, position, sample0, positions = site
    step_key = fold(fold(_ZERO, identity[0], 0), purpose, 1)
    step_key = fold(fold(fold(step_key, identity[1], 2), place, 3), step, 4)

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        for s in range(taken):
            v = first + s
            x_max = _largest(x[v])
            d_max = _largest(d[v])
            wanted = rate * x_max * d_max / dw_min
            words[s] = 0
            lengths[v] = 0
            if wanted == 0.0:
                continue
            length = min(ceil(wanted), longest) if settings[TRAIN_LENGTH_MANAGEMENT] != 0.0 else longest
            lengths[v] = int(length)
            if wanted > longest:
                totals[CLIPPED] += 1
            gain = sqrt(rate / (length * dw_min))
            balance = sqrt(d_max / x_max) if settings[UPDATE_MANAGEMENT] != 0.0 else 1.0
            slots = (_ONE << np.uint64(lengths[v])) - _ONE
            key = fold(step_key, sample0 + v // positions, 5)
            keys[s] = fold(fold(key, position + v % positions, 6), 0, 7)
            _fire(x[v], gain * balance, keys[s], KIND_ROW, slots, row_train)
            _fire(d[v], gain / balance, keys[s], KIND_COLUMN, slots, col_train)
            if _count(row_train, col_train, lengths[v], blocks, counts) == 0:
                totals[LOST] += 1
                continue
            words[s] = _pack(d[v], col_train, packed[s], packed_train[s], slot_masks[s])
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
                    fired[i], turned[i], s, taken, words, slot_masks, packed, packed_train, starts, hit, times, start
                )
                _draw_normals(start, found, xi)
                # numba lets negative numbers count from the end; an unsigned row saves it the question.
                _pulse_hits(w, planes, np.uint64(i), hit, times, start, xi, found)
