"""Pools and digital convolutions: geometry against ONNX Runtime, gradients against central differences in float64."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model
from tests.compiler.autodiff.conftest import check_gradients, parse, run, step
from tests.compiler.autodiff.geometries import Slide, slides
from tests.compiler.autodiff.test_gradients import drawn, rows, stored

some = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
few = settings(some, max_examples=10)


def opened(count: int, *leading: int) -> str:
    """A shape whose last dimensions follow from the geometry."""
    return "[" + ",".join(["batch", *map(str, leading), *(f"o{k}" for k in range(count))]) + "]"


def as_loaded(proto: onnx.ModelProto, feeds: dict[str, Any]) -> np.ndarray:
    """The output, after a check that the loaded model gives it too, in the shape that was inferred."""
    (y,) = run(proto, feeds).values()
    loaded = load_model(proto)
    (same,) = run(ir.to_proto(loaded), feeds).values()
    np.testing.assert_array_equal(same, y)
    assert tuple(loaded.graph.outputs[0].shape or ())[1:] == y.shape[1:]
    return y


def check_pool(op: str, slide: Slide, more: str = "") -> None:
    shape, rank = (2, *slide.lengths), len(slide.lengths)
    text = f"""g (float{rows(*shape)} x) => (float{opened(rank, 2)} y) <{stored("p", 1, shape)}>
      {{ a = Add(x, p)  y = {op}<{slide.attributes}{more}>(a) }}"""
    x = drawn(2, 3, *shape)
    y = as_loaded(parse(text), {"x": x})
    check_gradients(text, {"x": x, "label": drawn(3, *y.shape)})


@given(slide=slides(pool=True))
@some
def test_max_pool(slide: Slide) -> None:
    check_pool("MaxPool", slide)


@given(slide=slides(pool=True), include=st.integers(0, 1))
@some
def test_average_pool(slide: Slide, include: int) -> None:
    check_pool("AveragePool", slide, f", count_include_pad={include}")


@pytest.mark.parametrize("lengths", [(4,), (3, 2), (2, 2, 2)])
@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pools(op: str, lengths: tuple[int, ...]) -> None:
    shape = (2, *lengths)
    text = f"""g (float{rows(*shape)} x) => (float{rows(2, *(1,) * len(lengths))} y) <{stored("p", 1, shape)}>
      {{ a = Add(x, p)  y = {op}(a) }}"""
    check_gradients(text, {"x": drawn(2, 3, *shape), "label": drawn(3, 3, 2, *(1,) * len(lengths))})


@pytest.mark.parametrize("op", ["MaxPool<kernel_shape=[2,2],strides=[1,1]>", "GlobalMaxPool"])
def test_of_equal_elements_the_first_is_the_maximum(op: str) -> None:
    text = f"""g (float{rows(1, 2, 2)} x) => (float{rows(1, 1, 1)} y) <float[1,2,2] p = {{0.0, 0.0, 0.0, 0.0}}>
      {{ a = Add(x, p)  y = {op}(a) }}"""
    feeds = {"x": np.zeros((2, 1, 2, 2), np.float32), "label": np.full((2, 1, 1, 1), -0.5, np.float32)}
    np.testing.assert_array_equal(step(text, feeds)["p.next"], [[[-1, 0], [0, 0]]])


def test_overlapping_windows_of_one_maximum_add_their_gradients() -> None:
    text = f"""g (float{rows(1, 3)} x) => (float{rows(1, 2)} y) <float[1,3] p = {{0.0, 0.0, 0.0}}>
      {{ a = Add(x, p)  y = MaxPool<kernel_shape=[2]>(a) }}"""
    x = np.array([[[0, 5, 0]], [[1, 5, 9]]], np.float32)
    label = np.array([[[5, 5]], [[5, 9]]], np.float32) - 1
    # Each of four elements has the gradient 2·1/4; both windows of the first sample chose the middle one.
    np.testing.assert_array_equal(step(text, {"x": x, "label": label})["p.next"], [[0, -1.5, -0.5]])


@given(
    slide=slides(pool=False, ranks=(1, 2, 2, 3)),
    groups=st.sampled_from([1, 1, 2]),
    inner=st.integers(1, 2),
    outer=st.integers(1, 2),
    bias=st.booleans(),
)
@few
def test_digital_convolution(slide: Slide, groups: int, inner: int, outer: int, bias: bool) -> None:
    shape, rank = (groups * inner, *slide.lengths), len(slide.lengths)
    weight = (groups * outer, inner, *slide.kernel)
    held = [stored("p", 1, shape), stored("w", 2, weight)] + ([stored("b", 3, weight[:1])] if bias else [])
    text = f"""g (float{rows(*shape)} x) => (float{opened(rank, weight[0])} y) <{", ".join(held)}>
      {{ a = Mul(x, p)  y = Conv<{slide.attributes}, group={groups}>({"a, w, b" if bias else "a, w"}) }}"""
    x = drawn(2, 2, *shape)
    y = as_loaded(parse(text), {"x": x})
    check_gradients(text, {"x": x, "label": drawn(3, *y.shape)}, digital=("Conv.y",))


def test_depthwise_convolution() -> None:
    text = f"""g (float{rows(3, 4, 4)} x) => (float{rows(6, 2, 2)} y)
      <{stored("p", 1, (3, 4, 4))}, {stored("w", 2, (6, 1, 3, 3))}, {stored("b", 3, (6,))}>
      {{ a = Add(x, p)  y = Conv<group=3>(a, w, b) }}"""
    check_gradients(text, {"x": drawn(4, 2, 3, 4, 4), "label": drawn(5, 2, 6, 2, 2)}, digital=("Conv.y",))


REFUSED = {
    "indices": (
        "g (float[n,1,4] x) => (float[n,1,3] y, int64[n,1,3] i) { y, i = MaxPool<kernel_shape=[2]>(x) }",
        "model: node 'MaxPool.y': output 'i' (indices) must be unused, not read; remove what reads it",
    ),
    "weights of each sample's own": (
        "g (float[1,1,4] x, float[1,1,2] w) => (float[1,1,3] y) { y = Conv(x, w) }",
        "model: node 'Conv.y': input 'w' must be a weight, not depend on the batch; multiply windows with MatMul",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_done_is_refused(body: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load_model(parse(body))
    assert str(caught.value) == message
