"""What a lowered program computes is what ONNX Runtime computes of the model and of its plain training graph."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.compile import CompileOptions, compile_model, compile_stages
from ohmflow.compiler.frontend import load_model
from ohmflow.compiler.mapping.grouping import stays_digital
from ohmflow.compiler.tile.dialect import parse_tile, print_tile, verify_tile
from ohmflow.runtime.machine.machine import Machine
from tests.compiler.emit.conv_networks import networks
from tests.compiler.lowering.random_graphs import models
from tests.compiler.program.golden import check_golden
from tests.runtime.machine.hand_target import hand_target

MODEL = Path(__file__).parents[3] / "examples" / "models" / "digits_mlp.onnx"
quick = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
convolutional = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


CALM = 0.001
"""A rate at which no random network of several layers diverges within three steps."""


def session(model: onnx.ModelProto) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@quick
@given(models())
def test_inference_and_three_steps_of_training_equal_onnx_runtime(model: onnx.ModelProto) -> None:
    width = model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    check_against_onnx_runtime(model, (width,), (3,))


@convolutional
@given(networks())
def test_convolutional_networks_equal_onnx_runtime(model: onnx.ModelProto) -> None:
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    check_against_onnx_runtime(model, tuple(shape[1:]), (3,), CALM)


@pytest.mark.slow
@many
@given(networks(layers=4, largest=9))
def test_many_convolutional_networks_equal_onnx_runtime(model: onnx.ModelProto) -> None:
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    check_against_onnx_runtime(model, tuple(shape[1:]), (3,), CALM)


def check_against_onnx_runtime(
    model: onnx.ModelProto, shape: tuple[int, ...], label_shape: tuple[int, ...], lr: float = 0.05
) -> None:
    """Inference, losses and weights of three steps on the ideal chip against the plain training graph."""
    target = hand_target(device="ideal")
    options = CompileOptions(loss="mse")
    program = compile_model(model, target, options)
    machine = Machine(program, target, 0)
    machine.execute("program", {}, {}, 0)
    rng = np.random.default_rng(2)
    x, label = (rng.standard_normal((4, *n)).astype(np.float32) for n in (shape, label_shape))
    given_y = machine.execute("infer", {"x": x}, {"batch": 4}, 0)["y"]
    np.testing.assert_allclose(given_y, session(model).run(None, {"x": x})[0], rtol=1e-4, atol=1e-5)

    training = training_graph(
        extract_arrays(load_model(model), grouped=stays_digital(target, "share")), "mse", "random"
    )
    plain = session(training_onnx(training))
    names = [o.name for o in plain.get_outputs()]
    held: dict[str, np.ndarray] = {}
    for step in range(3):
        results = machine.execute(
            "train_step", {"x": x, training.label.name: label}, {"lr": lr, "inv_batch": 0.25, "batch": 4}, step
        )
        feeds = {"x": x, training.label.name: label, training.lr: np.array(lr, np.float32), **held}
        if training.inv_batch in {i.name for i in plain.get_inputs()}:
            feeds.setdefault(training.inv_batch, np.array(0.25, np.float32))
        out = dict(zip(names, plain.run(None, feeds), strict=True))
        held = {name.removesuffix(".next"): value for name, value in out.items() if name.endswith(".next")}
        np.testing.assert_allclose(results["loss"], out[training.loss], rtol=1e-4, atol=1e-5)
    for number, record in enumerate(program.arrays):
        weights = machine.values.arrays[number].weights()
        np.testing.assert_allclose(weights, held[record.name], rtol=1e-4, atol=1e-5)
    for number, state in enumerate(program.states):
        np.testing.assert_allclose(machine.values.states[number], held[state.name], rtol=1e-4, atol=1e-5)


@quick
@given(models())
def test_lowered_text_verifies_and_reads_back(model: onnx.ModelProto) -> None:
    program = compile_model(model, hand_target(), CompileOptions(loss="mse"))
    module = parse_tile(program.tile_ir)
    verify_tile(module)
    assert print_tile(module) == program.tile_ir


def test_digits_perceptron_lowers_as_its_golden_says() -> None:
    target = hand_target(tile__crossbar={"rows": 256, "cols": 128, "cell": "single-with-reference"}, chip__mesh="2 x 2")
    stages = compile_stages(MODEL, target, CompileOptions())
    check_golden("lowering/digits_mlp.mlir", stages.program.tile_ir)


@pytest.mark.parametrize("left", [False, True])
def test_a_matrix_read_by_several_vectors_of_a_sample_is_a_loop_over_positions(left: bool) -> None:
    product = "b = MatMul(w, a)" if left else "b = MatMul(a, w)"
    model = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[batch,3,3] x) => (float[batch,3,3] y) '
        "<float[3,3] v = {1,0,2,0,1,0,0,3,1}, float[3,3] w = {1,0,2,0,1,0,1,0,1}> "
        f"{{ a = MatMul(x, v) {product} c = Tanh(b) y = MatMul(c, v) }}"
    )
    check_against_onnx_runtime(model, (3, 3), (3, 3))
    text = compile_model(model, hand_target(), CompileOptions(loss="mse")).tile_ir
    assert "tile.map %p to 3 {" in text and "tile.for %p to 3 carry" in text


def test_all_samples_flow_forward_before_the_first_flows_back() -> None:
    stages = compile_stages(MODEL, hand_target(chip__mesh="16 x 16"), CompileOptions())
    step = stages.program.tile_ir.partition("@train_step")[2]
    maps = step.split("tile.map")[1:]
    assert ["forward" in m.split("tile.yield")[0] for m in maps[:2]] == [True, False]
    assert step.index("tile.mvm_t") > step.rindex("tile.mvm ")
    assert step.index("tile.update") > step.rindex("tile.mvm_t")
