"""A program with stand-ins is timed, never executed."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.machine.errors import StandInError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load


def model() -> onnx.ModelProto:
    """A product with weights, and a normalisation that can not be trained."""
    weights = {"w": (8, 4), "scale": (4,), "bias": (4,)}
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["a"], "first"),
            helper.make_node("LayerNormalization", ["a", "scale", "bias"], ["y"], "odd"),
        ],
        "normalised",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def test_a_program_with_stand_ins_is_refused_by_the_machine() -> None:
    target = load("rpu-2016")
    program = compile_model(model(), target, CompileOptions(loss="mse", structure=True))
    with pytest.raises(StandInError, match=r"^program, node odd: .*LayerNormalization") as refused:
        Machine(program, target, 0)
    assert refused.value.exit_status == 3
    assert "\n" not in str(refused.value)
