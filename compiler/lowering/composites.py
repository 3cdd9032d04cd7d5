"""Expanding composites, and the ONNX of the sums that this takes."""

import numpy as np
import onnx
from xdsl.dialects.builtin import ArrayAttr

from ohmflow.compiler.lowering.functions import OPSET, SEGMENT_DOMAIN
from ohmflow.compiler.lowering.lower import Lowered
from ohmflow.compiler.program.program import Port, SegmentRecord
from ohmflow.compiler.tile.composite import CompositeOp
from ohmflow.compiler.tile.entry import SegmentOp
from ohmflow.compiler.tile.passes.expand_composites import GAINS
from ohmflow.compiler.tile.passes.pipeline import run_pipeline
from ohmflow.compiler.tile.tile_types import VecType


def expand(lowered: Lowered) -> None:
    """Replace reads of composites by reads of their arrays and sums, in place; without composites, do nothing.

    Args:
        lowered: its module is changed; segments and functions of the sums are added.
    """
    if not any(isinstance(op, CompositeOp) for op in lowered.module.body.block.ops):
        return
    run_pipeline(lowered.module, "expand-composites")
    known = {record.name for record in lowered.segments}
    for op in lowered.module.body.block.ops:
        if isinstance(op, SegmentOp) and GAINS in op.attributes and op.sym_name.data not in known:
            record, function = sum_segment(op)
            lowered.segments.append(record)
            lowered.functions.append(function)


def sum_segment(op: SegmentOp) -> tuple[SegmentRecord, onnx.FunctionProto]:
    """Make the record and the ONNX function of a sum with gains, y = Σ g_k · y_k, added in this order."""
    listed, kind = op.attributes[GAINS], op.output_types[0]
    assert isinstance(listed, ArrayAttr) and isinstance(kind, VecType), "as the pass writes it"
    gains = [float(gain.value.data) for gain in listed.data]
    names = [f"y_{k}" for k in range(len(gains))]
    nodes, terms = [], []
    for name, gain in zip(names, gains, strict=True):
        if gain == 1.0:
            terms.append(name)
            continue
        factor = onnx.numpy_helper.from_array(np.array(gain, np.float32), f"{name}_gain")
        nodes.append(onnx.helper.make_node("Constant", [], [f"{name}_gain"], value=factor))
        nodes.append(onnx.helper.make_node("Mul", [name, f"{name}_gain"], [f"{name}_scaled"]))
        terms.append(f"{name}_scaled")
    so_far = terms[0]
    for k, term in enumerate(terms[1:], 1):
        last = k == len(terms) - 1
        nodes.append(onnx.helper.make_node("Add", [so_far, term], ["y" if last else f"sum_{k}"]))
        so_far = f"sum_{k}"
    if len(terms) == 1:
        nodes.append(onnx.helper.make_node("Identity", [so_far], ["y"]))
    symbol = op.sym_name.data
    function = onnx.helper.make_function(
        SEGMENT_DOMAIN, symbol, names, ["y"], nodes, [onnx.helper.make_opsetid("", OPSET)]
    )
    shape: tuple[int | str, ...] = ("batch", *kind.dims)
    ports = tuple(Port(name, "float32", shape) for name in names)
    operators = tuple(n.op_type for n in nodes if n.op_type != "Constant")
    return SegmentRecord(symbol, "row", ports, (Port("y", "float32", shape),), operators), function
