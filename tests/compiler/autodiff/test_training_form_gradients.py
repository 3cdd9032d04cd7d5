"""Operators that do something else in training than in inference: BatchNormalization and Dropout."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import TrainingGraph, inference_graph, training_graph
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model
from tests.compiler.autodiff.conftest import check_gradients, parse, run, step
from tests.compiler.autodiff.test_gradients import drawn, literal, rows, stored


def statistics(channels: int) -> str:
    """Parameters of a BatchNormalization."""
    mean, spread = drawn(21, channels), np.exp(drawn(22, channels))
    return (
        f"{stored('s', 11, (channels,))}, {stored('b', 12, (channels,))}, "
        f"float[{channels}] m = {literal(mean)}, float[{channels}] v = {literal(spread)}"
    )


def normalised(attributes: str = "", lengths: tuple[int, ...] = (3, 2), outputs: str = "y") -> str:
    shape = (2, *lengths)
    return f"""g (float{rows(*shape)} x) => (float{rows(*shape)} y) <{stored("p", 1, shape)}, {statistics(2)}>
      {{ a = Mul(x, p)  {outputs} = BatchNormalization{attributes}(a, s, b, m, v) }}"""


def trained(text: str) -> TrainingGraph:
    return training_graph(extract_arrays(load_model(parse(text))), "mse", "test.onnx")


@pytest.mark.parametrize("lengths", [(), (3,), (3, 2)])
@pytest.mark.parametrize("after", ["Identity", "Tanh"])
def test_batch_normalization(lengths: tuple[int, ...], after: str) -> None:
    text = normalised("<epsilon=0.01>", lengths).replace("y = Batch", "c = Batch").replace(" }", f"  y = {after}(c) }}")
    check_gradients(text, {"x": drawn(2, 4, 2, *lengths), "label": drawn(3, 4, 2, *lengths)})


def test_a_batch_of_one_row_is_normalised_over_its_positions() -> None:
    check_gradients(normalised(), {"x": drawn(2, 1, 2, 3, 2), "label": drawn(3, 1, 2, 3, 2)})


@pytest.mark.parametrize("mode", ["", "<training_mode=1>"])
def test_running_statistics_are_those_that_onnx_defines(mode: str) -> None:
    attributes = "<momentum=0.7, epsilon=0.001>"
    text = normalised(attributes.replace(">", ", training_mode=1>") if mode else attributes)
    feeds = {"x": drawn(2, 4, 2, 3, 2), "label": drawn(3, 4, 2, 3, 2)}
    results = step(text, feeds)
    proto = parse(normalised("<momentum=0.7, epsilon=0.001, training_mode=1>", outputs="y, m2, v2"))
    for name in ("m2", "v2"):
        proto.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]))
    expected = run(proto, {"x": feeds["x"]})
    for ours, theirs in (("y", "y"), ("m.next", "m2"), ("v.next", "v2")):
        np.testing.assert_allclose(results[ours], expected[theirs], rtol=1e-5, atol=1e-6)


def test_inference_normalises_by_running_statistics_however_the_model_was_exported() -> None:
    x = drawn(2, 4, 2, 3, 2)
    outputs = [
        run(ir.to_proto(inference_graph(extract_arrays(load_model(parse(normalised(mode)))))), {"x": x})["y"]
        for mode in ("", "<training_mode=1>")
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(outputs[0], run(parse(normalised()), {"x": x})["y"])


def test_running_statistics_are_states_and_not_parameters() -> None:
    training = trained(normalised())
    assert [parameter.name for parameter in training.parameters] == ["p", "s", "b"]
    assert [(s.name, s.shape, s.next, s.kind, s.exported) for s in training.states] == [
        ("m", (2,), "m.next", "statistic", True),
        ("v", (2,), "v.next", "statistic", True),
    ]


def test_every_reduction_over_the_batch_is_an_operator_of_its_own() -> None:
    for node in trained(normalised()).model.graph:
        batched = [v for v in node.inputs if v is not None and v.shape is not None and not v.shape.is_static()]
        if batched and node.outputs[0].shape is not None and node.outputs[0].shape.is_static():
            if node.outputs[0].name == "loss":
                continue
            assert node.op_type in ("ReduceMean", "ReduceSum")
            assert node.inputs[1] is not None and node.inputs[1].const_value is not None
            assert node.inputs[1].const_value.numpy().tolist() == [0]


REFUSED = {
    "constant statistics": (
        normalised().replace("a = Mul", "c = Constant<value_floats=[1.0, 2.0]>()  a = Mul").replace("m, v)", "c, v)"),
        "test.onnx: node 'BatchNormalization.y': running mean 'c' must be an initialiser to be kept up, not computed "
        "or constant; export it as an initialiser",
    ),
    "shared statistics": (
        normalised()
        .replace("y = Batch", "c = BatchNormalization(a, s, b, m, v)  y = Batch")
        .replace("y = BatchNormalization(a", "y = BatchNormalization(c"),
        "test.onnx: node 'BatchNormalization.c': running mean 'm' must belong to this node alone, not be used "
        "elsewhere; export each with statistics of its own",
    ),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_statistics_that_can_not_be_kept_up_are_refused(text: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        trained(text)
    assert str(caught.value) == message


DROPPED = f"""g (float{rows(2, 3)} x) => (float{rows(2, 3)} y)
  <{stored("p", 1, (2, 3))}, {stored("q", 2, (2, 3))}, float r = {{0.2}}, bool on = {{1}}>
  {{ a = Mul(x, p)  c = Dropout<seed=3>(a, r, on)  y = Mul(c, q) }}"""


def masked(x: np.ndarray) -> dict[str, Any]:
    mask = (np.random.default_rng(5).random(x.shape) < 0.8).astype(np.float32)
    return {"x": x, "c.mask": mask}


def test_dropout() -> None:
    feeds = masked(drawn(3, 4, 2, 3))
    check_gradients(DROPPED, {**feeds, "label": drawn(4, 4, 2, 3)})
    given = step(DROPPED, {**feeds, "label": drawn(4, 4, 2, 3)})["y"]
    p, q = drawn(1, 2, 3), drawn(2, 2, 3)
    np.testing.assert_allclose(given, feeds["x"] * p * feeds["c.mask"] / 0.8 * q, rtol=1e-6)


def test_a_mask_is_told_with_the_probability_to_keep() -> None:
    (mask,) = trained(DROPPED).masks
    assert (mask.name, mask.keep) == ("c.mask", pytest.approx(0.8))
    assert trained(DROPPED).data_inputs == ("x",)


def test_inference_drops_nothing() -> None:
    x = drawn(3, 4, 2, 3)
    graph = inference_graph(extract_arrays(load_model(parse(DROPPED))))
    np.testing.assert_array_equal(run(ir.to_proto(graph), {"x": x})["y"], x * drawn(1, 2, 3) * drawn(2, 2, 3))


@pytest.mark.parametrize("operands", ["a", "a, r", "a, r, off", "a, zero, on"])
def test_a_dropout_that_is_off_vanishes(operands: str) -> None:
    text = DROPPED.replace("a, r, on", operands).replace("bool on", "float zero = {0}, bool off = {0}, bool on")
    assert "Dropout" not in [node.op_type for node in load_model(parse(text)).graph]
    assert trained(text).masks == ()
