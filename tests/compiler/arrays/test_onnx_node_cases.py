"""ONNX's own node test cases, through the front end, extraction and the reference bodies.

All inputs of a case stay inputs if the front end takes them as one batch; else the first does, and the others become
initialisers, as weights are. Cases that it refuses both ways (as it does most that mix the rows of what is now a
batch) are left out; the counts below say how many remain at least.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.backend.test.case.node import collect_testcases

from ohmflow.compiler.arrays import extract_arrays, inline_reference
from ohmflow.compiler.autodiff.registry import operators
from ohmflow.compiler.errors import CompilerError
from ohmflow.compiler.frontend import load_model

Run = Callable[[onnx.ModelProto | ir.Model, Mapping[str, Any]], list[np.ndarray]]

# What onnx 1.23 has; later versions may add cases.
LEAST_CASES = {
    "Abs": 1,
    "Add": 2,
    "AveragePool": 20,
    "BatchNormalization": 2,
    "Clip": 9,
    "Concat": 6,
    "Conv": 6,
    "Div": 3,
    "Dropout": 4,
    "Elu": 3,
    "Exp": 2,
    "Flatten": 3,
    "Gelu": 4,
    "Gemm": 8,
    "GlobalAveragePool": 2,
    "GlobalMaxPool": 0,
    "HardSigmoid": 3,
    "HardSwish": 1,
    "Identity": 1,
    "LeakyRelu": 3,
    "Log": 2,
    "LogSoftmax": 6,
    "MatMul": 4,
    "MaxPool": 16,
    "Mul": 3,
    "Neg": 2,
    "Pad": 3,
    "Reciprocal": 2,
    "ReduceMean": 6,
    "ReduceSum": 8,
    "Relu": 1,
    "Reshape": 6,
    "Sigmoid": 2,
    "Slice": 2,
    "Softmax": 6,
    "Softplus": 2,
    "Sqrt": 2,
    "Squeeze": 1,
    "Sub": 3,
    "Tanh": 2,
    "Transpose": 2,
    "Unsqueeze": 6,
}

ROUNDED = {"test_averagepool_2d_ceil_last_window_starts_on_pad"}
"""Cases whose results are written with four digits."""


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the cases divide by zero on purpose
        found = collect_testcases()
    sorted_cases: dict[str, list[Any]] = {name: [] for name in operators()}
    for case in found:
        nodes = case.model.graph.node if case.model is not None else []
        if len(nodes) == 1 and nodes[0].op_type in sorted_cases and nodes[0].domain == "":
            sorted_cases[nodes[0].op_type].append(case)
    return sorted_cases


def load_case(proto: onnx.ModelProto, inputs: list[np.ndarray]) -> ir.Model | None:
    for spelling in (proto, with_weights(proto, inputs)):
        try:
            return load_model(spelling)
        except CompilerError:
            continue
    return None


def with_weights(model: onnx.ModelProto, inputs: list[np.ndarray]) -> onnx.ModelProto:
    proto = onnx.ModelProto()
    proto.CopyFrom(model)
    proto.ir_version = min(proto.ir_version, 10)
    for value, array in zip(list(proto.graph.input)[1:], inputs[1:], strict=True):
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        proto.graph.input.remove(value)
    return proto


@pytest.mark.parametrize("op_type", sorted(operators()))
def test_node_cases_agree(run: Run, cases: dict[str, list[Any]], op_type: str) -> None:
    agreed = 0
    for case in cases[op_type]:
        if case.name.startswith("test_training_dropout"):
            continue  # what the front end makes of it infers, and drops nothing
        inputs, outputs = case.data_sets[0]
        model = load_case(case.model, inputs)
        if model is None:
            continue
        graph = extract_arrays(model)
        feeds = {value.name or "": array for value, array in zip(model.graph.inputs, inputs, strict=False)}
        results = run(inline_reference(graph.model), feeds)
        rtol = case.rtol if case.name in ROUNDED else 1e-5
        np.testing.assert_allclose(results[0], outputs[0], rtol=rtol, atol=1e-6, err_msg=case.name)
        agreed += 1
    assert agreed >= LEAST_CASES[op_type]
