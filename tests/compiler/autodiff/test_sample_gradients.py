"""Operators that work within a sample: activations, arithmetic, joining and cutting, reductions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model
from tests.compiler.autodiff.conftest import check_gradients, parse, step
from tests.compiler.autodiff.test_gradients import drawn, few, rows, stored

SIGNED = [
    "Neg",
    "Abs",
    "LeakyRelu",
    "LeakyRelu<alpha=0.3>",
    "LeakyRelu<alpha=-0.2>",
    "Elu",
    "Elu<alpha=0.4>",
    "HardSigmoid",
    "HardSigmoid<alpha=0.6, beta=0.4>",
    "HardSwish",
    "Gelu",
    'Gelu<approximate="tanh">',
    "Softplus",
]


@pytest.mark.parametrize("op", SIGNED)
def test_pointwise(op: str) -> None:
    text = f"""g (float{rows(2, 3)} x) => (float{rows(2, 3)} y) <{stored("p", 1, (2, 3))}, float s = {{2.0}}>
      {{ a = Add(x, p)  b = Mul(a, s)  y = {op}(b) }}"""
    check_gradients(text, {"x": drawn(2, 3, 2, 3), "label": drawn(3, 3, 2, 3)})


@pytest.mark.parametrize("op", ["Log", "Sqrt", "Reciprocal", "Exp"])
def test_pointwise_of_positive_numbers(op: str) -> None:
    text = f"""g (float{rows(3)} x) => (float{rows(3)} y) <{stored("p", 1, (3,))}, float s = {{0.5}}>
      {{ a = Add(x, p)  b = Mul(a, a)  c = Add(b, s)  y = {op}(c) }}"""
    check_gradients(text, {"x": drawn(2, 3, 3), "label": drawn(3, 3, 3)})


def test_quotient() -> None:
    text = f"""g (float{rows(2, 3)} x) => (float{rows(2, 3)} y)
      <{stored("p", 1, (3,))}, {stored("q", 2, (1, 2, 1))}, float s = {{1.5}}>
      {{ a = Add(x, p)  b = Mul(q, q)  c = Add(b, s)  d = Div(a, c)  e = Mul(d, d)  f = Add(e, s)  y = Div(q, f) }}"""
    check_gradients(text, {"x": drawn(3, 3, 2, 3), "label": drawn(4, 3, 2, 3)})


@pytest.mark.parametrize("bounds", ["low, high", "low", '"", high', ""])
def test_clip(bounds: str) -> None:
    operands = ", ".join(["a", *filter(None, [bounds.replace('""', "")])])
    text = f"""g (float{rows(4)} x) => (float{rows(4)} y)
      <{stored("p", 1, (4,))}, float low = {{-0.5}}, float high = {{0.7}}>
      {{ a = Add(x, p)  y = Clip({operands}) }}"""
    check_gradients(text, {"x": drawn(2, 5, 4), "label": drawn(3, 5, 4)})


def test_at_its_bounds_a_clip_passes_nothing() -> None:
    text = """g (float[batch,4] x) => (float[batch,4] y) <float[4] p = {0, 0, 0, 0}, float low = {0}, float high = {6}>
      { a = Add(x, p)  y = Clip(a, low, high) }"""
    feeds = {"x": np.array([[0, 3, 6, 7]], np.float32), "label": np.zeros((1, 4), np.float32)}
    np.testing.assert_array_equal(step(text, feeds)["p.next"], [0, -1.5, 0, 0])


@given(shape=st.lists(st.integers(1, 3), min_size=1, max_size=3), parts=st.integers(1, 3), data=st.data())
@few
def test_joined_branches_get_their_part_back(shape: list[int], parts: int, data: st.DataObject) -> None:
    axis = data.draw(st.sampled_from([*range(1, len(shape) + 1), *range(-len(shape), 0)]))
    index = axis - 1 if axis > 0 else axis
    joined = list(shape)
    names, nodes = [], []
    for k in range(parts):
        names.append(f"b{k}")
        nodes.append(f"b{k} = {['Tanh', 'Sigmoid', 'Neg'][k]}(a)")
    joined[index] = parts * shape[index]
    text = f"""g (float{rows(*shape)} x) => (float{rows(*joined)} y) <{stored("p", 1, tuple(shape))}>
      {{ a = Add(x, p)  {"  ".join(nodes)}  y = Concat<axis={axis}>({", ".join(names)}) }}"""
    check_gradients(text, {"x": drawn(2, 3, *shape), "label": drawn(3, 3, *joined)})


@given(
    before=st.lists(st.integers(-1, 2), min_size=2, max_size=2),
    after=st.lists(st.integers(-1, 2), min_size=2, max_size=2),
)
@few
def test_padding_and_cropping(before: list[int], after: list[int]) -> None:
    shape = [3 + before[0] + after[0], 4 + before[1] + after[1]]
    text = f"""g (float{rows(3, 4)} x) => (float{rows(*shape)} y) <{stored("p", 1, (3, 4))}, float c = {{0.5}},
      int64[4] pads = {{{before[1]}, {before[0]}, {after[1]}, {after[0]}}}, int64[2] axes = {{2, -2}}>
      {{ a = Add(x, p)  y = Pad(a, pads, c, axes) }}"""
    check_gradients(text, {"x": drawn(2, 3, 3, 4), "label": drawn(3, 3, *shape)})


SLICES = [
    ("1", "3", "1", "1", (2, 4)),
    ("-2", "1000", "1", "1", (2, 4)),
    ("0", "5", "1", "2", (3, 4)),
    ("4", "0", "1", "-1", (4, 4)),
    ("-1", "-1000", "1", "-2", (3, 4)),
    ("1, 1", "4, -1", "-2, 2", "2, 1", (2, 2)),
]


@pytest.mark.parametrize(("starts", "ends", "axes", "steps", "shape"), SLICES)
def test_slices(starts: str, ends: str, axes: str, steps: str, shape: tuple[int, int]) -> None:
    n = starts.count(",") + 1
    bounds = {"starts": starts, "ends": ends, "axes": axes, "steps": steps}
    held = ", ".join(f"int64[{n}] {name} = {{{values}}}" for name, values in bounds.items())
    text = f"""g (float{rows(5, 4)} x) => (float{rows(*shape)} y) <{stored("p", 1, (5, 4))}, {held}>
      {{ a = Add(x, p)  y = Slice(a, starts, ends, axes, steps) }}"""
    check_gradients(text, {"x": drawn(2, 3, 5, 4), "label": drawn(3, 3, *shape)})


@pytest.mark.parametrize("how", ["num_outputs=2>(a)", ">(a, s)"])
def test_split(how: str) -> None:
    text = f"""g (float{rows(5, 2)} x) => (float{rows(3, 2)} y) <{stored("p", 1, (5, 2))}, {stored("q", 2, (2, 2))},
      int64[2] s = {{3, 2}}, int64[4] e = {{0, 0, 0, 1}}, int64[1] one = {{1}}>
      {{ a = Add(x, p)  b, c = Split<axis=-2{", " if how[0] == "n" else ""}{how}  d = Mul(c, q)
        r = ReduceSum(d, one)  y = Mul(b, r) }}"""
    check_gradients(text, {"x": drawn(3, 3, 5, 2), "label": drawn(4, 3, 3, 2)})


@pytest.mark.parametrize("op", ["ReduceSum", "ReduceMean"])
@pytest.mark.parametrize(("axes", "keep", "shape"), [("1", 0, (3,)), ("-1, 1", 1, (1, 1)), ("2", 1, (2, 1))])
def test_reductions(op: str, axes: str, keep: int, shape: tuple[int, ...]) -> None:
    n = axes.count(",") + 1
    text = f"""g (float{rows(2, 3)} x) => (float{rows(*shape)} y) <{stored("p", 1, (2, 3))}, int64[{n}] r = {{{axes}}}>
      {{ a = Add(x, p)  b = Tanh(a)  y = {op}<keepdims={keep}>(b, r) }}"""
    check_gradients(text, {"x": drawn(2, 3, 2, 3), "label": drawn(3, 3, *shape)})


def test_squeezing() -> None:
    text = f"""g (float{rows(1, 3)} x) => (float{rows(3, 1)} y)
      <{stored("p", 1, (1, 3))}, int64[1] u = {{1}}, int64[1] v = {{2}}>
      {{ a = Add(x, p)  b = Squeeze(a, u)  c = Tanh(b)  y = Unsqueeze(c, v) }}"""
    check_gradients(text, {"x": drawn(2, 3, 1, 3), "label": drawn(3, 3, 3, 1)})


REFUSED = {
    "samples joined": (
        "(float[n,2] x) => (float[m,2] y) { y = Concat<axis=0>(x, x) }",
        "node 'Concat.y': axis must be another dimension than the batch, not 0; join within each sample",
    ),
    "padded by reflection": (
        '(float[n,4] x) => (float[n,6] y) <int64[4] p = {0,1,0,1}> { y = Pad<mode="reflect">(x, p) }',
        "node 'Pad.y': mode of Pad must be constant, not reflect; pad with a number",
    ),
    "samples cut": (
        "(float[2,4] x) => (float[1,4] y) <int64[1] b = {0}, int64[1] e = {1}> { y = Slice(x, b, e) }",
        "node 'Slice.y': axes must not contain the batch, 0; slice within each sample",
    ),
    "samples split": (
        "(float[2,4] x) => (float[1,4] y, float[1,4] z) { y, z = Split<num_outputs=2>(x) }",
        "node 'Split.y': axis must be another dimension than the batch, not 0; split within each sample",
    ),
    "samples averaged": (
        "(float[n,4] x) => (float[1,4] y) <int64[1] a = {0}> { y = ReduceMean(x, a) }",
        "node 'ReduceMean.y': axes must not contain the batch, 0; reduce within each sample",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_mixes_samples_is_refused(body: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load_model(parse(f"g {body}"))
    assert str(caught.value) == f"model: {message}"
