"""Barriers: which messages depend on every sample, since a reduction over the batch is behind them.

A batch segment reduces over the samples (batch statistics, the mean of the loss, a gradient summed up), so nothing that
is made of its result can be sent before the last sample has come. Such messages are marked; the clock counts what their
receivers wait before the first of them as `barrier` (`docs/microarchitecture.md`, "What a unit waits for").
"""

from collections.abc import Mapping, Sequence

from xdsl.ir import Block, Operation, SSAValue

from ohmflow.compiler.emit.operations import EmittedOperations
from ohmflow.compiler.emit.stream_writer import EmittedStreams
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp
from ohmflow.compiler.tile.control import ForOp, MapOp, WhenOp, YieldOp
from ohmflow.compiler.tile.entry import CallOp, EntryOp, SegmentOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType


def mark_barriers(
    entry: EntryOp, segments: Mapping[str, SegmentOp], emitted: EmittedOperations, streams: EmittedStreams
) -> None:
    """Mark the receives of an entry whose messages depend on every sample.

    Args:
        entry: tile IR.
        segments: declarations by name.
        emitted: its value side.
        streams: its time side; the column `t2` of those receives is set to 1.
    """
    behind = {emitted.rows[op] for op in _behind_barriers(entry.block, segments) if op in emitted.rows}
    for stream in streams.streams.values():
        for row in stream.rows:
            if row["mnemonic"] == Mnemonic.RECV and row["operation"] in behind:
                row["t2"] = 1


def _behind_barriers(block: Block, segments: Mapping[str, SegmentOp]) -> set[Operation]:
    """Operations that make a value of which some part depends on every sample."""
    values: set[SSAValue] = set()
    found: set[Operation] = set()
    before = -1
    while before != len(values):  # what a loop carries may reach its beginning only in the next round
        before = len(values)
        _follow(block, segments, values, found)
    return found


def _follow(block: Block, segments: Mapping[str, SegmentOp], values: set[SSAValue], found: set[Operation]) -> None:
    for op in block.ops:
        inside = values.intersection(op.operands)
        if isinstance(op, MapOp | ForOp | WhenOp):
            carried = op.block.args[len(op.block.args) - len(op.init) :] if not isinstance(op, MapOp) else ()
            _pass_on(op.init if not isinstance(op, MapOp) else (), carried, values)
            _follow(op.block, segments, values, found)
            last = op.block.last_op
            if isinstance(last, YieldOp):
                _pass_on(last.operands, op.results, values)
                _pass_on(last.operands, carried, values)
            continue
        source = op.operands[0] if isinstance(op, MvmOp | MvmTOp) else None  # versions are no values
        if _reduces(op, segments) or (source in values if source is not None else bool(inside)):
            results = [r for r in op.results if isinstance(r.type, VecType | ScalarType | StashType)]
            values.update(results)
            if results:
                found.add(op)


def _pass_on(given: Sequence[SSAValue], taken: Sequence[SSAValue], values: set[SSAValue]) -> None:
    values.update(to for value, to in zip(given, taken, strict=False) if value in values)


def _reduces(op: Operation, segments: Mapping[str, SegmentOp]) -> bool:
    """Whether a call takes the rows of all samples; a batch segment that takes none works on parameters alone."""
    if not isinstance(op, CallOp) or segments[op.segment_name].kind.data == "row":
        return False
    return any(isinstance(argument.type, StashType) for argument in op.arguments)
