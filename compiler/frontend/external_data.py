"""Tensors whose numbers lie in files beside the model: only regular files inside the model's folder are read."""

import os
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from ohmflow.compiler.errors import ModelError
from ohmflow.compiler.frontend.proto_walk import tensors


def refuse_external_data(proto: onnx.ModelProto, name: str) -> None:
    """Refuse a model in memory that leaves numbers in files: there is no folder to look in.

    Raises:
        ModelError: there is such a tensor.
    """
    if external := next((t for t in tensors(proto) if uses_external_data(t)), None):
        raise ModelError(
            f"{name}: initializer '{external.name}' must be loaded, not external data of a model in memory; "
            "give the model's file instead"
        )


def load_external_data(proto: onnx.ModelProto, path: Path) -> None:
    """Read all external data, in place.

    Args:
        proto: the model.
        path: its file.

    Raises:
        ModelError: data lie outside the folder, are missing, or are not where the model says.
    """
    external = [tensor for tensor in tensors(proto) if uses_external_data(tensor)]
    if not external:
        return
    folder = path.parent.resolve()
    for tensor in external:
        _check(tensor, folder, path.name)
    try:
        load_external_data_for_model(proto, str(folder))
    except (ValueError, OSError, onnx.checker.ValidationError) as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(
            f"{path.name}: external data must be complete, not '{reason}'; export the model again"
        ) from error


def _check(tensor: onnx.TensorProto, folder: Path, name: str) -> None:
    where = f"{name}: initializer '{tensor.name}'"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if not location.isprintable() or not location:
        raise ModelError(
            f"{where} must name the file of its data, not {location!a}; save the model with its data again"
        )
    file = Path(os.path.realpath(folder / location))
    if not file.is_relative_to(folder):
        raise ModelError(
            f"{where} must have its data inside the model's folder, not in '{location}'; move the file there and save "
            "the model again"
        )
    if not file.is_file():
        what = "the missing file" if not file.exists() else "the folder" if file.is_dir() else "the special file"
        raise ModelError(
            f"{where} must have its data beside the model, not in {what} '{location}'; copy it into the model's folder"
        )
    size = file.stat().st_size
    begin = _number(entries.get("offset", "0"), where, "offset")
    length = _number(entries.get("length", str(max(size - begin, 0))), where, "length")
    if begin + length > size:
        raise ModelError(
            f"{where} must have its {length} bytes from {begin} in '{location}', not in a file of {size}; "
            "copy the whole file, or export the model again"
        )


def _number(text: str, where: str, key: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ModelError(f"{where}: {key} must be a whole number of bytes, not {text[:40]!a}; export it again")
    return int(text)
