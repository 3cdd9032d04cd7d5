"""From a file to a checked ModelProto."""

from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_model, uses_external_data

from ohmflow.compiler.errors import ModelError


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
        if external := next((t for t in proto.graph.initializer if uses_external_data(t)), None):
            raise ModelError(
                f"{name}: initializer '{external.name}' must be loaded, not external data of a model in memory; "
                "give the model's file instead"
            )
    else:
        path = Path(source)
        name = path.name
        proto = _parse(path)
        _load_external_data(proto, path)
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


def _load_external_data(proto: onnx.ModelProto, path: Path) -> None:
    folder = path.parent.resolve()
    for tensor in proto.graph.initializer:
        if not uses_external_data(tensor):
            continue
        location = ExternalDataInfo(tensor).location
        file = (folder / location).resolve()
        if not file.is_relative_to(folder):
            raise ModelError(
                f"{path.name}: initializer '{tensor.name}' must have its data inside the model's folder, not in "
                f"'{location}'; move the file there and save the model again"
            )
        if not file.is_file():
            raise ModelError(
                f"{path.name}: initializer '{tensor.name}' must have its data beside the model, not in the missing "
                f"file '{location}'; copy it into the model's folder"
            )
    try:
        load_external_data_for_model(proto, str(folder))
    except (ValueError, OSError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"{path.name}: external data must be complete, not '{_first_line(error)}'; export the model again"
        ) from error


def _check(proto: onnx.ModelProto, name: str) -> None:
    if not proto.HasField("graph") or not proto.opset_import:
        raise ModelError(
            f"{name}: the file must hold an ONNX model, not one without a graph or an operator set; export it again"
        )
    if proto.graph.sparse_initializer:
        sparse = proto.graph.sparse_initializer[0].values.name
        raise ModelError(f"{name}: initializer '{sparse}' must be dense, not sparse; store it as a dense tensor")
    try:
        onnx.checker.check_model(proto)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(
            f"{name}: the model must be valid ONNX, not rejected with '{_first_line(error)}'; export it again"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
