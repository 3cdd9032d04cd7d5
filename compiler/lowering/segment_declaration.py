"""A digital segment as the tile IR declares it."""

from xdsl.dialects.builtin import StringAttr, f32
from xdsl.ir import Attribute

from ohmflow.compiler.arrays.work import is_rows, node_work
from ohmflow.compiler.lowering.entry_builder import result_type
from ohmflow.compiler.lowering.row_steps import segment_steps
from ohmflow.compiler.lowering.segments import Segment
from ohmflow.compiler.tile.entry import SegmentOp
from ohmflow.compiler.tile.steps import STEPS
from ohmflow.compiler.tile.tile_types import ScalarType


def segment_declaration(name: str, segment: Segment) -> SegmentOp:
    """Declare a segment: its ports, elements of work by class (a row and a call), operators, and steps along rows."""
    inputs: list[Attribute] = [
        ScalarType(f32) if v.is_graph_input() and not is_rows(v) else result_type(v, segment.kind)
        for v in segment.inputs
    ]
    outputs = [result_type(v, segment.kind) for v in segment.outputs]
    totals: dict[str, list[int]] = {}
    for node in segment.nodes:
        work = node_work(node)
        if work is not None:
            rowed = any(v is not None and is_rows(v) for v in (*node.inputs, *node.outputs))
            totals.setdefault(work[0], [0, 0])[0 if rowed else 1] += work[1]
    op = SegmentOp(name, segment.kind, inputs, outputs, [(kind, row, call) for kind, (row, call) in totals.items()])
    op.attributes["operators"] = StringAttr(" ".join(n.op_type for n in segment.nodes))
    steps = segment_steps(segment)
    if steps is not None:
        op.attributes[STEPS] = steps.attribute()
    return op
