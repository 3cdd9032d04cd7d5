"""Rules with a fast array as fused loops: what the loop's operations are, and running them in one call.

Tiki-Taka v2, c-TTv2 and AGAD (a digital matrix between the arrays), and SHD, residual learning of two tiles and
Tiki-Taka, whose lines go over as they are.

Arrays must be plain (`plain_side.py`). Others are left to the interpreter, and so are layers with several sites, and
exact devices.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.counts import ReadCounts, UpdateCounts
from ohmflow.runtime.crossbar.errors import NotFiniteError
from ohmflow.runtime.crossbar.trains import CLIPPED, COINCIDENCES, COL_PULSES, LOST, NOT_FINITE, ROW_PULSES
from ohmflow.runtime.ledger.tally import DOSE
from ohmflow.runtime.machine.update_spec import scheme_of
from ohmflow.runtime.rules.fast_kernel import CHOPPED, DIRECT, DYNAMIC, PLAIN, Remembered, Told, run_vectors
from ohmflow.runtime.rules.loop_shape import VectorLoop, names_of, store_all, vectors_of
from ohmflow.runtime.rules.plain_side import PlainSide, plain_side

if TYPE_CHECKING:
    from ohmflow.runtime.ledger.tally import Tally
    from ohmflow.runtime.machine.frame import Frame
    from ohmflow.runtime.machine.plan import Node
    from ohmflow.runtime.machine.values import ValueEngine

_KINDS = {"tiki-taka-v2": PLAIN, "c-ttv2": CHOPPED, "agad": DYNAMIC}
_MOMENTUM = 0.99
_NO_DRAWS = np.zeros((1, 1), np.float32)
_NO_MATRIX = np.zeros((1, 1), np.float32)


@dataclass(frozen=True)
class FastLoop:
    """A loop of one of these rules.

    Attributes:
        vectors: the loop's form.
        numbers: for the kernel.
        whole: for the kernel.
        pace: the call that gives rates and whose turn it is; None where rates are fixed.
        fast: the update of A.
        when: the condition around a transfer.
        read: the read of A: a `read`, or a `transfer`, which writes C too.
        write: the update of C, or that transfer.
        main: number of the array C.
        matrices: numbers of the states H, mean, reference, zero; H's where there is none; empty without H.
        draws: value number of the draws' stash, or -1.
        _sides: what the kernel takes of A and C, found when the loop is first run.
    """

    vectors: VectorLoop
    numbers: NDArray[np.float64]
    whole: NDArray[np.int64]
    pace: "Node | None"
    fast: "Node"
    when: "Node"
    read: "Node"
    write: "Node"
    main: int
    matrices: tuple[int, ...] = ()
    draws: int = -1
    _sides: list[PlainSide | None] = field(default_factory=list)

    def run(self, engine: "ValueEngine", frame: "Frame", tally: "Tally", trip: int) -> None:
        """Run all iterations; see `FusedLoop`."""
        fast, main = engine.arrays[self.fast.symbol], engine.arrays[self.main]
        if not self._sides:  # a plan is one engine's, and its arrays stay what they are
            by_column = self.read.attr != 0
            written = None if self.write.code is Op.TRANSFER else scheme_of(self.write.attr)
            self._sides.append(plain_side(fast, scheme_of(self.fast.attr), by_column))
            self._sides.append(plain_side(main, written))
        of_fast, of_main = self._sides
        if of_fast is None or of_main is None:
            engine.interpret(self.vectors.loop, frame, tally, trip)
            return
        self._run_plain(engine, frame, tally, trip, (fast, main), (of_fast, of_main))

    def _run_plain(
        self,
        engine: "ValueEngine",
        frame: "Frame",
        tally: "Tally",
        trip: int,
        arrays: tuple[CrossbarArray, CrossbarArray],
        sides: tuple[PlainSide, PlainSide],
    ) -> None:
        env, loop = frame.env, self.vectors.loop
        count, *carried = (env[value] for value in loop.ins[len(loop.ins) - loop.carried :])
        held = self._remembered(engine, carried, sides[0].w.shape[0])
        n = trip * self.vectors.positions
        dose = tally.table[self.read.row, : len(sides[0].blocks), DOSE]
        told = _nothing_told(n, len(sides[0].blocks), len(sides[1].blocks), dose)
        draws = _NO_DRAWS if self.draws < 0 else _matrix(env[self.draws], trip)
        if self.pace is None:
            lr, given = np.float32(0), tuple(np.float32(env[node.ins[k]]) for node, k in self._rates())
        else:
            lr, given = np.float32(env[self.pace.ins[4]]), (np.float32(0), np.float32(0))
        purposes = self.fast.purpose, self.read.purpose, self.write.purpose
        total, first = int(np.asarray(count).item()), 0
        for piece in self.vectors.pieces(frame, trip, engine.patch_bytes):
            total = run_vectors(
                piece.x,
                piece.d,
                lr,
                given,
                self.numbers,
                self.whole,
                total,
                held,
                draws,
                (self.fast.site, frame.step, piece.sample, piece.position, piece.positions),
                purposes,
                *sides,
                told,
                first,
            )
            first += len(piece.x)
        for array in arrays:
            array.moved()
        refuse_infinite(arrays, told.totals)
        for out, value in zip(loop.outs, [np.full_like(count, total), held.largest, held.signs], strict=False):
            env[out] = value
        self._tell(engine, frame, tally, told, dose)

    def _rates(self) -> tuple[tuple["Node", int], tuple["Node", int]]:
        """Operations, and which of their operands are the rate of A and the gain of a transfer."""
        return (self.fast, 2), (self.write, 1)

    def _remembered(self, engine: "ValueEngine", carried: list[Any], rows: int) -> Remembered:
        largest = np.array(carried[0]) if carried else np.zeros(2, np.float32)
        signs = np.array(carried[1]) if len(carried) > 1 else np.ones(rows, np.float32)
        states = [engine.states[number] for number in self.matrices] or [_NO_MATRIX] * 4
        return Remembered(largest, signs, *states)

    def _tell(self, engine: "ValueEngine", frame: "Frame", tally: "Tally", told: Told, dose: NDArray[Any]) -> None:
        """Hand what was counted to the tally, the statistics and the clock."""
        blocks = len(told.doses)
        tally.add_read(
            self.read.row, ReadCounts(told.retries, told.read_counts[0], told.read_counts[1], np.zeros(blocks))
        )
        dose[:] = told.doses
        behind = blocks if self.write is self.read else 0  # a transfer's first blocks are those that it reads
        for node, symbol, counts, number, vectors, offset in (
            (self.fast, self.fast.symbol, told.fast_counts, 0, len(told.taken), 0),
            (self.write, self.main, told.main_counts, 1, int(told.taken.sum()), behind),
        ):
            done = update_counts(told.lengths[:, number], counts, told.totals[number], vectors)
            tally.add_pulses(node.row, done, offset)
            engine.updates[symbol].add(done)
        store_all(self.fast, frame, told.lengths[:, :1])
        store_all(self.when, frame, told.taken[:, None])
        if self.write is self.read:
            store_all(self.read, frame, np.concatenate([told.retries, told.lengths[:, 1:]], axis=1))
        else:
            store_all(self.read, frame, told.retries)
            store_all(self.write, frame, told.lengths[:, 1:])


def _nothing_told(n: int, fast: int, main: int, dose: NDArray[np.float64]) -> Told:
    return Told(
        np.zeros((n, 2), np.int32),
        np.zeros(n, np.int64),
        np.zeros((n, fast), np.int32),
        np.zeros((3, fast), np.int64),
        np.zeros((3, main), np.int64),
        np.zeros((2, 3), np.int64),
        np.zeros((2, fast), np.int64),
        dose.copy(),  # doses are added up one by one, as the interpreter does
    )


def fuse_buffered(loop: "Node", mark: LoopMark, program: Program) -> FastLoop | None:
    """Recognise a loop of Tiki-Taka v2, c-TTv2 or AGAD; see `FusedRule`."""
    kind, vectors = _KINDS[mark.rule], vectors_of(loop)
    if vectors is None:
        return None
    chopped = ["sign"] if kind != PLAIN else []
    if names_of(vectors.steps, program) != ["pace", *chopped, "UPDATE", "WHEN"]:
        return None
    fast, when = vectors.steps[-2:]
    gets = [n for n in when.body if n.code is Op.STATE_GET]
    held = [program.states[n.symbol].name.rpartition(".")[2] for n in gets]
    known = ["H", *(["mean", "reference"] if kind == DYNAMIC else [])]
    shifted = held == [*known, "zero"]
    if held != known and not shifted:
        return None
    flips = {PLAIN: [], CHOPPED: ["UNSTASH", "flip"], DYNAMIC: ["flip"]}[kind]
    sets = ["STATE_SET"] * len(known)
    if names_of(when.body, program) != [
        "READ",
        *["STATE_GET"] * len(held),
        "collect",
        *sets,
        "point",
        "UPDATE",
        *flips,
    ]:
        return None
    numbers = {name: n.symbol for name, n in zip(held, gets, strict=True)}
    write = next(n for n in when.body if n.code is Op.UPDATE)
    return FastLoop(
        vectors,
        _numbers(mark),
        _whole(mark, kind, shifted),
        vectors.steps[0],
        fast,
        when,
        when.body[0],
        write,
        write.symbol,
        tuple(numbers.get(name, numbers["H"]) for name in ("H", "mean", "reference", "zero")),
        next((n.ins[0] for n in when.body if n.code is Op.UNSTASH), -1),
    )


_DIRECT = {
    "shd": ["pace", "UPDATE", "WHEN"],
    "residual": ["UPDATE", "turns", "WHEN"],
    "tiki-taka": ["UPDATE", "count", "WHEN"],
}


def fuse_direct(loop: "Node", mark: LoopMark, program: Program) -> FastLoop | None:
    """Recognise a loop of SHD, residual learning or Tiki-Taka; see `FusedRule`."""
    vectors = vectors_of(loop)
    if vectors is None or names_of(vectors.steps, program) != _DIRECT[mark.rule]:
        return None
    when = vectors.steps[-1]
    if names_of(when.body, program) != ["TRANSFER"]:
        return None
    fast = next(n for n in vectors.steps if n.code is Op.UPDATE)
    transfer = when.body[0]
    pace = vectors.steps[0] if mark.rule == "shd" else None
    if transfer.symbol != fast.symbol:
        return None
    whole = _whole(mark, DIRECT, False, pace is not None, transfer.attr != 0)
    numbers = np.zeros(12) if pace is None else _numbers(mark)
    return FastLoop(vectors, numbers, whole, pace, fast, when, transfer, transfer, transfer.symbol2)


def _numbers(mark: LoopMark) -> NDArray[np.float64]:
    p = {name: float(value) for name, value in mark.parameters.items()}
    share = p["share"] / (p["fast_lr"] if p["fast_lr"] > 0 else p["pulses_step"])
    tail, keep = p.get("tail_share", 0.0), p.get("keep", 0.0)
    return np.array(
        [
            p["fast_lr"],
            p["pulses_step"],
            share,
            p.get("per_step", 0.0),
            p.get("step", 0.0),
            keep,
            1 - keep,
            p.get("transfer_pulses", 0.0),
            _MOMENTUM,
            1 - _MOMENTUM,
            1 - tail,
            tail,
        ]
    )


def _whole(mark: LoopMark, kind: int, shifted: bool, paced: bool = True, by_column: bool = False) -> NDArray[np.int64]:
    p = mark.parameters
    every, lines, forget = int(p["transfer_every"]), int(p["lines"]), bool(p.get("forget", False))
    period, vectors = int(p.get("period", 1)), int(p.get("vectors", 1))
    return np.array([kind, every, lines, forget, period, vectors, shifted, paced, by_column])


def _matrix(values: Any, trip: int) -> NDArray[np.float32]:
    """[trip, n] float32 of a stash over samples."""
    made = np.asarray(values if isinstance(values, np.ndarray) else np.stack(values))[:trip]
    return np.require(made, np.float32, ["C", "W"])


def update_counts(
    lengths: NDArray[np.int32], counts: NDArray[np.int64], totals: NDArray[np.int64], vectors: int
) -> UpdateCounts:
    """What updates did, of what a kernel counted.

    Args:
        lengths: [vectors] of trains.
        counts: [3, blocks], see `trains`.
        totals: [3], see `trains`.
        vectors: how many updates there were.
    """
    none = np.zeros_like(counts[COINCIDENCES])
    clipped, lost = int(totals[CLIPPED]), int(totals[LOST])
    return UpdateCounts(
        lengths, counts[ROW_PULSES], counts[COL_PULSES], counts[COINCIDENCES], none, clipped, lost, vectors
    )


def refuse_infinite(arrays: tuple[CrossbarArray, ...], totals: NDArray[np.int64]) -> None:
    """Refuse updates of which x or d was not finite.

    Args:
        arrays: that were updated.
        totals: [arrays, 3], see `trains`.

    Raises:
        NotFiniteError: there were some.
    """
    for array, counted in zip(arrays, totals, strict=True):
        if counted[NOT_FINITE]:
            raise NotFiniteError(
                f"{array.name}: x and d of an update must be finite, not so in {counted[NOT_FINITE]} vectors; "
                "training has diverged: lower the learning rate"
            )
