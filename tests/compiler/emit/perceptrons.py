"""Perceptrons of any shape, as ONNX models, and targets of any tile size for them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnx
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions
from ohmflow.compiler.mapping.packing import PACKINGS
from ohmflow.compiler.mapping.placers import placers
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.hand_target import hand_target


def perceptron(sizes: tuple[int, ...], activations: tuple[str, ...], biased: bool, seed: int = 0) -> onnx.ModelProto:
    """A model: `x` [batch, sizes[0]] to `y` [batch, sizes[-1]]; an activation may be empty."""
    rng = np.random.default_rng(seed)
    nodes, weights, value = [], [], "x"
    for k, (rows, cols) in enumerate(pairwise(sizes)):
        last = k == len(sizes) - 2
        weights.append(numpy_helper.from_array((rng.standard_normal((rows, cols)) / rows).astype(np.float32), f"w{k}"))
        active = "" if last else activations[k]
        result = "y" if last else f"z{k}"
        if biased:
            weights.append(numpy_helper.from_array(rng.standard_normal(cols).astype(np.float32), f"b{k}"))
        nodes.append(helper.make_node("Gemm", [value, f"w{k}", *([f"b{k}"] if biased else [])], [result], f"fc{k}"))
        value = result
        if active:
            value = f"h{k}"
            nodes.append(helper.make_node(active, [result], [value], f"act{k}"))
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", sizes[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", sizes[-1]])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


@dataclass(frozen=True)
class Case:
    """What to compile: a model, a target, choices; and a batch to run."""

    model: onnx.ModelProto
    target: Target
    options: CompileOptions
    batch: int
    seed: int

    def __repr__(self) -> str:
        """Say what matters, for hypothesis."""
        shapes = [tuple(w.dims) for w in self.model.graph.initializer]
        tile = self.target.tile
        return (
            f"{shapes} {[n.op_type for n in self.model.graph.node]} on {tile.crossbar.rows}x{tile.crossbar.cols}, "
            f"vectors {tile.buffer.vectors if tile.buffer else None}, {self.options}, batch {self.batch}, {self.seed}"
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Small perceptrons on small tiles, so that arrays have several blocks and tiles several arrays."""
    layers = draw(st.integers(1, 3))
    sizes = tuple(draw(st.integers(2, 24)) for _ in range(layers + 1))
    activations = tuple(draw(st.sampled_from(["", "Relu", "Tanh", "Sigmoid"])) for _ in range(layers))
    target = hand_target(
        tile__crossbar={
            "rows": draw(st.integers(8, 16)),
            "cols": draw(st.integers(8, 16)),
            "cell": "single-with-reference",
        },
        tile__buffer={"size": "64 KiB", "port": "32 B", "vectors": draw(st.integers(1, 3))},
        tile__read__double_buffered=draw(st.booleans()),
        tile__adc__banks=draw(st.integers(1, 2)),
        chip__tiles_per_node=draw(st.integers(1, 2)),
        chip__mesh="6 x 5",
        chip__host={"node": [draw(st.integers(0, 5)), draw(st.integers(0, 4))]},
    )
    options = CompileOptions(
        loss=draw(st.sampled_from(["cross-entropy", "mse"])),
        packing=draw(st.sampled_from(PACKINGS)),
        placer=draw(st.sampled_from(sorted(placers()))),
    )
    return Case(
        perceptron(sizes, activations, draw(st.booleans())),
        target,
        options,
        draw(st.integers(1, 3)),
        draw(st.integers(0, 1000)),
    )
