"""From a file to a checked ModelProto."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from ohmflow.compiler.errors import ModelError
from ohmflow.compiler.frontend.external_data import load_external_data, refuse_external_data
from ohmflow.compiler.frontend.proto_walk import nodes
from ohmflow.compiler.frontend.sanity import check_functions, check_sanity


def read(source: str | Path | onnx.ModelProto) -> tuple[onnx.ModelProto, str]:
    """Read and check a model.

    Args:
        source: a file, or a model in memory; a model in memory is copied.

    Returns:
        The model with all data loaded, and the name to give in messages.

    Raises:
        ModelError: the file can not be read or is not valid ONNX, or its data lie outside its folder.
    """
    if isinstance(source, onnx.ModelProto):
        proto, name = onnx.ModelProto(), "model"
        proto.CopyFrom(source)
        refuse_external_data(proto, name)
    else:
        path = Path(source)
        name = path.name
        proto = _parse(path)
        load_external_data(proto, path)
    _strip(proto)
    _check(proto, name)
    return proto, name


def _parse(path: Path) -> onnx.ModelProto:
    if not path.exists():
        raise ModelError(f"{path}: the model must be a file, not a missing one; check the path")
    if not path.is_file():
        raise ModelError(f"{path}: the model must be a file, not a folder; give the .onnx file in it")
    try:
        return onnx.load_model_from_string(path.read_bytes())
    except DecodeError as error:
        raise ModelError(
            f"{path.name}: the file must hold an ONNX model, not other or truncated data; export it again"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{path}: the model must be readable, not '{error.strerror}'; check its permissions"
        ) from error


def _check(proto: onnx.ModelProto, name: str) -> None:
    if not proto.HasField("graph") or not proto.opset_import:
        raise ModelError(
            f"{name}: the file must hold an ONNX model, not one without a graph or an operator set; export it again"
        )
    if proto.graph.sparse_initializer:
        sparse = proto.graph.sparse_initializer[0].values.name
        raise ModelError(f"{name}: initializer '{sparse}' must be dense, not sparse; store it as a dense tensor")
    check_sanity(proto, name)
    check_functions(proto, name)
    check_onnx(proto, name)


def _strip(proto: onnx.ModelProto) -> None:
    """Remove what says nothing about this model here, in place.

    Shapes that are declared between nodes are inferred again; how nodes are spread over devices, and how others would
    train the model, does not concern a chip that places and trains it itself.
    """
    proto.graph.ClearField("value_info")
    proto.ClearField("training_info")
    proto.ClearField("configuration")
    for node in nodes(proto):
        node.ClearField("device_configurations")


def check_onnx(proto: onnx.ModelProto, name: str) -> None:
    """Let the onnx library check a model.

    Raises:
        ModelError: it finds something.
    """
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(
            f"{name}: the model must be valid ONNX, not rejected with '{_first_line(error)}'; export it again"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
