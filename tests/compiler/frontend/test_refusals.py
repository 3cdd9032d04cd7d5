"""The whole message, and the exit status, for each kind of wrong model."""

from pathlib import Path

import onnx
import pytest

from ohmflow.compiler.errors import CompilerError, ModelError, UnsupportedError
from ohmflow.compiler.frontend import load_model


def written(folder: Path, body: str, opset: int = 21, names: tuple[str, ...] = ()) -> Path:
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1]>\n{body}')
    for node, name in zip(proto.graph.node, names, strict=False):
        node.name = name
    path = folder / "model.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


def refused(source: Path, kind: type[CompilerError], status: int) -> str:
    with pytest.raises(CompilerError) as caught:
        load_model(source)
    assert type(caught.value) is kind
    assert caught.value.exit_status == status
    return str(caught.value)


UNSUPPORTED = {
    "operator": (
        "g (float[n,1,8,8] x) => (float[n,1,8,8] y) { y = LRN<size=3>(x) }",
        "model.onnx: node 'conv1': operator must be one that docs/operators.md lists, not LRN; replace it, nearest to "
        "it is BatchNormalization",
    ),
    "operator with a near one": (
        "g (float[n,2] x) => (float[n,2] y) { y = Celu(x) }",
        "model.onnx: node 'conv1': operator must be one that docs/operators.md lists, not Celu; replace it, nearest to "
        "it is Elu",
    ),
    "two operators": (
        "g (float[n,2] x) => (float[n,2] y) { a = LRN<size=3>(x)  y = EyeLike(a) }",
        "model.onnx: node 'conv1': operator must be one that docs/operators.md lists, not LRN; replace it, nearest to "
        "it is BatchNormalization\n"
        "model.onnx: node 'EyeLike.y': operator must be one that docs/operators.md lists, not EyeLike; express it with "
        "those",
    ),
    "operator of another domain": (
        "g (float[n,2] x) => (float[n,2] y) { y = com.microsoft.Gelu(x) }",
        "model.onnx: node 'conv1': operator must be one that docs/operators.md lists, not com.microsoft::Gelu; replace "
        "it, nearest to it is Gelu",
    ),
    "double": (
        "g (double[n,2] x) => (double[n,2] y) { y = Relu(x) }",
        "model.onnx: input 'x' must be of type FLOAT, not DOUBLE; export the model in float32",
    ),
    "dropout with a computed mode": (
        "g (float[n,2] x, float[n,2] u) => (float[n,2] y) <float r = {0.5}> { t = Cast<to=9>(u) y = Dropout(x, r, t) }",
        "model.onnx: node 'Dropout.y': training_mode of Dropout must be constant, not computed; export the model in "
        "one mode",
    ),
    "dropout of everything": (
        "g (float[n,2] x) => (float[n,2] y) <float r = {1}, bool t = {1}> { y = Dropout(x, r, t) }",
        "model.onnx: node 'conv1': ratio of Dropout must be at least 0 and below 1, not 1; choose another ratio",
    ),
    "running statistics read": (
        "g (float[n,2] x) => (float[n,2] y, float[2] m) <float[2] s = {1, 1}> "
        "{ y, m, v = BatchNormalization<training_mode=1>(x, s, s, s, s) }",
        "model.onnx: node 'conv1': output 'm' (a running statistic) must be unused, not read; remove what reads it: "
        "running statistics are kept up by training itself",
    ),
    "open inner dimension": (
        "g (float[n,m] x) => (float[n,m] y) { y = Relu(x) }",
        "model.onnx: input 'x' must have fixed dimensions after the batch, not 'm' as dimension 1; export "
        "the model with a "
        "fixed size",
    ),
    "two batches": (
        "g (float[3,2] x, float[1,2] z) => (float[3,2] y) { y = Add(x, z) }",
        "model.onnx: input 'z' must begin with the batch of input 'x', not 1 beside 3; give both the same "
        "first dimension",
    ),
    "batch flattened away": (
        "g (float[2,8] x) => (float[16] y) { t = Constant<value_ints=[-1]>()  y = Reshape(x, t) }",
        "model.onnx: node 'Reshape.y': the new shape must keep the batch as the first dimension, as in "
        "[0, -1], not [-1]; "
        "reshape within each sample",
    ),
    "open batch forced to one": (
        "g (float[n,2,4] x) => (float[1,8] y) { t = Constant<value_ints=[1,-1]>()  y = Reshape(x, t) }",
        "model.onnx: node 'Reshape.y': the new shape must keep the batch as the first dimension, as in "
        "[0, -1], not [1, "
        "-1]; reshape within each sample",
    ),
    "batch and samples swapped": (
        "g (float[4,4] x) => (float[4,4] y) { y = Transpose<perm=[1,0]>(x) }",
        "model.onnx: node 'conv1': perm must keep the batch first, not [1, 0]; permute within each sample",
    ),
    "softmax along the batch": (
        "g (float[n,4] x) => (float[n,4] y) { y = Softmax<axis=0>(x) }",
        "model.onnx: node 'conv1': axis must be another dimension than the batch, not 0; normalise within each sample",
    ),
    "batch joined with positions": (
        "g (float[n,4,2] x) => (float[m,2] y) { y = Flatten<axis=2>(x) }",
        "model.onnx: node 'conv1': axis must be 1, so that the batch stays apart, not 2; reshape within each sample",
    ),
    "a different constant for each sample": (
        "g (float[2,2] x) => (float[2,2] y) <float[2,1] c = {1.0, 2.0}> { y = Add(x, c) }",
        "model.onnx: node 'conv1': input 'c' must have length 1 along the batch, not 2; share it between samples",
    ),
    "batch broadcast onto another dimension": (
        "g (float[n,2] x) => (float[3,n,2] y) <float[3,1,2] c = {1.0, 2.0, 3.0, 4.0, 5.0, 6.0}> { y = Add(x, c) }",
        "model.onnx: node 'conv1': input 'x' must have rank 3 to keep the batch first, not 2; add "
        "dimensions of length 1 "
        "after the batch",
    ),
    "product over the batch": (
        "g (float[2,3] x) => (float[1,3] y) <float[1,2] c = {1.0, 2.0}> { y = MatMul(c, x) }",
        "model.onnx: node 'conv1': input 'x' must have rank 3 or more to keep the batch apart, not 2; "
        "multiply within each "
        "sample",
    ),
    "gemm over the batch": (
        "g (float[2,3] x) => (float[3,1] y) <float[2,1] c = {1.0, 2.0}> { y = Gemm<transA=1>(x, c) }",
        "model.onnx: node 'conv1': transA must be 0, not 1; keep the batch as the first dimension",
    ),
    "product with a vector": (
        "g (float[n,3] x) => (float[n] y) <float[3] c = {1.0, 2.0, 3.0}> { y = MatMul(x, c) }",
        "model.onnx: node 'conv1': operands must have rank 2 or more, not 1; make the vector a matrix of "
        "one row or one "
        "column",
    ),
}


@pytest.mark.parametrize(("body", "message"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_sound_models_that_can_not_be_done_exit_3(tmp_path: Path, body: str, message: str) -> None:
    assert refused(written(tmp_path, body, names=("conv1",)), UnsupportedError, 3) == message


def test_an_opset_of_the_future_exits_3(tmp_path: Path) -> None:
    path = written(tmp_path, "g (float[n,2] x) => (float[n,2] y) { y = Relu(x) }", opset=999)
    newest = onnx.defs.onnx_opset_version()
    assert refused(path, UnsupportedError, 3) == (
        f"model.onnx: the opset must be one of 1 to {newest}, not 999; export the model with opset 21"
    )


WRONG = {
    "no floating input": (
        "g (int64[n,2] x) => (int64[n,2] y) { y = Add(x, x) }",
        "model.onnx: the model must have a floating-point input, not 'x' (INT64); export it with its data as input",
    ),
    "no input": (
        "g () => (float[2] y) { y = Constant<value_floats=[1.0, 2.0]>() }",
        "model.onnx: the model must have a floating-point input, not none; export it with its data as input",
    ),
    "scalar input": (
        "g (float x) => (float y) { y = Relu(x) }",
        "model.onnx: input 'x' must have a shape that begins with the batch, not a scalar; export it with its shape",
    ),
    "input of unknown rank": (
        "g (float[] x) => (float[] y) { y = Relu(x) }",
        "model.onnx: the model must be valid ONNX, not rejected with 'Field 'shape' of 'type' is required "
        "but missing.'; export it again",
    ),
    "not a number": (
        "g (float[n,3] x) => (float[n,3] y) <float[3] w = {1.0, nan, 3.0}> { y = Add(x, w) }",
        "model.onnx: initializer 'w' must be finite, not nan at [1]; export a model whose training did not diverge",
    ),
    "infinity": (
        "g (float[n,2] x) => (float[n,2] y) <float[1,2] w = {1.0, inf}> { y = Add(x, w) }",
        "model.onnx: initializer 'w' must be finite, not inf at [0, 1]; export a model whose training did not diverge",
    ),
    "undefined value": (
        "g (float[n,2] x) => (float[n,2] y) { y = Add(x, w) }",
        "model.onnx: the model must be valid ONNX, not rejected with 'Nodes in a graph must be topologically sorted, "
        "however input 'w' of node:'; export it again",
    ),
}


@pytest.mark.parametrize(("body", "message"), WRONG.values(), ids=WRONG)
def test_unsound_models_exit_2(tmp_path: Path, body: str, message: str) -> None:
    assert refused(written(tmp_path, body), ModelError, 2) == message


def test_operands_that_do_not_fit_exit_2(tmp_path: Path) -> None:
    body = "g (float[n,2] x) => (float[n,2] y) <float[3] w = {1.0, 2.0, 3.0}> { y = Add(x, w) }"
    message = refused(written(tmp_path, body, names=("sum",)), ModelError, 2)
    assert message == (
        "model.onnx: node 'sum': operands and attributes must fit each other as Add has it, not be rejected with "
        "'Incompatible dimensions'; check their shapes (operands with a known shape: 'x' [batch,2], 'w' [3])"
    )


def test_a_missing_file_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "none.onnx"
    assert refused(path, ModelError, 2) == f"{path}: the model must be a file, not a missing one; check the path"


def test_a_folder_exits_2(tmp_path: Path) -> None:
    message = f"{tmp_path}: the model must be a file, not a folder; give the .onnx file in it"
    assert refused(tmp_path, ModelError, 2) == message


@pytest.mark.parametrize("content", [b"<html>not a model</html>", b"\x08\x0a\x3a\xff\xff\x01"])
def test_other_data_and_truncated_models_exit_2(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert refused(path, ModelError, 2) == (
        "model.onnx: the file must hold an ONNX model, not other or truncated data; export it again"
    )


def test_an_empty_file_exits_2(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    assert refused(path, ModelError, 2) == (
        "model.onnx: the file must hold an ONNX model, not one without a graph or an operator set; export it again"
    )


def test_every_truncation_of_a_model_is_refused(tmp_path: Path) -> None:
    body = "g (float[n,2] x) => (float[n,2] y) <float[2] w = {1.0, 2.0}> { y = Add(x, w) }"
    whole = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 21]>{body}').SerializeToString()
    path = tmp_path / "cut.onnx"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            load_model(path)
    path.write_bytes(whole)
    load_model(path)


EXTERNAL = {
    "outside": (
        "../p.bin",
        "inside the model's folder, not in '../p.bin'; move the file there and save the model again",
    ),
    "absolute": ("/p.bin", "inside the model's folder, not in '/p.bin'; move the file there and save the model again"),
    "missing": ("p.bin", "beside the model, not in the missing file 'p.bin'; copy it into the model's folder"),
}


@pytest.mark.parametrize(("location", "message"), EXTERNAL.values(), ids=EXTERNAL)
def test_external_data_elsewhere_exit_2(tmp_path: Path, location: str, message: str) -> None:
    path = written(tmp_path, "g (float[n,2] x) => (float[n,2] y) <float[2] w = {1.0, 2.0}> { y = Add(x, w) }")
    proto = onnx.load(path)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path.write_bytes(proto.SerializeToString())
    assert refused(path, ModelError, 2) == f"model.onnx: initializer 'w' must have its data {message}"
