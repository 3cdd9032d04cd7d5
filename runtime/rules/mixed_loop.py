"""Mixed precision as fused loops: the one that adds gradients up, and the one that pulses what has whole steps."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.machine.update_spec import scheme_of
from ohmflow.runtime.rules.fast_loop import refuse_infinite, update_counts
from ohmflow.runtime.rules.loop_shape import VectorLoop, names_of, store_all, vectors_of
from ohmflow.runtime.rules.mixed_kernel import accumulate, take_rows
from ohmflow.runtime.rules.plain_side import PlainSide, plain_side

if TYPE_CHECKING:
    from ohmflow.runtime.ledger.tally import Tally
    from ohmflow.runtime.machine.frame import Frame
    from ohmflow.runtime.machine.plan import Node
    from ohmflow.runtime.machine.values import ValueEngine
    from ohmflow.runtime.rules.fused import FusedLoop


@dataclass(frozen=True)
class GatherLoop:
    """χ ← χ − (lr/g)·xᵀd for every vector.

    Attributes:
        vectors: the loop's form.
        chi: number of the state.
        lr: value number of the learning rate.
        per_step: 1/g.
    """

    vectors: VectorLoop
    chi: int
    lr: int
    per_step: np.float32

    def run(self, engine: "ValueEngine", frame: "Frame", tally: "Tally", trip: int) -> None:
        """Run all iterations; see `FusedLoop`."""
        rate = np.float32(frame.env[self.lr]) * self.per_step
        for piece in self.vectors.pieces(frame, trip, engine.patch_bytes):
            accumulate(engine.states[self.chi], piece.x, piece.d, rate)


@dataclass(frozen=True)
class RowLoop:
    """Whole steps of every row of χ go to the array.

    Attributes:
        loop: over rows.
        chi: number of the state.
        update: of the array.
        most: steps that a row takes at a time.
        step: rate of one step.
        _side: what the kernel takes of the array, found when the loop is first run.
    """

    loop: "Node"
    chi: int
    update: "Node"
    most: np.float32
    step: np.float32
    _side: list[PlainSide | None] = field(default_factory=list)

    def run(self, engine: "ValueEngine", frame: "Frame", tally: "Tally", trip: int) -> None:
        """Run all iterations; see `FusedLoop`."""
        array, node = engine.arrays[self.update.symbol], self.update
        if not self._side:
            self._side.append(plain_side(array, scheme_of(node.attr)))
        side = self._side[0]
        if side is None:
            engine.interpret(self.loop, frame, tally, trip)
            return
        frame.trips[self.loop.loop] = trip
        first = int(frame.env[self.loop.ins[len(self.loop.ins) - self.loop.carried]])
        lengths, totals = np.zeros(trip, np.int32), np.zeros((1, 3), np.int64)
        counts = np.zeros((3, len(side.blocks)), np.int64)
        places = node.purpose, node.site, frame.step
        rate = float(self.step) / array.alpha
        take_rows(engine.states[self.chi], self.most, rate, first, places, side, lengths, counts, totals[0])
        array.moved()
        refuse_infinite((array,), totals)
        frame.env[self.loop.outs[0]] = np.array(first + trip, np.int64)
        done = update_counts(lengths, counts, totals[0], trip)
        tally.add_pulses(node.row, done)
        engine.updates[node.symbol].add(done)
        store_all(node, frame, lengths[:, None])


def fuse_mixed(loop: "Node", mark: LoopMark, program: Program) -> "FusedLoop | None":
    """Recognise a loop of mixed precision; see `FusedRule`."""
    p = {name: np.float32(value) for name, value in mark.parameters.items()}
    if names_of(loop.body, program) == ["STATE_GET", "take", "STATE_SET", "point", "UPDATE"]:
        return RowLoop(loop, loop.body[0].symbol, loop.body[-1], p["most"], p["step"])
    vectors = vectors_of(loop)
    if vectors is None or names_of(vectors.steps, program) != ["STATE_GET", "add", "STATE_SET"]:
        return None
    get, add, _ = vectors.steps
    return GatherLoop(vectors, get.symbol, add.ins[3], p["per_step"])
