"""Folders of IDX files, the format of MNIST and Fashion-MNIST, compressed with gzip or not.

A file begins with two zero bytes, a byte for the element's type, and the number of axes; then each axis's length as a
big-endian 32-bit integer; then the elements, big-endian, last axis fastest. Source: LeCun, Cortes and Burges, "The
MNIST database of handwritten digits", section "File formats".
"""

import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.training.errors import RunError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_FILES = {
    "x": "train-images-idx3-ubyte",
    "y": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
_ADVICE = "see 'Data' in docs/run-folder.md"


def read_idx_folder(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the four files.

    Args:
        folder: holds them under their standard names, each with `.gz` or without.

    Returns:
        `x`, `y` of the training set and `x_test`, `y_test`; bytes of images are scaled to [0, 1], float32.

    Raises:
        RunError: a file is missing, damaged, or not of this format.
    """
    found = {}
    for part, name in _FILES.items():
        plain = folder / name
        file = plain if plain.is_file() else plain.with_name(f"{name}.gz")
        if not file.is_file():
            raise RunError(
                f"--data {folder}: a folder must hold the IDX files {', '.join(_FILES.values())} (each may end in "
                f".gz), but {name} is missing; {_ADVICE}"
            )
        found[part] = read_idx(file)
    return {part: _pixels(values) if part.startswith("x") else values for part, values in found.items()}


def read_idx(file: Path) -> NDArray[Any]:
    """Read one IDX file.

    Raises:
        RunError: it can not be read, or is not such a file.
    """
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"{file}: must be a whole file, not damaged or unreadable; download it again") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES or len(data) < 4 + 4 * data[3]:
        begin = data[:4].hex(" ") or "nothing"
        raise RunError(
            f"{file}: must be an IDX file, which begins with 00 00 and its type, not with {begin}; {_ADVICE}"
        )
    kind, axes = np.dtype(_TYPES[data[2]]), data[3]
    shape = tuple(int(n) for n in np.frombuffer(data, ">u4", axes, 4))
    wanted = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    have = len(data) - 4 - 4 * axes
    if have != wanted:
        raise RunError(
            f"{file}: must hold {wanted:,} bytes of elements, as its head says, not {have:,}; download it again"
        )
    return np.frombuffer(data, kind, offset=4 + 4 * axes).reshape(shape).astype(kind.newbyteorder("="))


def _pixels(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(np.float32) / np.float32(255) if values.dtype == np.uint8 else values
