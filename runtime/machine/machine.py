"""The machine: one program, two engines, one book of events.

`Machine.execute` runs an entry on values, times the same entry with the counts that the values gave, and lets the
devices age by the seconds that it took.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.beats import depth_of
from ohmflow.compiler.program.entry import CountLayout, resolve
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Timeline
from ohmflow.runtime.digital.sessions import load_segments
from ohmflow.runtime.ledger.events import EventBook, TileShape
from ohmflow.runtime.ledger.instruction_names import instruction_names
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.clock_flits import network_of
from ohmflow.runtime.machine.errors import ScratchpadError, StandInError, WaitError
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.make_arrays import make_arrays
from ohmflow.runtime.machine.masks import with_masks
from ohmflow.runtime.machine.memory_fit import shortages
from ohmflow.runtime.machine.memory_ways import dram_ways, ways_of_matrices
from ohmflow.runtime.machine.pipeline import counts_of
from ohmflow.runtime.machine.values import PATCH_BYTES, ValueEngine
from ohmflow.targets.schema.target import Target

_LONGEST_WAIT = 2.0**62
"""Cycles, which are counted in 64 bits."""


class Observer(Protocol):
    """Looks at single executions, such as a trace does."""

    def wants(self, entry: str, step: int) -> bool:
        """Whether to show it the next execution."""
        ...

    def saw(self, entry: str, step: int, timeline: Timeline, tally: NDArray[np.float64]) -> None:
        """Take an execution: its timeline with issues and grants, and what the crossbars counted in it."""
        ...


class Machine:
    """A program on a target, with its state.

    Args:
        program: what to run.
        target: what it was compiled for.
        seed: of all draws.
        patch_bytes: windows of images are taken in pieces of about this size.

    Attributes:
        seed: of all draws.
        values: the value engine; it holds arrays and states.
        book: events so far.
        has_time: whether the target has a clock.
        observer: is shown the executions that it wants, on a target with time.

    Raises:
        ProgramError: the program was compiled for another target.
        StandInError: operators of the program are timed by their shapes alone.
    """

    def __init__(self, program: Program, target: Target, seed: int, patch_bytes: int = PATCH_BYTES) -> None:
        if program.manifest["target_hash"] != target.content_hash:
            raise ProgramError(
                f"program: the target must be {program.manifest['target']} ({program.manifest['target_hash'][:12]}), "
                f"for which it was compiled, not {target.name} ({target.content_hash[:12]}); "
                "compile the model for this target"
            )
        _refuse_stand_ins(program)
        self.program = program
        self.target = target
        self.seed = seed
        self.values = ValueEngine(
            program,
            make_arrays(program, target, seed),
            load_segments(program.segments, program.segments_onnx),
            *_programming(target),
            patch_bytes,
        )
        shape = TileShape.of(target)
        self.book = EventBook(program, shape)
        self.has_time = program.chip.clock_hz is not None
        self.observer: Observer | None = None
        self._fitting: set[tuple[str, int]] = set()
        self._names = tuple(u.name for u in program.chip.units)
        self._clocks: dict[tuple[str, tuple[int, ...], tuple[tuple[int, int], ...]], tuple[Clock, CountLayout]] = {}

    @property
    def seconds(self) -> float | None:
        """Simulated seconds of all closed epochs, or None on a target without time."""
        clock = self.program.chip.clock_hz
        return None if clock is None else self.book.cycles / clock

    def execute(
        self, entry: str, rows: Mapping[str, NDArray[Any]], scalars: Mapping[str, Any], step: int
    ) -> dict[str, NDArray[Any]]:
        """Run one entry, values first, then its time.

        Args:
            entry: `program`, `infer` or `train_step`.
            rows: one row per sample, by argument; random arguments that are not given are drawn.
            scalars: by argument.
            step: number of this execution; a part of every draw's key.

        Returns:
            Results by name.

        Raises:
            ScratchpadError: what the step keeps between its loops does not fit a unit's memory.
        """
        if entry in self.program.pipelined:
            return self._execute_overlapped(entry, rows, scalars, step)
        if self.has_time:
            self.check_memory(entry, int(scalars.get("batch", 0)))
        rows = with_masks(self.program.entries[entry], rows, int(scalars.get("batch", 0)), self.seed, step)
        watching = self.observer if self.observer is not None and self.observer.wants(entry, step) else None
        counted = self.values.tallies[entry].table.copy() if watching is not None else None
        results, frame = self.values.run(entry, rows, scalars, step)
        if self.has_time:
            key = (entry, self._trips(entry, scalars), tuple(sorted(frame.data_trips.items())))
            clock, layout = self._clock(key, frame, 1)
            timeline = clock.run(frame.flat_counts(layout), record=watching is not None)
            self._saw(entry, step, timeline, counted)
        else:
            self._pass_time(0.0)
        return results

    def _execute_overlapped(
        self, entry: str, rows: Mapping[str, NDArray[Any]], scalars: Mapping[str, Any], step: int
    ) -> dict[str, NDArray[Any]]:
        """Run executions of a pipelined entry, one for each sample of a batch; results one behind the other.

        Executions count as steps of their own for draws. Devices age when all of them are through.
        """
        table, number = self.program.entries[entry], int(scalars["batch"])
        if self.has_time:
            self.check_memory(entry, min(number, depth_of(table.operations)))
        single = [{name: values[k : k + 1] for name, values in rows.items()} for k in range(number)]
        drawn = [with_masks(table, row, 1, self.seed, step + k) for k, row in enumerate(single)]
        watching = self.observer is not None and self.observer.wants(entry, step)
        counted = self.values.tallies[entry].table.copy() if watching else None
        results, frames = self.values.run_pipelined(entry, drawn, {**scalars, "batch": 1}, step)
        if self.has_time:
            layout, counts, trips = counts_of(frames)
            clock, _ = self._clock((entry, (number,), trips), frames[0], number, layout)
            self._saw(entry, step, clock.run(counts, record=watching), counted)
        else:
            self._pass_time(0.0)
        return results

    def _clock(
        self,
        key: tuple[str, tuple[int, ...], tuple[tuple[int, int], ...]],
        frame: Frame,
        executions: int,
        layout: CountLayout | None = None,
    ) -> tuple[Clock, CountLayout]:
        """The clock of a schedule, made when it is first wanted, and where its counts stand."""
        known = self._clocks.get(key)
        if known is None:
            layout, chip = layout or frame.layout(), self.program.chip
            schedule = resolve(frame.entry, layout, chip.hop, self._names, chip.flit_cycles, executions)
            clock = Clock(schedule, instruction_names(self.program, frame.entry), network_of(chip, self.target))
            known = self._clocks[key] = (clock, layout)
        return known

    def _saw(self, entry: str, step: int, timeline: Timeline, counted: NDArray[np.float64] | None) -> None:
        """Book a timeline, show it to whoever watches, and let its time pass."""
        self.book.add_timeline(entry, timeline)
        if self.observer is not None and counted is not None:
            self.observer.saw(entry, step, timeline, self.values.tallies[entry].table - counted)
        self._pass_time(timeline.cycles / float(self.program.chip.clock_hz or 1.0))

    def wait(self, seconds: float) -> None:
        """Let simulated time pass in which nothing is done: devices age, and every unit is idle and leaks.

        Args:
            seconds: how much; it is booked in whole cycles.

        Raises:
            WaitError: it is negative or not finite, or the target has no time.
        """
        clock = self.program.chip.clock_hz
        if clock is None:
            raise WaitError(
                f"target {self.target.name}: time must be modelled to wait, and is not; take a target with a clock"
            )
        if not 0.0 <= seconds * clock < _LONGEST_WAIT:
            raise WaitError(
                f"wait: must be at least 0 s and below {_LONGEST_WAIT / clock:.3g} s on this target, not {seconds:g} "
                "s; choose another"
            )
        cycles = round(seconds * clock)
        self.book.add_wait(cycles)
        self._pass_time(cycles / clock)

    def _pass_time(self, seconds: float) -> None:
        """End a step: devices see the seconds that it took, 0 on a target without time."""
        for array in self.values.arrays:
            array.elapse(seconds)

    def _trips(self, entry: str, scalars: Mapping[str, Any]) -> tuple[int, ...]:
        """Values of the scalars that are trips of the entry's loops, on which the layout of counts depends."""
        arguments = self.program.entries[entry].arguments
        return tuple(int(scalars[a.name]) for a in arguments if a.kind == "scalar" and a.dtype == "int64")

    def close_epoch(self, epoch: int) -> None:
        """Book all that happened since the last call under `epoch`."""
        self.book.close_epoch(epoch, {name: tally.take() for name, tally in self.values.tallies.items()})

    def largest_batch(self, entry: str) -> int:
        """The largest batch with which an entry was executed or checked, 0 if it never was."""
        return max((batch for name, batch in self._fitting if name == entry), default=0)

    def check_memory(self, entry: str, batch: int) -> None:
        """Refuse a batch whose kept values fit neither the memory of their unit nor DRAM.

        Args:
            entry: what would run.
            batch: with how many samples; each size is looked at once.

        Raises:
            ScratchpadError: a unit's memory is too small.
        """
        if (entry, batch) in self._fitting:
            return
        self._fitting.add((entry, batch))
        for short in shortages(self.program, entry, batch):
            fixed, _, size = self.program.manifest["memory"][entry].get(short.unit, (0, 0, 0))
            ways = [f"use a batch of at most {short.most}"] if short.most > 0 else []
            if self.program.manifest["packing"] == "share" and len(self.program.arrays) > 1:
                ways.append("spread the arrays over the chip (--packing spread)")
            ways += dram_ways(self.program)
            word = 0 if self.target.chip is None else self.target.chip.vector_unit.word_bytes
            told, more = ways_of_matrices(self.program, fixed, size, word) if word and fixed else ("", ())
            ways += more
            raise ScratchpadError(
                f"{entry}: what {short.unit} keeps for a batch of {batch} must fit its memory of {short.size:,} bytes, "
                f"not {short.need:,}{told}; {', '.join([*ways, 'or take a target with more memory there'])}"
            )


def _programming(target: Target) -> tuple[int, int, float]:
    program = target.tile.program
    if program.mode == "ideal":
        return 0, 0, 0.0
    return program.rounds, program.pulses_per_round, float(program.error.si)


def _refuse_stand_ins(program: Program) -> None:
    """Refuse a program that computes other values than its model."""
    replaced = program.manifest.get("timed_by_structure")
    if replaced:
        kinds = ", ".join(sorted(set(replaced.values())))
        raise StandInError(
            f"program, node {next(iter(replaced))}: every operator must have values to be executed, not only the "
            f"shapes of {kinds}; estimate this program, or compile without structure"
        )
