"""A part of an estimate: some executions of a program's entries, timed, counted and priced.

The clock engine times the entries with a profile's counts, the ledger counts and prices what they do. Nothing else
enters, so a part of a run that did the same is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES, Timeline
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.estimate.layers import Layer, layers_of
from ohmflow.runtime.estimate.memory import Shortage, shortages
from ohmflow.runtime.estimate.memory import check_memory as check_memory
from ohmflow.runtime.ledger.bill import Bill, make_bill
from ohmflow.runtime.ledger.events import EventBook, TileShape
from ohmflow.runtime.ledger.instruction_names import instruction_names
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.clock_flits import network_of
from ohmflow.targets.costs import cost_table
from ohmflow.targets.schema.target import Target

EPOCH = 1
"""Everything of a part is booked in one epoch."""


@dataclass(frozen=True)
class Execution:
    """An entry executed a number of times with a batch.

    Attributes:
        entry: its name.
        batch: samples each time; 0 for an entry without samples.
        times: how often.
    """

    entry: str
    batch: int
    times: int = 1


@dataclass(frozen=True)
class Part:
    """What some executions take.

    Attributes:
        executions: which.
        samples: what a share of a sample is of: samples trained, or those inferred if none are.
        book: what was counted.
        bill: the ledger.
        layers: energy and busy time by array and digital segment; with leakage they sum to the bill.
        reused: cycles that the clock did not step through again, since what went before them repeats.
        shortages: memories that are too small, of an estimate by structure.
    """

    executions: tuple[Execution, ...]
    samples: int
    book: EventBook
    bill: Bill
    layers: tuple[Layer, ...]
    reused: int = 0
    shortages: tuple[Shortage, ...] = ()

    @property
    def cycles(self) -> int | None:
        """Cycles of all executions, or None on a target without time."""
        return self.bill.cycles

    @property
    def seconds(self) -> float | None:
        """Time of all executions, or None on a target without time."""
        clock = self.book.program.chip.clock_hz
        return None if clock is None or self.cycles is None else self.cycles / clock

    @property
    def joules(self) -> float | None:
        """Energy of all executions, or None where nothing has a price."""
        return self.bill.joules

    @property
    def watts(self) -> float | None:
        """Mean power, or None without time or energy."""
        return self.joules / self.seconds if self.joules is not None and self.seconds else None

    def phase_seconds(self) -> dict[str, float]:
        """Time by phase, idle included: the mean over the tiles that the program uses; it sums to `seconds`."""
        clock = self.book.program.chip.clock_hz
        tiles = [u.name for u in self.book.program.chip.units if u.kind == "tile"]
        if clock is None or not tiles:
            return {}
        cycles = {p: sum(self.bill.phase_cycles.get((tile, p), 0) for tile in tiles) for p in PHASES}
        return {phase: n / len(tiles) / clock for phase, n in cycles.items() if n}


@dataclass(frozen=True)
class Booked:
    """Executions, timed and counted.

    Attributes:
        book: everything, in `EPOCH`.
        executed: how often each instruction ran, by entry.
        reused: cycles that the clock did not step through again.
        shortages: memories that are too small.
    """

    book: EventBook
    executed: dict[str, NDArray[np.int64]]
    reused: int = 0
    shortages: tuple[Shortage, ...] = ()


class Estimator:
    """Makes parts.

    Args:
        program: compiled for `target`.
        target: the chip.
        profile: counts.
        structure: whether to go on where memories are too small, and to list those.
    """

    def __init__(self, program: Program, target: Target, profile: Profile, structure: bool = False) -> None:
        self.program, self.target, self.profile, self.structure = program, target, profile, structure
        self._names = tuple(u.name for u in program.chip.units)
        self._prices = cost_table(target)

    def book(self, executions: Sequence[Execution]) -> Booked:
        """Time and count executions.

        Raises:
            ScratchpadError: a batch does not fit the memories of the chip.
        """
        book = EventBook(self.program, TileShape.of(self.target))
        tallies: dict[str, NDArray[np.float64]] = {}
        executed: dict[str, NDArray[np.int64]] = {}
        short: dict[Shortage, None] = {}
        reused = 0
        for execution in executions:
            if not self.structure:
                check_memory(self.program, execution.entry, execution.batch)
            short |= dict.fromkeys(shortages(self.program, execution.entry, execution.batch))
            entry = self.program.entries[execution.entry]
            counter = Counter(self.program, entry, self.profile, execution.batch)
            clock = None
            if self.program.chip.clock_hz is not None:
                schedule = resolve(
                    entry,
                    counter.layout,
                    self.program.chip.hop,
                    self._names,
                    self.program.chip.flit_cycles,
                    counter.executions,
                )
                clock = Clock(
                    schedule, instruction_names(self.program, entry), network_of(self.program.chip, self.target)
                )
            for number in range(min(counter.period, execution.times)):
                times = len(range(number, execution.times, counter.period))
                tally = times * counter.tally(number)
                tallies[entry.name] = tallies[entry.name] + tally if entry.name in tallies else tally
                if clock is None:
                    continue
                timeline = clock.run(counter.flat(number))
                # Steps whose counts are equal take equal time: all but the first are reused whole.
                reused += timeline.reused + (times - 1) * timeline.cycles
                timeline = _repeated(timeline, times)
                book.add_timeline(entry.name, timeline)
                before = executed.get(entry.name, np.zeros(len(entry.instructions), np.int64))
                executed[entry.name] = before + timeline.executed
        book.close_epoch(EPOCH, tallies)
        return Booked(book, executed, reused, tuple(short))

    def part(self, executions: Sequence[Execution]) -> Part:
        """Estimate executions; see `book` for what it raises."""
        return self.priced(executions, self.book(executions))

    def priced(self, executions: Sequence[Execution], booked: Booked) -> Part:
        """Price what `book` made."""
        book = booked.book
        bill = make_bill(book, self._prices)
        trained = sum(e.batch * e.times for e in executions if e.entry == "train_step")
        samples = trained or sum(e.batch * e.times for e in executions)
        layers = layers_of(self.program, book.activity.arrays.get(EPOCH, {}), booked.executed, self._prices)
        return Part(tuple(executions), samples, book, bill, layers, booked.reused, booked.shortages)


def _repeated(timeline: Timeline, times: int) -> Timeline:
    """The sum of equal executions."""
    return replace(
        timeline,
        cycles=timeline.cycles * times,
        phase_cycles=timeline.phase_cycles * times,
        executed=timeline.executed * times,
        link_busy=timeline.link_busy * times,
        activity=timeline.activity * times,
        link_wait=timeline.link_wait * times,
        reused=timeline.reused * times,
    )
