"""The pulsed update where half-selected devices move (`docs/semantics.md`, *Half-selected devices*).

As `update_kernel.py`, but a device sees every slot in which its row or its column fires: a whole pulse where both do,
a share of one where one does. So nothing is packed, and a device's pulses are taken slot by slot.

Draws, with the vector's key (retry = 0): the pulse that a device sees in slot t uses kind 2, its row and column, and
ordinal t. Trains: see `trains.py`.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

from ohmflow.runtime import kernel_cache
from ohmflow.runtime.crossbar.bits import popcount
from ohmflow.runtime.crossbar.draws import GOLDEN, KIND_CROSSPOINT, hash_at, line_offset, normal
from ohmflow.runtime.crossbar.trains import HALF_SELECT, draw_trains, step_key, vector_key
from ohmflow.runtime.devices.protocol import half_pulse, pulse

_CHUNK = 64
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
_COLUMN_STRIDE = GOLDEN << np.uint64(6)


# Not kept by itself: it is part of `update_half_selected`, and whether that may be kept depends on the device.
@njit
def _pulse_row(
    w: Any, planes: Any, i: Any, mine: Any, row_up: Any, col_train: Any, d: Any, key: Any, share: Any, marks: Any
) -> None:
    """Pulse the devices of row i with the trains of one vector.

    Args:
        w: [rows, cols] float32 what pulses act on.
        planes: the devices' draws.
        i: the row.
        mine: its train.
        row_up: whether a pulse of the row alone moves a device up.
        col_train: [cols] trains.
        d: [cols] errors, of which a column's direction is taken.
        key: the vector's, with the row's offset.
        share: step of a half-selected pulse relative to a whole one.
        marks: [rows, cols] set to what the draws of devices that are pulsed are hashed from, or None.
    """
    start = key
    for j in range(np.uint64(col_train.shape[0])):
        other = col_train[j]
        slots = mine | other
        if slots != _ZERO:
            col_up = d[j] < np.float32(0.0)
            moved = w[i, j]
            while slots != _ZERO:
                slot = slots & (_ZERO - slots)
                slots ^= slot
                xi = normal(hash_at(start, popcount(slot - _ONE)))
                if mine & other & slot != _ZERO:
                    moved = pulse(planes, i, j, moved, row_up != col_up, xi)
                else:
                    up = row_up if mine & slot != _ZERO else col_up
                    moved = half_pulse(planes, i, j, moved, up, xi, share)
            w[i, j] = moved
            if marks is not None:
                marks[i, j] = start
        start += _COLUMN_STRIDE


@njit(cache=True)
def update_half_selected(
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
    scheme: int = 0,
) -> None:
    """Apply the updates of n vector pairs, in order, in place; arguments as of `update_kernel.update_pulsed`.

    The scheme is `stochastic-compressed`.
    """
    n, rows = x.shape
    cols = d.shape[1]
    chunk = min(n, _CHUNK)
    share = np.float32(settings[HALF_SELECT])
    fired = np.empty((rows, chunk), np.uint64)
    row_train = np.empty(rows, np.uint64)
    trains = np.empty((chunk, cols), np.uint64)
    work = np.empty((5, max(rows, cols) + 1), np.uint64)
    keys = np.empty(chunk, np.uint64)
    call_key = step_key(identity, site)

    for first in range(0, n, chunk):
        taken = min(chunk, n - first)
        for s in range(taken):
            v = first + s
            keys[s] = vector_key(call_key, site, v)
            lengths[v], _ = draw_trains(
                x[v], d[v], rate, settings, keys[s], blocks, work, row_train, trains[s], counts, totals
            )
            for i in range(rows):
                fired[i, s] = row_train[i]
        for i in range(rows):
            row_offset = line_offset(KIND_CROSSPOINT, i, 0)
            for s in range(taken):
                v = first + s
                if lengths[v] > 0:
                    up = x[v, i] < np.float32(0.0)
                    key = keys[s] + row_offset
                    _pulse_row(w, planes, np.uint64(i), fired[i, s], up, trains[s], d[v], key, share, marks)


_update_half_selected_unkept = njit(update_half_selected.py_func)


def half_select_kernel_for(planes: Any) -> Any:
    """Choose the kernel for an array of devices; see `update_kernel.update_kernel_for`."""
    return update_half_selected if kernel_cache.covers_planes(planes) else _update_half_selected_unkept
