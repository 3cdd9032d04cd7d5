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
_COLUMN_STRIDE = line_offset.py_func(0, 0, 1) - line_offset.py_func(0, 0, 0)
