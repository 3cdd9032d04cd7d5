"""How the devices of one row are pulsed for one vector, their counts being known: `apply_hits`.

Two ways, chosen by the type of the planes. A planes class that sets `is_dense` says that its `pulse` may be called for
devices that are not pulsed, too: it has no state, no branch and no loop. Then whole rows are worked on and what was not
pulsed keeps its weight, which compiles to vector instructions:

1. every device: one pulse, or all n at once where `pulses` says that this has the same law;
2. the rest, in pieces of a few columns: one pulse after the other while many devices of the piece have pulses left,
   then device by device.

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
# Columns that get a further pulse together; more would wait for the device with the most.
_PIECE = np.uint64(32)
# A piece is pulsed as a whole for as many rounds as leave, on average, half of its devices out.
_ROUNDS_PER_MEAN = np.uint32(2)


# None of these is kept by itself: they are part of a kernel, and whether that may be kept depends on the device.
@njit
def _pulse_all(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> Any:
    """Pulse every device of a row that is pulsed, and write down how many pulses are left; return 0 if none is."""
    found = _NONE
    for j in range(np.uint64(hit.shape[0])):
        n = hit[j] & TIMES
        up = hit[j] < DOWN
        times = np.float32(np.int32(n))
        xi = pulse_normal(np.uint32(col_key[j] + row_key), _NONE)
        before = w[i, j]
        done, at_once = pulses(planes, i, j, before, up, times, np.sqrt(times) * xi)
        once = pulse(planes, i, j, before, up, xi)
        moved = at_once if done else once
        w[i, j] = moved if n != _NONE else before
        left = _NONE if (n == _NONE) | done else np.uint32(n - _ONE)
        rest[j] = left
        found |= left
    return found


@njit
def _pulse_rest(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    """Apply the pulses of a row that are left, those of each device in order."""
    cols: Any = np.uint64(hit.shape[0])
    for piece in range((cols + _PIECE - np.uint64(1)) // _PIECE):
        first: Any = np.uint64(piece) * _PIECE
        last = min(np.uint64(first + _PIECE), cols)
        most, total = _NONE, _NONE
        for j in range(first, last):
            most = max(most, rest[j])
            total = np.uint32(total + rest[j])
        together = min(most, np.uint32((total * _ROUNDS_PER_MEAN) // np.uint32(_PIECE)))
        for o in range(together):
            ordinal = np.uint32(o)
            for j in range(first, last):
                xi = pulse_normal(np.uint32(col_key[j] + row_key), np.uint32(ordinal + _ONE))
                before = w[i, j]
                moved = pulse(planes, i, j, before, hit[j] < DOWN, xi)
                w[i, j] = moved if ordinal < rest[j] else before
        if together < most:
            for j in range(first, last):
                if rest[j] > together:
                    moved = w[i, j]
                    for o in range(together, rest[j]):
                        xi = pulse_normal(np.uint32(col_key[j] + row_key), np.uint32(o + _ONE))
                        moved = pulse(planes, i, j, moved, hit[j] < DOWN, xi)
                    w[i, j] = moved


def _apply_dense(w: Any, planes: Any, i: Any, hit: Any, col_key: Any, row_key: Any, rest: Any) -> None:
    if _pulse_all(w, planes, i, hit, col_key, row_key, rest) != _NONE:
        _pulse_rest(w, planes, i, hit, col_key, row_key, rest)


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
    is_dense = getattr(getattr(planes, "instance_class", None), "is_dense", False)
    return _apply_dense if is_dense else _apply_singly
