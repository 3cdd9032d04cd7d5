"""Digital segments on ONNX Runtime: one session a segment, single-threaded, so that results repeat bit for bit."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Port, SegmentRecord
from ohmflow.runtime.digital.bound_segment import BoundSegment

_ELEMENT = {
    "float32": onnx.TensorProto.FLOAT,
    "int64": onnx.TensorProto.INT64,
    "bool": onnx.TensorProto.BOOL,
}


def session_options() -> onnxruntime.SessionOptions:
    """Options of every session: one thread, sequential, errors only."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    return options


class Segment:
    """A digital segment, ready to run.

    Args:
        record: its ports.
        function: its body.
        opsets: operator sets the body uses.
    """

    def __init__(self, record: SegmentRecord, function: onnx.FunctionProto) -> None:
        self.record = record
        self._function = function
        self._inputs = [p.name for p in record.inputs]
        self._outputs = [p.name for p in record.outputs]
        graph = onnx.helper.make_graph(
            list(function.node), record.name, [_value(p) for p in record.inputs], [_value(p) for p in record.outputs]
        )
        model = onnx.helper.make_model(graph, opset_imports=list(function.opset_import), ir_version=10)
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
        )

    def __call__(self, values: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Run it; values and results in the order of the record's ports."""
        results: list[NDArray[Any]] = self._session.run(self._outputs, dict(zip(self._inputs, values, strict=True)))
        return results

    def bound(self, given: Sequence[NDArray[Any]], made: Sequence[NDArray[Any]]) -> BoundSegment:
        """Make it ready to run again and again on arrays of these shapes.

        Args:
            given: inputs.
            made: what it gives for them.
        """
        return BoundSegment(self._session, self._inputs, self._outputs, given, made)


def joined(segments: Sequence[Segment]) -> Segment:
    """Make one segment of several that do not depend on each other, which takes one call instead of several.

    Args:
        segments: in the order in which the ports of the new one stand.

    Returns:
        A segment that computes what each of them does.
    """
    if len(segments) == 1:
        return segments[0]
    whole = onnx.FunctionProto()
    inputs: list[Port] = []
    outputs: list[Port] = []
    for k, segment in enumerate(segments):
        record = segment.record
        graph = onnx.helper.make_graph(
            list(segment._function.node),
            record.name,
            [_value(p) for p in record.inputs],
            [_value(p) for p in record.outputs],
        )
        whole.node.extend(onnx.compose.add_prefix_graph(graph, f"{k}.").node)
        inputs += [replace(p, name=f"{k}.{p.name}") for p in record.inputs]
        outputs += [replace(p, name=f"{k}.{p.name}") for p in record.outputs]
    opsets = {o.domain: o.version for segment in segments for o in segment._function.opset_import}
    whole.opset_import.extend(onnx.helper.make_opsetid(*one) for one in opsets.items())
    record = replace(segments[0].record, inputs=tuple(inputs), outputs=tuple(outputs))
    return Segment(record, whole)


def load_segments(records: Sequence[SegmentRecord], segments_onnx: bytes) -> list[Segment]:
    """Make a session for every segment of a program."""
    functions = {f.name: f for f in onnx.load_model_from_string(segments_onnx).functions}
    return [Segment(record, functions[record.name]) for record in records]


def _value(port: Port) -> onnx.ValueInfoProto:
    element = _ELEMENT.get(port.dtype)
    if element is None:
        element = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(port.dtype))
    return onnx.helper.make_tensor_value_info(port.name, element, list(port.shape))
