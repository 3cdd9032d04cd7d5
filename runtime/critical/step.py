"""One execution of an entry, timed with everything recorded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Schedule, Timeline
from ohmflow.runtime.critical.errors import CriticalError, NoClockError, TooLongError
from ohmflow.runtime.estimate.api import check_program
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.estimate.part import check_memory
from ohmflow.runtime.ledger.instruction_names import instruction_names
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.clock_flits import network_of
from ohmflow.targets.schema.target import Target

ENTRIES = ("train_step", "infer", "program")
"""Entries in the order in which one is chosen."""


@dataclass(frozen=True)
class Step:
    """An execution.

    Attributes:
        program: whose entry.
        target: for which it was compiled.
        entry: that was executed.
        batch: samples; 0 for the entry `program`.
        schedule: with its counts.
        timeline: with issues and grants recorded.
        tally: [operations, blocks, columns] what the crossbars count in it.
    """

    program: Program
    target: Target
    entry: Entry
    batch: int
    schedule: Schedule
    timeline: Timeline
    tally: NDArray[np.float64]


MOST_RECORDS = 20_000_000
"""Instructions that ran and packets on links that are recorded at most: a hardware loop is one instruction in the
stream, and as many here as it has iterations. About a gigabyte."""


def time_step(
    program: Program,
    target: Target,
    profile: Profile,
    entry: str | None = None,
    batch: int = 10,
    most: int = MOST_RECORDS,
    structure: bool = False,
) -> Step:
    """Time one execution with the counts of a profile.

    Args:
        program: compiled for `target`.
        target: the chip.
        profile: counts, assumed or the means of a run.
        entry: its name; `train_step` if the program has it, else `infer`.
        batch: samples of the execution.
        most: instructions and packets that may be recorded.
        structure: go on where memories are too small for the batch.

    Raises:
        CriticalError: there is no such entry, or the batch is no batch.
        TooLongError: the step has more to record.
        NoClockError: the target has no time.
        EstimateError: the program was compiled for another target.
        ScratchpadError: the batch does not fit the memories of the chip, and `structure` is false.
    """
    check_program(program, target)
    name = next(e for e in ENTRIES if e in program.entries) if entry is None else entry
    if name not in program.entries:
        raise CriticalError(
            f"--entry {name}: must be one of the program's ({', '.join(sorted(program.entries))}); choose one of them"
        )
    if program.chip.clock_hz is None:
        raise NoClockError(
            f"target {target.name}: time must be modelled to look at a step, and is not; take a target with a clock"
        )
    if batch < 1:
        raise CriticalError(f"--batch: must be at least 1, not {batch}; give the samples of a step")
    size = 0 if name == "program" else batch
    if not structure:
        check_memory(program, name, size)
    chosen = program.entries[name]
    counter = Counter(program, chosen, profile, size)
    names = tuple(unit.name for unit in program.chip.units)
    schedule = resolve(chosen, counter.layout, program.chip.hop, names, program.chip.flit_cycles, counter.executions)
    schedule.counts[:] = counter.flat()
    clock = Clock(schedule, instruction_names(program, chosen), network_of(program.chip, target))
    needed = records_of(schedule, clock.run(schedule.counts))
    if needed > most:
        raise TooLongError(
            f"{name}: a step of which every instruction and packet is looked at must have at most {most:,} of them, "
            f"not {needed:,}; {'take fewer samples with --batch' if size > 1 else 'name another entry or model'}",
            needed,
        )
    timeline = clock.run(schedule.counts, record=True)
    return Step(program, target, chosen, size, schedule, timeline, counter.tally())


def longest_step(
    program: Program,
    target: Target,
    profile: Profile,
    entry: str | None,
    batch: int,
    most: int,
    structure: bool = False,
) -> Step:
    """Time one execution with as many samples as `most` allows; see `time_step`.

    Raises:
        TooLongError: one sample is too much.
    """
    while True:
        try:
            return time_step(program, target, profile, entry, batch, most, structure)
        except TooLongError as error:
            if batch <= 1:
                raise
            batch = max(1, min(batch - 1, batch * most // error.records))


def records_of(schedule: Schedule, timeline: Timeline) -> int:
    """Instructions that ran, and packets on links, of a timeline whether it recorded them or not."""
    executed, signal = timeline.executed, schedule.instructions["signal"]
    lengths = (schedule.channels["route_end"] - schedule.channels["route_begin"]).astype(np.int64)
    hops = lengths[signal[signal >= 0]]
    return int(executed.sum()) + int(executed[signal >= 0] @ hops)
