"""On the chip `ideal`, training is float32 stochastic gradient descent, up to the order of sums.

The oracle is `float_network.py`: plain numpy, gradients by hand, no ohmflow.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.lowering.scaling import WeightScaling
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSet, Rows, load_data
from ohmflow.runtime.training.export import trained_weights
from ohmflow.runtime.training.run_folder import Run
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end import float_network as oracle
from tests.end_to_end.models import Layer, Network, digits_network, initializers, network

NONE = Rows(np.zeros((0, 1), np.float32), np.zeros(0, np.int64))
LR = 0.1


def relative(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Relative Frobenius distance."""
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype == np.float32
    return float(np.linalg.norm(ours.astype(np.float64) - theirs) / np.linalg.norm(theirs.astype(np.float64)))


def worst(net: Network, run: Run, expected: oracle.Parameters) -> float:
    trained = net.trained(run.model)
    return max(relative(trained[name], expected[name]) for name in expected)


def on_ideal(net: Network, data: DataSet, options: TrainOptions, loss: str = "cross-entropy", **target: str) -> Run:
    overrides = {path.replace("__", "."): value for path, value in target.items()}
    chip = load("ideal", overrides or None)
    return train(compile_model(net.proto, chip, CompileOptions(loss=loss)), chip, data, options)


def classes(rows: int, inputs: int, count: int, seed: int = 11) -> DataSet:
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(rows, inputs)).astype(np.float32)
    return DataSet("drawn", Rows(x, draws.integers(0, count, rows)), NONE, NONE)


def values(rows: int, inputs: int, outputs: int, seed: int = 12) -> DataSet:
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(rows, inputs)).astype(np.float32)
    return DataSet("drawn", Rows(x, draws.normal(size=(rows, outputs)).astype(np.float32)), NONE, NONE)


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_data("digits", 0.1, 0.2, 0)


@pytest.fixture(scope="module")
def digits_after_an_epoch(digits: DataSet) -> tuple[oracle.Parameters, float]:
    net = digits_network()
    return oracle.epoch_of_steps(net.layers, net.parameters, digits.train.x, digits.train.y, LR, 10, seed=0)


def test_epoch_on_digits_equals_float32_sgd(
    digits: DataSet, digits_after_an_epoch: tuple[oracle.Parameters, float]
) -> None:
    net = digits_network()
    run = on_ideal(net, digits, TrainOptions(epochs=1, batch=10, lr=LR, seed=0))
    expected, loss = digits_after_an_epoch
    # 126 steps, the last of 8 rows: rounding of sums is amplified a little by every step.
    assert worst(net, run, expected) <= 1e-4
    assert run.summary["train_loss"] == [pytest.approx(loss, rel=1e-5)]
    moved = [relative(net.parameters[name], expected[name]) for name in expected]
    assert min(moved) > 0.01, "the oracle must have trained for the comparison to mean anything"


@pytest.mark.parametrize("lines", [64, 100, 512])
def test_size_of_tiles_does_not_matter(
    digits: DataSet, digits_after_an_epoch: tuple[oracle.Parameters, float], lines: int
) -> None:
    net = digits_network()
    options = TrainOptions(epochs=1, batch=10, lr=LR, seed=0)
    run = on_ideal(net, digits, options, tile__crossbar__rows=str(lines), tile__crossbar__cols=str(lines))
    assert worst(net, run, digits_after_an_epoch[0]) <= 1e-4
    # Two hidden layers of 256 and 128: 2 tiles of 512 would do for all; of 64, at least 50,432 / 64² = 13.
    assert run.summary["tiles"] >= {64: 13, 100: 6, 512: 1}[lines]


def test_twenty_single_steps_equal_those_of_the_oracle(digits: DataSet) -> None:
    net = digits_network()
    chip = load("ideal")
    # α = 1, so that nothing is rounded between logical and device weights.
    program = compile_model(net.proto, chip, CompileOptions(scaling=WeightScaling("none")))
    machine = Machine(program, chip, 0)
    machine.execute("program", {}, {}, 0)
    p = dict(net.parameters)
    parameter = {net.names[name]: name for name in p}
    image, label = (a.name for a in program.entries["train_step"].arguments if a.kind == "rows")
    for number, chosen in enumerate(list(oracle.batches(len(digits.train), 10, 0, 1))[:20]):
        for record, array in zip(program.arrays, machine.values.arrays, strict=True):
            stored = p[parameter[record.initializer]]
            array.w[:] = stored.T if record.transposed else stored
            array.touch()
        machine.values.states[:] = [p[parameter[s.initializer or ""]] for s in program.states]
        x, y = digits.train.x[chosen], digits.train.y[chosen]
        scalars = {"lr": LR, "inv_batch": 1 / len(x), "batch": len(x)}
        result = machine.execute("train_step", {image: x, label: y}, scalars, number)
        following, loss = oracle.step(net.layers, p, x, y, LR)
        ours = trained_weights(program, machine.values)
        for name, expected in following.items():
            given = ours[net.names[name]]
            assert relative(given, expected) <= 1e-6, f"step {number}, {name}"
            # And the step itself, of which the weights' own rounding is a larger part.
            step = np.linalg.norm(expected.astype(np.float64) - p[name])
            rounding = 2.0**-24 * np.linalg.norm(expected.astype(np.float64))
            distance = np.linalg.norm(given.astype(np.float64) - expected)
            assert distance <= 1e-5 * step + 2 * rounding, f"step {number}, {name}"
        assert float(result["loss"]) == pytest.approx(loss, rel=1e-5)
        p = following


LAST = Layer("gemm", 4)
SHAPES = {
    "softmax at the end": (Layer("gemm", 9), Layer("relu"), LAST, Layer("softmax")),
    "sigmoid": (Layer("gemm", 9), Layer("sigmoid"), LAST),
    "tanh": (Layer("gemm", 9), Layer("tanh"), LAST),
    "product of two values": (Layer("gemm", 9), Layer("swish"), LAST),
    "gain and shift": (Layer("gain"), Layer("gemm", 9), Layer("shift"), Layer("tanh"), Layer("gain"), LAST),
    "no bias": (Layer("matmul", 9), Layer("relu"), Layer("gemm", 4, bias=False)),
    "one layer": (LAST,),
}


@pytest.mark.parametrize("layers", SHAPES.values(), ids=SHAPES.keys())
def test_network_with_other_layers_equals_float32_sgd(layers: tuple[Layer, ...]) -> None:
    net = network(7, *layers)
    data = classes(53, 7, 4)  # 53 = 5 · 10 + 3: the last batch is short
    run = on_ideal(net, data, TrainOptions(epochs=2, batch=10, lr=0.2, seed=3))
    p = net.parameters
    for epoch in (1, 2):
        p, _ = oracle.epoch_of_steps(net.layers, p, data.train.x, data.train.y, 0.2, 10, 3, epoch)
    assert worst(net, run, p) <= 1e-5


@pytest.mark.parametrize("end", ["gemm", "softmax", "sigmoid"])
def test_mean_squared_error_equals_float32_sgd(end: str) -> None:
    layers = [Layer("gemm", 6), Layer("tanh"), Layer("gemm", 3), *([] if end == "gemm" else [Layer(end)])]
    net = network(5, *layers)
    data = values(41, 5, 3)
    run = on_ideal(net, data, TrainOptions(batch=8, lr=0.3), loss="mse")
    expected, loss = oracle.epoch_of_steps(net.layers, net.parameters, data.train.x, data.train.y, 0.3, 8, 0)
    assert worst(net, run, expected) <= 1e-5
    assert run.summary["train_loss"] == [pytest.approx(loss, rel=1e-5)]
    assert run.summary["test_accuracy"] == run.summary["test_accuracy_analog"] == [None]


def test_gradient_of_a_short_batch_is_its_own_mean() -> None:
    net = network(6, Layer("gemm", 3))
    data = classes(7, 6, 3)
    run = on_ideal(net, data, TrainOptions(batch=5, lr=1.0))
    p = net.parameters
    five, two = oracle.batches(7, 5, 0, 1)
    assert (len(five), len(two)) == (5, 2)
    for chosen in (five, two):
        p, _ = oracle.step(net.layers, p, data.train.x[chosen], data.train.y[chosen], 1.0, share=1 / len(chosen))
    assert worst(net, run, p) <= 1e-6


def test_update_at_sample_updates_after_every_sample_of_a_batch() -> None:
    net = network(6, Layer("gemm", 5), Layer("tanh"), Layer("gemm", 3))
    data = classes(22, 6, 3)
    run = on_ideal(net, data, TrainOptions(batch=4, lr=0.8, update_at="sample"))
    p = net.parameters
    total = 0.0
    for chosen in oracle.batches(22, 4, 0, 1):
        for row in chosen:  # d carries 1/B, B being the batch's size, though the weights move in between
            p, loss = oracle.step(net.layers, p, data.train.x[[row]], data.train.y[[row]], 0.8, share=1 / len(chosen))
            total += loss
    assert worst(net, run, p) <= 1e-5
    assert run.summary["train_loss"] == [pytest.approx(total / 22, rel=1e-5)]
    at_once = on_ideal(net, data, TrainOptions(batch=4, lr=0.8))
    assert worst(net, at_once, p) > 1e-4


def test_weight_that_two_layers_share_gets_both_gradients_of_the_frozen_weights() -> None:
    weight = np.random.default_rng(9).normal(size=(4, 4)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["a"], "first"),
            helper.make_node("Tanh", ["a"], ["h"], "bend"),
            helper.make_node("MatMul", ["h", "w"], ["y"], "second"),
        ],
        "tied",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [numpy_helper.from_array(weight, "w")],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    data = classes(23, 4, 4)
    layers = (Layer("matmul", 4), Layer("tanh"), Layer("matmul", 4))
    w = weight
    for chosen in oracle.batches(23, 5, 0, 1):
        p, _ = oracle.step(layers, {"w0": w, "w2": w}, data.train.x[chosen], data.train.y[chosen], 0.3)
        w = w + (p["w0"] - w) + (p["w2"] - w)
    for lines in ("512", "3"):
        run = on_ideal(
            Network(layers, proto, {"w": weight}),
            data,
            TrainOptions(batch=5, lr=0.3),
            tile__crossbar__rows=lines,
            tile__crossbar__cols=lines,
        )
        assert relative(initializers(run.model)["w"], w) <= 1e-5


def test_model_with_a_fixed_batch_trains_and_is_tested_on_every_row(tmp_path: Path) -> None:
    net = network(6, Layer("gemm", 3), batch=4)
    data = classes(22, 6, 3)
    tested = DataSet("drawn", data.train, Rows(data.train.x[:3], data.train.y[:3]), data.train)
    run = train(compile_model(net.proto, load("ideal")), load("ideal"), tested, TrainOptions(batch=5, lr=0.5))
    expected, _ = oracle.epoch_of_steps(net.layers, net.parameters, data.train.x, data.train.y, 0.5, 5, 0)
    assert worst(net, run, expected) <= 1e-5
    assert run.summary["test_accuracy"] == [oracle.accuracy(net.layers, expected, data.train.x, data.train.y)]
    assert run.summary["test_accuracy_analog"] == run.summary["test_accuracy"]
    assert run.summary["val_accuracy"] == [oracle.accuracy(net.layers, expected, data.train.x[:3], data.train.y[:3])]
