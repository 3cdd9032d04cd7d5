"""How the devices of one row are pulsed for one vector, their counts being known: `apply_hits`.

Two ways, chosen by the type of the planes. A planes class that sets `is_dense` says that its `pulse` may be called for
devices that are not pulsed, too: it has no state, no branch and no loop. Then whole rows are worked on and what was not
pulsed keeps its weight, which compiles to vector instructions:

1. where the class has `pulses`, every device that has the same law when it gets its n pulses at once; a class that sets
   `is_costly_at_once` is asked only where a device of some 128 columns has more than two;
2. the rest (else, all), in pieces of some columns: pulse after pulse, until no device of the piece has any left. Each
   pulse is one pass over the piece: devices do not wait for each other, while the pulses of one device do, so that
   several pulses in one pass take longer, although they would load and store less.

Else the devices that are pulsed are taken one by one, each pulse in turn.

Pulse o = 0 … n−1 of a crosspoint takes the normal number of kind 3, its row and column, and ordinal o; n at once take
that of ordinal 0.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import pulse_normal
from ohmflow.runtime.crossbar.update_schemes import DOWN, TIMES
from ohmflow.runtime.devices.protocol import pulse, pulses

_NONE = np.uint32(0)
_ONE = np.uint32(1)
_TWO = np.uint32(2)
# Columns that get pulses together: with more, more would wait for the device with the most pulses; with fewer, loops
# would be too short for what it takes to start one. Where most devices had all of theirs at once, few have any left.
_PIECE = np.uint64(128)
_FEW_LEFT = np.uint64(32)


# Inlined by numba: handing planes over as arguments takes as long as pulsing a hundred devices.
@njit(inline="always")
def _pulse_at_once(
    w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, left: Any, first: Any, end: Any
) -> Any:
    """Pulse the devices of some columns that can be at once; set `left` for the others, and return 0 for none."""
    found = _NONE
    for j in range(first, end):
        n = np.uint32(hit[j] & TIMES)
        times = np.float32(np.int32(n))
        xi = pulse_normal(np.uint32(col_key[j] + row_key), _NONE)
        before = w[i, j]
        done, moved = pulses(planes, i, j, before, hit[j] < DOWN, times, np.sqrt(times) * xi)
        w[i, j] = moved if done & (n != _NONE) else before
        n = _NONE if done else n
        left[j] = n
        found |= n
    return found


@njit(inline="always")
def _pulse_piece(
    w: Any, planes: Any, i: Any, hit: Any, keys: Any, row_key: Any, left: Any, first: Any, end: Any, most: Any
) -> None:
    """Pulse the devices of the columns from `first` to before `end`, whose most pulses are `most`."""
    for ordinal in range(most):
        o = np.uint32(ordinal)
        for j in range(first, end):
            before = w[i, j]
            moved = pulse(planes, i, j, before, hit[j] < DOWN, pulse_normal(np.uint32(keys[j] + row_key), o))
            w[i, j] = moved if o < left[j] else before


@njit(inline="always")
def _pulse_in_turn(
    w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, left: Any, begin: Any, end: Any, width: Any
) -> None:
    """Apply the pulses of the devices of some columns, those of each device in order.

    Args:
        w: [rows, cols] weights.
        planes: the devices' draws.
        i: the row.
        hit: [cols] directions.
        col_key: [cols] columns' parts of the keys.
        row_key: the row's.
        left: [cols] pulses of each device.
        begin: first column.
        end: behind the last column.
        width: columns that are worked on together.
    """
    for piece in range((end - begin + width - np.uint64(1)) // width):
        first: Any = np.uint64(begin + np.uint64(piece) * width)
        stop = min(np.uint64(first + width), end)
        most = _NONE
        for j in range(first, stop):
            most = max(most, left[j])
        _pulse_piece(w, planes, i, hit, col_key, row_key, left, first, stop, most)


def _apply_dense(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    cols: Any = np.uint64(hit.shape[0])
    for j in range(cols):
        rest[j] = hit[j] & TIMES
    _pulse_in_turn(w, planes, i, hit, col_key, row_key, rest, np.uint64(0), cols, _PIECE)


def _apply_dense_at_once(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    cols: Any = np.uint64(hit.shape[0])
    if _pulse_at_once(w, planes, i, hit, col_key, row_key, rest, np.uint64(0), cols) != _NONE:
        _pulse_in_turn(w, planes, i, hit, col_key, row_key, rest, np.uint64(0), cols, _FEW_LEFT)


def _apply_dense_many_at_once(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    cols: Any = np.uint64(hit.shape[0])
    for piece in range((cols + _PIECE - np.uint64(1)) // _PIECE):
        first: Any = np.uint64(np.uint64(piece) * _PIECE)
        end = min(np.uint64(first + _PIECE), cols)
        most = _NONE
        for j in range(first, end):
            rest[j] = hit[j] & TIMES
            most = max(most, rest[j])
        width = _PIECE
        if most > _TWO:
            most = _pulse_at_once(w, planes, i, hit, col_key, row_key, rest, first, end)
            width = _FEW_LEFT
        if most != _NONE:
            _pulse_in_turn(w, planes, i, hit, col_key, row_key, rest, first, end, width)


def _apply_singly(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    listed: Any = np.uint64(0)
    for j in range(np.uint64(hit.shape[0])):
        rest[listed] = np.uint32(j)
        listed += np.uint64((hit[j] & TIMES) != _NONE)
    for k in range(np.int64(listed)):
        at: Any = np.uint64(rest[k])
        n = hit[at] & TIMES
        up = hit[at] < DOWN
        place = np.uint32(col_key[at] + row_key)
        times = np.float32(np.int32(n))
        xi = pulse_normal(place, _NONE)
        done, moved = pulses(planes, i, at, w[i, at], up, times, np.sqrt(times) * xi)
        if not done:
            moved = pulse(planes, i, at, w[i, at], up, xi)
            for o in range(_ONE, n):
                moved = pulse(planes, i, at, moved, up, pulse_normal(place, np.uint32(o)))
        w[i, at] = moved


def apply_hits(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    """Pulse the devices of row i; inside kernels only.

    Args:
        w: [rows, cols] float32 what pulses act on; changed.
        planes: the devices' draws.
        i: the row, uint64.
        hit: [cols] counts and directions, of `update_schemes.count_row`.
        col_key: [cols] uint32 columns' parts of the keys.
        row_key: uint32, the row's.
        rest: [cols + 1] uint32 scratch.
    """
    raise TypeError("ohmflow.runtime.crossbar.update_apply.apply_hits must be called from a compiled kernel")


@overload(apply_hits)
def _resolve(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> Any:
    kind = getattr(planes, "instance_class", None)
    if not getattr(kind, "is_dense", False):
        return _apply_singly
    if not hasattr(kind, "pulses"):
        return _apply_dense
    return _apply_dense_many_at_once if getattr(kind, "is_costly_at_once", False) else _apply_dense_at_once
