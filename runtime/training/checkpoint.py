"""Checkpoints: a whole training between two steps, in one safetensors file.

`CHECKPOINTS/epoch-0003-batch-000120.safetensors` is named after where the training stood: in epoch 3, after 120 of its
batches. Its metadata hold one JSON text, the manifest, with versions, hashes and a digest of the arrays; the array
`tree` holds the JSON of `state_tree`. Files are moved into place whole, and the last two are kept.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from ohmflow.runtime.training.atomic import remove_parts, replace_bytes
from ohmflow.runtime.training.errors import CheckpointError
from ohmflow.runtime.training.state_tree import Tensors, pack, unpack

FORMAT_VERSION = 1
KEPT = 2
"""How many checkpoints of a run are kept."""

_FORMAT = "ohmflow checkpoint"
_KEY = "ohmflow"
_NAME = re.compile(r"epoch-(\d+)-batch-(\d+)\.safetensors")


class CheckpointWarning(UserWarning):
    """A checkpoint could not be used, and an earlier one is."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Attributes:
        file: where it is.
        manifest: versions, hashes, options.
        state: what was saved.
    """

    file: Path
    manifest: Mapping[str, Any]
    state: Any


def save_checkpoint(folder: Path, epoch: int, batch: int, state: Any, about: Mapping[str, Any]) -> Path:
    """Write a checkpoint, then remove all but the last `KEPT`.

    Args:
        folder: of the run's checkpoints; it is made if needed.
        epoch: that runs or comes next, from 1.
        batch: batches of it that are done.
        state: numbers, text, arrays, in lists and dictionaries.
        about: what the manifest says of the run, such as hashes.

    Raises:
        OSError: the folder can not be written.
    """
    folder.mkdir(exist_ok=True)
    text, tensors = pack(state)
    tensors["tree"] = np.frombuffer(text.encode(), np.uint8)
    manifest = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "ohmflow": version("ohmflow"),
        **about,
        "epoch": epoch,
        "batch": batch,
        "digest": _digest(tensors),
    }
    file = folder / f"epoch-{epoch:04d}-batch-{batch:06d}.safetensors"
    replace_bytes(file, safetensors.numpy.save(tensors, {_KEY: json.dumps(manifest, sort_keys=True)}))
    for old in checkpoints(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    remove_parts(folder)
    return file


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first."""
    found = []
    for file in folder.glob("epoch-*-batch-*.safetensors"):
        match = _NAME.fullmatch(file.name)
        if match:
            found.append((int(match[1]), int(match[2]), file))
    return [file for _, _, file in sorted(found)]


def read_checkpoint(file: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Raises:
        CheckpointError: it is damaged, cut short, of another version, or no checkpoint of ohmflow.
    """
    try:
        with safetensors.safe_open(file, "np") as opened:
            stored = opened.metadata() or {}
            tensors: Tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # not a dict
        manifest = json.loads(stored.get(_KEY, "null"))
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            f"{file}: must be a whole checkpoint, not one that is damaged or cut short; remove it"
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise CheckpointError(f"{file}: must be a checkpoint of ohmflow, not another file of tensors; remove it")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise CheckpointError(
            f"{file}: format_version must be {FORMAT_VERSION}, not {manifest.get('format_version')}; "
            "resume with the version of ohmflow that wrote it"
        )
    if manifest.get("digest") != _digest(tensors):
        raise CheckpointError(f"{file}: arrays must have the digest of its manifest, but were changed; remove it")
    try:
        state = unpack(bytes(tensors["tree"]).decode(), tensors)
    except (KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{file}: must hold the state of a training, but does not; remove it") from error
    return Checkpoint(file, manifest, state)


def newest_checkpoint(folder: Path, about: Mapping[str, Any]) -> Checkpoint | None:
    """Read the newest usable checkpoint; those that are not are warned of.

    Args:
        folder: of the run's checkpoints.
        about: what the manifest must say of the run.

    Returns:
        It, or None when the run has not made one yet.

    Raises:
        CheckpointError: there are checkpoints, but none can be used.
    """
    first: CheckpointError | None = None
    for file in reversed(checkpoints(folder)):
        try:
            found = read_checkpoint(file)
            _check_origin(found, about)
        except CheckpointError as error:
            first = first or error
            continue
        if first is not None:
            warnings.warn(f"{first}; going on from {file.name}, the one before", CheckpointWarning, stacklevel=2)
        return found
    if first is not None:
        raise first
    return None


def _check_origin(found: Checkpoint, about: Mapping[str, Any]) -> None:
    for key, wanted in about.items():
        if found.manifest.get(key) != wanted:
            what = key.removesuffix("_hash").replace("_", " ")
            raise CheckpointError(
                f"{found.file}: must be of this run, not of another {what} than its run.json names; remove it"
            )


def _digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        values = tensors[name]
        digest.update(f"{name} {values.dtype.str} {values.shape};".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
