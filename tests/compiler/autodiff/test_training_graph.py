"""The training step as a whole: against numpy, against other spellings of itself, and what it promises its readers."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import TrainingGraph, inference_graph, training_graph, training_onnx
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model

Run = Callable[[onnx.ModelProto, Mapping[str, Any]], dict[str, np.ndarray]]
Parse = Callable[[str], onnx.ModelProto]

MLP = Path(__file__).parents[3] / "examples" / "models" / "digits_mlp.onnx"
REDUCTIONS = {"ReduceMean", "ReduceSum", "update"}


def train(proto: onnx.ModelProto | Path, loss: str = "cross-entropy") -> TrainingGraph:
    return training_graph(extract_arrays(load_model(proto)), loss, "test.onnx")


def literal(values: np.ndarray) -> str:
    return "{" + ", ".join(repr(float(value)) for value in values.ravel()) + "}"


def digits_step(lr: float, image: np.ndarray, label: np.ndarray) -> dict[str, np.ndarray]:
    """One SGD step of the perceptron, in numpy and float64, from its ONNX weights alone."""
    weights = {t.name: onnx.numpy_helper.to_array(t).astype(np.float64) for t in onnx.load(MLP).graph.initializer}
    values = [image.astype(np.float64)]
    for layer in (1, 2, 3):
        z = values[-1] @ weights[f"fc{layer}.weight"].T + weights[f"fc{layer}.bias"]
        values.append(np.maximum(z, 0) if layer < 3 else z)
    logits = values.pop()
    share = np.exp(logits - logits.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    results = {"logits": logits, "loss": -np.log(share[np.arange(len(label)), label]).mean()}
    d = (share - np.eye(10)[label]) / len(label)
    for layer in (3, 2, 1):
        x, w = values.pop(), weights[f"fc{layer}.weight"]
        results[f"fc{layer}.weight.next"] = w.T - lr * (x.T @ d)
        results[f"fc{layer}.bias.next"] = weights[f"fc{layer}.bias"] - lr * d.sum(0)
        d = (d @ w) * (x > 0)
    return results


def test_perceptron_step_equals_numpy_sgd(run: Run) -> None:
    rng = np.random.default_rng(1)
    image, label = rng.uniform(0, 1, (32, 64)).astype(np.float32), rng.integers(0, 10, 32)
    lr = np.array(0.25, dtype=np.float32)
    results = run(training_onnx(train(MLP)), {"image": image, "label": label, "lr": lr})
    expected = digits_step(0.25, image, label)
    assert results.keys() == expected.keys()
    for name, value in expected.items():
        scale = np.abs(value).max()
        assert np.abs(results[name] - value).max() <= 1e-6 * scale, name


def test_weights_and_parameters_can_be_fed(run: Run) -> None:
    proto = training_onnx(train(MLP))
    rng = np.random.default_rng(2)
    feeds = {
        "image": rng.uniform(0, 1, (4, 64)).astype(np.float32),
        "label": np.arange(4),
        "lr": np.array(0, np.float32),
    }
    zero = {"fc3.weight": np.zeros((128, 10), np.float32), "fc3.bias": np.zeros(10, np.float32)}
    assert run(proto, {**feeds, **zero})["loss"] == pytest.approx(np.log(10), rel=1e-6)


def test_the_first_layer_has_no_transposed_read() -> None:
    reads = [node.attributes["array"].as_string() for node in train(MLP).model.graph if node.op_type == "mvm_t"]
    assert reads == ["fc3.weight", "fc2.weight"]


def test_no_dense_gradient_of_an_array_exists() -> None:
    training = train(MLP)
    matrices = {(info.rows, info.cols) for info in training.arrays}
    for node in training.model.graph:
        if node.op_type != "update":
            assert all(tuple(output.shape) not in matrices for output in node.outputs if output.shape is not None)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_every_node_is_row_wise_but_the_named_reductions(loss: str) -> None:
    for node in train(MLP, loss).model.graph:
        assert node.op_type not in ("Shape", "Size")
        batched = [
            v
            for v in node.inputs
            if v is not None and v.shape is not None and v.shape.rank() and not v.shape.is_static(0)
        ]
        if batched and node.op_type not in REDUCTIONS:
            assert str(node.outputs[0].shape[0]) == "batch", node
        elif batched and node.op_type == "ReduceSum" and node.outputs[0].shape.is_static():
            axes = node.inputs[1]
            assert axes is not None and axes.const_value is not None and axes.const_value.numpy().tolist() == [0]


def test_every_value_has_a_shape_and_only_the_batch_is_open() -> None:
    for node in train(MLP).model.graph:
        for output in node.outputs:
            assert output.shape is not None and output.dtype is not None
            assert all(isinstance(d, int) or (axis == 0 and str(d) == "batch") for axis, d in enumerate(output.shape))


def test_graph_says_what_it_holds() -> None:
    training = train(MLP)
    assert [value.name for value in training.model.graph.inputs] == ["image", "label", "lr", "inv_batch"]
    assert training.data_inputs == ("image",)
    assert (training.label.name, training.label.dtype, training.label.shape) == ("label", ir.DataType.INT64, ("batch",))
    assert training.outputs == ("logits",) and training.loss == "loss"
    assert [(p.name, p.shape, p.next) for p in training.parameters] == [
        ("fc1.bias", (256,), "fc1.bias.next"),
        ("fc2.bias", (128,), "fc2.bias.next"),
        ("fc3.bias", (10,), "fc3.bias.next"),
    ]
    assert [(u.array, u.site, u.next) for u in training.updates] == [
        (f"fc{layer}.weight", 0, f"fc{layer}.weight.next") for layer in (1, 2, 3)
    ]


def test_training_graph_is_the_same_every_time() -> None:
    first, second = (training_onnx(train(MLP)).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second


def test_extraction_and_differentiation_leave_their_inputs_alone() -> None:
    model = load_model(MLP)
    before = ir.to_proto(model).SerializeToString(deterministic=True)
    graph = extract_arrays(model)
    extracted = ir.to_proto(graph.model).SerializeToString(deterministic=True)
    training_onnx(training_graph(graph, "cross-entropy", "test.onnx"))
    inference_graph(graph).graph.outputs[0].name = "renamed"
    assert ir.to_proto(graph.model).SerializeToString(deterministic=True) == extracted
    assert ir.to_proto(model).SerializeToString(deterministic=True) == before


def test_tied_weights_two_steps_equal_numpy(run: Run, parse: Parse) -> None:
    rng = np.random.default_rng(3)
    w, x, t = rng.normal(size=(3, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    body = f"g (float[batch,3] x) => (float[batch,3] y) <float[3,3] w = {literal(w.astype(np.float32))}>"
    training = train(parse(f"{body} {{ a = MatMul(x, w)  b = Tanh(a)  y = MatMul(b, w) }}"), "mse")
    assert [info.nodes for info in training.arrays] == [("MatMul.a", "MatMul.y")]
    assert [(u.site, u.next) for u in training.updates] == [(0, "w.after_site_0"), (1, "w.next")]
    proto = training_onnx(training)
    lr, value, expected = 0.3, w.astype(np.float32), w.astype(np.float32).astype(np.float64)
    for _ in range(2):
        feeds = {"x": x.astype(np.float32), "label": t.astype(np.float32), "lr": np.array(lr, np.float32), "w": value}
        value = run(proto, feeds)["w.next"]
        b = np.tanh(x @ expected)
        d = 2 / 12 * (b @ expected - t)
        expected = expected - lr * (b.T @ d + x.T @ ((d @ expected.T) * (1 - b * b)))
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_cross_entropy_agrees_from_logits_softmax_and_log_softmax(run: Run, parse: Parse) -> None:
    rng = np.random.default_rng(4)
    w = literal(rng.normal(size=12).astype(np.float32))
    feeds = {"x": rng.normal(size=(5, 3)).astype(np.float32), "label": np.array([0, 1, 2, 3, 3])}
    feeds["lr"] = np.array(0.5, np.float32)
    results = {}
    for last in ("Identity", "Softmax", "LogSoftmax"):
        proto = parse(
            f"g (float[batch,3] x) => (float[batch,4] y) <float[3,4] w = {w}> {{ z = MatMul(x, w)  y = {last}(z) }}"
        )
        results[last] = run(training_onnx(train(proto)), feeds)
    for last in ("Softmax", "LogSoftmax"):
        for name in ("loss", "w.next"):
            np.testing.assert_array_equal(results[last][name], results["Identity"][name])
    np.testing.assert_allclose(results["Softmax"]["y"].sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(np.exp(results["LogSoftmax"]["y"]), results["Softmax"]["y"], rtol=1e-5)


def test_cross_entropy_is_finite_for_huge_logits(run: Run, parse: Parse) -> None:
    proto = parse(
        "g (float[batch,2] x) => (float[batch,2] y) <float[2,2] w = {1.0, 0.0, 0.0, 1.0}>"
        "{ z = MatMul(x, w)  y = Softmax(z) }"
    )
    feeds = {"x": np.array([[2e4, -2e4]], np.float32), "label": np.array([1]), "lr": np.array(0, np.float32)}
    results = run(training_onnx(train(proto)), feeds)
    assert results["loss"] == 4e4
    assert np.isfinite(results["w.next"]).all()


def test_mse_is_the_mean_over_batch_and_elements(run: Run, parse: Parse) -> None:
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(3, 2, 4)).astype(np.float32), rng.normal(size=(3, 2, 4)).astype(np.float32)
    proto = parse(
        "g (float[batch,2,4] x) => (float[batch,2,4] y) <float[4] b = {1.0, 2.0, 3.0, 4.0}> { y = Add(x, b) }"
    )
    results = run(training_onnx(train(proto, "mse")), {"x": x, "label": t, "lr": np.array(1, np.float32)})
    error = x + np.arange(1, 5) - t
    assert results["loss"] == pytest.approx((error**2).mean(), rel=1e-6)
    np.testing.assert_allclose(results["b.next"], np.arange(1, 5) - 2 * error.sum((0, 1)) / error.size, rtol=1e-5)


def test_names_of_ours_give_way_to_the_users(run: Run, parse: Parse) -> None:
    proto = parse("""g (float[batch,2] lr, float[batch,2] label) => (float[batch,2] loss)
      <float[2,2] inv_batch = {1.0, 2.0, 3.0, 4.0}, float[2] scalar = {1.0, 1.0}>
      { a = MatMul(lr, inv_batch)  b = Mul(a, scalar)  loss = Add(b, label) }""")
    training = train(proto, "mse")
    assert training.data_inputs == ("lr", "label")
    assert (training.label.name, training.lr, training.inv_batch) == ("label_2", "lr_2", "inv_batch_2")
    assert (training.outputs, training.loss) == (("loss",), "loss_2")
    ones = np.ones((3, 2), np.float32)
    results = run(
        training_onnx(training), {"lr": ones, "label": ones, "label_2": ones, "lr_2": np.array(0, np.float32)}
    )
    np.testing.assert_array_equal(results["loss"], [[5, 7]] * 3)


def test_constant_nodes_and_scalars_are_not_trained(parse: Parse) -> None:
    training = train(
        parse("""g (float[batch,2] x) => (float[batch,2] y) <float s = {2.0}, float[2] p = {1.0, 2.0}>
      { c = Constant<value_floats=[1.0, 2.0]>()  a = Mul(x, c)  b = Mul(a, s)  y = Add(b, p) }"""),
        "mse",
    )
    assert [parameter.name for parameter in training.parameters] == ["p"]


GRAPH = "g (float[batch,2] x) => (float[batch,2] y) <float[2] p = {1.0, 2.0}> { y = Add(x, p) }"

REFUSED = [
    (GRAPH, "hinge", "test.onnx: loss must be one of cross-entropy, mse, not hinge; choose one of them"),
    (
        "g (float[batch,2] x) => (float[batch,2] y, float[batch,2] z) <float[2] p = {1.0, 2.0}>"
        "{ y = Add(x, p) z = Relu(y) }",
        "mse",
        "test.onnx: a model to train must have one output, which the loss reads, not 'y', 'z'; remove the rest",
    ),
    (
        "g (float[batch,2] x) => (float[batch,2] y) { y = Relu(x) }",
        "mse",
        "test.onnx: the model must have a float32 initialiser to train, not constants only; export its weights as "
        "initialisers",
    ),
    (
        "g (float[batch,2,2] x) => (float[batch,2,2] y) <float[2] p = {1.0, 2.0}> { y = Add(x, p) }",
        "cross-entropy",
        "test.onnx: output 'y' must have shape [batch, classes] for the cross-entropy loss, not [batch, 2, 2]; "
        "flatten it, or choose --loss mse",
    ),
]


@pytest.mark.parametrize(("body", "loss", "message"), REFUSED)
def test_what_can_not_be_trained_is_refused(parse: Parse, body: str, loss: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        train(parse(body), loss)
    assert str(caught.value) == message


def test_unknown_optimizer_is_refused(parse: Parse) -> None:
    with pytest.raises(UnsupportedError) as caught:
        training_graph(extract_arrays(load_model(parse(GRAPH))), "mse", "test.onnx", optimizer="adagrad")
    assert (
        str(caught.value) == "test.onnx: optimizer must be one of adam, momentum, sgd, not adagrad; choose one of them"
    )
