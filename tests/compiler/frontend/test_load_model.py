"""What `load_model` makes of sound models."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from ohmflow.compiler.frontend import load_model

MODELS = Path(__file__).parents[3] / "examples" / "models"


def parse(body: str, opset: int = 21) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{body}')


def ops(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def shapes(model: ir.Model) -> list[str]:
    return [str(node.outputs[0].shape) for node in model.graph]


def reshape_target(model: ir.Model) -> list[int]:
    (node,) = (node for node in model.graph if node.op_type == "Reshape")
    target = node.inputs[1]
    assert target is not None and target.const_value is not None
    return [int(length) for length in target.const_value.numpy()]


def test_the_digits_model_loads() -> None:
    model = load_model(MODELS / "digits_mlp.onnx")
    assert (model.ir_version, dict(model.opset_imports)) == (10, {"": 21})
    assert ops(model) == ["Gemm", "Relu", "Gemm", "Relu", "Gemm"]
    assert shapes(model)[-1] == "[batch,10]"


def test_the_digits_model_is_what_its_script_writes(tmp_path: Path) -> None:
    written = tmp_path / "again.onnx"
    subprocess.run([sys.executable, str(MODELS / "make_digits_mlp.py"), str(written)], check=True)
    assert written.read_bytes() == (MODELS / "digits_mlp.onnx").read_bytes()


def test_a_string_path_and_a_model_in_memory_are_read_alike() -> None:
    path = MODELS / "digits_mlp.onnx"
    assert ops(load_model(str(path))) == ops(load_model(onnx.load(path)))


def test_a_model_in_memory_is_not_changed() -> None:
    proto = parse("g (float[2,3] x) => (float[2,3] y) { a = Identity(x)  y = Relu(a) }", opset=13)
    before = proto.SerializeToString(deterministic=True)
    load_model(proto)
    assert proto.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize("opset", [7, 11, 13, 17, 20, 22, 24])
def test_every_opset_becomes_21(opset: int) -> None:
    model = load_model(parse("g (float[n,3] x) => (float[n,3] y) { a = Relu(x)  y = Softmax(a) }", opset))
    assert dict(model.opset_imports) == {"": 21}
    assert ops(model) == ["Relu", "Softmax"]


def test_functions_are_inlined() -> None:
    proto = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["" : 17, "mine" : 1]>
      g (float[n,3] x) => (float[n,3] y) { a = mine.twice(x)  y = mine.twice(a) }
      <domain: "mine", opset_import: ["" : 17]> twice (v) => (w) { w = Add(v, v) }""")
    model = load_model(proto)
    assert ops(model) == ["Add", "Add"]
    assert not model.functions and dict(model.opset_imports) == {"": 21}
    assert len({node.name for node in model.graph}) == 2


def test_leftovers_of_training_and_export_vanish() -> None:
    model = load_model(
        parse("""g (float[n,3] x) => (float[n,3] y) { r = Constant<value_float=0.5>()  f = Constant<value=bool {0}>()
          a = Dropout(x, r, f)  b = Identity(a)  c = Relu(b)  unused = Tanh(c)  y = Identity(c) }""")
    )
    assert ops(model) == ["Relu"]
    assert [value.name for value in model.graph.outputs] == ["y"]
    assert not model.graph.initializers


def test_an_identity_from_input_to_output_remains() -> None:
    assert ops(load_model(parse("g (float[n,3] x) => (float[n,3] y) { y = Identity(x) }"))) == ["Identity"]


def test_constants_are_folded_and_weights_are_not() -> None:
    model = load_model(
        parse("""g (float[n,2] x) => (float[n,3] y) <float[3,2] w = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}>
          { a = Constant<value_floats=[1.0, 2.0]>()  b = Sqrt(a)  c = Mul(x, b)  t = Transpose(w)
          y = MatMul(c, t) }""")
    )
    assert ops(model) == ["Mul", "Transpose", "MatMul"]
    factor = model.graph[0].inputs[1]
    assert factor is not None and factor.const_value is not None
    np.testing.assert_allclose(factor.const_value.numpy(), np.sqrt([1.0, 2.0]), rtol=1e-6)


def test_a_flattening_computed_from_the_shape_becomes_a_constant_one() -> None:
    model = load_model(
        parse("""g (float[n,1,8,8] x) => (float[n,64] y) { s = Shape(x)  z = Constant<value_int=0>()  b = Gather(s, z)
          u = Constant<value_ints=[0]>()  c = Unsqueeze(b, u)  m = Constant<value_ints=[-1]>()
          t = Concat<axis=0>(c, m)  y = Reshape(x, t) }""")
    )
    assert ops(model) == ["Reshape"] and reshape_target(model) == [0, 64]


@pytest.mark.parametrize("target", ["1,-1", "1,64", "-1,64", "0,-1"])
def test_a_fixed_batch_of_one_is_freed(target: str) -> None:
    text = f"g (float[1,1,8,8] x) => (float[1,64] y) {{ t = Constant<value_ints=[{target}]>()  y = Reshape(x, t) }}"
    model = load_model(parse(text))
    assert shapes(model) == ["[batch,64]"] and reshape_target(model) == [0, 64]
    assert str(model.graph.inputs[0].shape) == "[batch,1,8,8]"


def test_two_reshapes_that_share_a_target_are_freed_apart() -> None:
    model = load_model(
        parse("""g (float[2,1,6] x) => (float[2,6] y) { t = Constant<value_ints=[2,-1]>()
          a = Reshape(x, t)  r = Relu(x)  b = Reshape(r, t)  y = Add(a, b) }""")
    )
    assert shapes(model) == ["[batch,6]", "[batch,1,6]", "[batch,6]", "[batch,6]"]


def test_a_broadcast_weight_of_the_batch_length_one_is_shared() -> None:
    model = load_model(parse("g (float[1,2] x) => (float[1,2] y) <float[1,2] c = {1.0, 2.0}> { y = Add(x, c) }"))
    assert shapes(model) == ["[batch,2]"]


def test_unnamed_nodes_are_named_and_equal_names_are_told_apart() -> None:
    proto = parse("g (float[n,2] x) => (float[n,2] y) { a = Relu(x)  b = Tanh(a)  y = Tanh(b) }")
    proto.graph.node[1].name = proto.graph.node[2].name = "same"
    assert [node.name for node in load_model(proto).graph] == ["Relu.a", "same", "same_2"]


def test_initialisers_listed_as_inputs_are_weights() -> None:
    proto = parse("g (float[n,2] x, float[2] p) => (float[n,2] y) <float[2] p = {1.0, 2.0}> { y = Add(x, p) }")
    assert [value.name for value in load_model(proto).graph.inputs] == ["x"]


def external(folder: Path, location: str) -> Path:
    tensor = numpy_helper.from_array(np.arange(2, dtype=np.float32), "p")
    node = helper.make_node("Add", ["x", "p"], ["y"])
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("x", "y")]
    model = helper.make_model(helper.make_graph([node], "g", value[:1], value[1:], [tensor]), ir_version=10)
    stored = model.graph.initializer[0]
    (folder / "p.bin").write_bytes(stored.raw_data)
    stored.ClearField("raw_data")
    stored.data_location = TensorProto.EXTERNAL
    stored.external_data.add(key="location", value=location)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_external_data_beside_the_model_are_read(tmp_path: Path) -> None:
    weight = load_model(external(tmp_path, "p.bin")).graph.initializers["p"].const_value
    assert weight is not None and weight.numpy().tolist() == [0.0, 1.0]


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_external_data_behind_a_link_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside.bin"
    outside.write_bytes(bytes(8))
    folder = tmp_path / "model"
    folder.mkdir()
    path = external(folder, "linked.bin")
    (folder / "linked.bin").symlink_to(outside)
    with pytest.raises(Exception, match="must have its data inside the model's folder"):
        load_model(path)
