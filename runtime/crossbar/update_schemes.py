"""The update schemes: how often each crosspoint is pulsed for a vector pair (`docs/semantics.md`, *A pulsed update*).

`draw_lines` turns one vector pair into what its lines do; `count_row` turns the lines into the pulses of one row of
crosspoints. Counts depend on the draws of lines only, but for `mean-count`, which draws one uniform number a crosspoint
(kind 3, ordinal 63).
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import popcount32
from ohmflow.runtime.crossbar.draws import (
    KIND_COLUMN,
    KIND_ROW,
    line_offset,
    mix,
    pulse_column_key,
    pulse_row_key,
    pulse_uniform,
    uniform,
)
from ohmflow.runtime.crossbar.trains import (
    COINCIDENCES,
    COL_PULSES,
    LOST,
    ROW_PULSES,
    TRAIN_LENGTH,
    count_pulses_of,
    fire,
    plan,
    step_key,
    vector_key,
)

COMPRESSED, TWO_PHASE, IMPLICIT, MEAN_COUNT = 0, 1, 2, 3
SCHEME_NUMBERS = {
    "stochastic-compressed": COMPRESSED,
    "stochastic": TWO_PHASE,
    "deterministic-implicit": IMPLICIT,
    "mean-count": MEAN_COUNT,
}

DOWN = np.uint32(1 << 31)
"""Highest bit of a crosspoint's count: its pulses go down. Of a column: d > 0; of a row: x < 0."""
TIMES = np.uint32((1 << 31) - 1)
LOW_SLOTS = 31
"""Slots that share a word with the direction; those of longer trains are in a second word."""
_UP = np.uint32(0)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_NONE = np.float32(0.0)
_HALF = np.float32(0.5)
_UNIFORM_ORDINAL = np.uint32(63)


@njit(cache=True)
def make_lines(scheme: int, longest: int, chunk: int, rows: int, cols: int) -> Any:
    """Make room for what the lines of a chunk of vectors do.

    Args:
        scheme: number of the scheme.
        longest: BL_max.
        chunk: vectors.
        rows: logical rows.
        cols: logical columns.

    Returns:
        row words [2, phases, rows, chunk] and column words [2, phases, chunk, cols], uint32: slots 0 … 30 with the
        direction on top (phase 0) in the first, slots 31 … 62 in the second; row values [rows, chunk] and column values
        [chunk, cols], float32: pulses, or expected pulses, of a line; [rows, chunk] and [chunk, cols] uint32 parts of
        the crosspoints' keys; [rows, chunk] whether a row fires at all.
    """
    phases = 2 if scheme == TWO_PHASE else 1
    words = 2 if longest > LOW_SLOTS else 1
    return (
        np.zeros((words, phases, rows, chunk), np.uint32),
        np.zeros((words, phases, chunk, cols), np.uint32),
        np.zeros((rows, chunk), np.float32),
        np.zeros((chunk, cols), np.float32),
        np.zeros((rows, chunk), np.uint32),
        np.zeros((chunk, cols), np.uint32),
        np.zeros((rows, chunk), np.bool_),
    )


@njit(cache=True)
def _split_by_sign(values: Any, train: Any, positive: Any, negative: Any) -> None:
    for i in range(values.shape[0]):
        positive[i] = train[i] if values[i] > _NONE else _ZERO
        negative[i] = train[i] if values[i] < _NONE else _ZERO


@njit(cache=True)
def _count_phase(
    x: Any, d: Any, row_train: Any, col_train: Any, phase: int, length: int, work: Any, blocks: Any, counts: Any
) -> int:
    """Count the pulses of one of two phases: in 0, crosspoints with x·d > 0 are pulsed, in 1 those with x·d < 0."""
    rows, cols = x.shape[0], d.shape[0]
    total = 0
    for sign in range(2):
        _split_by_sign(x, row_train, work[sign, :rows], work[1 - sign, :rows])
        _split_by_sign(d, col_train, work[2 + (sign ^ phase), :cols], work[3 - (sign ^ phase), :cols])
        total += count_pulses_of(work[0, :rows], work[2, :cols], length, blocks, counts)
    return total


@njit(cache=True)
def _count_even(values: Any, gain: float, length: int, pulses: Any) -> None:
    """Round BL·p of every line to whole pulses, half up."""
    for i in range(values.shape[0]):
        pulses[i] = np.uint64(np.floor(length * min(gain * float(abs(values[i])), 1.0) + 0.5))


@njit(cache=True)
def _count_billed(values: Any, gain: float, length: int, key: Any, kind: int, pulses: Any, expected: Any) -> None:
    """Round BL·p of every line to whole pulses so that the mean is kept; also give it unrounded."""
    for i in range(values.shape[0]):
        mean = length * min(gain * float(abs(values[i])), 1.0)
        offset = line_offset(kind, i, 0) if kind == KIND_ROW else line_offset(kind, 0, i)
        pulses[i] = np.uint64(np.floor(mean + uniform(mix(key + offset))))
        expected[i] = np.float32(mean)


@njit(cache=True)
def _count_lines(pulses: Any, first: int, lines: int, many: Any) -> int:
    """Count how many lines have each number of pulses; return the pulses of all."""
    many[:] = 0
    total: Any = 0
    for i in range(first, first + lines):
        many[pulses[i]] += 1
        total += np.int64(pulses[i])
    return total


@njit(cache=True)
def _count_implicit(row_pulses: Any, col_pulses: Any, length: int, blocks: Any, counts: Any) -> int:
    """Add one vector's pulses and coincidences to the counts of each block; return the coincidences."""
    of_rows, of_cols = np.zeros(length + 1, np.int64), np.zeros(length + 1, np.int64)
    total = 0
    for b in range(blocks.shape[0]):
        counts[ROW_PULSES, b] += _count_lines(row_pulses, blocks[b, 0], blocks[b, 2], of_rows)
        counts[COL_PULSES, b] += _count_lines(col_pulses, blocks[b, 1], blocks[b, 3], of_cols)
        for m in range(1, length + 1):
            for k in range(1, length + 1):
                n = of_rows[m] * of_cols[k] * ((2 * m * k + length) // (2 * length))
                counts[COINCIDENCES, b] += n
                total += n
    return total


@njit(cache=True)
def _keep_trains(lines: Any, phase: int, s: int, x: Any, d: Any, row_train: Any, col_train: Any) -> None:
    row_word, col_word, _, _, _, _, active = lines
    low = np.uint64(TIMES)
    for i in range(np.uint64(x.shape[0])):
        turn = DOWN if x[i] < _NONE else _UP
        row_word[0, phase, i, s] = np.uint32(row_train[i] & low) | turn
        active[i, s] |= row_train[i] != _ZERO
    for j in range(np.uint64(d.shape[0])):
        col_word[0, phase, s, j] = np.uint32(col_train[j] & low) | (DOWN if d[j] > _NONE else _UP)
    if row_word.shape[0] > 1:
        for i in range(np.uint64(x.shape[0])):
            row_word[1, phase, i, s] = np.uint32(row_train[i] >> np.uint64(LOW_SLOTS))
        for j in range(np.uint64(d.shape[0])):
            col_word[1, phase, s, j] = np.uint32(col_train[j] >> np.uint64(LOW_SLOTS))


@njit(cache=True)
def draw_lines(
    scheme: int,
    lines: Any,
    s: int,
    x: Any,
    d: Any,
    rate: float,
    settings: Any,
    key: Any,
    blocks: Any,
    work: Any,
    counts: Any,
    totals: Any,
) -> int:
    """Draw what the lines of one vector pair do, and count their pulses.

    The coincidences of `mean-count` are not counted, and such a vector not as lost: only its crosspoints know.

    Args:
        scheme: number of the scheme.
        lines: of `make_lines`; place s is set.
        s: the vector's place in the chunk.
        x: [rows] float32 inputs.
        d: [cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see `trains.DW_MIN` and the following.
        key: the vector's.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        work: [7, most lines + 1] uint64 scratch.
        counts: [3, blocks] int64, added to.
        totals: [3] int64, vectors clipped, lost, and skipped as not finite, added to.

    Returns:
        The train's length, 0 if nothing is to be done.
    """
    rows, cols = x.shape[0], d.shape[0]
    _, _, row_value, col_value, row_key, col_key, active = lines
    active[:, s] = False
    length, x_gain, d_gain = plan(x, d, rate, settings, totals)
    if length == 0:
        return 0
    for i in range(np.uint64(rows)):
        row_key[i, s] = pulse_row_key(key, i)
    for j in range(np.uint64(cols)):
        col_key[s, j] = pulse_column_key(key, j)
    row_train, col_train = work[5, :rows], work[6, :cols]
    coincidences = 0
    if scheme == COMPRESSED or scheme == TWO_PHASE:
        slots = (_ONE << np.uint64(length)) - _ONE
        for phase in range(2 if scheme == TWO_PHASE else 1):
            fire(x, x_gain, key, KIND_ROW, slots, work, row_train, phase)
            fire(d, d_gain, key, KIND_COLUMN, slots, work, col_train, phase)
            _keep_trains(lines, phase, s, x, d, row_train, col_train)
            if scheme == COMPRESSED:
                coincidences += count_pulses_of(row_train, col_train, length, blocks, counts)
            else:
                coincidences += _count_phase(x, d, row_train, col_train, phase, length, work, blocks, counts)
        if coincidences == 0:
            totals[LOST] += 1
        return length
    if scheme == IMPLICIT:
        _count_even(x, x_gain, length, row_train)
        _count_even(d, d_gain, length, col_train)
        if _count_implicit(row_train, col_train, length, blocks, counts) == 0:
            totals[LOST] += 1
        for i in range(rows):
            row_value[i, s] = np.float32(row_train[i])
        for j in range(cols):
            col_value[s, j] = np.float32(col_train[j])
    else:
        _count_billed(x, x_gain, length, key, KIND_ROW, row_train, row_value[:, s])
        _count_billed(d, d_gain, length, key, KIND_COLUMN, col_train, col_value[s])
        for b in range(blocks.shape[0]):
            counts[ROW_PULSES, b] += np.int64(row_train[blocks[b, 0] : blocks[b, 0] + blocks[b, 2]].sum())
            counts[COL_PULSES, b] += np.int64(col_train[blocks[b, 1] : blocks[b, 1] + blocks[b, 3]].sum())
    row_train[:] = _ZERO
    col_train[:] = _ZERO
    _keep_trains(lines, 0, s, x, d, row_train, col_train)
    for i in range(rows):
        active[i, s] = row_value[i, s] > _NONE
    return length


@njit(cache=True)
def count_meeting(words: Any, mine: Any, turn: Any, hit: Any) -> Any:
    """Count the slots in which a row's and every column's train meet; as `count_row` for one word of one phase."""
    found = np.uint32(0)
    for j in range(hit.shape[0]):
        times = popcount32(np.uint32(words[j] & mine))
        hit[j] = times | ((words[j] ^ turn) & DOWN)
        found |= times
    return found


@njit(cache=True)
def _count_meeting_by_sign(up_words: Any, down_words: Any, mine_up: Any, mine_down: Any, turn: Any, hit: Any) -> Any:
    found = np.uint32(0)
    for j in range(hit.shape[0]):
        way = (down_words[j] ^ turn) & DOWN
        meet = (down_words[j] & mine_down) if way != _UP else (up_words[j] & mine_up)
        times = popcount32(np.uint32(meet))
        hit[j] = times | way
        found |= times
    return found


@njit(cache=True)
def _add_meeting(up_words: Any, down_words: Any, mine_up: Any, mine_down: Any, hit: Any) -> Any:
    found = np.uint32(0)
    for j in range(hit.shape[0]):
        meet = (down_words[j] & mine_down) if hit[j] >= DOWN else (up_words[j] & mine_up)
        times = popcount32(np.uint32(meet))
        hit[j] = np.uint32(hit[j] + times)
        found |= times
    return found


@njit(cache=True)
def _count_products(
    signs: Any, values: Any, mine: Any, length: Any, turn: Any, keys: Any, row_key: Any, draws: bool, hit: Any
) -> Any:
    """Count m·k/BL pulses, rounded half up, or up with the probability that keeps the mean."""
    found = np.uint32(0)
    for j in range(hit.shape[0]):
        more = pulse_uniform(np.uint32(keys[j] + row_key), _UNIFORM_ORDINAL) if draws else _HALF
        times = np.uint32(np.int32(mine * values[j] / length + more))
        hit[j] = times | ((signs[j] ^ turn) & DOWN)
        found |= times
    return found


@njit(cache=True, error_model="numpy")
def count_row(scheme: int, lines: Any, i: Any, s: Any, length: int, hit: Any) -> Any:
    """Count the pulses of the crosspoints of one row for one vector.

    Args:
        scheme: number of the scheme.
        lines: of `make_lines`, drawn.
        i: the row.
        s: the vector's place in the chunk.
        length: of its trains.
        hit: [cols] uint32 set to the counts, with DOWN added where pulses go down.

    Returns:
        0 if no crosspoint is pulsed.
    """
    row_word, col_word, row_value, col_value, row_key, col_key, _ = lines
    turn = row_word[0, 0, i, s] & DOWN
    if scheme == COMPRESSED:
        found = count_meeting(col_word[0, 0, s], row_word[0, 0, i, s] & TIMES, turn, hit)
    elif scheme == TWO_PHASE:
        mine_down, mine_up = row_word[0, 0, i, s] & TIMES, row_word[0, 1, i, s] & TIMES
        found = _count_meeting_by_sign(col_word[0, 1, s], col_word[0, 0, s], mine_up, mine_down, turn, hit)
    else:
        mine, draws = row_value[i, s], scheme == MEAN_COUNT
        size = np.float32(length)
        found = _count_products(
            col_word[0, 0, s], col_value[s], mine, size, turn, col_key[s], row_key[i, s], draws, hit
        )
    if length > LOW_SLOTS and scheme <= TWO_PHASE:
        last = col_word.shape[1] - 1
        found |= _add_meeting(
            col_word[1, last, s], col_word[1, 0, s], row_word[1, last, i, s], row_word[1, 0, i, s], hit
        )
    return found


@njit(cache=True)
def count_coincidences(hit: Any, i: int, blocks: Any, counts: Any) -> int:
    """Add the pulses of a row's crosspoints to the coincidences of the blocks they are in; return how many."""
    total: Any = 0
    for b in range(blocks.shape[0]):
        if blocks[b, 0] <= i < blocks[b, 0] + blocks[b, 2]:
            n: Any = 0
            for j in range(blocks[b, 1], blocks[b, 1] + blocks[b, 3]):
                n += np.int64(hit[j] & TIMES)
            counts[COINCIDENCES, b] += n
            total += n
    return total


@njit(cache=True)
def count_all(
    x: Any, d: Any, rate: float, settings: Any, identity: Any, site: Any, blocks: Any, scheme: int, pulses: Any
) -> None:
    """Count the whole pulses that n vector pairs bring to every crosspoint, without applying them.

    Args:
        x: [n, rows] float32 inputs.
        d: [n, cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see `trains.DW_MIN` and the following.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        scheme: number of the scheme.
        pulses: [rows, cols] uint32, added to.
    """
    rows, cols = x.shape[1], d.shape[1]
    lines = make_lines(scheme, int(settings[TRAIN_LENGTH]), 1, rows, cols)
    work = np.empty((7, max(rows, cols) + 1), np.uint64)
    counts, totals = np.zeros((3, blocks.shape[0]), np.int64), np.zeros(3, np.int64)
    hit = np.empty(cols, np.uint32)
    call_key = step_key(identity, site)
    for v in range(x.shape[0]):
        key = vector_key(call_key, site, v)
        length = draw_lines(scheme, lines, 0, x[v], d[v], rate, settings, key, blocks, work, counts, totals)
        for i in range(np.uint64(rows if length > 0 else 0)):
            if lines[6][i, 0] and count_row(scheme, lines, i, np.uint64(0), length, hit) != np.uint32(0):
                for j in range(np.uint64(cols)):
                    pulses[i, j] += hit[j] & TIMES
