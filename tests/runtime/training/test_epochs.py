"""What differs from epoch to epoch: rates, evaluations, patience; models of several inputs."""

import json
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import ohmflow.compiler
from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.runtime.training.trainer import History
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network

IDEAL = load("ideal")


def data(rows: int = 37) -> DataSet:
    draws = np.random.default_rng(6)
    part = Rows(draws.normal(size=(rows, 4)).astype(np.float32), draws.integers(0, 3, rows))
    return DataSet("drawn", part, part.take(slice(5)), part.take(slice(5, 20)))


@pytest.fixture(scope="module")
def program() -> ohmflow.compiler.Program:
    return compile_model(network(4, Layer("gemm", 3)).proto, IDEAL)


def test_rate_of_every_epoch_is_in_the_summary(program: ohmflow.compiler.Program) -> None:
    run = train(program, IDEAL, data(), TrainOptions(epochs=3, lr=0.2, lr_schedule="steps:0.5@2"))
    assert run.summary["lr"] == [0.2, 0.1, 0.1]


def test_scheduled_training_is_that_of_its_rates(program: ohmflow.compiler.Program) -> None:
    """One epoch at a tenth of the rate moves a tenth as far as one at the rate, on one batch."""
    rows = data(10)
    start = program.weights[program.arrays[0].name]

    def moved(**options: Any) -> Any:
        run = train(program, IDEAL, rows, TrainOptions(batch=10, **options))
        return numpy_helper.to_array(run.model.graph.initializer[0]).T - start

    np.testing.assert_allclose(moved(lr=0.02), moved(lr=0.2) / 10, rtol=1e-3, atol=1e-7)
    two = moved(lr=0.2, epochs=2, lr_schedule="steps:0.000001@2")
    np.testing.assert_allclose(two, moved(lr=0.2), rtol=1e-3, atol=1e-6)


def test_evaluation_is_due_every_so_many_epochs_and_after_the_last(program: ohmflow.compiler.Program) -> None:
    run = train(program, IDEAL, data(), TrainOptions(epochs=5, eval_every=2))
    for name in ("val_accuracy", "test_accuracy", "test_accuracy_analog"):
        assert [v is None for v in run.summary[name]] == [True, False, True, False, False]
    assert len(run.summary["train_loss"]) == 5


def test_evaluation_changes_no_weight() -> None:
    target = load("rpu-2016")
    program = compile_model(network(4, Layer("gemm", 3)).proto, target)
    models = [train(program, target, data(), TrainOptions(epochs=3, eval_every=n)).model for n in (1, 3)]
    assert models[0] == models[1]


def history(accuracies: list[float | None], losses: list[float] | None = None) -> History:
    count = len(accuracies)
    return History([0.1] * count, losses or [1.0] * count, accuracies, [None] * count, [None] * count, [None] * count,
                   [True] * count)  # fmt: skip


@pytest.mark.parametrize(
    ("accuracies", "patience", "stale"),
    [
        ([0.5], 1, False),
        ([0.5, 0.5], 1, True),
        ([0.5, 0.6], 1, False),
        ([0.5, 0.6, 0.6], 2, False),
        ([0.5, 0.6, 0.6, 0.4], 2, True),
        ([0.5, 0.6, 0.4, 0.7], 2, False),
    ],
)
def test_patience_ends_when_accuracy_does_not_rise(accuracies: list[float | None], patience: int, stale: bool) -> None:
    assert history(accuracies).is_stale(patience) is stale


def test_patience_looks_at_the_loss_without_accuracies() -> None:
    assert not history([None] * 3, [3.0, 2.0, 1.0]).is_stale(1)
    assert history([None] * 3, [3.0, 1.0, 1.5]).is_stale(1)


def test_training_ends_when_patience_does_and_exports_the_last_weights(program: ohmflow.compiler.Program) -> None:
    rows = data()
    same = DataSet("same", rows.train, Rows(np.zeros((2, 4), np.float32), np.array([0, 1])), rows.test)
    run = train(program, IDEAL, same, TrainOptions(epochs=50, lr=1e-6, patience=2))
    assert run.summary["epochs"] == [1, 2, 3] and run.summary["stopped_by"] == "patience"
    shorter = train(program, IDEAL, same, TrainOptions(epochs=3, lr=1e-6))
    assert shorter.summary["stopped_by"] == "epochs"
    assert shorter.model.graph == run.model.graph


def test_normalisation_is_noted_in_summary_and_model_and_holds_in_evaluation(program: ohmflow.compiler.Program) -> None:
    rows = data()
    run = train(program, IDEAL, rows, TrainOptions(epochs=2, normalize="standard"))
    noted = json.loads({p.key: p.value for p in run.model.metadata_props}["ohmflow.normalize"])
    assert noted == run.summary["normalize"] and noted["kind"] == "standard"
    figures = noted["inputs"]["x"]
    x = (rows.test.x - np.float32(figures["shift"])) / np.float32(figures["scale"])
    (scores,) = onnxruntime.InferenceSession(run.model.SerializeToString()).run(None, {"x": x})
    assert run.summary["test_accuracy"][-1] == np.mean(scores.argmax(axis=1) == rows.test.y)


def two_inputs() -> onnx.ModelProto:
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["left", "w"], ["a"], "n0"),
            helper.make_node("MatMul", ["right", "v"], ["b"], "n1"),
            helper.make_node("Add", ["a", "b"], ["y"], "n2"),
        ],
        "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", k]) for name, k in (("left", 3), ("right", 2))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [
            numpy_helper.from_array(np.full((k, 3), 0.1, np.float32) * np.arange(3, dtype=np.float32), name)
            for name, k in (("w", 3), ("v", 2))
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def split(rows: Rows) -> Rows:
    return Rows({"left": rows.x[:, :3], "right": np.ascontiguousarray(rows.x[:, 2:])}, rows.y)


@pytest.mark.parametrize("update_at", ["batch", "sample"])
def test_model_of_two_inputs_trains_as_float32_does(update_at: Any) -> None:
    whole = data()
    rows = DataSet("two", split(whole.train), split(whole.val), split(whole.test))
    program = compile_model(two_inputs(), IDEAL)
    run = train(program, IDEAL, rows, TrainOptions(epochs=1, batch=1, lr=0.1, update_at=update_at))
    w = 0.1 * np.arange(3.0) * np.ones((3, 3))
    v = 0.1 * np.arange(3.0) * np.ones((2, 3))
    for k in np.random.default_rng([0, 0x0DE5, 1]).permutation(len(whole.train)):
        left, right = rows.train.x["left"][k], rows.train.x["right"][k]
        scores = left @ w + right @ v
        d = np.exp(scores) / np.exp(scores).sum() - np.eye(3)[whole.train.y[k]]
        w -= 0.1 * np.outer(left, d)
        v -= 0.1 * np.outer(right, d)
    stored = {t.name: numpy_helper.to_array(t) for t in run.model.graph.initializer}
    np.testing.assert_allclose(stored["w"], w, atol=2e-6)
    np.testing.assert_allclose(stored["v"], v, atol=2e-6)
    assert run.summary["test_accuracy"] == run.summary["test_accuracy_analog"] != [None]


def test_missing_input_is_refused() -> None:
    part = Rows({"left": np.ones((4, 3), np.float32)}, np.zeros(4, np.int64))
    with pytest.raises(RunError, match="'right' is missing"):
        train(compile_model(two_inputs(), IDEAL), IDEAL, DataSet("one", part, part, part))
