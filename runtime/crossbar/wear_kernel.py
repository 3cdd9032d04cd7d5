"""Counting the whole pulses of every device, apart from the update itself.

The trains are those of the update: they are drawn again, with the same keys. The trains of a line are laid end to end,
vector after vector, so that a device's pulses in up to 64 slots are the ones of two words' conjunction.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.bits import popcount
from ohmflow.runtime.crossbar.trains import draw_trains, step_key, vector_key

_CHUNK = 64
_WORD = 64
_ZERO = np.uint64(0)


@njit(cache=True)
def _lay(trains: Any, word: int, shift: int, laid: Any) -> None:
    """Add a vector's trains to those that are laid already.

    Args:
        trains: [lines] trains.
        word: in which the slots begin.
        shift: slots of that word that are taken.
        laid: [words + 1, lines] added to.
    """
    for i in range(trains.shape[0]):
        laid[word, i] |= trains[i] << np.uint64(shift)
    if shift > 0:
        for i in range(trains.shape[0]):
            laid[word + 1, i] |= trains[i] >> np.uint64(_WORD - shift)


@njit(cache=True)
def _count(row_bits: Any, col_bits: Any, pulses: Any) -> None:
    for word in range(row_bits.shape[0]):
        for i in range(row_bits.shape[1]):
            mine = row_bits[word, i]
            if mine == _ZERO:
                continue
            for j in range(col_bits.shape[1]):
                pulses[i, j] += np.uint32(popcount(mine & col_bits[word, j]))


@njit(cache=True)
def count_pulses(
    x: Any, d: Any, rate: float, settings: Any, identity: Any, site: Any, blocks: Any, pulses: Any
) -> None:
    """Add the whole pulses that n vector pairs bring to every device.

    Args:
        x: [n, rows] float32 inputs.
        d: [n, cols] float32 errors, ∂L/∂y.
        rate: lr/α.
        settings: float64, see `trains.DW_MIN` and the following.
        identity: uint64 seed, array.
        site: purpose, site, step, position, sample0, positions.
        blocks: [blocks, 4] int64 row0, col0, rows, cols.
        pulses: [rows, cols] uint32, added to.
    """
    n, rows = x.shape
    cols = d.shape[1]
    row_train, col_train = np.empty(rows, np.uint64), np.empty(cols, np.uint64)
    work = np.empty((5, max(rows, cols) + 1), np.uint64)
    counts, totals = np.zeros((3, blocks.shape[0]), np.int64), np.zeros(3, np.int64)
    row_bits, col_bits = np.zeros((_CHUNK + 1, rows), np.uint64), np.zeros((_CHUNK + 1, cols), np.uint64)
    call_key = step_key(identity, site)
    for first in range(0, n, _CHUNK):
        row_bits[:] = _ZERO
        col_bits[:] = _ZERO
        slots = 0
        for v in range(first, min(first + _CHUNK, n)):
            key = vector_key(call_key, site, v)
            length, pulsed = draw_trains(
                x[v], d[v], rate, settings, key, blocks, work, row_train, col_train, counts, totals
            )
            if pulsed > 0:
                _lay(row_train, slots // _WORD, slots % _WORD, row_bits)
                _lay(col_train, slots // _WORD, slots % _WORD, col_bits)
                slots += length
        words = (slots + _WORD - 1) // _WORD
        _count(row_bits[:words], col_bits[:words], pulses)
