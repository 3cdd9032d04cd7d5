from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.frontend import load_model

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
    proto = in_double(training_onnx(training))
    opened = session(proto)
    stored = {tensor.name: onnx.numpy_helper.to_array(tensor).copy() for tensor in proto.graph.initializer}
    fed = {name: value.astype(np.float64) if value.dtype == np.float32 else value for name, value in feeds.items()}
    fed["lr"] = np.array(1.0)

    def total(name: str, value: np.ndarray) -> float:
        return float(opened.run([training.loss], {**fed, name: value})[0])

    trained = [(info.name, f"{info.name}.next") for info in training.arrays]
    trained += [(info.name, info.next) for info in training.parameters]
    assert trained
    h = 1e-5
    for name, following in trained:
        value = stored[name]
        gradient = value - opened.run([following], fed)[0]
        expected = np.empty_like(value)
        for index in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[index] = h
            expected[index] = (total(name, value + step) - total(name, value - step)) / (2 * h)
        # Truncation of the difference is h²/6 times a third derivative of order 1, rounding 1e-16/h.
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8, err_msg=name)


@pytest.fixture(name="run")
def run_fixture() -> Run:
    return run


@pytest.fixture(name="parse")
def parse_fixture() -> Callable[[str], onnx.ModelProto]:
    return parse


@pytest.fixture(name="check_gradients", scope="session")
def check_gradients_fixture() -> Callable[..., None]:
    return check_gradients
