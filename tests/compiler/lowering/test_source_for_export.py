"""The model that a program carries for export computes nothing that the compiler left out."""

from pathlib import Path

import onnx

from ohmflow.compiler.compile import compile_model
from ohmflow.targets.registry import load


def test_nodes_that_no_output_needs_and_declared_shapes_are_not_exported(tmp_path: Path) -> None:
    """Fuzzing found one that took ONNX Runtime sixteen gigabytes, in a node whose result nothing read."""
    body = (
        "g (float[n,4] x) => (float[n,3] y) <float[4,3] w = {" + ", ".join(["0.5"] * 12) + "}> "
        "{ dead = Tanh(x)  after = Neg(dead)  a = Relu(x)  y = MatMul(a, w) }"
    )
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]>{body}')
    proto.graph.value_info.append(onnx.helper.make_tensor_value_info("a", onnx.TensorProto.INT64, [7]))
    exported = onnx.load_model_from_string(compile_model(proto, load("ideal")).source_onnx)
    assert [node.op_type for node in exported.graph.node] == ["Relu", "MatMul"]
    assert len(exported.graph.value_info) == 0
    assert len(proto.graph.node) == 4 and len(proto.graph.value_info) == 1, "the caller's model stays as it is"
