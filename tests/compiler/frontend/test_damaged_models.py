"""What fuzzing found: each file here once ended in a traceback, noise, gigabytes or a crash of the process."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.errors import CompilerError, ModelError, UnsupportedError
from ohmflow.compiler.frontend import load_model
from ohmflow.compiler.frontend.folding import LARGEST_CONSTANT

BASE = "g (float[n,4] x) => (float[n,3] y) { y = Gemm(x, w, b) }"
CONV = "g (float[n,4,6,6] x) => (float[n,6,4,4] y) { y = Conv<group=2>(x, w) }"


def model(body: str = BASE, **weights: tuple[int, ...]) -> onnx.ModelProto:
    proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 21]>{body}')
    for name, shape in (weights or {"w": (4, 3), "b": (3,)}).items():
        proto.graph.initializer.append(numpy_helper.from_array(np.ones(shape, np.float32), name))
    return proto


def refused(proto: onnx.ModelProto, kind: type[CompilerError]) -> str:
    with pytest.raises(CompilerError) as caught:
        load_model(proto)
    assert type(caught.value) is kind
    message = str(caught.value)
    assert message.isprintable(), "one line of text"
    return message


Damage = Callable[[onnx.TensorProto], None]
TENSORS: dict[str, tuple[Damage, type[CompilerError], str]] = {
    "a type that no version knows": (
        lambda t: setattr(t, "data_type", 2**31 - 1),
        ModelError,
        "must have a type that ONNX knows, not number 2147483647; export it again",
    ),
    "numbers of four bits": (
        lambda t: setattr(t, "data_type", TensorProto.UINT4),
        UnsupportedError,
        "must be of a float, integer or bool type, not UINT4; export it in float32",
    ),
    "bytes that are no whole elements": (
        lambda t: setattr(t, "raw_data", t.raw_data + b"abc"),
        ModelError,
        "must hold 48 bytes for its shape [4, 3], not 51; export it again",
    ),
    "a negative length": (
        lambda t: t.dims.__setitem__(0, -4),
        ModelError,
        "must have lengths of at least 0, not [-4, 3]; export it again",
    ),
    "petabytes promised": (
        lambda t: t.dims.__setitem__(0, 2**50),
        ModelError,
        "must hold 13510798882111488 bytes for its shape [1125899906842624, 3], not 48; export it again",
    ),
}


@pytest.mark.parametrize(("damage", "kind", "end"), TENSORS.values(), ids=TENSORS)
def test_tensors_that_are_not_what_they_say(damage: Damage, kind: type[CompilerError], end: str) -> None:
    proto = model()
    damage(proto.graph.initializer[0])
    assert refused(proto, kind) == f"model: initializer 'w' {end}"


def test_tensors_inside_nodes_are_looked_at_too() -> None:
    proto = model("g (float[n,4] x) => (float[n,4] y) { c = Constant<value = float[2] {1.0, 2.0}>()  y = Add(x, c) }")
    proto.graph.node[0].attribute[0].t.dims[0] = 2**40
    assert refused(proto, ModelError).startswith("model: a tensor of a node must hold ")


def test_empty_weights_are_refused() -> None:
    assert refused(model(w=(4, 0), b=(0,)), ModelError)


@pytest.mark.parametrize("text", ["line\nbreak", "bell\x07", "\x1b[31m"])
@pytest.mark.parametrize("field", ["name", "op_type", "domain"])
def test_names_that_are_no_text_are_refused(field: str, text: str) -> None:
    proto = model()
    setattr(proto.graph.node[0], field, text)
    assert "must be printable text, not " in refused(proto, ModelError)


def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    data = model().SerializeToString().replace(b"Gemm", b"Gem\xf2")
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"^m.onnx: an operator must be printable text, not b'Gem\\xf2'; rename it$"):
        load_model(tmp_path / "m.onnx")


@pytest.mark.parametrize("kind", ["sequence_type", "optional_type", "map_type", "sparse_tensor_type"])
def test_inputs_that_are_no_tensors_are_refused(kind: str) -> None:
    proto = model()
    value = proto.graph.input[0].type
    value.Clear()
    inner = getattr(value, kind)
    if kind == "map_type":
        inner.key_type = TensorProto.INT64
        inner.value_type.tensor_type.elem_type = TensorProto.FLOAT
    elif kind == "sparse_tensor_type":
        inner.elem_type = TensorProto.FLOAT
    else:
        inner.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    assert f"input 'x' must be a tensor, not a {kind.removesuffix('_type')}" in refused(proto, ModelError)


@pytest.mark.parametrize("length", [0, -3])
def test_inputs_without_elements_are_refused(length: int) -> None:
    proto = model()
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = length
    assert "input 'x' must have lengths of at least 1, not " in refused(proto, ModelError)


def test_samples_beyond_any_memory_are_refused() -> None:
    body = f"g (float[n,1,{10**7},{10**7}] x) => (float[n,1,{10**7},{10**7}] y) {{ y = Relu(x) }}"
    assert "must have at most 67,108,864 elements for a sample" in refused(model(body), UnsupportedError)


def test_padding_beyond_any_memory_is_refused() -> None:
    body = f"g (float[n,4,6,6] x) => (float[n,6,p,q] y) {{ y = Conv<group=2, pads=[{10**6},{10**6},0,0]>(x, w) }}"
    assert "elements for a sample" in refused(model(body, w=(6, 2, 3, 3)), UnsupportedError)


@pytest.mark.parametrize("groups", [0, -1, 3, 474394925070483415])
def test_groups_that_do_not_divide_channels_are_refused(groups: int) -> None:
    proto = model(CONV, w=(6, 2, 3, 3))
    proto.graph.node[0].attribute[0].i = groups
    assert refused(proto, ModelError)


def test_weights_of_another_rank_than_the_input_are_refused() -> None:
    message = "model: node 'Conv.y': weight 'w' must have rank 4 as input 'x' has, not 1; check its shape"
    body = CONV.replace("group=2", "kernel_shape=[3,3]")
    assert refused(model(body, w=(6,)), ModelError) == message


def test_a_bias_of_another_shape_than_the_outputs_is_refused() -> None:
    proto = model(CONV.replace("(x, w)", "(x, w, b)"), w=(6, 2, 3, 3), b=())
    message = "model: node 'Conv.y': bias 'b' must have shape [6], one number an output, not []; check its shape"
    assert refused(proto, ModelError) == message


def test_padding_of_pools_beyond_any_memory_is_refused() -> None:
    body = f"g (float[n,2,6] x) => (float[n,2,p] y) {{ y = AveragePool<kernel_shape=[{2**30}], pads=[{2**30},0]>(x) }}"
    assert "its windows must have at most 67,108,864 elements" in refused(model(body), UnsupportedError)


def test_operands_of_two_types_are_refused() -> None:
    proto = model()
    proto.graph.initializer[1].data_type = TensorProto.UINT32
    assert refused(proto, ModelError) == (
        "model: node 'Gemm.y': operand 'b' must be of the type of 'x', FLOAT, not UINT32; export it in float32"
    )


@pytest.mark.parametrize("attribute", ["kernel_shape", "strides", "dilations", "pads"])
@pytest.mark.parametrize("values", [[], [1], [1] * 5])
def test_pools_whose_lists_have_another_length_are_refused(attribute: str, values: list[int]) -> None:
    proto = model("g (float[n,2,4,4] x) => (float[n,2,p,q] y) { y = MaxPool<kernel_shape=[2,2], ceil_mode=1>(x) }")
    (node,) = proto.graph.node
    kept = [a for a in node.attribute if a.name != attribute]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.add(name=attribute, type=onnx.AttributeProto.INTS).ints.extend(values)
    assert refused(proto, ModelError)


HUGE = {
    "ConstantOfShape": "s = Constant<value_ints=[70000, 70000]>()  c = ConstantOfShape(s)",
    "Expand": f"o = Constant<value_floats=[1.0]>()  s = Constant<value_ints=[{2**33}]>()  c = Expand(o, s)",
    "Tile": f"o = Constant<value_floats=[1.0]>()  s = Constant<value_ints=[{2**40}]>()  c = Tile(o, s)",
    "Range": f"a = Constant<value_int=0>()  l = Constant<value_int={2**62}>()  d = Constant<value_int=1>()  "
    "c = Range(a, l, d)",
    "Pad": f"o = Constant<value_floats=[1.0]>()  s = Constant<value_ints=[0, {2**34}]>()  c = Pad(o, s)",
}


@pytest.mark.parametrize("line", HUGE.values(), ids=HUGE)
def test_constants_of_gigabytes_are_not_computed(line: str) -> None:
    message = refused(model(f"g (float[n,4] x) => (float[n,4] y) {{ {line}  y = Add(x, c) }}"), UnsupportedError)
    assert f"its constant result must have at most {LARGEST_CONSTANT:,} elements, not " in message


FAILING = {
    "axis beyond the rank": "k = Constant<value_ints=[1]>()  c = Concat<axis=-3>(k, k)",
    "a shape that does not fit": "k = Constant<value_ints=[4, -1]>()  o = Constant<value_floats=[1.0]>()  "
    "c = Reshape(o, k)",
    "an index beyond the end": "k = Constant<value_ints=[7]>()  o = Constant<value_floats=[1.0]>()  c = Gather(o, k)",
    "negative lengths": "k = Constant<value_ints=[-5]>()  c = ConstantOfShape(k)",
    "operands of other lengths": "k = Constant<value_floats=[1.0, 2.0]>()  o = Constant<value_floats=[1.0, 2.0, 3.0]>()"
    "  c = Add(k, o)",
}


@pytest.mark.parametrize("line", FAILING.values(), ids=FAILING)
def test_constants_that_can_not_be_computed_name_their_node(line: str) -> None:
    message = refused(model(f"g (float[n,4] x) => (float[n,4] y) {{ {line}  y = Add(x, c) }}"), ModelError)
    assert ".c': " in message


def test_a_dropout_with_several_ratios_is_refused() -> None:
    body = "g (float[n,2] x) => (float[n,2] y) <float[2] r = {0.5, 0.5}, bool on = {1}> { y = Dropout(x, r, on) }"
    assert "ratio of Dropout must be one number, not of shape [2]" in refused(model(body), ModelError)


def test_shapes_declared_between_nodes_are_not_believed() -> None:
    proto = model("g (float[n,4] x) => (float[n,3] y) { a = Identity(x)  y = Gemm(a, w, b) }")
    for name, kind, shape in (("a", TensorProto.INT64, [7, 7, 7]), ("x2", TensorProto.FLOAT, ["q"])):
        proto.graph.value_info.append(helper.make_tensor_value_info(name, kind, shape))
    load_model(proto)


def test_an_output_declared_in_another_shape_than_what_it_passes_on_is_refused() -> None:
    proto = model("g (float[n,4] x) => (float[n,2,2] y) { a = Relu(x)  y = Identity(a) }")
    assert refused(proto, ModelError)


def test_device_configurations_are_left_out_without_noise(capfd: pytest.CaptureFixture[str]) -> None:
    proto = model()
    proto.graph.node[0].device_configurations.add(configuration_id="two")
    load_model(proto)
    assert capfd.readouterr() == ("", "")


def functions(*calls: tuple[str, ...], body: str = "") -> onnx.ModelProto:
    """A model whose function k calls these in turn, and that calls function 0."""
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("loc", 1)]
    proto = model("g (float[n,4] x) => (float[n,4] y) { y = Relu(x) }")
    proto.opset_import.add(domain="loc", version=1)
    proto.graph.node[0].op_type, proto.graph.node[0].domain = "f0", "loc"
    for k, callees in enumerate(calls):
        nodes = [
            helper.make_node(c, ["a" if j == 0 else f"b{j - 1}"], [f"b{j}"], domain="" if c == "Relu" else "loc")
            for j, c in enumerate(callees)
        ]
        result = f"b{len(callees) - 1}" if callees else "a"
        proto.functions.append(helper.make_function("loc", f"f{k}", ["a"], [result], nodes, opsets))
    return proto


def test_functions_that_call_themselves_are_refused() -> None:
    message = "model: a function must not call itself, as in loc::f0 -> loc::f1 -> loc::f0; export without functions"
    assert refused(functions(("f1",), ("f0",)), ModelError) == message


def test_functions_that_double_at_every_level_are_refused_before_they_are_written_out() -> None:
    calls = [(f"f{k + 1}", f"f{k + 1}") for k in range(40)]
    message = refused(functions(*calls, ("Relu",)), ModelError)
    assert message.startswith("model: functions must unfold to at most 100,000 nodes, not 1,099,511,627,776; ")


def test_functions_with_one_name_are_refused() -> None:
    proto = functions(("Relu",))
    proto.functions.append(proto.functions[0])
    assert "f0" in refused(proto, ModelError)


def test_a_function_that_defines_nothing_is_refused_without_noise(capfd: pytest.CaptureFixture[str]) -> None:
    refused(functions(()), ModelError)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "entry", [("offset", "-1"), ("offset", "x"), ("length", "99"), ("location", "."), ("location", "")]
)
def test_external_data_that_lie_nowhere_are_refused(tmp_path: Path, entry: tuple[str, str]) -> None:
    proto = model()
    (tmp_path / "w.bin").write_bytes(bytes(48))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in ({"location": "w.bin"} | dict([entry])).items():
        tensor.external_data.add(key=key, value=value)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match=r"^m.onnx: initializer 'w'.* must "):
        load_model(tmp_path / "m.onnx")


def test_external_data_of_constants_in_nodes_stay_inside_the_folder(tmp_path: Path) -> None:
    proto = model("g (float[n,4] x) => (float[n,4] y) { c = Constant<value = float[1] {1.0}>()  y = Add(x, c) }")
    tensor = proto.graph.node[0].attribute[0].t
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret.bin")
    (tmp_path / "secret.bin").write_bytes(bytes(4))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(ModelError, match=r"must have its data inside the model's folder, not in '\.\./secret\.bin'"):
        load_model(tmp_path / "models" / "m.onnx")
