"""The pulse trains of one vector pair, and what of them is counted (`docs/semantics.md`, *A pulsed update*).

Draws, with the vector's key (retry = 0): a row line's train has kind 0 and its row, a column line's kind 1 and its
column.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from math import ceil, floor, sqrt
from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import largest_magnitude
from ohmflow.runtime.crossbar.draws import (
    GOLDEN,
    KIND_COLUMN,
    KIND_ROW,
    TRAIN_BITS,
    fold,
    line_offset,
    line_train,
    mix,
    threshold,
)

# Places in the array of settings that an array keeps for its kernels.
DW_MIN, TRAIN_LENGTH, UPDATE_MANAGEMENT, TRAIN_LENGTH_MANAGEMENT, HALF_SELECT = 0, 1, 2, 3, 4
# Rows of the counts.
ROW_PULSES, COL_PULSES, COINCIDENCES = 0, 1, 2
CLIPPED, LOST, NOT_FINITE = 0, 1, 2

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_PHASE_ORDINALS = np.uint64(32)  # digits of a train; those of a second phase follow
_WHOLE_WITHIN = 1e-6
_HIGHEST_DIGIT = np.uint64(TRAIN_BITS - 1)


@njit(cache=True)
def step_key(identity: Any, site: Any) -> Any:
    """Return the key of a call, to which `vector_key` adds the vector.

    Args:
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
    """
    key = fold(fold(_ZERO, identity[0], 0), site[0], 1)
    return fold(fold(fold(key, identity[1], 2), site[1], 3), site[2], 4)


@njit(cache=True)
def vector_key(key: Any, site: Any, v: int) -> Any:
    """Return the key of vector v of a call from the call's `step_key`."""
    position, sample0, positions = site[3], site[4], site[5]
    return fold(fold(fold(key, sample0 + v // positions, 5), position + v % positions, 6), 0, 7)


@njit(cache=True)
def _compare(start: Any, limit: Any, fired: Any, undecided: Any, count: int, ordinal: int) -> None:
    """Compare four more digits of the slots' uniforms of every line; compiles to vector instructions.

    Args:
        start: [lines] the vector's key plus each line's offset.
        limit: [lines] `threshold(p)` below 2^32.
        fired: [lines] slots that fire; added to.
        undecided: [lines] slots whose digits so far equal those of p; reduced.
        count: lines.
        ordinal: of the first of the digits.
    """
    for k in range(count):
        on, open_slots, bound = fired[k], undecided[k], limit[k]
        for digit in range(4):
            at = np.uint64(ordinal + digit)
            digits = mix(start[k] + GOLDEN * at)
            wanted = _ZERO - ((bound >> (_HIGHEST_DIGIT - at)) & _ONE)
            on |= open_slots & wanted & ~digits
            open_slots &= ~(digits ^ wanted)
        fired[k] = on
        undecided[k] = open_slots


@njit(cache=True)
def fire(values: Any, gain: float, key: Any, kind: int, slots: Any, work: Any, trains: Any, phase: int = 0) -> None:
    """Draw the trains of all lines of one kind; a line fires with probability gain·abs(value).

    Args:
        values: [lines] x or d.
        gain: what makes a probability of a magnitude.
        key: the vector's key.
        kind: of the lines.
        slots: mask of the train's slots.
        work: [5, lines + 1] uint64 scratch.
        trains: [lines] set.
        phase: 0, or 1 for the second pass of a scheme with two, which has trains of its own.
    """
    driven, start, limit, fired, undecided = work[0], work[1], work[2], work[3], work[4]
    # The lines that are not 0 are listed first, without a branch: activations are 0 at random places.
    count: Any = _ZERO  # unsigned: numba lets negative places count from the end, and would ask at every access
    for i in range(values.shape[0]):
        trains[i] = _ZERO
        driven[count] = np.uint64(i)
        count += np.uint64(values[i] != np.float32(0.0))
    origin = key + line_offset(kind, 0, 0) + GOLDEN * (_PHASE_ORDINALS * np.uint64(phase))
    stride = line_offset(kind, 1, 0) if kind == KIND_ROW else line_offset(kind, 0, 1)
    stride -= line_offset(kind, 0, 0)
    for k in range(count):
        start[k] = origin + stride * driven[k]
        limit[k] = threshold(gain * float(abs(values[driven[k]])))
        certain = _ZERO - (limit[k] >> np.uint64(TRAIN_BITS))
        fired[k] = slots & certain
        undecided[k] = slots & ~certain
    # A slot is undecided after m digits with probability 2^-m: short trains are mostly through after four.
    _compare(start, limit, fired, undecided, count, 0)
    for k in range(count):
        if undecided[k] != _ZERO:
            fired[k] |= line_train(start[k], limit[k], undecided[k], 4)
        trains[driven[k]] = fired[k]


@njit(cache=True)
def _count_line(train: Any, first: int, count: int, slot: int) -> Any:
    """Count the lines first … first + count − 1 that fire in a slot."""
    total = _ZERO
    lines = train[first : first + count]
    for i in range(lines.shape[0]):
        total += (lines[i] >> np.uint64(slot)) & _ONE
    return np.int64(total)


@njit(cache=True)
def count_pulses_of(row_train: Any, col_train: Any, length: int, blocks: Any, counts: Any) -> int:
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
def plan(x: Any, d: Any, rate: float, settings: Any, totals: Any) -> Any:
    """Choose the train length of one vector pair, and what makes probabilities of its magnitudes.

    A wanted length within 10⁻⁶ (relative) of a whole number is that number, so that a step that is to be one certain
    pulse, lr' = dw_min, is one however it was rounded.

    Args:
        x: [rows] float32 inputs.
        d: [cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see DW_MIN and the following.
        totals: [3] vectors clipped, lost, and skipped as not finite, added to.

    Returns:
        The train's length, 0 if nothing is to be done; the factors of |x| and of |d|.
    """
    dw_min = settings[DW_MIN]
    longest = settings[TRAIN_LENGTH]
    x_max = largest_magnitude(x)
    d_max = largest_magnitude(d)
    wanted = rate * x_max * d_max / dw_min
    if x_max == np.inf or d_max == np.inf:
        totals[NOT_FINITE] += 1
        return 0, 0.0, 0.0
    if wanted == 0.0:
        return 0, 0.0, 0.0
    per_step = rate / dw_min
    whole = float(floor(wanted + 0.5)) if wanted < longest + 1.0 else wanted
    if abs(wanted - whole) <= _WHOLE_WITHIN * whole:
        per_step *= whole / wanted
        wanted = whole
    managed = settings[TRAIN_LENGTH_MANAGEMENT] != 0.0 and wanted < longest
    length = float(ceil(wanted)) if managed else longest
    if wanted > longest:
        totals[CLIPPED] += 1
    gain = sqrt(per_step / length)
    balance = sqrt(d_max / x_max) if settings[UPDATE_MANAGEMENT] != 0.0 else 1.0
    return int(length), gain * balance, gain / balance


@njit(cache=True)
def draw_trains(
    x: Any,
    d: Any,
    rate: float,
    settings: Any,
    key: Any,
    blocks: Any,
    work: Any,
    row_train: Any,
    col_train: Any,
    counts: Any,
    totals: Any,
) -> Any:
    """Draw the trains of one vector pair, and count them.

    Args:
        x: [rows] float32 inputs.
        d: [cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see DW_MIN and the following.
        key: the vector's.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        work: [5, most lines + 1] uint64 scratch.
        row_train: [rows] set, if the train has a length.
        col_train: [cols] set, if the train has a length.
        counts: [3, blocks] added to.
        totals: [3] vectors clipped, lost, and skipped as not finite, added to.

    Returns:
        The train's length, 0 if nothing is to be done, and the coincidences.
    """
    length, x_gain, d_gain = plan(x, d, rate, settings, totals)
    if length == 0:
        return 0, 0
    slots = (_ONE << np.uint64(length)) - _ONE
    fire(x, x_gain, key, KIND_ROW, slots, work, row_train)
    fire(d, d_gain, key, KIND_COLUMN, slots, work, col_train)
    coincidences = count_pulses_of(row_train, col_train, length, blocks, counts)
    if coincidences == 0:
        totals[LOST] += 1
    return length, coincidences
