"""Running a program and comparing the two clock models on what it did."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Schedule, Timeline
from ohmflow.runtime.machine.clock import simulate
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.schema.target import Target
from tests.machine.stepping_model import step_through


def same_timeline(schedule: Schedule) -> Timeline:
    """The timeline on which the event engine and the stepping model agree."""
    stepped, simulated = step_through(schedule), simulate(schedule, record=True)
    assert simulated.cycles == stepped.cycles
    for name in ("issues", "phase_cycles", "executed", "link_busy"):
        np.testing.assert_array_equal(getattr(simulated, name), getattr(stepped, name), err_msg=name)
    return stepped


class Bench:
    """A machine whose every execution is also timed by the stepping model."""

    def __init__(self, program: Program, target: Target, seed: int = 7) -> None:
        self.program = program
        self.machine = Machine(program, target, seed)
        self.step = 0
        for array, record in zip(self.machine.values.arrays, program.arrays, strict=True):
            array.program(program.weights[record.name])

    def run(
        self, entry: str, rows: Mapping[str, np.ndarray], scalars: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Timeline, dict[int, np.ndarray]]:
        """Run values, then both clocks: results, timeline, counts by group."""
        results, frame = self.machine.values.run(entry, rows, scalars, self.step)
        self.step += 1
        layout = frame.layout()
        schedule = resolve(
            self.program.entries[entry], layout, self.program.chip.hop, [u.name for u in self.program.chip.units]
        )
        flat = frame.flat_counts(layout)
        schedule.counts[:] = flat
        assert (flat >= 0).all()
        counts = {g: layout.view(flat, g) for g in range(len(layout.shapes))}
        return results, same_timeline(schedule), counts

    def weights(self, name: str) -> np.ndarray:
        """Logical weights of an array."""
        return self.machine.values.arrays[self.program.array_number(name)].weights()
