"""The loops that rules write: over samples, and over positions inside, with x and d of one vector each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.compiler.program.windows import Window
from ohmflow.runtime.machine.stashes import stacked
from ohmflow.runtime.machine.windows import Positions, Windows, pieces

if TYPE_CHECKING:
    from ohmflow.runtime.machine.frame import Frame
    from ohmflow.runtime.machine.plan import Node


@dataclass(frozen=True)
class Piece:
    """Vectors of a step that follow each other.

    Attributes:
        x: [n, rows] float32.
        d: [n, cols] float32.
        sample: of the first.
        position: of the first of each sample.
        positions: vectors of each sample here.
    """

    x: NDArray[np.float32]
    d: NDArray[np.float32]
    sample: int
    position: int
    positions: int


@dataclass(frozen=True)
class VectorLoop:
    """A loop over the vectors of one site.

    Attributes:
        loop: over samples.
        inner: over positions, or None where a sample has one vector.
        x: value number of the stash of inputs, or of images.
        d: value number of the stash of errors.
        window: geometry of the windows, if x is images.
        steps: what is done with each pair of vectors.
    """

    loop: "Node"
    inner: "Node | None"
    x: int
    d: int
    window: Window | None
    steps: tuple["Node", ...]

    @property
    def positions(self) -> int:
        """Vectors of a sample."""
        if self.inner is None:
            return 1
        assert isinstance(self.inner.trip, int), "vectors_of looked"
        return self.inner.trip

    def pieces(self, frame: "Frame", trip: int, patch_bytes: int) -> Iterator[Piece]:
        """Cut the vectors of a step, in order, into pieces of about `patch_bytes`, and tell the frame of the trips.

        Args:
            frame: holds both stashes.
            trip: samples.
            patch_bytes: of a piece.
        """
        frame.trips[self.loop.loop] = trip
        x, d = (stacked(frame.env[number]) for number in (self.x, self.d))
        if self.inner is None:
            yield Piece(_flat(np.asarray(x)[:trip]), _flat(np.asarray(d)[:trip]), 0, 0, 1)
            return
        frame.trips[self.inner.loop] = self.positions
        held = Positions(x[:trip]) if self.window is None else Windows(x[:trip], self.window)
        for some, part in pieces(held, trip, patch_bytes):
            vectors, errors = held.vectors(some, part), d[some, part]
            yield Piece(_flat(vectors), _flat(errors), some.start, part.start, vectors.shape[1])


def vectors_of(loop: "Node") -> VectorLoop | None:
    """Recognise a loop over vectors, outside any other; None if it has another form."""
    codes = [node.code for node in loop.body]
    if loop.loops or loop.attr or len(codes) < 3 or codes[:2] != [Op.UNSTASH, Op.UNSTASH]:
        return None
    x, d = loop.body[:2]
    if Op.FOR not in codes:
        return VectorLoop(loop, None, x.ins[0], d.ins[0], None, loop.body[2:])
    if len(codes) != 5 or codes[2] not in (Op.SPLIT, Op.WINDOW) or codes[3:] != [Op.SPLIT, Op.FOR]:
        return None
    vectors, errors, inner = loop.body[2:]
    told = [node.code for node in inner.body[:2]]
    if told != [Op.UNSTASH, Op.UNSTASH] or not isinstance(inner.trip, int) or inner.attr:
        return None
    if [node.ins[0] for node in (vectors, errors, *inner.body[:2])] != [*x.outs, *d.outs, *vectors.outs, *errors.outs]:
        return None
    return VectorLoop(loop, inner, x.ins[0], d.ins[0], vectors.window, inner.body[2:])


def names_of(nodes: tuple["Node", ...], program: Program) -> list[str]:
    """What operations do: the part name of a segment that is called, else the operation's name."""
    return [program.segments[n.symbol].name.rpartition(".")[2] if n.code is Op.CALL else n.code.name for n in nodes]


def store_all(node: "Node", frame: "Frame", counts: NDArray[Any]) -> None:
    """Put counts of all vectors where the clock looks for them.

    Args:
        node: what was counted.
        frame: of the step; the trips of the node's loops are known.
        counts: [vectors, width].
    """
    if node.group >= 0:
        extents = [frame.trips[number] for number in node.loops]
        frame.counts[node.group] = counts.reshape(*extents, -1).astype(np.int64)


def _flat(vectors: NDArray[Any]) -> NDArray[np.float32]:
    """[n, elements] of vectors with one or two axes before them."""
    return np.require(vectors.reshape(-1, vectors.shape[-1]), np.float32, ["C", "W"])
