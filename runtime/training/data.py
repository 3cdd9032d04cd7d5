"""Data sets: `digits`, files and folders of data, split into training, validation and test rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Argument
from ohmflow.runtime.training.csv_table import read_csv
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.idx import read_idx_folder

_SPLIT_PURPOSE = 0x5917
"""Keeps the generator of the split apart from the one that shuffles."""


@dataclass(frozen=True)
class Rows:
    """Samples.

    Attributes:
        x: [n, …] float32, or one such array per input of the model by name.
        y: [n, …] labels (int64) or targets (float32).
    """

    x: NDArray[Any] | Mapping[str, NDArray[Any]]
    y: NDArray[Any]

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.y)

    def inputs(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        """The arrays of a model's inputs.

        Args:
            names: of the inputs; a single array is the first one's.
        """
        if isinstance(self.x, Mapping):
            return {name: self.x[name] for name in names}
        return {names[0]: self.x}

    def take(self, chosen: NDArray[np.int64] | slice) -> "Rows":
        """Some of the samples."""
        if isinstance(self.x, Mapping):
            return Rows({name: values[chosen] for name, values in self.x.items()}, self.y[chosen])
        return Rows(self.x[chosen], self.y[chosen])


@dataclass(frozen=True)
class DataSource:
    """Where data are from and how they are cut, as the shell's options say.

    Attributes:
        source: `digits`, a folder of IDX files, an `.npz` or a `.csv`.
        val: share of the rows to validate on, in [0, 1), unless the source holds such rows.
        test: share to test on.
        limit: most rows to train on, or None for all.
        limit_test: most rows to test on.
        label: column of labels of a `.csv`, or None for the usual one.
    """

    source: str
    val: float = 0.1
    test: float = 0.2
    limit: int | None = None
    limit_test: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            RunError: one is out of range.
        """
        for name, share in (("--val", self.val), ("--test", self.test)):
            if not 0 <= share < 1:
                raise RunError(f"{name}: must be a share from 0 up to but not including 1, not {share}; try 0.1")
        if self.val + self.test >= 1:
            raise RunError(
                f"--val and --test: must add up to less than 1, not {self.val + self.test:g}, to leave rows to train "
                "on; try 0.1 and 0.2"
            )
        for name, most in (("--limit", self.limit), ("--limit-test", self.limit_test)):
            if most is not None and most < 1:
                raise RunError(f"{name}: must be at least 1, not {most}; try 1000, or leave it out")
        if self.label is not None and not self.source.lower().endswith(".csv"):
            raise RunError(
                f"--label: must be given with a .csv, whose columns have names, not with '{self.source}'; leave it out"
            )


@dataclass(frozen=True)
class DataSet:
    """A data set split in three; validation and test may be empty.

    Attributes:
        name: what the user called it.
        train, val, test: samples.
        origin: where it was loaded from, or None for rows that were made in memory.
    """

    name: str
    train: Rows
    val: Rows
    test: Rows
    origin: DataSource | None = None

    def with_rows(self, train: Rows, val: Rows, test: Rows) -> "DataSet":
        """The same data set with other rows in its parts."""
        return replace(self, train=train, val=val, test=test)


def load_data(
    source: str | DataSource, val: float = 0.1, test: float = 0.2, seed: int = 0, inputs: Sequence[Argument] = ()
) -> DataSet:
    """Load and split a data set.

    Args:
        source: `digits`, a folder of IDX files, a `.csv`, or an `.npz` file with `x` and `y`, and optionally `x_val`,
            `y_val`, `x_test`, `y_test`; with several inputs, their names stand for `x`. A `DataSource` brings its
            shares with it.
        val: share of `x` to validate on, in [0, 1), unless the file holds `x_val`.
        test: share of `x` to test on, unless the file holds `x_test`.
        seed: of the split.
        inputs: the model's inputs. Rows of `digits`, IDX files and tables take the shape that the model wants, if it
            has as many elements.

    Raises:
        RunError: the data can not be read, or do not fit together.
    """
    origin = source if isinstance(source, DataSource) else DataSource(source, val, test)
    name = origin.source
    parts, pliable = _read(origin)
    stored = _stored_names(name, parts, inputs)
    x, y = _part(name, parts, stored, "", pliable)
    rest = np.random.default_rng([seed, _SPLIT_PURPOSE]).permutation(len(y))
    every = _rows(x, y)
    taken: dict[str, Rows] = {}
    for part, share in (("test", origin.test), ("val", origin.val)):
        if any(f"{stored_as}_{part}" in parts for stored_as in stored):
            taken[part] = _rows(*_part(name, parts, stored, f"_{part}", pliable))
            continue
        count = round(share * len(y))
        chosen, rest = rest[:count], rest[count:]
        taken[part] = every.take(chosen)
    if not len(rest):
        raise RunError(f"{name}: must leave at least one row to train on, not 0 of {len(y)}; lower --val and --test")
    tested = taken["test"].take(slice(origin.limit_test))
    return DataSet(name, every.take(rest[: origin.limit]), taken["val"], tested, origin)


def _read(origin: DataSource) -> tuple[dict[str, NDArray[Any]], bool]:
    """The arrays of a source, and whether its rows may be reshaped."""
    file = Path(origin.source)
    if origin.source == "digits":
        return _digits(), True
    if file.is_dir():
        return read_idx_folder(file), True
    if file.suffix.lower() == ".csv":
        return read_csv(file, origin.label), True
    return read_npz(file, "--data"), False


def _stored_names(
    source: str, parts: Mapping[str, NDArray[Any]], inputs: Sequence[Argument]
) -> dict[str, Argument | None]:
    """Name in the source of each input, with the input if it is known."""
    names = [argument.name for argument in inputs]
    found = ", ".join(sorted(parts)) or "nothing"
    if len(names) < 2:
        stored = names[0] if names and "x" not in parts and names[0] in parts else "x"
        for name in (stored, "y"):
            if name not in parts:
                raise RunError(f"{source}: must hold an array '{name}', not only {found}; use numpy.savez(x=…, y=…)")
        return {stored: inputs[0] if inputs else None}
    missing = [name for name in [*names, "y"] if name not in parts]
    if missing:
        told = ", ".join(f"'{name}'" for name in names)
        raise RunError(
            f"{source}: must hold an array for each of the model's inputs ({told}) and 'y', not only {found}; "
            f"add '{missing[0]}' to an .npz"
        )
    return {argument.name: argument for argument in inputs}


def _rows(x: dict[str, NDArray[Any]], y: NDArray[Any]) -> Rows:
    return Rows(x if len(x) > 1 else next(iter(x.values())), y)


def _part(
    source: str, parts: Mapping[str, NDArray[Any]], stored: Mapping[str, Argument | None], suffix: str, pliable: bool
) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """The checked inputs and labels of one part, such as `_test`."""
    for name in (f"{n}{suffix}" for n in [*stored, "y"]):
        if name not in parts:
            beside = next(f"{n}{suffix}" for n in stored if f"{n}{suffix}" in parts)
            raise RunError(f"{source}: {name} must stand beside {beside}, but is missing; add it")
    labels = parts[f"y{suffix}"]
    x = {}
    for name, argument in stored.items():
        values = _checked(source, parts[f"{name}{suffix}"], labels, f"{name}{suffix}", f"y{suffix}", argument)
        if pliable and argument is not None and np.prod(values.shape[1:]) == np.prod(argument.shape):
            values = values.reshape(len(values), *argument.shape)
        x[name] = values
    return x, as_numbers(source, f"y{suffix}", labels, np.int64 if labels.dtype.kind in "iub" else np.float32)


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
        if option == "--data":
            near = "; did you mean 'digits'?" if get_close_matches(str(file), ["digits"]) else "; check the path"
            raise RunError(
                f"{option} {file}: must be digits, an .npz or .csv file, or a folder of IDX files, not {found}{near}"
            )
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


def _checked(
    source: str, x: NDArray[Any], y: NDArray[Any], x_name: str, y_name: str, argument: Argument | None
) -> NDArray[Any]:
    """Convert an input to the model's type, and refuse what no training could use."""
    axes = 1 if argument is not None and not argument.shape else 2
    if x.ndim < axes or len(x) == 0:
        raise RunError(
            f"{source}: {x_name} must have one row per sample, at least one, not shape {x.shape}; reshape it"
        )
    if y.ndim < 1:
        raise RunError(f"{source}: {y_name} must have one row per sample, not be a single number; give one a sample")
    if len(x) != len(y):
        raise RunError(
            f"{source}: {x_name} and {y_name} must have equally many rows, not {len(x)} and {len(y)}; match them"
        )
    return as_numbers(source, x_name, x, np.float32 if argument is None else np.dtype(argument.dtype))


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
