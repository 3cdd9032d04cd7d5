"""Gradient rules against central differences, in float64."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import BroadcastableShapes, mutually_broadcastable_shapes

from ohmflow.compiler.autodiff.registry import operators

Check = Callable[..., None]

few = settings(max_examples=12, deadline=None, derandomize=True, database=None)


def literal(values: np.ndarray) -> str:
    return "{" + ", ".join(repr(float(value)) for value in values.astype(np.float32).ravel()) + "}"


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def stored(name: str, seed: int, shape: tuple[int, ...]) -> str:
    return f"float{spell(shape)} {name} = {literal(drawn(seed, *shape))}"


def spell(shape: tuple[int, ...]) -> str:
    return "[" + ",".join(str(length) for length in shape) + "]"


def rows(*shape: int) -> str:
    return "[" + ",".join(["batch", *(str(length) for length in shape)]) + "]"


def test_every_operator_has_a_test() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*gradients.py"))
    assert [name for name in operators() if not re.search(rf"\b{name}\b", text)] == []


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
@given(shapes=mutually_broadcastable_shapes(num_shapes=2, min_dims=1, max_dims=3, max_side=3), seed=st.integers(0, 99))
@few
def test_elementwise_gradients_sum_over_broadcast_axes(
    check_gradients: Check, op: str, shapes: BroadcastableShapes, seed: int
) -> None:
    left, right = shapes.input_shapes
    inner = shapes.result_shape
    # The parameter is used alone, and against a value that itself depends on one and on the batch.
    rank = len(inner)
    whole = (1,) * (rank - len(left)) + left
    text = f"""g (float{rows(*whole)} x) => (float{rows(*inner)} y)
      <{stored("p", seed, left)}, {stored("q", seed + 1, right)}>
      {{ a = Add(x, p)  y = {op}(a, q) }}"""
    check_gradients(text, {"x": drawn(seed + 2, 3, *whole), "label": drawn(seed + 3, 3, *inner)})
    swapped = text.replace(f"{op}(a, q)", f"{op}(q, a)")
    check_gradients(swapped, {"x": drawn(seed + 2, 3, *whole), "label": drawn(seed + 3, 3, *inner)})


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_elementwise_gradient_of_a_parameter_with_a_batch_axis_of_one(check_gradients: Check, op: str) -> None:
    text = f"""g (float{rows(2, 3)} x) => (float{rows(2, 3)} y) <{stored("p", 1, (1, 2, 1))}> {{ y = {op}(x, p) }}"""
    check_gradients(text, {"x": drawn(2, 3, 2, 3), "label": drawn(3, 3, 2, 3)})


def test_a_value_used_twice_gets_both_gradients(check_gradients: Check) -> None:
    text = f"""g (float{rows(3)} x) => (float{rows(3)} y) <{stored("p", 1, (3,))}> {{ a = Add(x, p)  y = Mul(a, a) }}"""
    check_gradients(text, {"x": drawn(2, 4, 3), "label": drawn(3, 4, 3)})


@pytest.mark.parametrize("op", ["Relu", "Sigmoid", "Tanh", "Identity"])
@given(shape=st.lists(st.integers(1, 4), max_size=3), seed=st.integers(0, 99))
@few
def test_pointwise_gradients(check_gradients: Check, op: str, shape: list[int], seed: int) -> None:
    shape = shape or [1]
    text = f"""g (float{rows(*shape)} x) => (float{rows(*shape)} y) <{stored("p", seed, tuple(shape))}>
      {{ a = Add(x, p)  y = {op}(a) }}"""
    check_gradients(text, {"x": drawn(seed + 1, 3, *shape), "label": drawn(seed + 2, 3, *shape)})


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), data=st.data())
@few
def test_softmax_gradients_along_any_axis_but_the_batch(
    check_gradients: Check, op: str, shape: list[int], data: st.DataObject
) -> None:
    axis = data.draw(st.sampled_from([*range(1, len(shape) + 1), *range(-len(shape), 0)]))
    text = f"""g (float{rows(*shape)} x) => (float{rows(*shape)} y) <{stored("p", 1, tuple(shape))}>
      {{ a = Add(x, p)  y = {op}<axis={axis}>(a) }}"""
    check_gradients(text, {"x": drawn(2, 3, *shape), "label": drawn(3, 3, *shape)})


@given(shape=st.lists(st.integers(1, 3), min_size=2, max_size=3), data=st.data())
@few
def test_shape_operators_return_gradients_to_where_they_came_from(
    check_gradients: Check, shape: list[int], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(1, len(shape) + 1)))
    turned = [shape[axis - 1] for axis in order]
    size = int(np.prod(shape))
    text = f"""g (float{rows(*shape)} x) => (float{rows(size)} y)
      <{stored("p", 1, tuple(shape))}, {stored("q", 2, tuple(turned))}, {stored("r", 3, (size,))}>
      {{ a = Add(x, p)  b = Transpose<perm=[0,{",".join(map(str, order))}]>(a)  c = Mul(b, q)  d = Flatten(c)
        s = Constant<value_ints=[-1,{",".join(map(str, shape))}]>()  e = Mul(d, r)  f = Reshape(e, s)
        t = Constant<value_ints=[0,-1]>()  h = Tanh(f)  y = Reshape(h, t) }}"""
    check_gradients(text, {"x": drawn(4, 3, *shape), "label": drawn(5, 3, size)})


@given(k=st.integers(1, 4), n=st.integers(1, 4), positions=st.lists(st.integers(1, 3), max_size=2))
@few
def test_array_gradients_with_leading_positions(check_gradients: Check, k: int, n: int, positions: list[int]) -> None:
    text = f"""g (float{rows(*positions, k)} x) => (float{rows(*positions, k)} y)
      <{stored("v", 1, (k, n))}, {stored("w", 2, (n, k))}> {{ a = MatMul(x, v)  b = Tanh(a)  y = MatMul(b, w) }}"""
    check_gradients(text, {"x": drawn(3, 3, *positions, k), "label": drawn(4, 3, *positions, k)})


@given(k=st.integers(1, 4), n=st.integers(1, 4), positions=st.lists(st.integers(1, 3), max_size=2))
@few
def test_digital_matmul_gradients(check_gradients: Check, k: int, n: int, positions: list[int]) -> None:
    text = f"""g (float{rows(*positions, k)} x) => (float{rows(*positions, n)} y)
      <{stored("p", 1, (k,))}, {stored("w", 2, (k, n))}> {{ a = Add(x, p)  y = MatMul(a, w) }}"""
    feeds = {"x": drawn(3, 3, *positions, k), "label": drawn(4, 3, *positions, n)}
    check_gradients(text, feeds, digital=("MatMul.y",))


@pytest.mark.parametrize("left", [(2, 3), (1, 2, 3)])
def test_digital_matmul_gradient_of_a_left_weight(check_gradients: Check, left: tuple[int, ...]) -> None:
    text = f"""g (float{rows(3, 4)} x) => (float{rows(2, 4)} y) <{stored("p", 1, (4,))}, {stored("w", 2, left)}>
      {{ a = Add(x, p)  y = MatMul(w, a) }}"""
    check_gradients(text, {"x": drawn(3, 3, 3, 4), "label": drawn(4, 3, 2, 4)}, digital=("MatMul.y",))


def test_left_array_gradient(check_gradients: Check) -> None:
    text = f"""g (float{rows(3, 4)} x) => (float{rows(2, 4)} y) <{stored("p", 1, (4,))}, {stored("w", 2, (2, 3))}>
      {{ a = Add(x, p)  y = MatMul(w, a) }}"""
    check_gradients(text, {"x": drawn(3, 3, 3, 4), "label": drawn(4, 3, 2, 4)})


def test_digital_matmul_gradient_of_two_batches(check_gradients: Check) -> None:
    text = f"""g (float{rows(2, 3)} x) => (float{rows(2, 2)} y) <{stored("p", 1, (3,))}>
      {{ a = Add(x, p)  b = Mul(x, p)  t = Transpose<perm=[0,2,1]>(b)  y = MatMul(a, t) }}"""
    check_gradients(text, {"x": drawn(2, 3, 2, 3), "label": drawn(3, 3, 2, 2)})


@pytest.mark.parametrize("digital", [True, False])
@pytest.mark.parametrize("bias", [None, (), (3,), (1,), (1, 3), (1, 1)])
@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm_gradients(check_gradients: Check, digital: bool, bias: tuple[int, ...] | None, trans_b: int) -> None:
    weight = (3, 2) if trans_b else (2, 3)
    constant = "" if bias is None else ", " + (stored("c", 3, bias) if bias else "float c = {0.5}")
    text = f"""g (float{rows(2)} x) => (float{rows(3)} y) <{stored("p", 1, (2,))}, {stored("w", 2, weight)}{constant}>
      {{ a = Add(x, p)  y = Gemm<alpha=0.5, beta=2.0, transB={trans_b}>(a, w{"" if bias is None else ", c"}) }}"""
    feeds = {"x": drawn(4, 3, 2), "label": drawn(5, 3, 3)}
    check_gradients(text, feeds, digital=("Gemm.y",) if digital else ())


@pytest.mark.parametrize("trans_b", [0, 1])
def test_gemm_of_two_weights_stays_digital_and_is_trained(check_gradients: Check, trans_b: int) -> None:
    text = f"""g (float{rows(3)} x) => (float{rows(3)} y)
      <{stored("v", 1, (4, 1))}, {stored("w", 2, (3, 4) if trans_b else (4, 3))}>
      {{ a = Gemm<transA=1, transB={trans_b}>(v, w)  y = Mul(x, a) }}"""
    check_gradients(text, {"x": drawn(3, 2, 3), "label": drawn(4, 2, 3)})


@pytest.mark.parametrize("last", ["Identity", "Softmax", "LogSoftmax"])
def test_cross_entropy_gradients(check_gradients: Check, last: str) -> None:
    text = f"""g (float{rows(3)} x) => (float{rows(4)} y) <{stored("w", 1, (3, 4))}, {stored("b", 2, (4,))}>
      {{ a = MatMul(x, w)  z = Add(a, b)  y = {last}(z) }}"""
    check_gradients(text, {"x": drawn(3, 5, 3), "label": np.array([0, 3, 2, 1, 3])}, loss="cross-entropy")
