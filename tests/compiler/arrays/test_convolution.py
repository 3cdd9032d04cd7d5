"""Convolutions become windows and arrays: same values, same gradients, weights back in their place."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from ohmflow.compiler.arrays import ArrayGraph, extract_arrays, inline_reference
from ohmflow.compiler.arrays.convolution import group_matrices
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.frontend import load_model
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.export import export_model, trained_weights
from tests.compiler.autodiff.conftest import in_double, only
from tests.compiler.emit.conv_networks import NetworkWriter, Shape, conv_figures
from tests.runtime.machine.hand_target import hand_target

Run = Callable[[onnx.ModelProto | ir.Model, Mapping[str, Any]], list[np.ndarray]]
quick = settings(max_examples=20, deadline=None, derandomize=True)
few = settings(max_examples=10, deadline=None, derandomize=True)


@dataclass(frozen=True)
class Network:
    """One Conv, or two that share its weights, with something to train before it."""

    proto: onnx.ModelProto
    shape: Shape
    groups: int
    sites: int

    def __repr__(self) -> str:
        """Say what matters."""
        return onnx.printer.to_text(self.proto)[:1500]


@st.composite
def convolutions(draw: st.DrawFn) -> Network:
    """Signals and images; groups, depthwise; with and without bias; two readers of one weight."""
    writer = NetworkWriter(draw(st.integers(0, 50)))
    rank = draw(st.sampled_from([1, 2, 2]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    inner = draw(st.sampled_from([1, 1, 2]))
    shape = (groups * inner, *(draw(st.integers(1, 5)) for _ in range(rank)))
    x = writer.start(shape)
    x = writer.node("Mul", [x, writer.weight(*shape)], shape)
    shared = draw(st.booleans())
    bias = draw(st.booleans())
    figures = draw(conv_figures(shape[1:]))
    y = writer.conv(x, groups * draw(st.integers(1, 2)), groups=groups, bias=bias, **figures)
    if shared:
        weight = next(n.input[1] for n in writer.nodes if n.op_type == "Conv")
        outs = writer.shapes[y][0]
        other = draw(conv_figures(shape[1:], figures["kernel"]))
        second = writer.conv(x, outs, groups=groups, bias=bias, weight=weight, **other)
        y = writer.node("Concat", [_flat(writer, y), _flat(writer, second)], (0,), axis=1)
        writer.shapes[y] = (sum(int(np.prod(writer.shapes[v])) for v in writer.nodes[-1].input),)
    return Network(writer.model(y), shape, groups, 1 + shared)


def _flat(writer: NetworkWriter, x: str) -> str:
    return writer.node("Flatten", [x], (int(np.prod(writer.shapes[x])),))


def feeds(network: Network, samples: int = 2) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(5).standard_normal((samples, *network.shape)).astype(np.float32)}


def conv_names(network: Network) -> tuple[str, ...]:
    return tuple(n.name for n in network.proto.graph.node if n.op_type == "Conv")


@given(network=convolutions())
@quick
def test_extraction_keeps_the_meaning(run: Run, network: Network) -> None:
    graph = extract_arrays(load_model(network.proto))
    names = [n for n in conv_names(network)]
    assert graph.digital == ()
    assert len(graph.arrays) == network.groups
    for k, info in enumerate(graph.arrays):
        expected = names if network.groups == 1 else [f"{name}.g{k}" for name in names]
        assert info.nodes == tuple(expected)
    assert "Conv" not in {n.op_type for n in graph.model.graph}
    x = feeds(network)
    plain = run(network.proto, x)[0]
    # The same float32 products, possibly summed in another order.
    np.testing.assert_allclose(run(inline_reference(graph.model), x)[0], plain, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(run(graph.model, x)[0], plain, rtol=1e-5, atol=1e-5)


@given(network=convolutions())
@quick
def test_gradients_are_those_of_the_convolution_kept_digital(run: Run, network: Network) -> None:
    model = load_model(network.proto)
    stepped = []
    for digital in ((), conv_names(network)):
        training = training_graph(extract_arrays(model, digital), "mse", "test.onnx")
        plain = training_onnx(training)
        label = np.zeros((2, *_output_dims(network)), np.float32)
        given_rows = {**feeds(network), "label": label, "lr": np.array(1, np.float32)}
        results = dict(zip([o.name for o in plain.graph.output], run(plain, given_rows), strict=True))
        stepped.append({k.removesuffix(".next"): v for k, v in results.items() if k.endswith(".next")})
    arrays, digital_step = stepped
    weight = next(n.input[1] for n in network.proto.graph.node if n.op_type == "Conv")
    stored = digital_step.pop(weight)
    for k, matrix in enumerate(group_matrices(stored, network.groups)):
        name = weight if network.groups == 1 else f"{weight}.g{k}"
        np.testing.assert_allclose(arrays.pop(name), matrix, rtol=1e-4, atol=1e-5)
    assert arrays.keys() == digital_step.keys()
    for name, value in digital_step.items():
        np.testing.assert_allclose(arrays[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


@given(network=convolutions())
@few
def test_gradients_are_central_differences_of_the_loss(run: Run, network: Network) -> None:
    model = load_model(network.proto)
    training = training_graph(extract_arrays(model), "mse", "test.onnx")
    plain = training_onnx(training)
    label = np.random.default_rng(8).standard_normal((2, *_output_dims(network))).astype(np.float32)
    rows = {**feeds(network), "label": label}
    results = run(plain, {**rows, "lr": np.array(1, np.float32)})
    stepped = dict(zip([o.name for o in plain.graph.output], results, strict=True))
    # The loss itself in float64, with the convolution as it was.
    digital = training_graph(extract_arrays(model, conv_names(network)), "mse", "test.onnx")
    loss = ReferenceEvaluator(in_double(only(training_onnx(digital), digital.loss)))
    wide = {name: value.astype(np.float64) for name, value in rows.items()}
    held = {t.name: onnx.numpy_helper.to_array(t) for t in network.proto.graph.initializer}
    weight = next(n.input[1] for n in network.proto.graph.node if n.op_type == "Conv")
    names = [weight] if network.groups == 1 else [f"{weight}.g{k}" for k in range(network.groups)]
    descent = np.concatenate([stepped[f"{name}.next"].T for name in names]).reshape(held[weight].shape)
    h = 1e-5
    for index in np.random.default_rng(9).permutation(held[weight].size)[:12]:
        at = np.unravel_index(index, held[weight].shape)
        ends = []
        for sign in (1, -1):
            moved = held[weight].astype(np.float64)
            moved[at] += sign * h
            ends.append(float(loss.run(None, {**wide, weight: moved})[0]))
        # Gradients of order 1 in float32, through sums of tens of terms.
        assert held[weight][at] - descent[at] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-4, abs=2e-5)


def _output_dims(network: Network) -> list[int]:
    return [d.dim_value for d in network.proto.graph.output[0].type.tensor_type.shape.dim][1:]


@given(network=convolutions(), scale=st.booleans())
@few
def test_trained_groups_go_back_to_their_part_of_the_initialiser(network: Network, scale: bool) -> None:
    target = hand_target(device="ideal", chip__vector_unit__lanes=1)
    program = compile_model(network.proto, target, CompileOptions(loss="mse"))
    machine = Machine(program, target, 0)
    machine.execute("program", {}, {}, 0)
    for array in machine.values.arrays:
        array.w *= np.float32(2 if scale else 1)
    if not any(record.name.endswith(".g0") for record in program.arrays) and network.groups > 1:
        return  # the vector unit is faster, so there is no array
    exported = export_model(program, trained_weights(program, machine.values), {})
    source = {t.name: onnx.numpy_helper.to_array(t) for t in network.proto.graph.initializer}
    weight = next(n.input[1] for n in network.proto.graph.node if n.op_type == "Conv")
    assert weight in {record.initializer for record in program.arrays}
    for tensor in exported.graph.initializer:
        factor = 2 if scale and tensor.name == weight else 1
        value = onnx.numpy_helper.to_array(tensor)
        assert value.shape == source[tensor.name].shape
        # Weights are scaled to the device and back.
        np.testing.assert_allclose(value, factor * source[tensor.name], rtol=1e-6, atol=1e-7)


def test_groups_are_consecutive_parts_of_the_stored_weights() -> None:
    stored = np.arange(6 * 2 * 3 * 1).reshape(6, 2, 3, 1)
    parts = group_matrices(stored, 3)
    assert [p.shape for p in parts] == [(6, 2)] * 3
    np.testing.assert_array_equal(parts[2][:, 1], stored[5].ravel())


def extract(body: str, **choices: Any) -> ArrayGraph:
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]>\n{body}')
    return extract_arrays(load_model(proto), **choices)


def stored(name: str, *shape: int) -> str:
    text = ", ".join(repr(float(v)) for v in np.random.default_rng(1).standard_normal(shape).ravel())
    return f"float[{','.join(map(str, shape))}] {name} = {{{text}}}"


DIGITAL = {
    "three dimensions": (
        f"g (float[n,1,2,2,2] x) => (float[n,1,1,1,1] y) <{stored('w', 1, 1, 2, 2, 2)}> {{ y = Conv(x, w) }}",
        "it has 3 spatial dimensions, and arrays take 1 or 2",
    ),
    "computed weights": (
        f"g (float[n,1,4] x) => (float[n,1,3] y) <{stored('v', 1, 1, 2)}> {{ w = Tanh(v)  y = Conv(x, w) }}",
        "its weights are no trainable initialiser",
    ),
    "constant weights": (
        "g (float[n,1,4] x) => (float[n,1,3] y){ w = Constant<value=float[1,1,2] {1.0, 2.0}>()  y = Conv(x, w) }",
        "its weights are no trainable initialiser",
    ),
    "weights that are used otherwise": (
        f"g (float[n,1,2] x) => (float[n,1,2] y) <{stored('w', 1, 1, 1)}> {{ a = Conv(x, w)  y = Add(a, w) }}",
        "its weight 'w' is also used by node 'Add.y'",
    ),
    "nothing": (
        f"g (float[n,1,4] x) => (float[n,1,3] y) <{stored('w', 1, 1, 2)}, {stored('b', 1)}>{{ y = Conv(x, w, b) }}",
        None,
    ),
}


@pytest.mark.parametrize(("body", "reason"), DIGITAL.values(), ids=DIGITAL)
def test_what_stays_digital_says_why(body: str, reason: str | None) -> None:
    graph = extract(body)
    assert [why for _, why in graph.digital] == ([] if reason is None else [reason])
    assert len(graph.arrays) == (reason is None)


def test_it_can_be_asked_to_stay_digital() -> None:
    body = f"g (float[n,1,4] x) => (float[n,1,3] y) <{stored('w', 1, 1, 2)}> {{ y = Conv(x, w) }}"
    assert extract(body, digital=("Conv.y",)).digital == (("Conv.y", "it was asked to stay digital"),)


def test_who_judges_groups_is_asked_about_them_alone() -> None:
    seen = []

    def judge(conv: Any) -> str | None:
        seen.append((conv.node, conv.groups, conv.rows, conv.cols, conv.positions))
        return "they had better not"

    body = (
        f"g (float[n,2,4] x) => (float[n,4,2] y) <{stored('v', 2, 2, 2)}, {stored('w', 4, 1, 2)}>"
        "{ a = Conv(x, v)  y = Conv<group=2>(a, w) }"
    )
    graph = extract(body, grouped=judge)
    assert seen == [("Conv.y", 2, 2, 2, 2)]
    assert graph.digital == (("Conv.y", "they had better not"),)
    assert [info.name for info in graph.arrays] == ["v"]


def test_names_of_groups_do_not_collide_with_others() -> None:
    body = (
        f"g (float[n,2,4] x) => (float[n,2,4] y) <{stored('w', 2, 1, 1)}, {stored('v', 2, 2, 1)}>"
        "{ a = Conv<group=2>(x, w)  y = Conv(a, v) }"
    )
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]>\n{body}')
    for tensor in proto.graph.initializer:
        if tensor.name == "v":
            tensor.name = "w.g1"
    proto.graph.node[1].input[1] = "w.g1"
    graph = extract_arrays(load_model(proto))
    names = [info.name for info in graph.arrays]
    assert len(set(names)) == 3 and "w.g1" in names
    assert {info.initializer for info in graph.arrays} == {"w", "w.g1"}
