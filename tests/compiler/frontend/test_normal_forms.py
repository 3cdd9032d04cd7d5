"""What `load_model` makes of windows, splits and training modes, and what it refuses there."""

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest

from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.frontend import load_model
from ohmflow.compiler.frontend.inference_form import inference_form


def parse(body: str, opset: int = 21) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\ng {body}')


def window(body: str) -> dict[str, object]:
    (node,) = (n for n in load_model(parse(body)).graph if n.op_type in ("Conv", "MaxPool", "AveragePool"))
    return {name: attribute.value for name, attribute in node.attributes.items()}


CONV = "(float[n,4,7,8] x) => (float[n,2,a,b] y) <float[2,{0},3,2] w> {{ y = Conv<{1}>(x, w) }}"


@pytest.mark.parametrize(
    ("said", "pads"),
    [
        ("strides=[2,2]", [0, 0, 0, 0]),
        ('auto_pad="VALID", strides=[2,2]', [0, 0, 0, 0]),
        ("pads=[1,0,2,1], strides=[2,2]", [1, 0, 2, 1]),
        # Four positions of height 3 with stride 2 reach over 9 rows of 7; four of width 2 fit 8 columns.
        ('auto_pad="SAME_UPPER", strides=[2,2]', [1, 0, 1, 0]),
        # Seven of height 3 reach over 9, eight of width 2 over 9.
        ('auto_pad="SAME_UPPER"', [1, 0, 1, 1]),
        ('auto_pad="SAME_LOWER"', [1, 1, 1, 0]),
    ],
)
def test_windows_are_said_in_full(said: str, pads: list[int]) -> None:
    body = CONV.format(4, said).replace(" w>", " w = {" + ",".join(["1"] * 48) + "}>")
    found = window(body)
    assert list(found["pads"]) == pads  # type: ignore[call-overload]
    assert list(found["kernel_shape"]) == [3, 2]  # type: ignore[call-overload]
    assert list(found["strides"]) == ([2, 2] if "strides" in said else [1, 1])  # type: ignore[call-overload]
    assert list(found["dilations"]) == [1, 1] and found["group"] == 1  # type: ignore[call-overload]
    assert "auto_pad" not in found


def test_a_window_that_ceil_mode_would_add_beyond_the_input_is_left_out() -> None:
    model = load_model(
        parse(
            "(float[n,1,2] x) => (float[n,1,a] y) { r = Relu(x) "
            "p = MaxPool<kernel_shape=[1],strides=[2],ceil_mode=1>(r) y = Tanh(p) }"
        )
    )
    assert [str(node.outputs[0].shape) for node in model.graph] == ["[batch,1,2]", "[batch,1,1]", "[batch,1,1]"]


def test_split_becomes_slices() -> None:
    proto = parse("(float[n,5] x) => (float[n,3] y, float[n,2] z) { y, z = Split<axis=-1, num_outputs=2>(x) }")
    model = load_model(proto)
    assert [node.op_type for node in model.graph] == ["Slice", "Slice"]
    x = np.arange(10, dtype=np.float32).reshape(2, 5)
    y, z = ort.InferenceSession(ir.to_proto(model).SerializeToString()).run(None, {"x": x})
    np.testing.assert_array_equal(y, x[:, :3])
    np.testing.assert_array_equal(z, x[:, 3:])


NORMALISED = "float[2] s = {1, 1}, float[2] b = {0, 0}, float[2] m = {3, 4}, float[2] v = {1, 4}"


@pytest.mark.parametrize(
    ("opset", "body", "operators"),
    [
        (7, f"(float[n,2] x) => (float[n,2] y) <{NORMALISED}> {{ y = BatchNormalization(x, s, b, m, v) }}", "Batch"),
        (9, "(float[n,2] x) => (float[n,2] y) { a = Relu(x)  y = Clip<min=0.0, max=6.0>(a) }", "Relu Clip"),
        (11, "(float[n,2] x) => (float[n,2] y) { a = Relu(x)  y = Dropout<ratio=0.5>(a) }", "Relu"),
        (12, "(float[n,2] x) => (float[n,2] y) <float r = {0.5}, bool t = {1}> { y = Dropout(x, r, t) }", "Dropout"),
        (9, "(float[n,2] x) => (float[n,4] y) { y = Pad<pads=[0,1,0,1]>(x) }", "Pad"),
        (9, "(float[n,2] x) => (float[n,1] y) { y = Slice<axes=[1], starts=[0], ends=[1]>(x) }", "Slice"),
        (13, "(float[n,2,3] x) => (float[n,2,1] y) { y = ReduceMean<axes=[2]>(x) }", "ReduceMean"),
        (11, "(float[n,4] x) => (float[n,2] y) { a, b = Split<axis=1>(x)  y = Add(a, b) }", "Slice Slice Add"),
        (7, "(float[n,1,4] x) => (float[n,1,2] y) { y = MaxPool<kernel_shape=[2], strides=[2]>(x) }", "MaxPool"),
    ],
)
def test_older_spellings_are_read(opset: int, body: str, operators: str) -> None:
    found = [node.op_type for node in load_model(parse(body, opset)).graph]
    assert " ".join(found).startswith(operators)


def test_a_model_of_two_inputs_may_normalise_and_join_them() -> None:
    model = load_model(
        parse(
            f"(float[n,2] x, float[n,3] z) => (float[n,5] y) <{NORMALISED}> "
            "{ a = BatchNormalization<training_mode=1>(x, s, b, m, v)  y = Concat<axis=1>(a, z) }"
        )
    )
    assert [node.op_type for node in model.graph] == ["BatchNormalization", "Concat"]
    assert "training_mode" not in model.graph[0].attributes


TRAINS = f"""(float[n,2] x) => (float[n,2] y) <{NORMALISED}, float r = {{0.5}}, bool t = {{1}}>
  {{ a, m2, v2 = BatchNormalization<training_mode=1, epsilon=0.0>(x, s, b, m, v)  y = Dropout(a, r, t) }}"""


def test_the_inference_form_neither_drops_nor_normalises_by_the_batch() -> None:
    x = np.array([[3, 4], [4, 6]], np.float32)
    source = parse(TRAINS)
    before = source.SerializeToString(deterministic=True)
    quiet = inference_form(source)
    onnx.checker.check_model(quiet)
    (y,) = ort.InferenceSession(quiet.SerializeToString()).run(None, {"x": x})
    np.testing.assert_allclose(y, [[0, 0], [1, 1]], atol=1e-6)
    assert source.SerializeToString(deterministic=True) == before
    assert inference_form(quiet) is quiet


REFUSED = {
    "gaps with SAME": (
        '(float[n,1,3] x) => (float[n,1,1] y) { y = MaxPool<kernel_shape=[1], strides=[3], auto_pad="SAME_UPPER">(x) }',
        "node 'MaxPool.y': auto_pad must not be SAME_UPPER where windows of 1 with stride 3 leave elements of 3 out at "
        "the end; give pads, and crop with Slice",
    ),
    "ceil_mode along one axis": (
        "(float[n,1,2,5] x) => (float[n,1,a,b] y) { y = AveragePool<kernel_shape=[1,3], strides=[2,2], pads=[0,1,0,0], "
        "ceil_mode=1, count_include_pad=1>(x) }",
        "node 'AveragePool.y': ceil_mode must add windows along all axes or none of an AveragePool that counts "
        "padding, not along some; pad the input, or set count_include_pad to 0",
    ),
    "a convolution of weights": (
        "(float[n,1,4] x) => (float[n,1,3] y) <float[1,1,4] k = {1,2,3,4}, float[1,1,2] w = {1,2}> "
        "{ a = Conv(k, w)  b = Conv(x, w)  y = Add(b, a) }",
        "node 'Conv.a': input 'k' must depend on the batch, not be a weight; compute it before the export",
    ),
    "statistics of weights": (
        f"(float[n,2] x) => (float[n,2] y) <{NORMALISED}, float[1,2] k = {{1, 2}}> "
        "{ a = BatchNormalization(k, s, b, m, v)  y = Add(x, a) }",
        "node 'BatchNormalization.a': input 'k' must depend on the batch, not be a weight; compute it before the "
        "export",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_normal_form_is_refused(body: str, message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        load_model(parse(body))
    assert str(caught.value) == f"model: {message}"
