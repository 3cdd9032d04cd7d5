"""Emitting the time side of an entry: one instruction stream per unit, and the channels between them.

Streams are written in one walk over the IR, so that every unit meets its messages in the same order as the units that
send them, and the waits can not form a cycle (`docs/microarchitecture.md`). A vector is sent where it is made to every
unit that needs it; a unit that needs it again in a later loop keeps it in its memory.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, Operation, SSAValue

from ohmflow.compiler.emit.dataflow import Unit
from ohmflow.compiler.emit.operations import call_phase
from ohmflow.compiler.emit.origins import elements, origin
from ohmflow.compiler.emit.parts import (
    Part,
    PartsPlan,
    Repeat,
    count_steps,
    fold_repeats,
    folded,
    is_given,
    position_read,
)
from ohmflow.compiler.emit.programming import program_blocks
from ohmflow.compiler.emit.spill import Spiller
from ohmflow.compiler.emit.stream_context import StreamContext
from ohmflow.compiler.emit.stream_writer import EmittedStreams, Place, StreamWriter
from ohmflow.compiler.program.program import ArrayRecord
from ohmflow.compiler.program.schedule import COUNTED, MULTICAST, PHASES, READ, SUM
from ohmflow.compiler.program.tables import Mnemonic, Op, Trip
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.control import ForOp, MapOp, WhenOp
from ohmflow.compiler.tile.entry import CallOp
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp
from ohmflow.compiler.tile.transfer import ProgramOp, ReadOp, TransferOp
from ohmflow.compiler.tile.windows import FoldOp

_BACKWARD, _UPDATE, _TRANSFER = map(PHASES.index, ("backward", "update", "transfer"))


def emit_streams(context: StreamContext) -> EmittedStreams:
    """Emit the streams of one entry."""
    return _Streams(context).out


class _Streams:
    def __init__(self, context: StreamContext) -> None:
        entry = context.entry
        self._write = StreamWriter(context.flow, context.emitted, context.costing)
        self.out = self._write.out
        self._flow, self._emitted, self._costing = context.flow, context.emitted, context.costing
        self._arrays, self._array_home, self._segments = context.arrays, context.array_home, context.segments
        self._spill = Spiller(self._write, context.flow, context.emitted, context.costing, context.dram)
        self._write.keeper = self._spill
        self._batch = -1 if entry.batch_argument is None else entry.batch_argument.index
        self._numbers = {name: k for k, name in enumerate(context.arrays)}
        for argument in entry.block.args:
            if isinstance(argument.type, VecType):
                assert entry.block.first_op is not None
                self._write.deliver(argument, entry.block.first_op)
        self._block(entry.block)

    # The walk ---------------------------------------------------------------------------------------------------

    def _block(self, block: Block) -> None:
        given = frozenset(op for op in block.ops if isinstance(op, UnstashOp) and is_given(op, origin(op.value)))
        plan = PartsPlan(block, self._segments, given)
        if plan.in_parts and isinstance(block.parent_op(), MapOp):
            first = block.first_op
            assert first is not None, "there are parts"
            self._parts(plan, fold_repeats(plan.order()), self._emitted.paths[first], (), Counter())
            return
        for op in block.ops:
            self._operation(op)

    def _operation(self, op: Operation) -> None:
        match op:
            case MvmOp() | MvmTOp():
                self._read(op, op.array_name, isinstance(op, MvmOp), PHASES.index(op.phase.data), op.y)
            case ReadOp():
                self._read(op, op.array_name, op.axis.data == "row", _TRANSFER, op.results[0])
            case UpdateOp():
                self._update(op, op.array_name, 0, PHASES.index(op.phase_name))
            case TransferOp():
                self._transfer(op)
            case ProgramOp():
                array, number = self._arrays[op.array_name], self._numbers[op.array_name]
                program_blocks(op, array, number, self._group(op), self._write, self._costing)
            case CallOp():
                self._call(op)
            case StateGetOp():
                self._spill.hold(op)
                self._spill.get_line(op, elements(op.value) * self._costing.word, _UPDATE)
                self._write.deliver(op.value, op)
            case StateSetOp():
                self._spill.set_line(op, elements(op.value) * self._costing.word, _UPDATE)
            case UnstashOp():
                first = origin(op.value)
                if is_given(op, first):
                    self._write.deliver(first, op)
            case FoldOp():
                self._fold(op, 1, self._emitted.paths[op])
                self._write.deliver(op.image, op)
            case MapOp() | ForOp() | WhenOp():
                self._enter(op)
            case _:
                pass

    def _fold(self, op: FoldOp, steps: int, path: tuple[int, ...]) -> None:
        """Add windows up, or a share of them: every element is read, added to its place in the image, and written."""
        share = -(-op.window.positions * op.window.size // steps)
        size = share * self._costing.word
        unit = self._flow.home[op.image]
        self._write.vector(unit, op, _BACKWARD, [("simple", share)], read=2 * size, write=size, path=path)

    # Part by part -----------------------------------------------------------------------------------------------

    def _parts(
        self,
        plan: PartsPlan,
        items: Sequence[Part | Repeat],
        path: tuple[int, ...],
        rows: tuple[Counter[Operation], ...],
        done: Counter[Operation],
    ) -> None:
        """Write a folded order.

        Args:
            plan: of the block.
            items: what to write.
            path: loops around, those of the block and those over rows.
            rows: for each loop over rows, the steps of every operation in one iteration.
            done: steps of every operation before; counted on.
        """
        for item in items:
            if isinstance(item, Part):
                place = Place(path, done[item.op], tuple(each[item.op] for each in rows))
                self._part(plan, item.op, place)
                done[item.op] += 1
                self._whole_results(plan, [item.op], done, rows)
                continue
            loop = self._emitted.add_loop(Op.MAP, path, Trip.CONST, item.times, -1, 0)
            each = count_steps(item.items)
            self._parts(plan, item.items, (*path, loop), (*rows, each), done)
            for op, count in each.items():
                done[op] += count * (item.times - 1)
            self._whole_results(plan, each, done, rows)

    def _whole_results(
        self, plan: PartsPlan, ops: Iterable[Operation], done: Counter[Operation], rows: Sequence[object]
    ) -> None:
        """Send what calls give whole, behind the last of their steps; that is never inside a loop over rows."""
        for op in ops:
            if isinstance(op, CallOp) and plan.steps[op] > 1 and done[op] == plan.steps[op] and not rows:
                for value in op.outs:
                    if plan.parts(value) == 1:
                        self._write.deliver(value, op)

    def _part(self, plan: PartsPlan, op: Operation, place: Place) -> None:
        if plan.steps[op] == 1 and position_read(op) is None and not isinstance(op, FoldOp):
            self._operation(op)
            return
        match op:
            case MapOp():
                self._read_row(plan, op, place)
            case FoldOp():
                if not plan.added_as_read(op):
                    self._fold(op, plan.steps[op], place.path)
                self._write.deliver(op.image, op, place.path, plan.steps[op])
            case UnstashOp():
                self._write.deliver(origin(op.value), op, place.path, plan.steps[op])
            case CallOp():
                self._call_part(plan, op, place)
            case _:
                raise AssertionError(f"{op.name} has no parts")

    def _read_row(self, plan: PartsPlan, op: MapOp, place: Place) -> None:
        """Read an array at one row of positions; windows that are folded are added up as they come."""
        read = position_read(op)
        assert read is not None, "the plan says"
        columns = plan.columns(op)
        inner = self._emitted.add_loop(Op.MAP, place.path, Trip.CONST, columns, -1, 0)
        around = len(place.path) - len(place.rows)
        walked = Place(
            (*place.path, inner), place.first * columns, (*(0,) * around, *(n * columns for n in place.rows), 1)
        )
        forward, phase = isinstance(read, MvmOp), PHASES.index(read.phase.data)
        home = self._array_home(read.array_name)
        self._read_blocks(read, read.array_name, forward, phase, home, walked)
        fold = folded(op)
        if fold is not None:
            size = fold.window.size
            word = self._costing.word
            work = [("simple", size)]
            self._write.vector(home, read, phase, work, read=2 * size * word, write=size * word, path=walked.path)
        self._write.deliver(read.y, read, walked.path, op.trip_count if isinstance(op.trip_count, int) else 1)

    def _call_part(self, plan: PartsPlan, op: CallOp, place: Place) -> None:
        """One step of a row segment: its share of the work, and the parts of its results."""
        steps = plan.steps[op]
        segment, unit = self._segments[op.segment_name], self._flow.call_home[op]
        word = self._costing.word
        work = [(kind, -(-row // steps)) for kind, row, _ in segment.work_items if row]
        read = sum(elements(v) for v in op.arguments if not isinstance(v.type, ScalarType | IndexType))
        written = sum(elements(v) for v in op.outs)
        self._spill.before(op, unit, call_phase(op), place.path, steps)
        self._write.vector(
            unit,
            op,
            call_phase(op),
            work,
            read=-(-read // steps) * word,
            write=-(-written // steps) * word,
            path=place.path,
        )
        for value in op.outs:
            parts = plan.parts(value)
            if parts > 1:
                self._write.deliver(value, op, place.path, parts)

    def _enter(self, op: MapOp | ForOp | WhenOp) -> None:
        if not isinstance(op, MapOp):
            for argument in op.block.args[len(op.block.args) - len(op.init) :]:
                if isinstance(argument.type, VecType):
                    assert op.block.first_op is not None
                    self._write.deliver(argument, op.block.first_op)
        if isinstance(op, WhenOp):
            self._spill.ask_lines(op.block, _UPDATE)
        self._block(op.block)
        if not isinstance(op, MapOp):
            for result in op.outs[: len(op.init)]:
                self._write.deliver(result, op)

    # Arrays -----------------------------------------------------------------------------------------------------

    def _read(self, op: Operation, name: str, forward: bool, phase: int, result: SSAValue) -> None:
        """Read every block on its tile; the array's vector unit adds partial results and scales them."""
        home = self._array_home(name)
        self._read_blocks(op, name, forward, phase, home)
        if result in self._flow.needs:
            self._write.deliver(result, op)

    def _read_blocks(
        self, op: Operation, name: str, forward: bool, phase: int, home: Unit, place: Place | None = None
    ) -> None:
        path = None if place is None else place.path
        word = self._costing.word
        array = self._arrays[name]
        group = self._group(op)
        for unit in dict.fromkeys(("tile", block.tile) for block in array.blocks):
            self._spill.before(op, unit, phase, path)
        key = None if place is None else op
        signal, awaited = self._gather(array, forward, home, key)
        for number, block in enumerate(array.blocks):
            tile: Unit = ("tile", block.tile)
            lines, inputs = (block.cols, block.rows) if forward else (block.rows, block.cols)
            t0, t1, t2, t3 = self._costing.read(lines, forward)
            self._write.add(
                tile,
                op,
                path,
                () if place is None or group < 0 else place.rows,
                mnemonic=Mnemonic.MVM if forward else Mnemonic.MVM_T,
                kind=READ,
                phase=phase,
                signal=signal[number],
                t0=t0,
                t1=t1,
                t2=t2,
                t3=t3,
                group=group,
                offset=number + (0 if place is None else place.first * len(array.blocks)) if group >= 0 else 0,
                array=self._numbers[name],
                block=number,
                buffer_read=inputs * word,
            )
        for number, lines in awaited.items():
            self._write.receive(home, op, signal[number], lines * word, phase, path)
        total = sum(awaited.values())
        outputs = array.cols if forward else array.rows
        self._write.vector(home, op, phase, [("simple", total)], read=total * word, write=outputs * word, path=path)

    def _gather(
        self, array: ArrayRecord, forward: bool, home: Unit, key: Operation | None
    ) -> tuple[list[int], dict[int, int]]:
        """Channels from an array's blocks to its vector unit.

        Where routers add, blocks with the same outputs have one sum, and the unit waits for it once: on the channel of
        its first block.

        Args:
            array: that is read.
            forward: whether its columns are read, not its rows.
            home: the vector unit.
            key: of channels that later parts of the same read use, too.

        Returns:
            Channel of each block; and for each block on whose channel the unit waits, the elements that come.
        """
        word = self._costing.word
        sums: dict[tuple[int, int], list[int]] = {}
        for number, block in enumerate(array.blocks):
            first, size = (block.col0, block.cols) if forward else (block.row0, block.rows)
            sums.setdefault((first if self._costing.adder else number, size), []).append(number)
        signal = [-1] * len(array.blocks)
        awaited = {}
        for (_, lines), numbers in sums.items():
            ends: list[tuple[Unit, Unit]] = [(("tile", array.blocks[k].tile), home) for k in numbers]
            channel = self._write.tree(SUM, ends, lines * word, None if key is None else (key, numbers[0]))
            for k, number in enumerate(numbers):
                signal[number] = channel + k
            awaited[numbers[0]] = lines
        return signal, awaited

    def _update(self, op: Operation, name: str, offset: int, phase: int) -> None:
        """Load both vectors from the tile's buffer, then pulse, block by block; then refresh what needs it."""
        word = self._costing.word
        scheme = op.scheme.data if isinstance(op, UpdateOp) and op.scheme is not None else None
        setup, per_pulse = self._costing.update(scheme)
        group, blocks = self._group(op), self._arrays[name].blocks
        has_refresh = self._emitted.groups[group][0] > offset + 1
        for unit in dict.fromkeys(("tile", block.tile) for block in blocks):
            self._spill.before(op, unit, phase)
        for number, block in enumerate(blocks):
            tile: Unit = ("tile", block.tile)
            self._write.move(tile, op, Mnemonic.LOAD, phase, read=(block.rows + block.cols) * word)
            common = {"kind": COUNTED, "phase": phase, "group": group, "array": self._numbers[name], "block": number}
            pulse = {"mnemonic": int(Mnemonic.UPDATE), "t0": setup, "t1": per_pulse, "offset": offset}
            self._write.add(tile, op, None, (), **common, **pulse)
            if has_refresh:
                wait, each = self._costing.refresh(block.cols)
                rounds = {"mnemonic": int(Mnemonic.REFRESH), "t0": wait, "t1": each, "offset": offset + 1 + number}
                self._write.add(tile, op, None, (), **common, **rounds)

    def _transfer(self, op: TransferOp) -> None:
        """Read a line, scale it on the source's vector unit, send it to the target's tiles, and pulse them."""
        word = self._costing.word
        forward = op.axis.data == "row"
        home = self._array_home(op.source_name)
        self._read_blocks(op, op.source_name, forward, _TRANSFER, home)
        size = (self._arrays[op.source_name].cols if forward else self._arrays[op.source_name].rows) * word
        tiles: list[Unit] = list(dict.fromkeys(("tile", b.tile) for b in self._arrays[op.target_name].blocks))
        for ends in [tiles] if self._costing.branching else [[tile] for tile in tiles]:
            channel = self._write.tree(MULTICAST, [(home, tile) for tile in ends], size)
            self._write.send(home, op, channel, size, _TRANSFER)
            for number, tile in enumerate(ends):
                self._write.receive(tile, op, channel + number, size, _TRANSFER)
        self._update(op, op.target_name, len(self._arrays[op.source_name].blocks), _TRANSFER)

    # Digital ----------------------------------------------------------------------------------------------------

    def _call(self, op: CallOp) -> None:
        unit = self._flow.call_home[op]
        segment = self._segments[op.segment_name]
        phase = call_phase(op)
        word = self._costing.word
        rows = [a for a in op.arguments if isinstance(a.type, StashType)]
        whole = [a for a in op.arguments if not isinstance(a.type, StashType | ScalarType | IndexType)]
        per_row = [(kind, row) for kind, row, _ in segment.work_items if row]
        per_call = [(kind, constant) for kind, _, constant in segment.work_items if constant]
        written = sum(elements(v) for v in op.outs if not isinstance(v.type, StashType)) * word
        read = sum(elements(v) for v in whole) * word
        if segment.kind.data == "row":
            self._spill.before(op, unit, phase)
            self._write.vector(unit, op, phase, per_row, read=read, write=written)
        else:
            path = self._emitted.paths[op]
            kept = [v for v in op.outs if isinstance(v.type, StashType)]
            if rows and self._batch >= 0:
                inside = (*path, self._row_loop(path))
                for value in map(origin, rows):
                    if isinstance(value.type, StashType):  # whole from the host or from another segment
                        self._write.deliver(value, op, inside)
                self._spill.before(op, unit, phase, inside)
                size = sum(elements(v) for v in rows) * word
                stored = sum(elements(v) for v in kept) * word
                self._write.vector(unit, op, phase, per_row, read=size, write=stored, path=inside)
            elif path:
                self._spill.before(op, unit, phase)
            if per_call or not rows:
                self._write.vector(unit, op, phase, per_call, read=read, write=written)
            if any(self._flow.needs.get(v, {}).keys() - {unit} for v in kept):
                inside = (*path, self._row_loop(path))
                for value in kept:
                    self._write.deliver(value, op, inside)
        for value in op.outs:
            if not isinstance(value.type, StashType):
                self._write.deliver(value, op)

    def _row_loop(self, path: tuple[int, ...]) -> int:
        """A loop of the streams over the samples, for a batch segment."""
        return self._emitted.add_loop(Op.MAP, path, Trip.ARGUMENT, self._batch, -1, 0)

    def _group(self, op: Operation) -> int:
        return self._emitted.operations[self._emitted.rows[op]]["group"]
