"""What a program's units keep, where it is for a batch, and what moving it takes: for people and for JSON."""

from dataclasses import dataclass

import numpy as np

from ohmflow.compiler.program.kept import needs, spilled
from ohmflow.compiler.program.program import Program


@dataclass(frozen=True)
class Moved:
    """A value or a state that is in DRAM.

    Attributes:
        name: of it.
        channel: unit of the channel at which it begins; its accesses are interleaved among all.
        bytes: that it takes there.
        stored, loaded: bytes written and read in a step, in whole bursts.
    """

    name: str
    channel: str
    bytes: int
    stored: int
    loaded: int


@dataclass(frozen=True)
class UnitMemory:
    """The memory of a unit during an execution.

    Attributes:
        entry: what is executed.
        batch: with how many samples.
        unit: whose memory.
        size: bytes that it has.
        keeps: bytes that the unit keeps, wherever they are.
        held: bytes of them, and of buffers for what is in DRAM, that are in the memory.
        moved: what is in DRAM.
        largest: largest batch that the memory alone can hold, 0 if none; None if nothing is kept for samples.
        first: what goes to DRAM when the batch is larger, in order; empty where there is no DRAM.
    """

    entry: str
    batch: int
    unit: str
    size: int
    keeps: int
    held: int
    moved: tuple[Moved, ...]
    largest: int | None
    first: tuple[str, ...]


def residence(program: Program, entry: str, batch: int) -> tuple[UnitMemory, ...]:
    """Where what units keep is, for each unit that keeps anything, in the order of the units.

    Args:
        program: whose.
        entry: `program`, `infer` or `train_step`.
        batch: samples of an execution.
    """
    table, names = program.entries[entry].kept, program.entries[entry].kept_names
    away, units = spilled(table, batch), program.chip.units
    found = []
    for unit, (held, size) in sorted(needs(table, batch).items()):
        rows = np.flatnonzero(table["unit"] == unit)
        rows = rows[np.argsort(table["order"][rows], kind="stable")]
        fixed, per_sample = int(table["fixed"][rows].sum()), int(table["per_sample"][rows].sum())
        moved = tuple(
            Moved(
                names[k],
                units[int(table["channel"][k])].name,
                int(table["fixed"][k] + table["per_sample"][k] * batch),
                int(table["stored"][k]) * batch,
                int(table["loaded"][k]) * batch,
            )
            for k in rows
            if away[k]
        )
        largest = None if not per_sample else max(size - fixed, 0) // per_sample
        can_go = (table["channel"][rows] >= 0) & (table["state"][rows] < 0)
        first = tuple(names[k] for k in rows[can_go])
        found.append(
            UnitMemory(entry, batch, units[unit].name, size, fixed + per_sample * batch, held, moved, largest, first)
        )
    return tuple(found)
