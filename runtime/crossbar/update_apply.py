"""How the devices of one row are pulsed for one vector, their counts being known: `apply_hits`.

Two ways, chosen by the type of the planes. A planes class that sets `is_dense` says that its `pulse` may be called for
devices that are not pulsed, too: it has no state, no branch and no loop. Then whole rows are worked on and what was not
pulsed keeps its weight, which compiles to vector instructions:

1. where the class has `pulses`, every device: one pulse, or all n at once where that has the same law;
2. the rest (else, all), in pieces of some columns: pulse after pulse, until no device of the piece has any left. Four
   pulses are worked on together, so that weights and parameters are loaded and stored once for them.

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
_THREE = np.uint32(3)
_FOUR = np.uint32(4)
# Columns that get further pulses together: with more, more would wait for the device with the most pulses; with fewer,
# loops would be too short for what it takes to start one.
_PIECE = np.uint64(128)


# Inlined by numba: handing planes over as arguments takes as long as pulsing a hundred devices.
@njit(inline="always")
def _pulse_all(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, left: Any) -> Any:
    """Pulse every device of a row that is pulsed; set `left` where more pulses follow, and return 0 if nowhere."""
    found = _NONE
    for j in range(np.uint64(hit.shape[0])):
        n = np.uint32(hit[j] & TIMES)
        up = hit[j] < DOWN
        times = np.float32(np.int32(n))
        xi = pulse_normal(np.uint32(col_key[j] + row_key), _NONE)
        before = w[i, j]
        done, at_once = pulses(planes, i, j, before, up, times, np.sqrt(times) * xi)
        once = pulse(planes, i, j, before, up, xi)
        moved = at_once if done else once
        w[i, j] = moved if n != _NONE else before
        many = _NONE if done | (n <= _ONE) else n
        left[j] = many
        found |= many
    return found


@njit(inline="always")
def _pulse_piece(w: Any, planes: Any, i: Any, hit: Any, keys: Any, row_key: Any, left: Any, at: Any, o: Any) -> None:
    """Apply pulse o to the devices of some columns that have as many."""
    for j in range(at[0], at[1]):
        before = w[i, j]
        moved = pulse(planes, i, j, before, hit[j] < DOWN, pulse_normal(np.uint32(keys[j] + row_key), o))
        w[i, j] = moved if o < left[j] else before


@njit(inline="always")
def _pulse_piece_four_times(
    w: Any, planes: Any, i: Any, hit: Any, keys: Any, row_key: Any, left: Any, at: Any, o: Any
) -> None:
    """Apply pulses o … o + 3 to the devices of some columns, each to those that have as many."""
    second, third, fourth = np.uint32(o + _ONE), np.uint32(o + _TWO), np.uint32(o + _THREE)
    for j in range(at[0], at[1]):
        place = np.uint32(keys[j] + row_key)
        n = left[j]
        up = hit[j] < DOWN
        before = w[i, j]
        moved = pulse(planes, i, j, before, up, pulse_normal(place, o))
        before = moved if o < n else before
        moved = pulse(planes, i, j, before, up, pulse_normal(place, second))
        before = moved if second < n else before
        moved = pulse(planes, i, j, before, up, pulse_normal(place, third))
        before = moved if third < n else before
        moved = pulse(planes, i, j, before, up, pulse_normal(place, fourth))
        w[i, j] = moved if fourth < n else before


@njit(inline="always")
def _pulse_in_turn(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, left: Any, begin: Any) -> None:
    """Apply the pulses from `begin` on of the devices of a row, those of each device in order.

    Args:
        w: [rows, cols] weights.
        planes: the devices' draws.
        i: the row.
        hit: [cols] directions.
        col_key: [cols] columns' parts of the keys.
        row_key: the row's.
        left: [cols] pulses of each device, of which those before `begin` are done.
        begin: ordinal, uint32.
    """
    cols: Any = np.uint64(hit.shape[0])
    for piece in range((cols + _PIECE - np.uint64(1)) // _PIECE):
        first: Any = np.uint64(np.uint64(piece) * _PIECE)
        at = first, min(np.uint64(first + _PIECE), cols)
        most = _NONE
        for j in range(at[0], at[1]):
            most = max(most, left[j])
        o = begin
        while o < most:
            if most > np.uint32(o + _TWO):
                _pulse_piece_four_times(w, planes, i, hit, col_key, row_key, left, at, o)
                o = np.uint32(o + _FOUR)
            else:
                _pulse_piece(w, planes, i, hit, col_key, row_key, left, at, o)
                o = np.uint32(o + _ONE)


def _apply_dense(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    for j in range(np.uint64(hit.shape[0])):
        rest[j] = hit[j] & TIMES
    _pulse_in_turn(w, planes, i, hit, col_key, row_key, rest, _NONE)


def _apply_dense_at_once(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    if _pulse_all(w, planes, i, hit, col_key, row_key, rest) != _NONE:
        _pulse_in_turn(w, planes, i, hit, col_key, row_key, rest, _ONE)


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
    return _apply_dense_at_once if hasattr(kind, "pulses") else _apply_dense
