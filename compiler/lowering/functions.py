"""Digital segments as ONNX functions: `segments.onnx` of a program."""

from collections.abc import Sequence

import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.work import is_rows, row_dims
from ohmflow.compiler.lowering.segments import Segment, is_constant
from ohmflow.compiler.program.program import Port, SegmentRecord

SEGMENT_DOMAIN = "ohmflow.segment"
OPSET = 21


def segment_record(name: str, segment: Segment) -> SegmentRecord:
    """Describe a segment for the program."""
    return SegmentRecord(
        name,
        segment.kind,
        tuple(_port(v) for v in segment.inputs),
        tuple(_port(v) for v in segment.outputs),
        tuple(n.op_type for n in segment.nodes),
    )


def segment_function(name: str, segment: Segment) -> onnx.FunctionProto:
    """Make the ONNX function of a segment; constants become nodes of its body."""
    constants: dict[str, ir.Value] = {}
    for node in segment.nodes:
        for value in node.inputs:
            if value is not None and is_constant(value):
                constants.setdefault(value.name or "", value)
    nodes = [
        onnx.helper.make_node("Constant", [], [key], value=ir.serde.serialize_tensor(_tensor(value)))
        for key, value in constants.items()
    ]
    nodes += [ir.serde.serialize_node(node) for node in segment.nodes]
    return onnx.helper.make_function(
        SEGMENT_DOMAIN,
        name,
        [v.name or "" for v in segment.inputs],
        [v.name or "" for v in segment.outputs],
        nodes,
        [onnx.helper.make_opsetid("", OPSET)],
    )


def segments_model(functions: Sequence[onnx.FunctionProto]) -> bytes:
    """Serialise functions as one model, which has an empty graph."""
    model = onnx.helper.make_model(
        onnx.helper.make_graph([], "segments", [], []),
        functions=list(functions),
        opset_imports=[onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid(SEGMENT_DOMAIN, 1)],
        ir_version=10,
    )
    return bytes(model.SerializeToString(deterministic=True))


def _tensor(value: ir.Value) -> ir.TensorProtocol:
    assert value.const_value is not None
    return value.const_value


def _port(value: ir.Value) -> Port:
    assert value.dtype is not None
    shape: tuple[int | str, ...] = (("batch",) if is_rows(value) else ()) + row_dims(value)
    return Port(value.name or "", value.dtype.numpy().name, shape)
