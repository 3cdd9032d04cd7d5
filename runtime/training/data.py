"""Data sets: `digits`, or an `.npz` with x and y, split into training, validation and test rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from ohmflow.runtime.training.errors import RunError

_SPLIT_PURPOSE = 0x5917
"""Keeps the generator of the split apart from the one that shuffles."""


@dataclass(frozen=True)
class Rows:
    """Samples: x [n, …] float32, y [n, …] labels (int64) or targets (float32)."""

    x: NDArray[Any]
    y: NDArray[Any]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.x)


@dataclass(frozen=True)
class DataSet:
    """A data set split in three; validation and test may be empty.

    Attributes:
        name: what the user called it.
        train, val, test: samples.
    """

    name: str
    train: Rows
    val: Rows
    test: Rows


def load_data(source: str, val: float, test: float, seed: int) -> DataSet:
    """Load and split a data set.

    Args:
        source: `digits`, or an `.npz` file with `x` and `y`, and optionally `x_val`, `y_val`, `x_test`, `y_test`.
        val: share of `x` to validate on, in [0, 1), unless the file holds `x_val`.
        test: share of `x` to test on, unless the file holds `x_test`.
        seed: of the split.

    Raises:
        RunError: the data can not be read, or do not fit together.
    """
    for name, share in (("--val", val), ("--test", test)):
        if not 0 <= share < 1:
            raise RunError(f"{name}: must be a share from 0 up to but not including 1, not {share}; try 0.1")
    if val + test >= 1:
        raise RunError(
            f"--val and --test: must add up to less than 1, not {val + test:g}, to leave rows to train on; "
            "try 0.1 and 0.2"
        )
    parts = _digits() if source == "digits" else _npz(Path(source))
    x, y = _checked(source, parts["x"], parts["y"], "x", "y")
    rest = np.random.default_rng([seed, _SPLIT_PURPOSE]).permutation(len(x))
    taken: dict[str, Rows] = {}
    for part, share in (("test", test), ("val", val)):
        if f"x_{part}" in parts:
            if f"y_{part}" not in parts:
                raise RunError(f"{source}: y_{part} must stand beside x_{part}, but is missing; add it")
            taken[part] = Rows(*_checked(source, parts[f"x_{part}"], parts[f"y_{part}"], f"x_{part}", f"y_{part}"))
            continue
        count = round(share * len(x))
        chosen, rest = rest[:count], rest[count:]
        taken[part] = Rows(x[chosen], y[chosen])
    if not len(rest):
        raise RunError(f"{source}: must leave at least one row to train on, not 0 of {len(x)}; lower --val and --test")
    return DataSet(source, Rows(x[rest], y[rest]), taken["val"], taken["test"])


def _digits() -> dict[str, NDArray[Any]]:
    """Scikit-learn's handwritten digits (UCI optical recognition of digits): 1797 rows of 8 × 8 pixels in [0, 1]."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise RunError(
            "--data digits: scikit-learn must be installed, but is not; run pip install 'ohmflow[data]'"
        ) from error
    x, y = load_digits(return_X_y=True)
    return {"x": (x / 16.0).astype(np.float32), "y": y.astype(np.int64)}


def read_npz(file: Path, option: str) -> dict[str, NDArray[Any]]:
    """Read all arrays of an `.npz` file.

    Args:
        file: where it is.
        option: what gave the path, for messages.

    Raises:
        RunError: there is no such file, it is not an archive, or it holds Python objects.
    """
    if not file.is_file():
        found = "a folder" if file.is_dir() else "a missing one"
        raise RunError(f"{option} {file}: must be an .npz file, not {found}; check the path")
    try:
        archive = np.load(file, allow_pickle=False)
    except (ValueError, OSError, BadZipFile, EOFError) as error:
        raise RunError(
            f"{option} {file}: must be an .npz archive of arrays, not another kind of file; write it with numpy.savez"
        ) from error
    if not isinstance(archive, NpzFile):
        raise RunError(
            f"{option} {file}: must be an .npz archive of named arrays, not a single array; write it with numpy.savez"
        )
    parts = {}
    with archive:
        for name in archive.files:
            try:
                parts[name] = archive[name]
            except (ValueError, OSError, BadZipFile, EOFError) as error:
                raise RunError(
                    f"{option} {file}: '{name}' must be a whole array of numbers, not Python objects or damaged data; "
                    "write it again with numpy.savez"
                ) from error
    return parts


def _npz(file: Path) -> dict[str, NDArray[Any]]:
    parts = read_npz(file, "--data")
    for name in ("x", "y"):
        if name not in parts:
            found = ", ".join(sorted(parts)) or "nothing"
            raise RunError(f"{file}: must hold an array '{name}', not only {found}; use numpy.savez(x=…, y=…)")
    return parts


def _checked(
    source: str, x: NDArray[Any], y: NDArray[Any], x_name: str, y_name: str
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Convert to float32 and int64 or float32, and refuse what no training could use."""
    if x.ndim < 2 or len(x) == 0:
        raise RunError(
            f"{source}: {x_name} must have one row per sample, at least one, not shape {x.shape}; reshape it"
        )
    if y.ndim < 1:
        raise RunError(f"{source}: {y_name} must have one row per sample, not be a single number; give one a sample")
    if len(x) != len(y):
        raise RunError(
            f"{source}: {x_name} and {y_name} must have equally many rows, not {len(x)} and {len(y)}; match them"
        )
    return as_numbers(source, x_name, x, np.float32), as_numbers(
        source, y_name, y, np.int64 if y.dtype.kind in "iub" else np.float32
    )


def as_numbers(source: str, name: str, values: NDArray[Any], kind: Any) -> NDArray[Any]:
    """Convert an array to float32 or int64.

    Args:
        source: where it is from, for messages.
        name: what it is called there.
        values: of any type.
        kind: numpy type to convert to.

    Raises:
        RunError: the values are not numbers, not finite, or beyond what the type holds.
    """
    if values.dtype.kind not in "fiub":
        raise RunError(f"{source}: '{name}' must hold numbers, not type {values.dtype}; convert it")
    _refuse(source, name, values, ~np.isfinite(values), "finite numbers", "clean the data")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(values, kind)
    if converted.dtype.kind == "f":
        _refuse(source, name, values, ~np.isfinite(converted), "numbers that float32 holds", "scale the data")
    return converted


def _refuse(source: str, name: str, values: NDArray[Any], bad: NDArray[np.bool_], wanted: str, advice: str) -> None:
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise RunError(f"{source}: '{name}' must hold {wanted}, not {values[bad][0]} as in row {row}; {advice}")


def check_against(
    data: DataSet, x_shape: tuple[int, ...], y_kind: str, y_shape: tuple[int, ...], classes: int | None
) -> None:
    """Check that the rows fit a program's arguments.

    Args:
        data: what was loaded.
        x_shape: shape of one input row.
        y_kind: numpy name of the label's type.
        y_shape: shape of one label.
        classes: number of classes, if the loss has classes.

    Raises:
        RunError: a shape, a type or a label does not fit.
    """
    for rows in (data.train, data.val, data.test):
        if not len(rows):
            continue
        if rows.x.shape[1:] != x_shape:
            raise RunError(
                f"{data.name}: rows of x must have the model's input shape {x_shape}, not {rows.x.shape[1:]}; reshape x"
            )
        if rows.y.shape[1:] != y_shape:
            wanted = f"rows of shape {y_shape}" if y_shape else "one class number per row"
            advice = (
                "reshape it, or give classes as one-hot rows"
                if y_shape
                else "give class numbers, as of y.argmax(axis=1)"
            )
            raise RunError(f"{data.name}: y must hold {wanted}, not rows of shape {rows.y.shape[1:]}; {advice}")
        if y_kind == "int64" and rows.y.dtype.kind == "f":
            raise RunError(
                f"{data.name}: y must be whole numbers for this loss, not {rows.y.dtype}; use --loss mse, or classes"
            )
        if classes is not None and (rows.y.min() < 0 or rows.y.max() >= classes):
            bad = int(rows.y.min() if rows.y.min() < 0 else rows.y.max())
            row = int(np.flatnonzero(rows.y == bad)[0])
            raise RunError(
                f"{data.name}: labels must be from 0 to {classes - 1}, not {bad} (row {row}); renumber the classes"
            )
