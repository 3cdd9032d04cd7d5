"""Tiki-Taka v2, c-TTv2 and AGAD as fused loops: what the loop's operations are, and running them in one call.

Arrays are plain where a pulse is all that happens to a device, and a read looks at nothing but the row: other arrays
(devices with write noise, wear, ageing or state of their own, half-selected pulses that move, converters that differ,
wires) are left to the interpreter, and so are layers with several positions or sites, and exact devices.
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
from ohmflow.runtime.rules.buffered_kernel import CHOPPED, DYNAMIC, PLAIN, run_vectors
from ohmflow.runtime.rules.plain_side import PlainSide, plain_side

if TYPE_CHECKING:
    from ohmflow.runtime.ledger.tally import Tally
    from ohmflow.runtime.machine.frame import Frame
    from ohmflow.runtime.machine.plan import Node
    from ohmflow.runtime.machine.values import ValueEngine

_KINDS = {"tiki-taka-v2": PLAIN, "c-ttv2": CHOPPED, "agad": DYNAMIC}
_MOMENTUM = 0.99
_NO_DRAWS = np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class BufferedLoop:
    """A loop of one of these rules, with one vector a sample.

    Attributes:
        loop: the loop.
        kind: PLAIN, CHOPPED or DYNAMIC.
        numbers: for the kernel.
        whole: for the kernel.
        fast: the update of A.
        when: the condition around a transfer.
        read: the read of A.
        write: the update of C.
        matrices: numbers of the states H, mean, reference, zero; H's where there is none.
        draws: value number of the draws' stash, or -1.
        _sides: what the kernel takes of A and C, found when the loop is first run.
    """

    loop: "Node"
    kind: int
    numbers: NDArray[np.float64]
    whole: NDArray[np.int64]
    fast: "Node"
    when: "Node"
    read: "Node"
    write: "Node"
    matrices: tuple[int, int, int, int]
    draws: int
    _sides: list[PlainSide | None] = field(default_factory=list)

    def run(self, engine: "ValueEngine", frame: "Frame", tally: "Tally", trip: int) -> None:
        """Run all iterations; see `FusedLoop`."""
        fast, main = engine.arrays[self.fast.symbol], engine.arrays[self.write.symbol]
        if not self._sides:  # a plan is one engine's, and its arrays stay what they are
            self._sides.append(plain_side(fast, scheme_of(self.fast.attr)))
            self._sides.append(plain_side(main, scheme_of(self.write.attr)))
        of_fast, of_main = self._sides
        if of_fast is None or of_main is None:
            engine.interpret(self.loop, frame, tally, trip)
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
        env, loop = frame.env, self.loop
        frame.trips[loop.loop] = trip
        count, largest, *signs = (env[value] for value in loop.ins[len(loop.ins) - loop.carried :])
        sign = np.array(signs[0]) if signs else np.ones(arrays[0].w.shape[0], np.float32)
        means = np.array(largest)
        blocks = [len(side.blocks) for side in sides]
        fast_counts, main_counts = (np.zeros((3, n), np.int64) for n in blocks)
        read_counts, totals = np.zeros((2, blocks[0]), np.int64), np.zeros((2, 3), np.int64)
        lengths, taken = np.zeros((trip, 2), np.int32), np.zeros(trip, np.int64)
        retries = np.zeros((trip, blocks[0]), np.int32)
        before = tally.table[self.read.row, : blocks[0], DOSE].copy()
        doses = before.copy()
        final = run_vectors(
            _matrix(env[self.loop.body[0].ins[0]], trip),
            _matrix(env[self.loop.body[1].ins[0]], trip),
            np.float32(env[self._pace.ins[4]]),
            self.numbers,
            self.whole,
            int(count),
            means,
            sign,
            _NO_DRAWS if self.draws < 0 else _matrix(env[self.draws], trip),
            tuple(engine.states[number] for number in self.matrices),
            (self.fast.site, frame.step),
            (self.fast.purpose, self.read.purpose, self.write.purpose),
            arrays[0].w,
            arrays[0].planes,
            arrays[1].w,
            arrays[1].planes,
            (arrays[0].alpha, arrays[1].alpha),
            (sides[0].update_settings, sides[1].update_settings),
            (sides[0].scheme, sides[1].scheme),
            (sides[0].identity, sides[1].identity),
            sides[0].blocks,
            sides[1].blocks,
            sides[0].read_settings,
            sides[0].scales,
            sides[0].conductance,
            sides[0].variances,
            sides[0].mismatches,
            lengths,
            taken,
            retries,
            fast_counts,
            main_counts,
            totals,
            read_counts,
            doses,
        )
        for array in arrays:
            array._reader.touch()
        _refuse_infinite(arrays, totals)
        values = [np.array(final, np.int64), means, *([sign] if signs else [])]
        for out, value in zip(loop.outs, values, strict=True):
            env[out] = value
        done = ReadCounts(retries, read_counts[0], read_counts[1], doses - before)
        tally.add_read(self.read.row, done)
        tally.table[self.read.row, : blocks[0], DOSE] = doses
        for node, array_counts, number, vectors in (
            (self.fast, fast_counts, 0, trip),
            (self.write, main_counts, 1, int(taken.sum())),
        ):
            told = _update_counts(lengths[:, number], array_counts, totals[number], vectors)
            tally.add_pulses(node.row, told)
            engine.updates[node.symbol].add(told)
        self._store(self.fast, frame, lengths[:, :1])
        self._store(self.when, frame, taken[:, None])
        self._store(self.read, frame, retries)
        self._store(self.write, frame, lengths[:, 1:])

    @property
    def _pace(self) -> "Node":
        return self.loop.body[2]

    def _store(self, node: "Node", frame: "Frame", counts: NDArray[Any]) -> None:
        """Put the counts of all vectors where the clock looks for them."""
        if node.group >= 0:
            extents = [frame.trips[number] for number in node.loops]
            frame.counts[node.group] = counts.reshape(*extents, -1).astype(np.int64)


def fuse_buffered(loop: "Node", mark: LoopMark, program: Program) -> BufferedLoop | None:
    """Recognise a loop of the family; see `FusedRule`."""
    kind = _KINDS[mark.rule]
    names = {number: record.name.rpartition(".")[2] for number, record in enumerate(program.segments)}
    told = [names[n.symbol] if n.code is Op.CALL else n.code.name for n in loop.body]
    chopped = ["sign"] if kind != PLAIN else []
    if loop.loops or told != ["UNSTASH", "UNSTASH", "pace", *chopped, "UPDATE", "WHEN"]:
        return None
    fast, when = loop.body[-2], loop.body[-1]
    inside = [names[n.symbol] if n.code is Op.CALL else n.code.name for n in when.body]
    held = [program.states[n.symbol].name.rpartition(".")[2] for n in when.body if n.code is Op.STATE_GET]
    known = ["H", *(["mean", "reference"] if kind == DYNAMIC else [])]
    shifted = held == [*known, "zero"]
    if held != known and not shifted:
        return None
    flips = {PLAIN: [], CHOPPED: ["UNSTASH", "flip"], DYNAMIC: ["flip"]}[kind]
    if inside != [
        "READ",
        *["STATE_GET"] * len(held),
        "collect",
        *["STATE_SET"] * len(known),
        "point",
        "UPDATE",
        *flips,
    ]:
        return None
    numbers = {name: n.symbol for name, n in zip(held, (n for n in when.body if n.code is Op.STATE_GET), strict=True)}
    states = tuple(numbers.get(name, numbers["H"]) for name in ("H", "mean", "reference", "zero"))
    write = next(n for n in when.body if n.code is Op.UPDATE)
    draws = next((n.ins[0] for n in when.body if n.code is Op.UNSTASH), -1)
    return BufferedLoop(
        loop,
        kind,
        _numbers(mark),
        _whole(mark, kind, shifted),
        fast,
        when,
        when.body[0],
        write,
        (states[0], states[1], states[2], states[3]),
        draws,
    )


def _numbers(mark: LoopMark) -> NDArray[np.float64]:
    p = {name: float(value) for name, value in mark.parameters.items()}
    share = p["share"] / (p["fast_lr"] if p["fast_lr"] > 0 else p["pulses_step"])
    tail = p.get("tail_share", 0.0)
    return np.array(
        [
            p["fast_lr"],
            p["pulses_step"],
            share,
            p["per_step"],
            p["step"],
            p["keep"],
            1 - p["keep"],
            p["transfer_pulses"],
            _MOMENTUM,
            1 - _MOMENTUM,
            1 - tail,
            tail,
        ]
    )


def _whole(mark: LoopMark, kind: int, shifted: bool) -> NDArray[np.int64]:
    p = mark.parameters
    period, vectors = int(p.get("period", 1)), int(p.get("vectors", 1))
    return np.array([kind, int(p["transfer_every"]), int(p["rows"]), bool(p["forget"]), period, vectors, shifted])


def _matrix(values: Any, trip: int) -> NDArray[np.float32]:
    """[trip, n] float32 of a stash over samples."""
    made = np.asarray(values if isinstance(values, np.ndarray) else np.stack(values))[:trip]
    return np.require(made, np.float32, ["C", "W"])


def _update_counts(
    lengths: NDArray[np.int32], counts: NDArray[np.int64], totals: NDArray[np.int64], vectors: int
) -> UpdateCounts:
    none = np.zeros_like(counts[COINCIDENCES])
    clipped, lost = int(totals[CLIPPED]), int(totals[LOST])
    return UpdateCounts(
        lengths, counts[ROW_PULSES], counts[COL_PULSES], counts[COINCIDENCES], none, clipped, lost, vectors
    )


def _refuse_infinite(arrays: tuple[CrossbarArray, CrossbarArray], totals: NDArray[np.int64]) -> None:
    for array, counted in zip(arrays, totals, strict=True):
        if counted[NOT_FINITE]:
            raise NotFiniteError(
                f"{array.name}: x and d of an update must be finite, not so in {counted[NOT_FINITE]} vectors; "
                "training has diverged: lower the learning rate"
            )
