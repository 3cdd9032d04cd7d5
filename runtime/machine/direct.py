"""Operations that run once in an execution, made ready: their arrays are kept from one execution to the next.

A step of training on small arrays is dominated by what surrounds the kernels: making arrays, looking names up, handing
arguments over. An operation outside of serial loops and conditions runs once in each execution, so what it gives may
stand where it stood the last time: nothing reads it any more. So a segment (`Call`), a read (`Read`) and the update of
all samples (`UpdateAll`) each keep their arrays, by the shapes they were given. Anything unusual, and anything large,
whose arrays would only keep memory busy, is left to the value engine's methods, which these give the same as.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import numpy as np

from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.bound_read import BoundRead
from ohmflow.runtime.crossbar.bound_update import BoundUpdate
from ohmflow.runtime.digital.bound_segment import BoundSegment
from ohmflow.runtime.digital.sessions import Segment, joined
from ohmflow.runtime.ledger.tally import Tally, UpdateStatistics
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.plan import Captured, Node
from ohmflow.runtime.machine.ports import Ports
from ohmflow.runtime.machine.update_spec import scheme_of

Step = Callable[[Frame, Tally], None]
General = Callable[[Node, Frame, Tally], None]

SMALL = 1 << 19
"""Bytes that an operation may keep, of one shape."""

_SHAPES = 4
"""Shapes that it keeps arrays for: the batch, what is left of an epoch, and those of evaluation."""

_TYPES = frozenset("fiub")


def runs_once(node: Node) -> bool:
    """Say whether a node runs once in an execution: for all samples, or outside of all loops and conditions."""
    return len(node.loops) == (1 if node.vector else 0)


class Call:
    """Digital segments that follow each other and do not depend on each other.

    Args:
        nodes: of `call` operations that run once.
        ports: of their segments.
        segments: what to run.
        general: what the value engine does otherwise.
    """

    def __init__(
        self, nodes: Sequence[Node], ports: Sequence[Ports], segments: Sequence[Segment], general: General
    ) -> None:
        self._nodes, self._segments, self._general = nodes, segments, general
        self._ins = tuple(value for node in nodes for value in node.ins)
        self._outs = tuple(value for node in nodes for value in node.outs)
        self._rows_in = _numbered([dict(own.rows_in) for own in ports], [len(node.ins) for node in nodes])
        alone = [
            dict.fromkeys(own.rows_out if own.single and not node.vector else (), 0)
            for node, own in zip(nodes, ports, strict=True)
        ]
        self._alone = frozenset(_numbered(alone, [len(node.outs) for node in nodes]))
        self._kept: dict[int, tuple[BoundSegment, tuple[tuple[int, Any], ...]] | None] = {}

    def __call__(self, frame: Frame, tally: Tally) -> None:
        """Run it; results stand where they stood before."""
        env = frame.env
        given = [env[i] for i in self._ins]
        kept = self._kept.get(frame.samples)
        if kept is None:
            self._first(given, frame, tally)
        elif kept[0](given):
            for out, value in kept[1]:
                env[out] = value
        else:
            self._each(frame, tally)

    def _each(self, frame: Frame, tally: Tally) -> None:
        for node in self._nodes:
            self._general(node, frame, tally)

    def _first(self, given: list[Any], frame: Frame, tally: Tally) -> None:
        """Run it as ever; keep arrays if that is worth it."""
        self._each(frame, tally)
        samples = frame.samples
        if samples in self._kept or len(self._kept) >= _SHAPES:
            return
        if any(type(v) is not np.ndarray or v.dtype.kind not in _TYPES or not v.size for v in given):
            return
        if any(given[k].ndim == rank for k, rank in self._rows_in.items()):  # samples' axis is missing
            return
        segment = joined(self._segments)
        made = [np.asarray(value) for value in segment(given)]
        if any(value.dtype.kind not in _TYPES or not value.size for value in made):
            return
        if sum(value.nbytes for value in (*given, *made)) > SMALL:
            self._kept[samples] = None
            return
        bound = segment.bound(given, made)
        results = [value[0] if k in self._alone else value for k, value in enumerate(bound.results)]
        self._kept[samples] = bound, tuple(zip(self._outs, results, strict=True))


def _numbered(of_each: Sequence[dict[int, int]], sizes: Sequence[int]) -> dict[int, int]:
    """Number ports through, from the first of the first segment on."""
    found: dict[int, int] = {}
    first = 0
    for own, size in zip(of_each, sizes, strict=True):
        found |= {first + k: value for k, value in own.items()}
        first += size
    return found


class Unstash:
    """What a stash holds for all samples.

    Args:
        node: of an `unstash` in a vectorised map.
        general: what the value engine does otherwise.
    """

    def __init__(self, node: Node, general: General) -> None:
        self._node, self._general, self._is_vector = node, general, node.depth == 0
        self._stash, self._index, self._out = node.ins[0], node.ins[1], node.outs[0]

    def __call__(self, frame: Frame, tally: Tally) -> None:
        """Take an array as it stands."""
        env = frame.env
        stash = env[self._stash]
        if self._is_vector and type(stash) is np.ndarray and env[self._index] is None:
            env[self._out] = stash
        else:
            self._general(self._node, frame, tally)


class Read:
    """A read with all samples' vectors.

    Args:
        node: of an `mvm` or `mvm_t` in a vectorised map.
        array: what is read.
        general: what the value engine does otherwise.
    """

    def __init__(self, node: Node, array: CrossbarArray, general: General) -> None:
        self._node, self._array, self._general = node, array, general
        self._in, self._out, self._row, self._group = node.ins[0], node.outs[0], node.row, node.group
        self._transposed = node.code is Op.MVM_T
        self._lines = array.w.shape[1 if self._transposed else 0]
        self._kept: dict[int, BoundRead | None] = {}

    def __call__(self, frame: Frame, tally: Tally) -> None:
        """Read; the result stands where it stood before."""
        x = frame.env[self._in]
        n = frame.samples
        if type(x) is not np.ndarray or x.shape != (n, self._lines):
            self._general(self._node, frame, tally)
            return
        bound = self._kept.get(n)
        if bound is None:
            if n not in self._kept and len(self._kept) < _SHAPES:
                self._kept[n] = self._bound(n)
            bound = self._kept.get(n)
            if bound is None:
                self._general(self._node, frame, tally)
                return
        retries = bound(x, frame.step, tally.table[self._row])
        if self._group >= 0:
            frame.counts[self._group] = retries
        frame.env[self._out] = bound.y

    def _bound(self, n: int) -> BoundRead | None:
        if 4 * n * sum(self._array.w.shape) > SMALL or n == 0:
            return None
        return self._array.bound_read(self._transposed, n, self._node.purpose, self._node.site)


class UpdateAll:
    """The update of all samples.

    Args:
        node: of the loop that only updates.
        captured: what it does.
        width: counts of each vector's update, for the clock.
        array: what is updated.
        statistics: of the array.
        general: what the value engine does otherwise.
    """

    def __init__(
        self,
        node: Node,
        captured: Captured,
        width: int,
        array: CrossbarArray,
        statistics: UpdateStatistics,
        general: General,
    ) -> None:
        self._node, self._general, self._statistics = node, general, statistics
        update = captured.operation
        self._x, self._d, self._lr, self._trip = *captured.stashes, update.ins[2], node.trip
        self._group = update.group
        self._row = update.row
        self._bound: BoundUpdate | None = None
        if captured.positions is None and width <= 1 and isinstance(node.trip, str):
            self._bound = array.bound_update(update.purpose, update.site, scheme_of(update.attr))

    def __call__(self, frame: Frame, tally: Tally) -> None:
        """Apply all vectors' updates in order."""
        env, bound = frame.env, self._bound
        x, d, lr = env[self._x], env[self._d], float(env[self._lr])
        trip = int(frame.scalars[self._trip]) if isinstance(self._trip, str) else 0
        if (
            bound is None
            or type(x) is not np.ndarray
            or type(d) is not np.ndarray
            or not bound.fits(x, d)
            or len(x) != trip
            or not 0.0 <= lr < inf
            or trip == 0
        ):
            self._general(self._node, frame, tally)
            return
        lengths, clipped, lost = bound(x, d, lr, frame.step, tally.table[self._row])
        self._statistics.vectors += trip
        self._statistics.clipped += clipped
        self._statistics.lost += lost
        if self._group >= 0:
            frame.counts[self._group] = lengths
