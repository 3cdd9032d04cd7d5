"""Emitting the time side of an entry: one instruction stream per unit, and the channels between them.

Streams are written in one walk over the IR, so that every unit meets its messages in the same order as the units that
send them, and the waits can not form a cycle (`docs/microarchitecture.md`). A vector is sent where it is made to every
unit that needs it; a unit that needs it again in a later loop keeps it in its memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.dataflow import HOST, Dataflow, Unit, elements, origin, repeats
from ohmflow.compiler.emit.operations import EmittedOperations, call_phase
from ohmflow.compiler.emit.unit_stream import UnitStream
from ohmflow.compiler.program.program import ArrayRecord
from ohmflow.compiler.program.schedule import COUNTED, FIXED, PHASES, READ
from ohmflow.compiler.program.tables import Mnemonic, Op, Trip
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.control import ForOp, MapOp, WhenOp
from ohmflow.compiler.tile.entry import CallOp, EntryOp, SegmentOp
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.compiler.tile.tokens import StateGetOp
from ohmflow.compiler.tile.transfer import ProgramOp, ReadOp, TransferOp

_UPDATE, _TRANSFER, _PROGRAM = (PHASES.index(name) for name in ("update", "transfer", "program"))


@dataclass
class EmittedStreams:
    """Streams and channels of one entry.

    Attributes:
        streams: by unit.
        channels: (source, target, flits) of each channel.
        kept: bytes per sample that each unit keeps between loops.
        fixed: bytes of the states that live in each unit, whatever the batch.
    """

    streams: dict[Unit, UnitStream] = field(default_factory=dict)
    channels: list[tuple[Unit, Unit, int]] = field(default_factory=list)
    kept: dict[Unit, int] = field(default_factory=dict)
    fixed: dict[Unit, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StreamContext:
    """What the streams of an entry are emitted from.

    Attributes:
        entry: placed tile IR.
        flow: homes and needs of its values.
        emitted: its value side; loops for batch segments are added to it.
        arrays: by name.
        array_home: vector unit that gathers an array's results.
        segments: declarations by name.
        costing: cycles and bytes on the target.
    """

    entry: EntryOp
    flow: Dataflow
    emitted: EmittedOperations
    arrays: Mapping[str, ArrayRecord]
    array_home: Callable[[str], Unit]
    segments: Mapping[str, SegmentOp]
    costing: Costing


def emit_streams(context: StreamContext) -> EmittedStreams:
    """Emit the streams of one entry."""
    return _Streams(context).out


class _Streams:
    def __init__(self, context: StreamContext) -> None:
        self.out = EmittedStreams()
        entry = context.entry
        self._flow, self._emitted, self._costing = context.flow, context.emitted, context.costing
        self._arrays, self._array_home, self._segments = context.arrays, context.array_home, context.segments
        self._batch = -1 if entry.batch_argument is None else entry.batch_argument.index
        self._delivered: set[SSAValue] = set()
        self._numbers = {name: k for k, name in enumerate(context.arrays)}
        for argument in entry.block.args:
            if isinstance(argument.type, VecType):
                assert entry.block.first_op is not None
                self._deliver(argument, entry.block.first_op)
        self._block(entry.block)

    # The walk ---------------------------------------------------------------------------------------------------

    def _block(self, block: Block) -> None:
        for op in block.ops:
            match op:
                case MvmOp() | MvmTOp():
                    self._read(op, op.array_name, isinstance(op, MvmOp), PHASES.index(op.phase.data), op.y)
                case ReadOp():
                    self._read(op, op.array_name, op.axis.data == "row", _TRANSFER, op.results[0])
                case UpdateOp():
                    self._update(op, op.array_name, 0, _UPDATE)
                case TransferOp():
                    self._transfer(op)
                case ProgramOp():
                    self._program(op)
                case CallOp():
                    self._call(op)
                case StateGetOp():
                    unit = self._flow.home[op.value]
                    size = elements(op.value) * self._costing.word
                    self.out.fixed[unit] = self.out.fixed.get(unit, 0) + size
                    self._deliver(op.value, op)
                case UnstashOp():
                    first = origin(op.value)
                    if isinstance(first, BlockArgument) or isinstance(first.type, StashType):
                        self._deliver(first, op)
                case MapOp() | ForOp() | WhenOp():
                    self._enter(op)
                case _:
                    pass

    def _enter(self, op: MapOp | ForOp | WhenOp) -> None:
        if not isinstance(op, MapOp):
            for argument in op.block.args[len(op.block.args) - len(op.init) :]:
                if isinstance(argument.type, VecType):
                    assert op.block.first_op is not None
                    self._deliver(argument, op.block.first_op)
        self._block(op.block)
        if not isinstance(op, MapOp):
            for result in op.outs[: len(op.init)]:
                self._deliver(result, op)

    # Instructions -----------------------------------------------------------------------------------------------

    def _add(self, unit: Unit, op: Operation, path: tuple[int, ...] | None = None, **row: int) -> None:
        full = dict.fromkeys(("wait0", "wait1", "signal", "group", "array", "block"), -1)
        full["operation"] = self._emitted.rows.get(op, -1)
        full.update(row)
        stream = self.out.streams.setdefault(unit, UnitStream())
        stream.add(self._emitted.paths[op] if path is None else path, full)

    def _move(self, unit: Unit, op: Operation, what: Mnemonic, phase: int, write: int = 0, read: int = 0) -> None:
        """A load from or a store to the unit's memory."""
        cycles = self._costing.move_cycles(unit[0], max(write, read))
        self._add(
            unit, op, mnemonic=what, kind=FIXED, phase=phase, t0=cycles, t1=cycles, buffer_write=write, buffer_read=read
        )

    def _channel(self, source: Unit, target: Unit, size: int) -> int:
        self.out.channels.append((source, target, self._costing.flits(size)))
        return len(self.out.channels) - 1

    def _receive(
        self, unit: Unit, op: Operation, channel: int, size: int, phase: int, path: tuple[int, ...] | None = None
    ) -> None:
        cycles = 1 if unit == HOST else self._costing.move_cycles(unit[0], size)
        self._add(
            unit,
            op,
            path,
            mnemonic=Mnemonic.RECV,
            kind=FIXED,
            phase=phase,
            wait0=channel,
            t0=cycles,
            t1=cycles,
            buffer_write=0 if unit == HOST else size,
            host_bytes=size if unit == HOST else 0,
        )

    def _deliver(self, value: SSAValue, op: Operation, path: tuple[int, ...] | None = None) -> None:
        """Send a value, where it is made, to every other unit that needs it.

        Args:
            value: an origin.
            op: the operation that makes it.
            path: loops around the messages, those of `op` by default.
        """
        if value in self._delivered or value not in self._flow.needs:
            return
        self._delivered.add(value)
        home = self._flow.home[value]
        for unit, need in sorted(self._flow.needs[value].items()):
            size = need.elements * self._costing.word
            if need.kept and unit != HOST:
                self.out.kept[unit] = self.out.kept.get(unit, 0) + size * repeats(value)
            if unit == home:
                continue
            channel = self._channel(home, unit, size)
            self._add(
                home,
                op,
                path,
                mnemonic=Mnemonic.SEND,
                kind=FIXED,
                phase=need.phase,
                signal=channel,
                t0=1,
                t1=1,
                buffer_read=0 if home == HOST else size,
                host_bytes=size if home == HOST else 0,
            )
            self._receive(unit, op, channel, size, need.phase, path)

    # Arrays -----------------------------------------------------------------------------------------------------

    def _read(self, op: Operation, name: str, forward: bool, phase: int, result: SSAValue) -> None:
        """Read every block on its tile; the array's vector unit adds partial results and scales them."""
        home = self._array_home(name)
        self._read_blocks(op, name, forward, phase, home)
        if result in self._flow.needs:
            self._deliver(result, op)

    def _read_blocks(self, op: Operation, name: str, forward: bool, phase: int, home: Unit) -> None:
        word = self._costing.word
        array = self._arrays[name]
        group = self._group(op)
        sizes = []
        for number, block in enumerate(array.blocks):
            tile: Unit = ("tile", block.tile)
            lines, inputs = (block.cols, block.rows) if forward else (block.rows, block.cols)
            channel = self._channel(tile, home, lines * word)
            t0, t1, t2, t3 = self._costing.read(lines, forward)
            self._add(
                tile,
                op,
                mnemonic=Mnemonic.MVM if forward else Mnemonic.MVM_T,
                kind=READ,
                phase=phase,
                signal=channel,
                t0=t0,
                t1=t1,
                t2=t2,
                t3=t3,
                group=group,
                offset=number if group >= 0 else 0,
                array=self._numbers[name],
                block=number,
                buffer_read=inputs * word,
            )
            self._receive(home, op, channel, lines * word, phase)
            sizes.append(lines)
        total = sum(sizes)
        outputs = array.cols if forward else array.rows
        self._vector(home, op, phase, [("simple", total)], read=total * word, write=outputs * word)

    def _update(self, op: Operation, name: str, offset: int, phase: int) -> None:
        """Load both vectors from the tile's buffer, then pulse, block by block."""
        word = self._costing.word
        setup, per_pulse = self._costing.update()
        for number, block in enumerate(self._arrays[name].blocks):
            tile: Unit = ("tile", block.tile)
            self._move(tile, op, Mnemonic.LOAD, phase, read=(block.rows + block.cols) * word)
            self._add(
                tile,
                op,
                mnemonic=Mnemonic.UPDATE,
                kind=COUNTED,
                phase=phase,
                t0=setup,
                t1=per_pulse,
                group=self._group(op),
                offset=offset,
                array=self._numbers[name],
                block=number,
            )

    def _transfer(self, op: TransferOp) -> None:
        """Read a line, scale it on the source's vector unit, send it to the target's tiles, and pulse them."""
        word = self._costing.word
        forward = op.axis.data == "row"
        home = self._array_home(op.source_name)
        self._read_blocks(op, op.source_name, forward, _TRANSFER, home)
        size = (self._arrays[op.source_name].cols if forward else self._arrays[op.source_name].rows) * word
        for tile in dict.fromkeys(("tile", b.tile) for b in self._arrays[op.target_name].blocks):
            channel = self._channel(home, tile, size)
            self._add(
                home,
                op,
                mnemonic=Mnemonic.SEND,
                kind=FIXED,
                phase=_TRANSFER,
                signal=channel,
                t0=1,
                t1=1,
                buffer_read=size,
            )
            self._receive(tile, op, channel, size, _TRANSFER)
        self._update(op, op.target_name, len(self._arrays[op.source_name].blocks), _TRANSFER)

    def _program(self, op: ProgramOp) -> None:
        group = self._group(op)
        for number, block in enumerate(self._arrays[op.array_name].blocks):
            setup, per_round = self._costing.program(block.cols)
            self._add(
                ("tile", block.tile),
                op,
                mnemonic=Mnemonic.PROGRAM,
                kind=COUNTED,
                phase=_PROGRAM,
                t0=setup,
                t1=per_round,
                group=group,
                offset=number,
                array=self._numbers[op.array_name],
                block=number,
            )

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
            self._vector(unit, op, phase, per_row, read=read, write=written)
        else:
            path = self._emitted.paths[op]
            kept = [v for v in op.outs if isinstance(v.type, StashType)]
            if rows and self._batch >= 0:
                inside = (*path, self._row_loop(path))
                for value in map(origin, rows):
                    if isinstance(value.type, StashType):  # whole from the host or from another segment
                        self._deliver(value, op, inside)
                size = sum(elements(v) for v in rows) * word
                stored = sum(elements(v) for v in kept) * word
                self._vector(unit, op, phase, per_row, read=size, write=stored, path=inside)
            if per_call or not rows:
                self._vector(unit, op, phase, per_call, read=read, write=written)
            if any(self._flow.needs.get(v, {}).keys() - {unit} for v in kept):
                inside = (*path, self._row_loop(path))
                for value in kept:
                    self._deliver(value, op, inside)
        for value in op.outs:
            if not isinstance(value.type, StashType):
                self._deliver(value, op)

    def _row_loop(self, path: tuple[int, ...]) -> int:
        """A loop of the streams over the samples, for a batch segment."""
        return self._emitted.add_loop(Op.MAP, path, Trip.ARGUMENT, self._batch, -1, 0)

    def _vector(
        self,
        unit: Unit,
        op: Operation,
        phase: int,
        work: list[tuple[str, int]],
        read: int,
        write: int,
        path: tuple[int, ...] | None = None,
    ) -> None:
        occupancy, latency = self._costing.vector(work)
        self._add(
            unit,
            op,
            path,
            mnemonic=Mnemonic.VEC,
            kind=FIXED,
            phase=phase,
            t0=occupancy,
            t1=latency,
            simple=sum(n for kind, n in work if kind == "simple"),
            special=sum(n for kind, n in work if kind == "special"),
            buffer_read=read,
            buffer_write=write,
        )

    def _group(self, op: Operation) -> int:
        return self._emitted.operations[self._emitted.rows[op]]["group"]
