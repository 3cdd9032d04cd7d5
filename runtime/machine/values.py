"""The value engine: runs an entry's operations on crossbar arrays and ONNX Runtime, and counts what happened.

Inside a vectorised map a value is an array whose first axis is the sample; elsewhere it is one vector. A stash is the
array over samples, or a list over the iterations of a serial loop. `docs/semantics.md` says what each operation means.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.counts import ReadCounts, UpdateCounts
from ohmflow.runtime.crossbar.spec import DrawSite
from ohmflow.runtime.digital.sessions import Segment
from ohmflow.runtime.ledger.tally import Tally, UpdateStatistics
from ohmflow.runtime.machine.direct import Step
from ohmflow.runtime.machine.frame import Frame
from ohmflow.runtime.machine.pipeline import Pipeline
from ohmflow.runtime.machine.places import draw_position, runs, samples, store, store_positions, where
from ohmflow.runtime.machine.plan import Captured, Node, build_plan
from ohmflow.runtime.machine.ports import Ports
from ohmflow.runtime.machine.position_ops import fold, split_vec, stack_stash, take
from ohmflow.runtime.machine.program_rounds import tally_rounds
from ohmflow.runtime.machine.stashes import PerSample, by_index, collect, element, stacked, with_samples
from ohmflow.runtime.machine.states import replace_state, state_value, written_by_line
from ohmflow.runtime.machine.steps import Parts, make_steps
from ohmflow.runtime.machine.update_counts import clocked
from ohmflow.runtime.machine.update_spec import scheme_of
from ohmflow.runtime.machine.whole_loops import read_positions, update_pieces
from ohmflow.runtime.machine.windows import Positions, Windows
from ohmflow.runtime.rules.fused import FusedLoop, fused_rules

PATCH_BYTES = 64 << 20
"""Windows of images are taken in pieces of about this size."""


class ValueEngine:
    """Runs a program's entries on numbers.

    Args:
        program: whose operations.
        arrays: one crossbar array per array of the program.
        segments: one per segment of the program.
        program_rounds: write-verify rounds per row when programming, 0 for ideal programming.
        program_pulses: pulses per device and round.
        program_error: standard deviation of what write-verify leaves, in device units.
        patch_bytes: windows of images are taken in pieces of about this size.

    Attributes:
        states: value of each state of the program.
        updates: statistics of each array.
        fused: whether loops of rules are given to fused kernels that know them; else they are interpreted.
        tallies: by entry name.
        clipped_weights: weights of each array that were clipped to their device's bounds when programmed.
    """

    def __init__(
        self,
        program: Program,
        arrays: Sequence[CrossbarArray],
        segments: Sequence[Segment],
        program_rounds: int = 0,
        program_pulses: int = 0,
        program_error: float = 0.0,
        patch_bytes: int = PATCH_BYTES,
    ) -> None:
        self.program = program
        self.patch_bytes = patch_bytes
        self.arrays = list(arrays)
        self.segments = list(segments)
        self._shapes = [Ports.of(record) for record in program.segments]
        self.states: list[NDArray[Any]] = [np.array(program.weights[s.name]) for s in program.states]
        self.updates = [UpdateStatistics() for _ in arrays]
        self.clipped_weights = [0 for _ in arrays]
        self._scalars: dict[str, dict[int, NDArray[np.float32]]] = {name: {} for name in program.entries}
        self._rounds, self._pulses, self._error = program_rounds, program_pulses, program_error
        self._lined = written_by_line(program)
        self.fused = True
        kernels = fused_rules() if any(entry.marks for entry in program.entries.values()) else {}

        def fuse(loop: Node, mark: LoopMark) -> FusedLoop | None:
            return kernels[mark.rule](loop, mark, program) if mark.rule in kernels else None

        self._plans = {name: build_plan(entry, fuse) for name, entry in program.entries.items()}
        self._methods: dict[Op, Callable[[Node, Frame, Tally], None]] = {
            Op.CALL: self._call,
            Op.UNSTASH: self._unstash,
            Op.MVM: self._read,
            Op.MVM_T: self._read,
            Op.UPDATE: self._update,
            Op.MAP: self._loop,
            Op.FOR: self._loop,
            Op.WHEN: self._when,
            Op.STATE_GET: self._state_get,
            Op.STATE_SET: self._state_set,
            Op.READ: self._read_one,
            Op.TRANSFER: self._transfer,
            Op.PROGRAM: self._program,
            Op.SPLIT: split_vec,
            Op.STACK: stack_stash,
            Op.WINDOW: take,
            Op.FOLD: fold,
        }
        parts = Parts(self._methods, self._map, self.arrays, self.updates, self.segments, self._shapes)
        self._pipelines = {
            name: Pipeline(program.entries[name], *self._plans[name], parts) for name in program.pipelined
        }
        self._steps = {n: make_steps(self._plans[n][0], entry, parts) for n, entry in program.entries.items()}
        blocks = 2 * max((len(a.blocks) for a in program.arrays), default=1)  # a transfer touches two arrays
        self.tallies = {name: Tally(len(e.operations), blocks) for name, e in program.entries.items()}

    def run(
        self, name: str, rows: Mapping[str, NDArray[Any]], scalars: Mapping[str, Any], step: int
    ) -> tuple[dict[str, NDArray[Any]], Frame]:
        """Run an entry once.

        Args:
            name: `program`, `infer` or `train_step`.
            rows: for each argument of kind `rows`, an array whose first axis is the sample.
            scalars: `lr`, `inv_batch`, `batch`, as the entry asks.
            step: training step, part of every draw's key.

        Returns:
            Results by name, and the frame with the counts for the clock.
        """
        entry = self.program.entries[name]
        returned = self._plans[name][1]
        frame = Frame.begin(entry, rows, scalars, step, self._scalars[name])
        tally = self.tallies[name]
        for step_of in self._steps[name]:
            step_of(frame, tally)
        # What steps keep is overwritten by the next execution.
        given = {a.name: frame.env[v] for a, v in zip(entry.results, returned, strict=True)}
        results = {name: v.copy() if isinstance(v, np.ndarray) else v for name, v in given.items()}
        return results, frame

    def run_pipelined(
        self, name: str, rows: Sequence[Mapping[str, NDArray[Any]]], scalars: Mapping[str, Any], step: int
    ) -> tuple[dict[str, NDArray[Any]], list[Frame]]:
        """Run executions of a pipelined entry, which overlap; see `Pipeline.run`."""
        return self._pipelines[name].run(rows, scalars, step, self.tallies[name])

    def _run(self, node: Node, frame: Frame, tally: Tally) -> None:
        self._methods[node.code](node, frame, tally)

    def _call(self, node: Node, frame: Frame, tally: Tally) -> None:
        env = frame.env
        shape = self._shapes[node.symbol]
        given = [stacked(env[i]) for i in node.ins]
        for k, rank in shape.rows_in:
            if np.ndim(given[k]) == rank:  # without a sample's axis: the same for all samples, or a single one
                given[k] = with_samples(given[k], rank, samples(node, frame))
        values = self.segments[node.symbol](given)
        single = shape.single and not node.vector
        for k, (out, value) in enumerate(zip(node.outs, values, strict=True)):
            env[out] = value[0] if single and k in shape.rows_out else value

    def _unstash(self, node: Node, frame: Frame, tally: Tally) -> None:
        frame.env[node.outs[0]] = element(frame.env[node.ins[0]], frame.env[node.ins[1]], node.depth)

    def _state_get(self, node: Node, frame: Frame, tally: Tally) -> None:
        frame.env[node.outs[0]] = state_value(self.states, node, frame, self._lined)

    def _state_set(self, node: Node, frame: Frame, tally: Tally) -> None:
        replace_state(self.states, node, frame, self._lined)

    def _read(self, node: Node, frame: Frame, tally: Tally) -> None:
        x: NDArray[Any] = frame.env[node.ins[0]]
        array = self.arrays[node.symbol]
        read = array.forward if node.code is Op.MVM else array.transposed
        batch = with_samples(x, 1, samples(node, frame)) if node.vector else x[None]
        first, position = draw_position(node, frame)
        if frame.active is None or not node.vector:
            y, counts = read(batch, DrawSite(node.purpose, node.site, frame.step, position, first))
            self._tally_read(node, frame, tally, counts, slice(0, len(batch)))
        else:
            y = np.zeros((len(batch), array.w.shape[1 if node.code is Op.MVM else 0]), np.float32)
            for begin, end in runs(frame.active):
                y[begin:end], counts = read(
                    batch[begin:end], DrawSite(node.purpose, node.site, frame.step, position, begin)
                )
                self._tally_read(node, frame, tally, counts, slice(begin, end))
        frame.env[node.outs[0]] = y if node.vector else y[0]

    def _reads_whole(self, captured: Captured, frame: Frame) -> bool:
        """Whether the positions of all samples stand there to be read at once."""
        return frame.active is None and isinstance(frame.env[captured.stashes[0]], Windows | Positions)

    def _read_positions(self, loop: Node, captured: Captured, frame: Frame, tally: Tally) -> None:
        """A whole map over positions that only reads: in pieces, all samples' positions at once."""
        node, held = captured.operation, frame.env[captured.stashes[0]]
        frame.trips[loop.loop] = held.positions
        y, retries, done = read_positions(
            self.arrays[node.symbol], node, held, samples(node, frame), frame.step, self.patch_bytes
        )
        for counts in done:
            tally.add_read(node.row, counts)
        if node.group >= 0:
            store_positions(node, frame, retries)
        frame.env[loop.outs[0]] = Positions(y)

    def _tally_read(self, node: Node, frame: Frame, tally: Tally, counts: ReadCounts, rows: slice) -> None:
        tally.add_read(node.row, counts)
        if node.group >= 0:
            store(node, frame, counts.retries if node.vector else counts.retries[0], rows if node.vector else None)

    def _read_one(self, node: Node, frame: Frame, tally: Tally) -> None:
        frame.env[node.outs[0]], retries = self._read_line(node, frame, tally, int(frame.env[node.ins[0]]))
        if node.group >= 0:
            store(node, frame, retries, None)

    def _read_line(
        self, node: Node, frame: Frame, tally: Tally, line: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Read one row (by a forward read) or one column (by a transposed read); also the retries of each block."""
        array = self.arrays[node.symbol]
        one_hot = np.zeros((1, array.w.shape[node.attr]), np.float32)
        one_hot[0, line] = 1.0
        first, position = draw_position(node, frame)
        read = array.forward if node.attr == 0 else array.transposed
        y, counts = read(one_hot, DrawSite(node.purpose, node.site, frame.step, position, first))
        tally.add_read(node.row, counts)
        return y[0], counts.retries[0]

    # Writes -----------------------------------------------------------------------------------------------------

    def _update(self, node: Node, frame: Frame, tally: Tally) -> None:
        """Apply one vector pair; updates stand outside maps, so x and d are single vectors."""
        x, d, lr = frame.env[node.ins[0]], frame.env[node.ins[1]], float(frame.env[node.ins[2]])
        first, position = draw_position(node, frame)
        site = DrawSite(node.purpose, node.site, frame.step, position, first)
        counts = self.arrays[node.symbol].update(x[None], d[None], lr, site, scheme_of(node.attr))
        self._tally_update(node.row, tally, node.symbol, counts)
        if node.group >= 0:
            store(node, frame, clocked(counts, frame.width(node.group))[0], None)

    def _update_all(self, captured: Captured, frame: Frame, tally: Tally, trip: int) -> None:
        """A whole `for` over samples that only updates: the kernel applies them in the same order."""
        update = captured.operation
        if trip == 0:
            return
        x, d = (stacked(frame.env[i])[:trip] for i in captured.stashes)
        lr = float(frame.env[update.ins[2]])
        told: list[NDArray[np.int64]] = []
        for vectors, errors, site in update_pieces(captured, x, d, frame.step, self.patch_bytes):
            counts = self.arrays[update.symbol].update(vectors, errors, lr, site, scheme_of(update.attr))
            self._tally_update(update.row, tally, update.symbol, counts)
            if update.group >= 0:
                told.append(clocked(counts, frame.width(update.group)))
        if update.group >= 0:
            extents = (trip,) if captured.positions is None else (trip, captured.positions)
            frame.counts[update.group] = np.concatenate(told).reshape(*extents, -1)

    def _tally_update(self, row: int, tally: Tally, array: int, counts: UpdateCounts, offset: int = 0) -> None:
        tally.add_pulses(row, counts, offset)
        self.updates[array].add(counts)

    def _transfer(self, node: Node, frame: Frame, tally: Tally) -> None:
        """Read a line of one array and add it, scaled, to the same line of another by pulses.

        The tally's first blocks are those of the array that is read, the following ones those of the array that is
        written; its group holds the retries of each block that is read, then what an update counts.
        """
        line, scale = int(frame.env[node.ins[0]]), float(frame.env[node.ins[1]])
        value, retries = self._read_line(node, frame, tally, line)
        target = self.arrays[node.symbol2]
        one_hot = np.zeros(target.w.shape[node.attr], np.float32)
        one_hot[line] = -1.0 if scale > 0 else 1.0  # an update subtracts lr·xᵀd, with lr above 0
        x, d = (one_hot, value) if node.attr == 0 else (value, one_hot)
        first, position = draw_position(node, frame)
        site = DrawSite(node.purpose, node.site, frame.step, position, first)
        counts = target.update(x[None], d[None], abs(scale), site)
        offset = len(self.program.arrays[node.symbol].blocks)
        self._tally_update(node.row, tally, node.symbol2, counts, offset)
        if node.group >= 0:
            width = frame.width(node.group) - len(retries)
            store(node, frame, np.concatenate([retries, clocked(counts, width)[0]]), None)

    def _program(self, node: Node, frame: Frame, tally: Tally) -> None:
        record = self.program.arrays[node.symbol]
        array = self.arrays[node.symbol]
        self.clipped_weights[node.symbol] = array.program(self.program.weights[record.name], self._error)
        rounds = tally_rounds(tally.table[node.row], array, record, self._rounds, self._pulses)
        if node.group >= 0:
            store(node, frame, rounds, None)

    # Control ----------------------------------------------------------------------------------------------------

    def _loop(self, node: Node, frame: Frame, tally: Tally) -> None:
        trip = self._trip(node, frame)
        if node.fused is not None and self.fused and trip > 0:
            node.fused.run(self, frame, tally, trip)
        elif node.captured is not None and node.code is Op.FOR:
            self._update_all(node.captured, frame, tally, trip)
        elif node.captured is not None and self._reads_whole(node.captured, frame):
            self._read_positions(node, node.captured, frame, tally)
        else:
            self._serial(node, frame, tally, trip)

    def _map(self, node: Node, steps: Sequence[Step], frame: Frame, tally: Tally) -> None:
        """An outermost map: all samples at once."""
        env = frame.env
        trip = frame.trips[node.loop] = self._trip(node, frame)
        for step in steps:
            step(frame, tally)
        for out, value, rank in zip(node.outs, node.yields, node.ranks, strict=True):
            made = env[value]
            if type(made) is not np.ndarray or made.ndim <= rank:
                made = with_samples(made, rank, trip)
            env[out] = PerSample(made) if isinstance(made, list) else made

    def interpret(self, loop: Node, frame: Frame, tally: Tally, trip: int) -> None:
        """Run a loop step by step: what a fused kernel does that finds arrays it does not know."""
        self._serial(loop, frame, tally, trip)

    def _serial(self, node: Node, frame: Frame, tally: Tally, trip: int) -> None:
        env, outer_active = frame.env, frame.active
        carried = node.carried
        # In a vectorised map every sample has its own trip; those that are through wait for the longest.
        limits = self._limits(node, frame) if node.trip is None and node.vector else None
        for argument, init, rank in zip(node.args[1:], node.ins[len(node.ins) - carried :], node.ranks, strict=False):
            env[argument] = with_samples(env[init], rank, samples(node, frame)) if node.vector else env[init]
        frame.trips[node.loop] = trip
        collected: list[list[Any]] = [[None] * trip for _ in node.yields[carried:]]
        for ordinal in range(trip):
            frame.ordinal[node.loop] = ordinal
            index: Any = trip - 1 - ordinal if node.attr else ordinal
            frame.index[node.loop] = index
            if limits is not None:
                active = limits > ordinal
                frame.active = active if outer_active is None else active & outer_active
                if node.attr:
                    # A reverse loop runs the indices n-1 … 0 of each row, so each row begins at its own ordinal 0.
                    index = limits - 1 - ordinal
                    frame.index[node.loop] = ordinal
            env[node.args[0]] = index
            for step in node.body:
                self._run(step, frame, tally)
            for k, value in enumerate(node.yields[carried:]):
                collected[k][ordinal] = env[value]
                if node.vector:
                    collected[k][ordinal] = with_samples(env[value], node.ranks[carried + k], samples(node, frame))
            # All yielded values are taken before an argument changes: they may have changed places.
            following = [env[value] for value in node.yields[:carried]]
            for argument, new in zip(node.args[1:], following, strict=True):
                env[argument] = where(frame.active, new, env[argument])
        frame.active = outer_active
        frame.ordinal[node.loop] = 0
        for out, argument in zip(node.outs[:carried], node.args[1:], strict=True):
            env[out] = env[argument]
        for out, values, depth in zip(node.outs[carried:], collected, node.depths[carried:], strict=True):
            ordered = values
            if node.attr:
                ordered = values[::-1] if limits is None else by_index(values, limits, depth)
            env[out] = ordered if node.vector else collect(ordered)

    def _when(self, node: Node, frame: Frame, tally: Tally) -> None:
        env, outer_active = frame.env, frame.active
        taken = np.asarray(env[node.ins[0]]) % node.attr == 0
        for argument, init in zip(node.args, node.ins[1:], strict=True):
            env[argument] = env[init]
        if node.vector:
            taken = np.broadcast_to(taken, (samples(node, frame),))
            frame.active = taken if outer_active is None else taken & outer_active
        if node.group >= 0:
            store(node, frame, taken.astype(np.int64)[..., None] if node.vector else taken.astype(np.int64), None)
        results = node.args
        if taken.any():
            for step in node.body:
                self._run(step, frame, tally)
            results = node.yields
        for out, value, argument, rank in zip(node.outs, results, node.args, node.ranks, strict=True):
            old = env[argument]
            if node.vector and value is not argument:
                old = with_samples(old, rank, samples(node, frame))
            env[out] = where(frame.active, env[value], old) if node.vector else env[value]
        frame.active = outer_active

    def _limits(self, node: Node, frame: Frame) -> NDArray[np.int64]:
        """Trip of every sample; those that take no part in the loops around have none."""
        limits = np.broadcast_to(np.asarray(frame.env[node.ins[0]], np.int64), (samples(node, frame),))
        limits = np.maximum(limits, 0)
        return limits if frame.active is None else np.where(frame.active, limits, 0)

    def _trip(self, node: Node, frame: Frame) -> int:
        if isinstance(node.trip, int):
            return node.trip
        if node.trip is not None:
            return int(frame.scalars[node.trip])
        limits = self._limits(node, frame) if node.vector else np.maximum(np.asarray(frame.env[node.ins[0]]), 0)
        trip = int(limits.max(initial=0))
        frame.data_trips[node.loop] = max(frame.data_trips.get(node.loop, 0), trip)
        store(node, frame, limits[:, None] if node.vector else limits.reshape(1), None, node.trip_group)
        return trip
