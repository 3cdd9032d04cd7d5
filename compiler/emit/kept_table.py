"""What the units of an entry keep, as a table of the program."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.emit.dataflow import Unit
from ohmflow.compiler.emit.dram import DramPlan
from ohmflow.compiler.emit.kept_thing import KeptThing
from ohmflow.compiler.program.kept import KEPT


def kept_table(
    things: Sequence[KeptThing],
    units: Mapping[Unit, int],
    states: Mapping[str, int],
    rooms: Mapping[str, int],
    buffers: Mapping[Unit, int],
    dram: DramPlan | None,
) -> NDArray[np.void]:
    """Make the table.

    Args:
        things: in the order of the rows.
        units: number of each unit.
        states: number of each state.
        rooms: bytes of the memory of a kind of unit.
        buffers: bytes of each unit's memory into which DRAM loads.
        dram: channels, or None where there is no DRAM.

    Returns:
        [N] KEPT.
    """
    table = np.zeros(len(things), KEPT)
    places = sorted(range(len(things)), key=lambda k: (things[k].traffic, -things[k].waits, k))
    for order, k in enumerate(places):
        table["order"][k] = order
    for row, thing in zip(table, things, strict=True):
        row["unit"], row["room"] = units[thing.unit], rooms[thing.unit[0]]
        row["operation"], row["state"] = thing.operation, states.get(thing.state, -1)
        row["fixed"], row["per_sample"] = thing.fixed, thing.per_sample
        row["channel"], row["buffers"] = -1, buffers.get(thing.unit, 0)
        if dram is not None and thing.channel is not None and not thing.unread:
            row["channel"], row["capacity"] = units["dram", thing.channel], dram.capacity
            row["staging"], row["stored"], row["loaded"] = thing.staging, thing.stored, thing.loaded
    return table
