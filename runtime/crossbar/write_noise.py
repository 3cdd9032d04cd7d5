"""Write noise: what is read of a device strays from what pulses act on, anew with every pulse.

Only what the last pulse before a read left can be seen. So the update kernels mark the devices that they pulse, and
the noise is drawn once a call. It belongs to the vector, not to the call: the draw has the key of the last vector that
pulsed the device, kind 2, its row and column, and the ordinal that no pulse has.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import hash_at, normal

WRITE_NOISE_ORDINAL = 63
"""Pulses have the ordinals 0 … 62: a train has at most 63 slots."""


@njit(cache=True)
def show(hidden: Any, marks: Any, sigma: Any, w: Any) -> None:
    """Set what is read of the devices that were pulsed.

    Args:
        hidden: [rows, cols] float32 what pulses act on, device units.
        marks: [rows, cols] uint64 what the draws of a device's last vector are hashed from; 0 if it was not pulsed.
        sigma: standard deviation, float32, device units.
        w: [rows, cols] float32 set where a device was pulsed.
    """
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            if marks[i, j] != np.uint64(0):
                w[i, j] = hidden[i, j] + sigma * normal(hash_at(marks[i, j], WRITE_NOISE_ORDINAL))
