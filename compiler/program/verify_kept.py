"""Faults of an entry's table of what units keep."""

from collections.abc import Iterator

import numpy as np

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program

_MOST = 1 << 52
"""Bytes that anything may take: sums of them stay below 64 bits."""


def kept_faults(program: Program, entry: Entry) -> Iterator[str]:
    """What is wrong with what an entry says that its units keep, one sentence each."""
    table, units = entry.kept, program.chip.units
    if len(entry.kept_names) != len(table):
        yield f"kept things must have a name each, not {len(entry.kept_names)} names for {len(table)}"
        return
    if not len(table):
        return
    for name, low, high, what in (
        ("unit", 0, len(units), f"unit must be one of {len(units)}"),
        ("channel", -1, len(units), f"channel must be -1 or one of {len(units)} units"),
        ("operation", -1, len(entry.operations), f"operation must be one of {len(entry.operations)}"),
        ("state", -1, len(program.states), f"state must be one of {len(program.states)}"),
        *((name, 0, _MOST, f"{name} must be 0 to {_MOST} bytes") for name in _BYTES),
    ):
        wrong = (table[name] < low) | (table[name] >= high)
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            yield f"kept thing {k}: {what}, not {int(table[name][k])}"
            return
    for k, row in enumerate(table):
        channel = int(row["channel"])
        if channel >= 0 and units[channel].kind != "dram":
            yield f"kept thing {k}: must go to a channel of DRAM, not to {units[channel].name}"
            return
    for name in ("room", "buffers"):
        for unit in np.unique(table["unit"]):
            if len(np.unique(table[name][table["unit"] == unit])) > 1:
                yield f"kept things of {units[int(unit)].name} must agree on its {name}, and do not"
                return


_BYTES = ("room", "fixed", "per_sample", "staging", "buffers", "stored", "loaded", "capacity")
