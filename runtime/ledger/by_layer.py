"""The ledger by layer: which array or digital segment caused each event, and what units did for each.

Every event of the ledger that an instruction or a block caused has one layer, so the rows of a ledger's row sum to it.
What belongs to none (leakage, the host's bytes) has `NO_LAYER`.
"""

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import ACTIVITIES, PHASES, Timeline
from ohmflow.runtime.ledger.layer_names import layer_names

LayerKey = tuple[str, str, str, str, str]
"""(unit, phase, component, event, layer)."""


class LayerBook:
    """Adds up events and cycles by layer, epoch by epoch.

    Args:
        program: whose instructions.

    Attributes:
        counts: per epoch, the count of each event by layer.
        cycles: per epoch, cycles of each (unit, phase, state, layer); states are those of `ACTIVITIES`.
    """

    def __init__(self, program: Program) -> None:
        self.counts: dict[int, dict[LayerKey, float]] = {}
        self.cycles: dict[int, dict[tuple[str, str, str, str], int]] = {}
        self._program = program
        self.layer_of = {name: layer_names(program, entry) for name, entry in program.entries.items()}
        self._activity = {
            name: np.zeros((len(entry.instructions), len(ACTIVITIES)), np.int64)
            for name, entry in program.entries.items()
        }

    def add(self, epoch: int, layer: str, key: tuple[str, str, str, str], count: float) -> None:
        """Book a ledger event for a layer."""
        counts = self.counts.setdefault(epoch, {})
        own = (*key, layer)
        counts[own] = counts.get(own, 0.0) + count

    def add_timeline(self, entry: str, timeline: Timeline) -> None:
        """Add one execution as the clock saw it."""
        self._activity[entry] += timeline.activity

    def close_epoch(self, epoch: int) -> None:
        """Book the cycles since the last call under `epoch`."""
        for name, activity in self._activity.items():
            if activity.any():
                self._close(self.cycles.setdefault(epoch, {}), name, activity)
            activity[:] = 0

    def _close(self, cycles: dict[tuple[str, str, str, str], int], name: str, activity: NDArray[np.int64]) -> None:
        table, layers, units = self._program.entries[name].instructions, self.layer_of[name], self._program.chip.units
        for i in np.flatnonzero(activity.any(axis=1)).tolist():
            unit, phase = units[int(table["unit"][i])].name, PHASES[int(table["phase"][i])]
            for state, n in zip(ACTIVITIES, activity[i].tolist(), strict=True):
                if n:
                    key = (unit, phase, state, layers[i])
                    cycles[key] = cycles.get(key, 0) + n
