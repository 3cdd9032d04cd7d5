"""Operators that can not be trained: refused, or timed by their shapes."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend.load import load_model
from ohmflow.compiler.frontend.stand_ins import timed_by_structure
from ohmflow.runtime.estimate.api import estimate
from ohmflow.targets.registry import load


def model(op_type: str, extra: dict[str, tuple[int, ...]], result: tuple[int, ...]) -> onnx.ModelProto:
    """A product with weights before an operator; a mean and a product after it."""
    weights = {"w1": (8, 16), "w2": (result[-1], 4), **extra}
    rng = np.random.default_rng(0)
    stored = [numpy_helper.from_array(rng.random(shape, dtype=np.float32), name) for name, shape in weights.items()]
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"], "first"),
        helper.make_node(op_type, ["a", *extra], ["b"], "odd"),
        helper.make_node("MatMul", ["b", "w2"], ["c"], "second"),
        helper.make_node("ReduceMean", ["c", "axes"], ["y"], "mean", keepdims=0),
    ]
    stored.append(numpy_helper.from_array(np.array([1], np.int64), "axes"))
    graph = helper.make_graph(
        nodes,
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        stored,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


NORM = model("LayerNormalization", {"scale": (16,), "bias": (16,)}, (3, 16))


def test_without_structure_such_an_operator_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="LayerNormalization"):
        load_model(NORM)


def test_a_stand_in_has_the_shape_of_the_operator() -> None:
    loaded = load_model(NORM, structure=True)
    assert timed_by_structure(loaded) == {"odd": "LayerNormalization"}
    shapes = {v.name: str(v.shape) for node in loaded.graph for v in node.outputs}
    assert shapes["b"] == "[batch,3,16]"


@pytest.mark.parametrize("training", [True, False])
def test_an_estimate_counts_its_work_forward_and_backward(training: bool) -> None:
    target = load("rpu-2016")
    program = compile_model(NORM, target, CompileOptions(loss="mse", training=training, structure=True))
    assert program.manifest["timed_by_structure"] == {"odd": "LayerNormalization"}
    result = estimate(program, target, batch=2, phase="training" if training else "inference")
    simple = {
        phase: sum(
            n
            for layer in result.work.layers
            for (p, _, event), n in layer.events.items()
            if (p, event) == (phase, "vector_op")
        )
        for phase in ("forward", "backward", "evaluation")
    }
    least = 2 * 7 * 3 * 16  # 7 passes over 3 x 16 elements of 2 samples
    for phase in ("forward", "backward") if training else ("evaluation",):
        assert simple[phase] >= least


def test_nothing_is_marked_where_all_can_be_trained() -> None:
    program = compile_model("examples/models/digits_mlp.onnx", load("rpu-2016"), CompileOptions(structure=True))
    assert "timed_by_structure" not in program.manifest
    json.dumps(dict(program.manifest))
