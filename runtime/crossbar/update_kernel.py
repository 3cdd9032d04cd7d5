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
def _fire_rows(x: Any, gain: float, key: Any, slots: Any, trains: Any, s: int) -> None:
    """Draw the trains of all row lines into column s of `trains`."""
    for i in range(x.shape[0]):
        trains[i, s] = _ZERO
        if x[i] != np.float32(0.0):
            limit = threshold(gain * float(abs(x[i])))
            trains[i, s] = line_train(key + line_offset(KIND_ROW, i, 0), limit, slots)


@njit(cache=True)
def _fire_columns(d: Any, gain: float, key: Any, slots: Any, train: Any) -> None:
    """Draw the trains of all column lines into `train`."""
    for j in range(d.shape[0]):
        train[j] = _ZERO
        if d[j] != np.float32(0.0):
            limit = threshold(gain * float(abs(d[j])))
            train[j] = line_train(key + line_offset(KIND_COLUMN, 0, j), limit, slots)


@njit(cache=True)
def _pack_columns(d: Any, train: Any, packed: Any, packed_train: Any, planes_of_slots: Any) -> tuple[int, int]:
    """Pack the columns that fired, and set their bits in the masks of their slots.

    Args:
        d: [cols] errors.
        train: [cols] trains.
        packed: [64·words] set to the columns.
        packed_train: [64·words] set to their trains.
        planes_of_slots: [slots, words] set to the packed columns that fire in each slot.

    Returns:
        Words with d > 0, and all words.
    """
    planes_of_slots[:] = _ZERO
    place = 0
    turn = 0
    for sign in range(2):
        for j in range(d.shape[0]):
            if train[j] != _ZERO and (d[j] < np.float32(0.0)) == (sign == 1):
                packed[place] = j
                packed_train[place] = train[j]
                bits = train[j]
                while bits != _ZERO:
                    planes_of_slots[lowest_one(bits), place >> 6] |= _ONE << np.uint64(place & 63)
                    bits &= bits - _ONE
                place += 1
        if sign == 0:
            turn = (place + 63) >> 6
            place = turn << 6
    return turn, (place + 63) >> 6


@njit(cache=True)
def _count(fired: Any, columns: Any, vector: int, blocks: Any, by_slot: Any, counts: Any) -> int:
    """Add one vector's pulses and coincidences to the counts of each block.

    Args:
        fired: [rows, chunk] row trains, of which column `vector` is meant.
        columns: [cols] column trains.
        vector: place in the chunk.
        blocks: [blocks, 4] row0, col0, rows, cols.
        by_slot: [2, 64] scratch: rows and columns of a block that fire in each slot.
        counts: [3, blocks] added to.

    Returns:
        Coincidences in all blocks.
    """
    total = 0
    for b in range(blocks.shape[0]):
        by_slot[:] = 0
        for i in range(blocks[b, 0], blocks[b, 0] + blocks[b, 2]):
            bits = fired[i, vector]
            while bits != _ZERO:
                by_slot[0, lowest_one(bits)] += 1
                bits &= bits - _ONE
        for j in range(blocks[b, 1], blocks[b, 1] + blocks[b, 3]):
            bits = columns[j]
            while bits != _ZERO:
                by_slot[1, lowest_one(bits)] += 1
                bits &= bits - _ONE
        for t in range(by_slot.shape[1]):
            counts[ROW_PULSES, b] += by_slot[0, t]
            counts[COL_PULSES, b] += by_slot[1, t]
            counts[COINCIDENCES, b] += by_slot[0, t] * by_slot[1, t]
            total += by_slot[0, t] * by_slot[1, t]
    return total


@njit(cache=True)
def _pulse_words(
    w: Any,
    planes: Any,
    i: int,
    up: bool,
    fired: Any,
    key: Any,
    union: Any,
    begin: int,
    end: int,
    packed: Any,
    train: Any,
) -> None:
    """Pulse the devices of row i under the packed columns in words begin … end−1, all in one direction."""
    for word in range(begin, end):
        bits = union[word]
        while bits != _ZERO:
            place = (word << 6) + lowest_one(bits)
            bits &= bits - _ONE
            j = packed[place]
            n = popcount(fired & train[place])
            start = key + _COLUMN_STRIDE * np.uint64(j)
            xi = normal(mix(start))
            if n == 1:
                w[i, j] = pulse(planes, i, j, w[i, j], up, xi)
            else:
                done, moved = pulses(planes, i, j, w[i, j], up, n, xi)
                if not done:
                    moved = w[i, j]
                    for ordinal in range(n):
                        moved = pulse(planes, i, j, moved, up, normal(hash_at(start, ordinal)))
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
    width = ((cols + 63) >> 6) + 1  # one word more: the columns with d < 0 begin at a word of their own
    fired = np.empty((rows, chunk), np.uint64)
    train = np.empty(cols, np.uint64)
    packed = np.empty((chunk, width << 6), np.int32)
    packed_train = np.empty((chunk, width << 6), np.uint64)
    by_slot = np.empty((2, 64), np.int64)
    slot_planes = np.empty((chunk, 64, width), np.uint64)
    turns = np.empty(chunk, np.int64)
    ends = np.empty(chunk, np.int64)
    keys = np.empty(chunk, np.uint64)
    union = np.empty(width, np.uint64)

    purpose, place, step, position, sample0, positions = site
    step_key = fold(fold(_ZERO, identity[0], 0), purpose, 1)
    step_key = fold(fold(fold(step_key, identity[1], 2), place, 3), step, 4)
    dw_min = settings[DW_MIN]
    longest = settings[TRAIN_LENGTH]

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        for s in range(taken):
            v = first + s
            x_max = _largest(x[v])
            d_max = _largest(d[v])
            wanted = rate * x_max * d_max / dw_min
            ends[s] = 0
            turns[s] = 0
            lengths[v] = 0
            if wanted == 0.0:
                continue
            length = longest
            if settings[TRAIN_LENGTH_MANAGEMENT] != 0.0:
                length = min(ceil(wanted), longest)
            lengths[v] = int(length)
            if wanted > longest:
                totals[CLIPPED] += 1
            gain = sqrt(rate / (length * dw_min))
            balance = sqrt(d_max / x_max) if settings[UPDATE_MANAGEMENT] != 0.0 else 1.0
            slots = (_ONE << np.uint64(lengths[v])) - _ONE
            key = fold(step_key, sample0 + v // positions, 5)
            keys[s] = fold(fold(key, position + v % positions, 6), 0, 7)
            _fire_rows(x[v], gain * balance, keys[s], slots, fired, s)
            _fire_columns(d[v], gain / balance, keys[s], slots, train)
            if _count(fired, train, s, blocks, by_slot, counts) == 0:
                totals[LOST] += 1
                continue
            turns[s], ends[s] = _pack_columns(d[v], train, packed[s], packed_train[s], slot_planes[s])
        for i in range(rows):
            row_offset = line_offset(KIND_CROSSPOINT, i, 0)
            for s in range(taken):
                if ends[s] == 0 or fired[i, s] == _ZERO:
                    continue
                end = ends[s]
                for word in range(end):
                    union[word] = _ZERO
                bits = fired[i, s]
                while bits != _ZERO:
                    slot = lowest_one(bits)
                    bits &= bits - _ONE
                    for word in range(end):
                        union[word] |= slot_planes[s, slot, word]
                # Descent: a device goes down where x·d > 0.
                up = x[first + s, i] < np.float32(0.0)
                key = keys[s] + row_offset
                turn = turns[s]
                _pulse_words(w, planes, i, up, fired[i, s], key, union, 0, turn, packed[s], packed_train[s])
                _pulse_words(w, planes, i, not up, fired[i, s], key, union, turn, end, packed[s], packed_train[s])
