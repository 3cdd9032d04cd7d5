"""Programs that only infer: models that can not be trained run all the same."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.runtime import train
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.inference import run_inference
from ohmflow.targets.registry import load


def two_by_two() -> onnx.ModelProto:
    """Two inputs, two outputs: p = relu(a·w + b), q = tanh(p·v) + c."""
    rng = np.random.default_rng(1)
    shapes = {"w": (4, 6), "b": (6,), "v": (6, 3)}
    stored = [onnx.numpy_helper.from_array(rng.standard_normal(s).astype(np.float32) / 2, n) for n, s in shapes.items()]
    nodes = [
        helper.make_node("MatMul", ["a", "w"], ["h"]),
        helper.make_node("Add", ["h", "b"], ["s"]),
        helper.make_node("Relu", ["s"], ["p"]),
        helper.make_node("MatMul", ["p", "v"], ["t"]),
        helper.make_node("Tanh", ["t"], ["u"]),
        helper.make_node("Add", ["u", "c"], ["q"]),
    ]
    value = helper.make_tensor_value_info
    inputs = [value("a", 1, ["n", 4]), value("c", 1, ["n", 3])]
    outputs = [value("p", 1, ["n", 6]), value("q", 1, ["n", 3])]
    graph = helper.make_graph(nodes, "two", inputs, outputs, stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def given() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {"a": rng.random((70, 4), np.float32), "c": rng.random((70, 3), np.float32)}


def test_every_graph_output_is_given_for_every_graph_input() -> None:
    model, target = two_by_two(), load("ideal")
    result = run_inference(compile_model(model, target, CompileOptions(training=False)), target, given(), None, 0)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for name, wanted in zip(("p", "q"), session.run(["p", "q"], given()), strict=True):
        np.testing.assert_allclose(result.outputs[name], wanted, rtol=1e-5, atol=1e-6)


def test_a_program_that_only_infers_is_stored_and_billed(tmp_path: Path) -> None:
    target = load("protonic-psg")
    program = compile_model(two_by_two(), target, CompileOptions(training=False))
    save_program(program, tmp_path / "p")
    stored = load_program(tmp_path / "p")
    assert set(stored.entries) == {"program", "infer"}
    result = run_inference(stored, target, given(), None, 0)
    assert set(result.bill.by("phase")) == {"program", "evaluation", "idle"}


def test_a_program_that_only_infers_is_not_trained() -> None:
    target = load("ideal")
    program = compile_model(two_by_two(), target, CompileOptions(training=False))
    with pytest.raises(RunError, match="must hold a training step, but was compiled to infer only"):
        train(program, target, "digits")


def test_the_same_model_is_refused_for_training() -> None:
    with pytest.raises(UnsupportedError, match="must have one output"):
        compile_model(two_by_two(), load("ideal"))
