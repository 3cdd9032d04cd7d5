"""Random graphs of array reads and digital operators, as ONNX models: branches join, skip layers and end together."""

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

UNARY = ("Relu", "Tanh", "Sigmoid", "Softmax", "LogSoftmax")
BINARY = ("Add", "Sub", "Mul")


class _Writer:
    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], f"n{len(self.nodes)}"))
        return name

    def weight(self, *shape: int) -> str:
        name = f"w{len(self.weights)}"
        values = (self.rng.standard_normal(shape) * 0.5).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name


@st.composite
def models(draw: st.DrawFn) -> onnx.ModelProto:
    """A model from `x` [batch, 3 … 6] to `y` [batch, 3]."""
    writer = _Writer(draw(st.integers(0, 100)))
    start = draw(st.integers(3, 6))
    width = {"x": start}
    unused = ["x"]
    for _ in range(draw(st.integers(1, 8))):
        value = draw(st.sampled_from(sorted(width)))
        kind = draw(st.sampled_from(["read", "read", "bias", "unary", "binary"]))
        used = [value]
        if kind == "read":
            cols = draw(st.integers(2, 5))
            result = writer.node("MatMul", value, writer.weight(width[value], cols))
            width[result] = cols
        else:
            match kind:
                case "bias":
                    result = writer.node("Add", value, writer.weight(width[value]))
                case "unary":
                    result = writer.node(draw(st.sampled_from(UNARY)), value)
                case _:
                    other = draw(st.sampled_from(sorted(v for v in width if width[v] == width[value])))
                    used.append(other)
                    result = writer.node(draw(st.sampled_from(BINARY)), value, other)
            width[result] = width[value]
        unused = [v for v in unused if v not in used] + [result]
    ends = [writer.node("MatMul", v, writer.weight(width[v], 3)) for v in unused]
    total = ends[0]
    for end in ends[1:]:
        total = writer.node("Add", total, end)
    writer.nodes.append(helper.make_node("Identity", [total], ["y"], "end"))
    graph = helper.make_graph(
        writer.nodes,
        "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", start])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        writer.weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
