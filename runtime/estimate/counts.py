"""Counts of one execution by a profile: flat ones for the clock, and a tally for the bill.

A mean that is not whole is spread over the vectors of an operation as evenly as whole numbers can be: the i-th of them
gets ⌊(i + 1)·m⌋ − ⌊i·m⌋. A `when` is taken in every k-th of its turns, k its modulus, as a counter of turns would
have it.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.beats import is_pipelined
from ohmflow.compiler.program.entry import CountLayout, Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Op, Trip
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.ledger.tally import (
    COINCIDENCES,
    COL_PULSES,
    COLUMNS,
    CONVERSIONS,
    DOSE,
    DRIVEN,
    ROW_PULSES,
    VERIFY_READS,
)

_MOST_DISTINCT = 64
"""Executions that are timed one by one when not all are alike."""


@dataclass(frozen=True)
class Step:
    """An operation of an entry inside its loops.

    Attributes:
        row: of the entry's operations.
        code: operation code.
        loops: enclosing loops, outermost first.
    """

    row: int
    code: Op
    loops: tuple[int, ...]


class Counter:
    """Counts of an entry's executions.

    Args:
        program: whose arrays.
        entry: what is executed.
        profile: how often what happens.
        batch: samples of an execution.

    Attributes:
        layout: where the counts of an execution stand.
        period: executions after which counts repeat.
        executions: of a pipelined entry, one for each sample; else 1.
    """

    def __init__(self, program: Program, entry: Entry, profile: Profile, batch: int) -> None:
        self._program, self._entry, self._profile = program, entry, profile
        self._steps = tuple(_steps(entry))
        trips = max(1, round(profile.value("trips", "")))
        data = [k for k, loop in enumerate(entry.loops) if loop["trip_kind"] == Trip.DATA and loop["code"] != Op.WHEN]
        self.executions = batch if is_pipelined(entry.loops) else 1
        batch //= self.executions
        scalars = {a.name: batch for a in entry.arguments if a.kind == "scalar" and a.dtype == "int64"}
        self.layout = CountLayout.of(entry, scalars, dict.fromkeys(data, trips))
        whens = [s for s in self._steps if s.code is Op.WHEN]
        turns = [(int(entry.operations["attr"][s.row]), self._times(s.loops)) for s in whens]
        self.period = min(_MOST_DISTINCT, math.lcm(*(m // math.gcd(m, n) for m, n in turns)))

    def _times(self, loops: tuple[int, ...]) -> int:
        return math.prod(self.layout.trips[k] for k in loops if self._entry.loops["code"][k] != Op.WHEN)

    def flat(self, number: int = 0) -> NDArray[np.int64]:
        """Counts for the clock, of a pipelined entry those of all its executions, one behind the other.

        Args:
            number: of the execution, from 0.
        """
        first = number * self.executions
        return np.concatenate([self._flat(first + k) for k in range(self.executions)])

    def _flat(self, number: int) -> NDArray[np.int64]:
        flat = np.zeros(self.layout.size, np.int64)
        for step in self._steps:
            operation = self._entry.operations[step.row]
            loop = int(operation["loop"])
            if loop >= 0 and step.code is not Op.WHEN and self._entry.loops["group"][loop] >= 0:
                self.layout.view(flat, int(self._entry.loops["group"][loop]))[...] = self.layout.trips[loop]
            if operation["group"] >= 0:
                view = self.layout.view(flat, int(operation["group"]))
                view[...] = self._counts(step, number, view.shape)
        return flat

    def _counts(self, step: Step, number: int, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Counts of one operation, in the shape of its group."""
        operation = self._entry.operations[step.row]
        array, phase = int(operation["symbol"]), PHASES[int(operation["phase"])]
        turns, width = math.prod(shape[:-1]), shape[-1]
        if step.code is Op.WHEN:
            return _taken(number, turns, int(operation["attr"])).reshape(shape)
        if step.code is Op.PROGRAM:
            rounds = self._rounds()
            return np.array([b.rows * rounds for b in self._program.arrays[array].blocks], np.int64)
        means = np.zeros(width)
        match step.code:
            case Op.MVM:
                means[:] = self._retries(array, phase)
            case Op.UPDATE:
                means[0] = self._train(array, phase)  # what stands behind it are refreshes
            case Op.READ | Op.TRANSFER:
                blocks = len(self._program.arrays[array].blocks)
                means[:blocks] = self._retries(array, phase) if operation["attr"] == 0 else 0.0
                if step.code is Op.TRANSFER:
                    means[blocks] = self._train(int(operation["symbol2"]), phase)
        return _even(means, turns).reshape(shape)

    def tally(self, number: int = 0) -> NDArray[np.float64]:
        """What the crossbars count in one execution, or in all of a pipelined entry: [operations, blocks, columns].

        Args:
            number: of the execution, from 0.
        """
        if self.period == 1:
            return self.executions * self._tally(number)
        first = number * self.executions
        total = self._tally(first)
        for k in range(1, self.executions):
            total += self._tally(first + k)
        return total

    def _tally(self, number: int) -> NDArray[np.float64]:
        blocks = 2 * max((len(a.blocks) for a in self._program.arrays), default=1)  # a transfer touches two arrays
        table = np.zeros((len(self._entry.operations), blocks, COLUMNS))
        for step in self._steps:
            operation = self._entry.operations[step.row]
            phase, n = PHASES[int(operation["phase"])], self._executions(step, number)
            first, forward = int(operation["symbol"]), operation["attr"] == 0
            match step.code:
                case Op.MVM:
                    self._read(table[step.row], first, phase, True, n)
                case Op.MVM_T:
                    self._read(table[step.row], first, phase, False, n)
                case Op.READ:
                    self._read_line(table[step.row], first, phase, forward, n)
                case Op.UPDATE:
                    self._update(table[step.row], first, phase, n)
                case Op.TRANSFER:
                    self._read_line(table[step.row], first, phase, forward, n)
                    offset = len(self._program.arrays[first].blocks)
                    self._transfer(table[step.row, offset:], int(operation["symbol2"]), phase, forward, n)
                case Op.PROGRAM:
                    self._programming(table[step.row], first)
        return table

    def _executions(self, step: Step, number: int) -> float:
        """How often an operation runs; inside a `when`, the mean over its turns."""
        n = float(self._times(step.loops))
        for loop in step.loops:
            if self._entry.loops["code"][loop] == Op.WHEN:
                when = next(s for s in self._steps if int(self._entry.operations["loop"][s.row]) == loop)
                every = int(self._entry.operations["attr"][when.row])
                n *= float(_taken(number, self._times(when.loops), every).mean())
        return n

    def _read(self, table: NDArray[np.float64], number: int, phase: str, forward: bool, n: float) -> None:
        if not self._profile.reads:
            return
        array, about = self._program.arrays[number], self._profile
        attempts = 1.0 + (self._retries(number, phase) if forward else 0.0)
        which = "" if forward else "error-"
        activity, level = (about.value(which + name, array.name, phase) for name in ("activity", "level"))
        drives, converts = attempts * about.passes, attempts * about.conversions
        for row, block in zip(table, array.blocks, strict=False):
            ins, outs = (block.rows, block.cols) if forward else (block.cols, block.rows)
            row[DRIVEN] += n * drives * ins * activity
            row[CONVERSIONS] += n * converts * outs
            row[DOSE] += n * drives * ins * activity * level * about.line_conductance(array, outs, phase)

    def _read_line(self, table: NDArray[np.float64], number: int, phase: str, forward: bool, n: float) -> None:
        """A read with one full input: only the blocks on its line are driven, but all are converted."""
        if not self._profile.reads:
            return
        array = self._program.arrays[number]
        attempts = 1.0 + (self._retries(number, phase) if forward else 0.0)
        for row, block in zip(table, array.blocks, strict=False):
            ins, outs = (block.rows, block.cols) if forward else (block.cols, block.rows)
            driven = n * attempts * self._profile.passes * ins / (array.rows if forward else array.cols)
            row[DRIVEN] += driven
            row[CONVERSIONS] += n * attempts * self._profile.conversions * outs
            row[DOSE] += driven * self._profile.line_conductance(array, outs, phase)

    def _update(self, table: NDArray[np.float64], number: int, phase: str, n: float) -> None:
        array = self._program.arrays[number]
        slots = n * self._train(number, phase)
        rows, cols, both = (
            self._profile.value(name, array.name, phase) for name in ("row-rate", "col-rate", "coincidence-rate")
        )
        self._pulses(table, number, slots, rows, cols, both)

    def _transfer(self, table: NDArray[np.float64], number: int, phase: str, rows_first: bool, n: float) -> None:
        """An update of one line: it alone fires on its side, whenever its probability says so."""
        array = self._program.arrays[number]
        slots = n * self._train(number, phase)
        rate = self._profile.value("col-rate" if rows_first else "row-rate", array.name, phase)
        own = 1.0 / (array.rows if rows_first else array.cols)
        rows, cols = (own, rate) if rows_first else (rate, own)
        self._pulses(table, number, slots, rows, cols, rows * cols)

    def _pulses(
        self, table: NDArray[np.float64], number: int, slots: float, rows: float, cols: float, both: float
    ) -> None:
        if not self._profile.pulsed:
            return
        for row, block in zip(table, self._program.arrays[number].blocks, strict=False):
            row[ROW_PULSES] += slots * block.rows * rows
            row[COL_PULSES] += slots * block.cols * cols
            row[COINCIDENCES] += slots * block.rows * block.cols * both

    def _programming(self, table: NDArray[np.float64], number: int) -> None:
        """Programming does the same whatever the numbers are, but for what cells conduct under the verifying read."""
        rounds, pulses = self._rounds(), self._profile.target.tile.program.pulses_per_round
        array = self._program.arrays[number]
        for row, block in zip(table, array.blocks, strict=False):
            n = block.rows * rounds
            row[ROW_PULSES] += n * pulses
            row[COL_PULSES] += n * pulses * block.cols
            row[COINCIDENCES] += n * pulses * block.cols
            row[VERIFY_READS] += n
            row[CONVERSIONS] += n * block.cols
            row[DOSE] += rounds * self._profile.programmed_conductance(array, block)

    def _rounds(self) -> int:
        program = self._profile.target.tile.program
        return 0 if program.mode == "ideal" else program.rounds

    def _retries(self, array: int, phase: str) -> float:
        return self._profile.value("retries", self._program.arrays[array].name, phase) if self._profile.reads else 0.0

    def _train(self, array: int, phase: str) -> float:
        return self._profile.value("train", self._program.arrays[array].name, phase) if self._profile.pulsed else 0.0


def _steps(entry: Entry) -> list[Step]:
    """All operations that count, with the loops around them."""
    steps: list[Step] = []
    open_loops: list[tuple[int, int]] = []  # (row after the body, loop)
    for row, operation in enumerate(entry.operations):
        open_loops = [(end, loop) for end, loop in open_loops if row < end]
        code = Op(int(operation["code"]))
        steps.append(Step(row, code, tuple(loop for _, loop in open_loops)))
        if code in (Op.MAP, Op.FOR, Op.WHEN):
            open_loops.append((int(operation["body_end"]), int(operation["loop"])))
    return steps


def _taken(number: int, turns: int, every: int) -> NDArray[np.int64]:
    """[turns] whether each turn of a `when` is taken, in the execution of that number."""
    taken: NDArray[np.int64] = ((number * turns + np.arange(turns) + 1) % every == 0).astype(np.int64)
    return taken


def _even(means: NDArray[np.float64], turns: int) -> NDArray[np.int64]:
    """[turns, width] whole numbers whose means are as near to `means` as they can be."""
    edges = np.floor(np.arange(turns + 1)[:, None] * means[None] + 1e-9).astype(np.int64)
    return np.diff(edges, axis=0)
