"""The reference update kernel: every pulse in turn, with a normal number of its own.

`docs/semantics.md`, *A pulsed update*, is the definition.

It knows no short cut: for each vector, phase by phase and slot by slot, each device whose row and column fire is moved
by one pulse. Slots are walked row by row, which is the same order for every device. Under schemes that give counts and
no trains, a device's n pulses follow each other. The fused kernel is tested against this one, and this one against
closed forms.

The pulse in slot t, or the pulse o of a count, takes the normal number of kind 3, its row and column, and ordinal t or
o. A crosspoint is pulsed in one phase at most. Trains and counts are those of the fused kernel, draw by draw.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.draws import pulse_normal
from ohmflow.runtime.crossbar.trains import LOST, TRAIN_LENGTH, step_key, vector_key
from ohmflow.runtime.crossbar.update_kernel import mark
from ohmflow.runtime.crossbar.update_schemes import (
    DOWN,
    LOW_SLOTS,
    MEAN_COUNT,
    TIMES,
    TWO_PHASE,
    count_coincidences,
    count_row,
    draw_lines,
    make_lines,
)
from ohmflow.runtime.devices.protocol import pulse

# Few vectors at once: the lists of all their slots should fit the second-level cache.
_CHUNK = 8
_NONE = np.uint32(0)


@njit(cache=True)
def _fires(words: Any, slot: int) -> bool:
    """Whether a line fires in a slot, from its words of one phase."""
    if slot < LOW_SLOTS:
        return (words[0] >> np.uint32(slot)) & np.uint32(1) != _NONE
    return (words[1] >> np.uint32(slot - LOW_SLOTS)) & np.uint32(1) != _NONE


@njit(cache=True)
def _list_columns(col_word: Any, s: int, length: int, listed: Any, many: Any) -> None:
    """List the columns that fire in each phase and slot, with DOWN added where d > 0."""
    for phase in range(col_word.shape[1]):
        for slot in range(length):
            count = 0
            for j in range(col_word.shape[3]):
                listed[phase, slot, count] = np.uint32(j) | (col_word[0, 0, s, j] & DOWN)
                count += _fires(col_word[:, phase, s, j], slot)
            many[phase, slot] = count


@njit(cache=True)
def _choose(listed: Any, count: int, turn: Any, phases: int, phase: int, col_key: Any, key: Any, at: Any) -> Any:
    """Pick the listed columns that a row pulses in a phase: with two, the one of their direction."""
    chosen = 0
    for k in range(count):
        entry = listed[k] ^ turn
        at[chosen] = entry
        key[chosen] = col_key[entry & TIMES]
        chosen += phases == 1 or (entry >= DOWN) == (phase == 0)
    return chosen


@njit(cache=True)
def _draw(key: Any, row_key: Any, ordinal: Any, count: int, xi: Any) -> None:
    for k in range(count):
        xi[k] = pulse_normal(np.uint32(key[k] + row_key), ordinal)


# Not kept by itself: it is part of `update_in_turn`, and whether that may be kept depends on the device.
@njit
def _pulse_slot(w: Any, planes: Any, i: Any, at: Any, xi: Any, count: int) -> None:
    for k in range(count):
        j = np.uint64(at[k] & TIMES)
        w[i, j] = pulse(planes, i, j, w[i, j], at[k] < DOWN, xi[k])


@njit
def _pulse_counts(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any) -> None:
    for j in range(np.uint64(hit.shape[0])):
        for o in range(hit[j] & TIMES):
            xi = pulse_normal(np.uint32(col_key[j] + row_key), np.uint32(o))
            w[i, j] = pulse(planes, i, j, w[i, j], hit[j] < DOWN, xi)


@njit(cache=True)
def update_in_turn(
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
    """Apply the updates of n vector pairs, in order, in place; arguments as of `update_kernel.update_pulsed`."""
    n, rows = x.shape
    cols = d.shape[1]
    chunk = min(n, _CHUNK)
    longest = int(settings[TRAIN_LENGTH])
    lines = make_lines(scheme, longest, chunk, rows, cols)
    row_word, col_word, _, _, row_key, col_key, active = lines
    phases = row_word.shape[1]
    work = np.empty((7, max(rows, cols) + 1), np.uint64)
    keys = np.empty(chunk, np.uint64)
    hit = np.empty(cols, np.uint32)
    listed = np.empty((chunk, phases, longest, cols + 1), np.uint32)
    many = np.empty((chunk, phases, longest), np.int64)
    at, key, xi = np.empty(cols + 1, np.uint32), np.empty(cols + 1, np.uint32), np.empty(cols + 1, np.float32)
    reached = np.empty(chunk, np.int64)
    call_key = step_key(identity, site)

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        for s in range(taken):
            v = first + s
            keys[s] = vector_key(call_key, site, v)
            lengths[v] = draw_lines(scheme, lines, s, x[v], d[v], rate, settings, keys[s], blocks, work, counts, totals)
            reached[s] = 0
            if scheme <= TWO_PHASE:
                _list_columns(col_word, s, lengths[v], listed[s], many[s])
        for i in range(np.uint64(rows)):
            for s in range(np.uint64(taken)):
                length = lengths[first + s]
                if not active[i, s] or length == 0:
                    continue
                if scheme <= TWO_PHASE:
                    turn = row_word[0, 0, i, s] & DOWN
                    for phase in range(phases):
                        for slot in range(length):
                            if _fires(row_word[:, phase, i, s], slot):
                                count = _choose(
                                    listed[s, phase, slot],
                                    many[s, phase, slot],
                                    turn,
                                    phases,
                                    phase,
                                    col_key[s],
                                    key,
                                    at,
                                )
                                _draw(key, row_key[i, s], np.uint32(slot), count, xi)
                                _pulse_slot(w, planes, i, at, xi, count)
                    if marks is not None:
                        count_row(scheme, lines, i, s, length, hit)
                        mark(marks, i, hit, keys[s])
                else:
                    count_row(scheme, lines, i, s, length, hit)
                    _pulse_counts(w, planes, i, hit, col_key[s], row_key[i, s])
                    if scheme == MEAN_COUNT:
                        reached[s] += count_coincidences(hit, i, blocks, counts)
                    if marks is not None:
                        mark(marks, i, hit, keys[s])
        if scheme == MEAN_COUNT:
            for s in range(taken):
                totals[LOST] += lengths[first + s] > 0 and reached[s] == 0


_update_in_turn_unkept = njit(update_in_turn.py_func)


def reference_kernel_for(planes: Any) -> Any:
    """Choose the reference kernel for an array of devices; see `update_kernel.update_kernel_for`."""
    return update_in_turn if kernel_cache.covers(type(planes)) else _update_in_turn_unkept
