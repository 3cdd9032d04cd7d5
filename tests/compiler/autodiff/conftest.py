import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.frontend import load_model

_SINGLE_ONLY = frozenset({"Conv", "ConvTranspose", "AveragePool", "GlobalAveragePool", "Elu", "Erf", "Gelu"}) | {
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "GlobalMaxPool",
    "Softplus",
}
"""What ONNX Runtime has in float32 only; ONNX's reference implementation has all of them in float64."""


class GlobalMaxPool(OpRun):
    """In place of the reference implementation, which takes images only."""

    op_domain = ""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class Gelu(OpRun):
    """In place of the reference implementation, whose Erf is float32."""

    op_domain = ""

    def _run(self, x: np.ndarray, approximate: str = "none") -> tuple[np.ndarray]:
        if approximate == "tanh":
            return (x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,)
        return (x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,)


Run = Callable[[onnx.ModelProto, Mapping[str, Any]], dict[str, np.ndarray]]


def session(proto: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(proto: onnx.ModelProto, feeds: Mapping[str, Any]) -> dict[str, np.ndarray]:
    opened = session(proto)
    return dict(zip([value.name for value in opened.get_outputs()], opened.run(None, dict(feeds)), strict=True))


def parse(body: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]>\n{body}')


def in_double(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph computed in float64, so that central differences are good to about 1e-8."""
    double = onnx.ModelProto()
    double.CopyFrom(proto)
    del double.graph.value_info[:]
    # ONNX Runtime has OneHot in float32 only: its result is converted.
    kept = {node.input[2] for node in double.graph.node if node.op_type == "OneHot"}
    for tensor in double.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and tensor.name not in kept:
            array = onnx.numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    for value in (*double.graph.input, *double.graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    nodes = []
    for node in double.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == onnx.TensorProto.FLOAT:
                attribute.i = onnx.TensorProto.DOUBLE
        nodes.append(node)
        if node.op_type == "OneHot":
            result, single = node.output[0], f"{node.output[0]}.single"
            node.output[0] = single
            nodes.append(onnx.helper.make_node("Cast", [single], [result], to=onnx.TensorProto.DOUBLE))
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del double.graph.node[:]
    double.graph.node.extend(copies)
    onnx.checker.check_model(double, full_check=True)
    return double


def check_gradients(
    body: str, feeds: Mapping[str, np.ndarray], loss: str = "mse", digital: tuple[str, ...] = ()
) -> None:
    """Every trained value's gradient, read off a step with lr = 1, against central differences of the loss."""
    training = training_graph(extract_arrays(load_model(parse(body)), digital), loss, "test.onnx")
    plain = training_onnx(training)
    trained = [(info.name, f"{info.name}.next") for info in training.arrays]
    trained += [(info.name, info.next) for info in training.parameters]
    assert trained
    if _SINGLE_ONLY & {node.op_type for node in plain.graph.node}:
        given = run(plain, {**feeds, "lr": np.array(1, np.float32)})
        loss_only = ReferenceEvaluator(in_double(only(plain, training.loss)), new_ops=[GlobalMaxPool, Gelu])
        # Values and their gradients are of order 1 and pass through a few operators in float32.
        compare(loss_only, plain, feeds, {name: given[following] for name, following in trained}, 1e-4, 2e-5)
        return
    proto = in_double(plain)
    opened = session(proto)
    fed = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in feeds.items()}
    given = dict(
        zip([f for _, f in trained], opened.run([f for _, f in trained], {**fed, "lr": np.array(1.0)}), strict=True)
    )
    # Truncation of the difference is h²/6 times a third derivative of order 1, rounding 1e-16/h.
    results = {name: given[following] for name, following in trained}
    compare(session(only(proto, training.loss)), proto, feeds, results, 1e-6, 1e-8)


def compare(
    loss: Any,
    proto: onnx.ModelProto,
    feeds: Mapping[str, np.ndarray],
    stepped: Mapping[str, np.ndarray],
    rtol: float,
    atol: float,
) -> None:
    """Gradients, read off a step with lr = 1, against central differences of a loss that is computed in float64."""
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    fed = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in feeds.items()}
    needed = {value.name for value in loss.get_inputs()} if hasattr(loss, "get_inputs") else set(loss.input_names)
    fed = {name: value for name, value in fed.items() if name in needed}

    def total(name: str, value: np.ndarray) -> float:
        return float(loss.run(None, {**fed, name: value})[0])

    h = 1e-5
    for name, after in stepped.items():
        value = stored[name].astype(np.float64)
        expected = np.empty_like(value)
        for index in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[index] = h
            expected[index] = (total(name, value + step) - total(name, value - step)) / (2 * h)
        np.testing.assert_allclose(stored[name] - after, expected, rtol=rtol, atol=atol, err_msg=name)


def only(proto: onnx.ModelProto, output: str) -> onnx.ModelProto:
    """The part of a model that computes one output, with the inputs that it needs."""
    pruned = onnx.ModelProto()
    pruned.CopyFrom(proto)
    wanted, kept = {output}, []
    for node in reversed(proto.graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(node.input)
    for field, chosen in (
        ("node", reversed(kept)),
        ("input", [value for value in proto.graph.input if value.name in wanted]),
        ("initializer", [tensor for tensor in proto.graph.initializer if tensor.name in wanted]),
        ("output", [value for value in proto.graph.output if value.name == output]),
    ):
        pruned.graph.ClearField(field)
        getattr(pruned.graph, field).extend(chosen)
    return pruned


def step(text: str, feeds: dict[str, Any]) -> dict[str, np.ndarray]:
    """One training step with lr = 1, in float32 on ONNX Runtime."""
    training = training_graph(extract_arrays(load_model(parse(text))), "mse", "test.onnx")
    return run(training_onnx(training), {**feeds, "lr": np.array(1, np.float32)})


@pytest.fixture(name="run")
def run_fixture() -> Run:
    return run


@pytest.fixture(name="parse")
def parse_fixture() -> Callable[[str], onnx.ModelProto]:
    return parse


@pytest.fixture(name="check_gradients", scope="session")
def check_gradients_fixture() -> Callable[..., None]:
    return check_gradients
