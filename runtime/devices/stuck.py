"""Devices that do not move: corrupt ones, stuck somewhere in their range, and dead ones, stuck at the lowest weight.

A device is corrupt with one probability and dead with another. Both its bounds become the weight at which it is stuck
and its steps 0, so that no law of a pulse has to ask. A corrupt device's weight is uniform between its own bounds; a
dead one conducts as little as a device can, so its weight is the nominal w_min. Where a model is a pair, each of its
two devices is corrupt or dead by itself, and a dead one stays at 0.

Source of the corrupt ones: the aihwkit device family (Rasch et al. 2021, arXiv 2104.02184).
"""
# mypy: allow-untyped-decorators, no-warn-return-any

import numpy as np
import numpy.typing as npt
from numba import njit

from ohmflow.runtime.crossbar.draws import KIND_CROSSPOINT, Purpose, key_of, line_offset, mix, uniform

Floats = npt.NDArray[np.float64]


@njit(cache=True)
def uniform_plane(key: np.uint64, rows: int, cols: int) -> Floats:
    """Draw one uniform number a crosspoint.

    Args:
        key: what the plane is for.
        rows: logical rows.
        cols: logical columns.

    Returns:
        [rows, cols] draws in [0, 1), with ordinal 0.
    """
    plane = np.empty((rows, cols), np.float64)
    for r in range(rows):
        for c in range(cols):
            plane[r, c] = uniform(mix(key + line_offset(KIND_CROSSPOINT, r, c)))
    return plane


def stuck_weights(
    corrupt: float, dead: float, lower: Floats, upper: Floats, w_min: float, keys: tuple[int, int, int, int]
) -> Floats:
    """Draw which devices are stuck, and where.

    Args:
        corrupt: probability of a device that is stuck somewhere in its range.
        dead: probability of one that conducts as little as a device can.
        lower: [rows, cols] each device's lower bound, device units.
        upper: [rows, cols] each device's upper bound, device units.
        w_min: nominal lower bound, device units.
        keys: seed, number of the array, plane of the draw that says which, plane of the draw that says where.

    Returns:
        [rows, cols] the weight at which a device is stuck, device units; not a number for one that moves.
    """
    seed, array_id, which, where = keys
    rows, cols = lower.shape
    chance = uniform_plane(np.uint64(key_of(seed, Purpose.DEVICE, array_id, which)), rows, cols)
    place = uniform_plane(np.uint64(key_of(seed, Purpose.DEVICE, array_id, where)), rows, cols)
    at: Floats = np.where(chance < corrupt, lower + (upper - lower) * place, np.nan)
    at[(chance >= corrupt) & (chance < corrupt + dead)] = w_min
    return at
