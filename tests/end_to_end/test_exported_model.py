"""The trained model is the user's own model with other weights, and does what the summary says."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSet, Rows, load_data
from ohmflow.runtime.training.run_folder import Run
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end import float_network as oracle
from tests.end_to_end.models import DIGITS_MLP, Layer, initializers, network


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load_data("digits", 0.1, 0.2, 0)


@pytest.fixture(scope="module")
def run(digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Run:
    target = load("protonic-psg")
    folder = tmp_path_factory.mktemp("run")
    return train(compile_model(DIGITS_MLP, target), target, digits, TrainOptions(epochs=2), folder)


def shape_of(value: onnx.ValueInfoProto) -> bytes:
    return value.SerializeToString(deterministic=True)


def test_written_model_is_the_returned_one(run: Run) -> None:
    assert run.folder is not None
    assert onnx.load(run.folder / "model.onnx") == run.model


def test_graph_is_that_of_the_source(run: Run) -> None:
    source = onnx.load(DIGITS_MLP)
    assert list(run.model.graph.node) == list(source.graph.node)
    assert list(run.model.graph.input) == list(source.graph.input)
    assert list(run.model.graph.output) == list(source.graph.output)
    assert list(run.model.opset_import) == list(source.opset_import)
    assert (run.model.ir_version, run.model.graph.name) == (source.ir_version, source.graph.name)


def test_initialisers_keep_name_order_type_and_orientation(run: Run) -> None:
    source = onnx.load(DIGITS_MLP)
    described = [[(t.name, t.data_type, list(t.dims)) for t in m.graph.initializer] for m in (source, run.model)]
    assert described[0] == described[1]
    before, after = initializers(source), initializers(run.model)
    for name in (n for n in before if n.endswith("weight")):  # wrongly turned, they would not resemble their start
        similarity = np.vdot(before[name], after[name]) / np.linalg.norm(before[name]) / np.linalg.norm(after[name])
        assert 0.3 < similarity < 0.99999, name


def test_exported_model_is_valid_and_gives_the_accuracy_of_the_summary(run: Run, digits: DataSet) -> None:
    assert run.folder is not None
    onnx.checker.check_model(onnx.load(run.folder / "model.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(run.folder / "model.onnx")
    for rows, measure in ((digits.test, "test_accuracy"), (digits.val, "val_accuracy")):
        (logits,) = session.run(None, {"image": rows.x})
        assert run.summary[measure][-1] == float(np.mean(logits.argmax(axis=1) == rows.y))
    assert run.summary["test_accuracy"][-1] > 0.8


def test_notes_say_how_the_model_was_trained(run: Run) -> None:
    notes = {p.key: p.value for p in run.model.metadata_props}
    target = load("protonic-psg")
    assert notes == {
        "ohmflow.target": f"protonic-psg {target.content_hash}",
        "ohmflow.seed": "0",
        "ohmflow.epochs": "2",
        "ohmflow.loss": "cross-entropy",
    }


def small_data() -> DataSet:
    draws = np.random.default_rng(2)
    rows = Rows(draws.normal(size=(30, 5)).astype(np.float32), draws.integers(0, 3, 30))
    return DataSet("drawn", rows, Rows(rows.x[:0], rows.y[:0]), rows)


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_older_operator_sets_are_kept(opset: int) -> None:
    net = network(5, Layer("matmul", 4), Layer("relu"), Layer("gemm", 3))
    del net.proto.opset_import[:]
    net.proto.opset_import.append(helper.make_opsetid("", opset))
    net.proto.ir_version = 8
    run = train(compile_model(net.proto, load("ideal")), load("ideal"), small_data(), TrainOptions())
    assert [(o.domain, o.version) for o in run.model.opset_import] == [("", opset)]
    assert run.model.ir_version == 8
    onnx.checker.check_model(run.model, full_check=True)
    # MatMul stores [in, out], Gemm with transB [out, in]: as in the source, and trained.
    data = small_data().train
    expected, _ = oracle.epoch_of_steps(net.layers, net.parameters, data.x, data.y, 0.1, 10, 0)
    for name, values in net.trained(run.model).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-6)


def test_weight_that_the_model_transposes_itself_keeps_its_orientation() -> None:
    weight = np.random.default_rng(3).normal(size=(3, 5)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Transpose", ["w"], ["wt"], "turn", perm=[1, 0]),
            helper.make_node("MatMul", ["x", "wt"], ["y"], "product"),
        ],
        "turned",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weight, "w")],
    )
    source = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    run = train(compile_model(source, load("ideal")), load("ideal"), small_data(), TrainOptions())
    assert list(run.model.graph.node) == list(source.graph.node)
    rows = small_data().train
    expected, _ = oracle.epoch_of_steps((Layer("gemm", 3, False),), {"w0": weight}, rows.x, rows.y, 0.1, 10, 0)
    np.testing.assert_allclose(initializers(run.model)["w"], expected["w0"], rtol=0, atol=1e-6)


def test_external_data_come_back_inside_the_model(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    onnx.save(onnx.load(DIGITS_MLP), source / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    target = load("ideal")
    options = TrainOptions(batch=400)
    train(compile_model(source / "m.onnx", target), target, "digits", options, tmp_path / "run")
    inside = train(compile_model(DIGITS_MLP, target), target, "digits", options)
    alone = onnx.load(tmp_path / "run" / "model.onnx", load_external_data=False)
    assert not any(t.external_data for t in alone.graph.initializer)
    trained, expected = initializers(alone), initializers(inside.model)
    assert all(np.array_equal(trained[name], expected[name]) for name in expected)


def test_weights_that_are_computed_are_trained_in_the_normal_form_of_the_model() -> None:
    net = network(5, Layer("matmul", 3))
    (weight,) = net.proto.graph.initializer
    flat = numpy_helper.from_array(numpy_helper.to_array(weight).ravel(), "flat")
    shape = numpy_helper.from_array(np.array([5, 3]), "shape")
    del net.proto.graph.initializer[:]
    net.proto.graph.initializer.extend([flat, shape])
    net.proto.graph.node.insert(0, helper.make_node("Reshape", ["flat", "shape"], ["w0"], "unpacked"))
    run = train(compile_model(net.proto, load("ideal")), load("ideal"), small_data(), TrainOptions())
    onnx.checker.check_model(run.model, full_check=True)
    rows = small_data().train
    expected, _ = oracle.epoch_of_steps(net.layers, net.parameters, rows.x, rows.y, 0.1, 10, 0)
    (y,) = onnxruntime.InferenceSession(run.model.SerializeToString()).run(None, {"x": rows.x})
    np.testing.assert_allclose(y, rows.x @ expected["w0"], rtol=0, atol=1e-5)


def test_weights_are_exported_as_the_chip_holds_them(run: Run) -> None:
    target = load("protonic-psg")
    parameters = target.device.parameters
    widest = max(parameters["w_max"], -parameters["w_min"]) * (1 + 4.5 * parameters["w_max_dtod"])
    program = compile_model(DIGITS_MLP, target)
    for record in program.arrays:
        values = initializers(run.model)[record.initializer]
        assert np.abs(values).max() <= record.alpha * widest
