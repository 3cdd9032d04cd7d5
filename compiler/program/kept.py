"""What units keep from one loop for a later one, and what of it is in DRAM: the plan of an entry for a batch.

A unit keeps *values* of every sample, such as activations that the way back needs, and *states* whatever the batch is,
such as the matrices of an update rule. Where all of a unit does not fit its memory, some of it is in DRAM instead.
Which ones is decided here, for each batch by the same arithmetic, so that the same program runs with any batch:

1. A state can not move from step to step, so its place must not depend on the batch: states go to DRAM, in their order,
   as long as those that stay do not fit together with the least that all values can take.
2. Values go to DRAM, in their order, until the rest fits. Buffers into which DRAM loads then take a part of the unit's
   memory, and of a value that is there what windows use again. What would gain nothing by that stays.
3. Those that need not have gone, since larger ones followed, come back, last ones first.

The order is by bytes moved for each byte that is freed, fewest first, then by how long a value waits for its first use,
longest first: what is used soonest and most often stays.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

KEPT = np.dtype(
    [
        ("unit", np.int32),  # whose memory
        ("room", np.int64),  # bytes of that memory
        ("operation", np.int32),  # that makes a value, or -1
        ("state", np.int32),  # number of a state, or -1
        ("fixed", np.int64),  # bytes whatever the batch
        ("per_sample", np.int64),  # bytes for each sample
        ("staging", np.int64),  # bytes that it still takes in the unit's memory when it is in DRAM
        ("buffers", np.int64),  # bytes of the unit's memory into which DRAM loads, when anything of the unit is there
        ("stored", np.int64),  # bytes written to DRAM for a sample when it is there
        ("loaded", np.int64),  # bytes read from DRAM for a sample when it is there
        ("order", np.int32),  # which ones go first
        ("channel", np.int32),  # unit of the channel of DRAM at which it begins, or -1 if it can not go
        ("capacity", np.int64),  # bytes of all channels together
    ]
)
"""One thing that a unit keeps."""


def spilled(kept: NDArray[np.void], batch: int) -> NDArray[np.bool_]:
    """Decide what is in DRAM.

    Args:
        kept: rows of KEPT.
        batch: samples of an execution.

    Returns:
        For each row whether it is in DRAM.
    """
    away = np.zeros(len(kept), np.bool_)
    for unit in np.unique(kept["unit"]):
        rows = np.flatnonzero(kept["unit"] == unit)
        _plan(kept, rows[np.argsort(kept["order"][rows], kind="stable")], batch, away)
    return away


def _plan(kept: NDArray[np.void], rows: NDArray[np.intp], batch: int, away: NDArray[np.bool_]) -> None:
    """Plan one unit, whose rows stand in their order."""
    room = int(kept["room"][rows[0]])
    buffers = int(kept["buffers"][rows[0]])
    values = [int(k) for k in rows if kept["state"][k] < 0]
    states = [int(k) for k in rows if kept["state"][k] >= 0]
    least = sum(_least(kept[k]) for k in values) + (buffers if (kept["channel"][rows] >= 0).any() else 0)
    for k in states:
        if least + _held(kept, states, 0, away) <= room:
            break
        away[k] = kept["channel"][k] >= 0 and kept["fixed"][k] > kept["staging"][k]
    need = _held(kept, states, 0, away) + _held(kept, values, batch, away)
    if need + (buffers if away[states].any() else 0) <= room:
        return
    need += buffers
    gone = []
    for k in values:
        if need <= room:
            break
        gain = _bytes(kept[k], batch) - int(kept["staging"][k])
        if kept["channel"][k] >= 0 and gain > 0:
            away[k] = True
            need -= gain
            gone.append((k, gain))
    for k, gain in reversed(gone):
        if need + gain <= room:
            away[k] = False
            need += gain


def _bytes(row: np.void, batch: int) -> int:
    return int(row["fixed"]) + int(row["per_sample"]) * batch


def _least(row: np.void) -> int:
    """The least that a value takes, be the batch what it may."""
    return int(row["staging"]) if row["channel"] >= 0 else _bytes(row, 1)


def _held(kept: NDArray[np.void], rows: list[int], batch: int, away: NDArray[np.bool_]) -> int:
    return sum(int(kept["staging"][k]) if away[k] else _bytes(kept[k], batch) for k in rows)


def needs(kept: NDArray[np.void], batch: int) -> Mapping[int, tuple[int, int]]:
    """What each unit's memory must hold.

    Args:
        kept: rows of KEPT.
        batch: samples of an execution.

    Returns:
        For each unit bytes that it holds, buffers of what is in DRAM included, and bytes of its memory.
    """
    away = spilled(kept, batch)
    found = {}
    for unit in np.unique(kept["unit"]):
        rows = np.flatnonzero(kept["unit"] == unit)
        buffers = int(kept["buffers"][rows[0]]) if away[rows].any() else 0
        found[int(unit)] = (buffers + _held(kept, [int(k) for k in rows], batch, away), int(kept["room"][rows[0]]))
    return found


def in_dram(kept: NDArray[np.void], batch: int) -> Mapping[int, tuple[int, int]]:
    """What DRAM holds; its channels are one memory, since accesses are interleaved among them.

    Args:
        kept: rows of KEPT.
        batch: samples of an execution.

    Returns:
        Bytes that it holds and its capacity, by the unit of one of its channels; nothing where it holds nothing.
    """
    away = spilled(kept, batch)
    if not away.any():
        return {}
    held = sum(_bytes(row, batch) for row in kept[away])
    return {int(kept["channel"][kept["channel"] >= 0].min()): (held, int(kept["capacity"][away][0]))}
