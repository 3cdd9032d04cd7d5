"""Sound models and targets that fuzzing starts from: each kind of node, weight and shape that the front end knows."""

from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import ohmflow.targets

ROOT = Path(__file__).parents[2]
EXAMPLES = ("digits_mlp", "lenet5", "resnet_small")

_HEAD = '<ir_version: 10, opset_import: ["" : 21]>\n'
TEXTS = {
    "two_inputs": _HEAD
    + """g (float[n,4] x, float[n,3] z) => (float[n,2] y) {
        a = MatMul(x, w)  b = Gemm<transB=1, alpha=0.5>(z, v, c)  s = Add(a, b)  r = Relu(s)  y = MatMul(r, u) }""",
    "products": _HEAD
    + """g (float[n,5,4] x) => (float[n,6] y) {
        t = Transpose<perm=[1,0]>(w)  a = MatMul(x, t)  l = MatMul(m, a)  f = Flatten<axis=1>(l)
        y = Gemm<transB=1, beta=2.0>(f, v, c) }""",
    "shapes": _HEAD
    + """g (float[n,2,6] x) => (float[n,4] y) {
        k = Constant<value_ints=[-1]>()  z = Constant<value_ints=[0]>()  s = Concat<axis=0>(z, k)
        p, q = Split<axis=2, num_outputs=2>(x)  j = Concat<axis=1>(q, p)  r = Reshape(j, s)
        i = Identity(r)  h = Softmax<axis=1>(i)  y = MatMul(h, w) }""",
    "training_forms": _HEAD
    + """g (float[n,3,8] x) => (float[n,4] y) <float ratio = {0.25}, bool on = {1}> {
        c = Conv<kernel_shape=[3], pads=[1,1], group=1>(x, w, b)
        k, m2, v2 = BatchNormalization<training_mode=1>(c, g1, b1, m1, v1)
        a = AveragePool<kernel_shape=[2], strides=[2], ceil_mode=1>(k)  d = Dropout(a, ratio, on)
        p = GlobalAveragePool(d)  q = Flatten(p)  y = Gemm(q, u) }""",
    "grouped": _HEAD
    + """g (float[n,4,6,6] x) => (float[n,4] y) {
        c = Conv<group=2, auto_pad="SAME_UPPER", strides=[2,2]>(x, w)  e = Elu(c)
        m = MaxPool<kernel_shape=[2,2], auto_pad="VALID">(e)  f = Flatten(m)  y = MatMul(f, u) }""",
    "older": '<ir_version: 7, opset_import: ["" : 11]>\n'
    + """g (float[1,4] x) => (float[1,3] y) {
        u = Unsqueeze<axes=[1]>(x)  s = Squeeze<axes=[1]>(u)  d = Dropout<ratio=0.3>(s)  c = Clip(d)
        y = Gemm(c, w, b) }""",
    "functions": '<ir_version: 10, opset_import: ["" : 21, "mine" : 1]>\n'
    + """g (float[n,4] x) => (float[n,3] y) { h = mine.layer(x, w, b)  y = mine.layer(h, v, c) }
        <domain: "mine", opset_import: ["" : 21]> layer (x, w, b) => (y) { p = MatMul(x, w)  s = Add(p, b)
        y = Tanh(s) }""",
    "elementwise": _HEAD
    + """g (float[n,2,3] x) => (float[n,3] y) {
        a = Sqrt(e)  b = Mul(x, a)  c = Clip(b, lo, hi)  p = Pad(c, pads)  l = Slice(p, from, to, axes)
        r = ReduceMean<keepdims=0>(l, axes1)  o = Log(eps)  q = Add(r, o)  y = LogSoftmax<axis=-1>(q) }""",
}
SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "two_inputs": {"w": (4, 6), "v": (6, 3), "c": (6,), "u": (6, 2)},
    "products": {"w": (3, 4), "m": (2, 5), "v": (6, 6), "c": (6,)},
    "shapes": {"w": (12, 4)},
    "training_forms": {"w": (5, 3, 3), "b": (5,), "g1": (5,), "b1": (5,), "m1": (5,), "v1": (5,), "u": (5, 4)},
    "grouped": {"w": (6, 2, 3, 3), "u": (24, 4)},
    "older": {"w": (4, 3), "b": (3,)},
    "functions": {"w": (4, 4), "b": (4,), "v": (4, 3), "c": (3,)},
    "elementwise": {"e": (2, 1)},
}
_CONSTANTS = {
    "elementwise": {
        "lo": np.float32(-1),
        "hi": np.float32(1),
        "pads": np.array([0, 0, 1, 0, 0, 1]),
        "from": np.array([1]),
        "to": np.array([4]),
        "axes": np.array([2]),
        "axes1": np.array([1]),
        "eps": np.array([0.5], np.float32),
    }
}


@cache
def model_names() -> tuple[str, ...]:
    """Names of the bases, small ones more often than those with many weights."""
    return (*EXAMPLES, *TEXTS, *TEXTS)


@cache
def _stored(name: str) -> bytes:
    if name in EXAMPLES:
        return (ROOT / "examples" / "models" / f"{name}.onnx").read_bytes()
    proto = onnx.parser.parse_model(TEXTS[name])
    draws = np.random.default_rng(0)
    for weight, shape in SHAPES[name].items():
        values = np.abs(draws.standard_normal(shape)).astype(np.float32)
        proto.graph.initializer.append(numpy_helper.from_array(values, weight))
    for constant, value in _CONSTANTS.get(name, {}).items():
        proto.graph.initializer.append(numpy_helper.from_array(np.asarray(value), constant))
    return proto.SerializeToString(deterministic=True)


def model(name: str) -> onnx.ModelProto:
    """A fresh copy of a base."""
    return onnx.load_model_from_string(_stored(name))


def chain(length: int, op_type: str = "Relu") -> onnx.ModelProto:
    """A model that is one long row of nodes."""
    nodes = [helper.make_node(op_type, [f"v{k}"], [f"v{k + 1}"], f"n{k}") for k in range(length)]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("v0", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info(f"v{length}", TensorProto.FLOAT, ["n", 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


TARGETS = ("ideal", "protonic-psg", "rpu-2016", "cmos-28nm-base")


@cache
def target_text(name: str) -> str:
    """A shipped target's file."""
    return (Path(ohmflow.targets.__file__).parent / "library" / f"{name}.yaml").read_text(encoding="utf-8")
