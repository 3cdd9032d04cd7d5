"""What the streams of an entry are emitted from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.dataflow import Dataflow, Unit
from ohmflow.compiler.emit.dram import DramPlan
from ohmflow.compiler.emit.operations import EmittedOperations
from ohmflow.compiler.program.program import ArrayRecord
from ohmflow.compiler.tile.entry import EntryOp, SegmentOp


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
        dram: channels of DRAM, or None where the target has none.
    """

    entry: EntryOp
    flow: Dataflow
    emitted: EmittedOperations
    arrays: Mapping[str, ArrayRecord]
    array_home: Callable[[str], Unit]
    segments: Mapping[str, SegmentOp]
    costing: Costing
    dram: DramPlan | None = None
