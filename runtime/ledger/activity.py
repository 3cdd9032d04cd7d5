"""Activity: what units waited for, how links were used, and what each array did, epoch by epoch.

None of it has a price. Units and links come from the clock (`docs/microarchitecture.md`, "What a unit waits for"). An
array's events are those of the ledger that name it: what happened on its blocks, and the bytes, vector elements and
flits of instructions that read or update it. `docs/ledger.md` has the columns.
"""

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import ACTIVITIES, PHASES, Timeline
from ohmflow.compiler.program.tables import Mnemonic, Op

FINISHED = "finished"
"""Cycles of a unit whose stream is at its end; they belong to the phase idle."""

UnitKey = tuple[str, str, str]
"""(unit, phase, state); states are `ACTIVITIES` and `FINISHED`."""

ArrayKey = tuple[str, str, str, str]
"""(array, phase, component, event); the component `work` counts reads, updates, pulses and busy cycles."""

ON_ARRAYS = (Op.MVM, Op.MVM_T, Op.UPDATE, Op.READ, Op.TRANSFER, Op.PROGRAM)
"""Operations that run on crossbars."""

_READS = (Mnemonic.MVM, Mnemonic.MVM_T)


class ActivityBook:
    """Adds up activity, epoch by epoch.

    Args:
        program: whose units, links and arrays.

    Attributes:
        units: per epoch, cycles of each (unit, phase, state).
        links: per epoch, (flits, cycles that packets waited) of each link that was used.
        arrays: per epoch, the count of each (array, phase, component, event).
    """

    def __init__(self, program: Program) -> None:
        self.units: dict[int, dict[UnitKey, int]] = {}
        self.links: dict[int, dict[str, tuple[int, int]]] = {}
        self.arrays: dict[int, dict[ArrayKey, float]] = {}
        self._program = program
        entries = program.entries.items()
        self.array_of = {name: array_numbers(e) for name, e in entries}
        self._activity = {name: np.zeros((len(e.instructions), len(ACTIVITIES)), np.int64) for name, e in entries}
        self._executed = {name: np.zeros(len(e.instructions), np.int64) for name, e in entries}
        self._links: NDArray[np.int64] = np.zeros((len(program.chip.links), 2), np.int64)
        self._cycles = 0

    def add_timeline(self, entry: str, timeline: Timeline) -> None:
        """Add one execution as the clock saw it."""
        self._activity[entry] += timeline.activity
        self._executed[entry] += timeline.executed
        self._links[:, 0] += timeline.link_busy // self._program.chip.flit_cycles
        self._links[:, 1] += timeline.link_wait
        self._cycles += timeline.cycles

    def add_wait(self, cycles: int) -> None:
        """Add cycles in which every unit has finished."""
        self._cycles += cycles

    def add_array(self, epoch: int, array: str, key: tuple[str, str, str, str], count: float) -> None:
        """Book a ledger event, whose key begins with the unit, for the array that it names."""
        counts = self.arrays.setdefault(epoch, {})
        own = (array, *key[1:])
        counts[own] = counts.get(own, 0.0) + count

    def close_epoch(self, epoch: int) -> None:
        """Book everything since the last call under `epoch`."""
        if self._cycles:
            self._close_units(epoch)
            self._close_links(epoch)
            self._close_work(epoch)
        for entry in self._activity:
            self._activity[entry][:] = 0
            self._executed[entry][:] = 0
        self._links[:] = 0
        self._cycles = 0

    def _close_units(self, epoch: int) -> None:
        units = self.units.setdefault(epoch, {})
        for number, unit in enumerate(self._program.chip.units):
            finished = self._cycles
            for name, entry in self._program.entries.items():
                stream = slice(int(entry.stream[number]), int(entry.stream[number + 1]))
                rows, phases = self._activity[name][stream], entry.instructions["phase"][stream]
                for phase in np.unique(phases[rows.any(axis=1)]).tolist():
                    for state, n in zip(ACTIVITIES, rows[phases == phase].sum(axis=0).tolist(), strict=True):
                        if n:
                            key = (unit.name, PHASES[phase], state)
                            units[key] = units.get(key, 0) + n
                finished -= int(rows.sum())
            if finished:
                key = (unit.name, "idle", FINISHED)
                units[key] = units.get(key, 0) + finished

    def _close_links(self, epoch: int) -> None:
        links = self.links.setdefault(epoch, {})
        for number in np.flatnonzero(self._links.any(axis=1)):
            name = self._program.chip.links[int(number)]
            flits, wait = links.get(name, (0, 0))
            links[name] = (flits + int(self._links[number, 0]), wait + int(self._links[number, 1]))

    def _close_work(self, epoch: int) -> None:
        """Vectors read and updated (at the array's first block), pulses of their trains, busy cycles of all blocks."""
        for name, entry in self._program.entries.items():
            executed, busy = self._executed[name], self._activity[name][:, 0]
            for i in np.flatnonzero((entry.instructions["array"] >= 0) & (executed > 0)).tolist():
                row = entry.instructions[i]
                array = self._program.arrays[int(row["array"])].name
                key = ("", PHASES[int(row["phase"])], "work")
                self.add_array(epoch, array, (*key, "busy_cycle"), int(busy[i]))
                if row["block"] != 0:
                    continue
                what = Mnemonic(int(row["mnemonic"]))
                if what in _READS:
                    self.add_array(epoch, array, (*key, "read"), int(executed[i]))
                elif what is Mnemonic.UPDATE:
                    self.add_array(epoch, array, (*key, "update"), int(executed[i]))
                    if row["t1"] > 0:  # COUNTED: busy = set-up + t1 · pulses of the train
                        pulses = (int(busy[i]) - int(row["t0"]) * int(executed[i])) // int(row["t1"])
                        self.add_array(epoch, array, (*key, "pulse"), pulses)


def array_numbers(entry: Entry) -> NDArray[np.int64]:
    """For every instruction, the number of the array that it works for, or -1.

    Instructions on vector units that gather the results of a read belong to the array that was read.
    """
    numbers: NDArray[np.int64] = entry.instructions["array"].astype(np.int64)
    for i in np.flatnonzero((numbers < 0) & (entry.instructions["operation"] >= 0)).tolist():
        operation = entry.operations[int(entry.instructions["operation"][i])]
        if Op(int(operation["code"])) in ON_ARRAYS:
            numbers[i] = int(operation["symbol"])
    return numbers
