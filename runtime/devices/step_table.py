"""A table of measured steps: how far a pulse moves a device, in each state, with the whole distribution.

A table has states in rising order; for each of them and each direction the quantiles of the step, at levels from 0 to
1. It is given in a target file itself, or as a CSV or NPZ file beside it, whose content, not its name, is part of the
target.

A CSV file has a header. Either it holds quantiles: `direction` (up or down), `state`, and one column for each level,
whose name is the level; or it holds measured pulses, one a line: `direction`, `state`, `step`. Pulses are gathered in
`BINS` bins with equally many of them, whose state is their mean; bins are made of both directions together. An NPZ file
holds `state` [states], `level` [levels], `up` and `down` [states, levels]; or `direction` (1 up, 0 down), `state` and
`step`, each [pulses].
"""

import csv
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from ohmflow.targets.schema.leaves import refuse

Floats = npt.NDArray[np.float64]

BINS, LEVELS = 16, 33
"""States and levels of a table that is made of single pulses."""
_FEWEST = 8  # pulses in a bin and direction, of which quantiles mean anything

_CLOSEST = 1e-6  # share of their range by which states, and levels, differ at least: float32 must tell them apart

Number = Annotated[float, Field(allow_inf_nan=False)]
Row = tuple[Number, ...]


class StepTable(BaseModel):
    """Quantiles of measured steps, in the unit of the states."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: Annotated[Row, Field(min_length=2, max_length=1024, description="States, rising.")]
    level: Annotated[Row, Field(min_length=2, max_length=1024, description="Levels of the quantiles, from 0 to 1.")]
    up: Annotated[tuple[Row, ...], Field(description="Steps of a pulse up: a row of quantiles for each state.")]
    down: Annotated[tuple[Row, ...], Field(description="Steps of a pulse down, negative where it lowers the state.")]

    @model_validator(mode="after")
    def _is_a_table(self) -> Self:
        if any(np.diff(self.state) < _CLOSEST * (self.state[-1] - self.state[0])) or self.state[-1] <= self.state[0]:
            raise ValueError("the states of the table must rise; sort its rows, and join those that are alike")
        if self.level[0] != 0.0 or self.level[-1] != 1.0 or any(np.diff(self.level) < _CLOSEST):
            raise ValueError("the levels of the table must rise from 0 to 1; add the smallest and the largest step")
        for rows, name in ((self.up, "up"), (self.down, "down")):
            if len(rows) != len(self.state) or any(len(row) != len(self.level) for row in rows):
                raise ValueError(
                    f"'{name}' of the table must have a row for each of the {len(self.state)} states and in it a "
                    f"number for each of the {len(self.level)} levels; complete it"
                )
            if any(b < a for row in rows for a, b in pairwise(row)):
                raise ValueError(f"quantiles must not fall, as in '{name}' of the table; sort each of its rows")
        return self

    def mean(self, up: bool) -> Floats:
        """Return the mean step in each state, [states]: that of quantiles which are linear between the levels."""
        rows = np.array(self.up if up else self.down)
        mean: Floats = ((rows[:, 1:] + rows[:, :-1]) / 2.0) @ np.diff(self.level)
        return mean


def read_table(given: Any, info: ValidationInfo) -> Any:
    """Turn what a target gives as a table into the table's fields.

    Args:
        given: the fields themselves, or the path of a file.
        info: of the validation; `folders` of its context says, by parameter, what paths are relative to.

    Returns:
        The fields, for `StepTable` to check.
    """
    if not isinstance(given, str):
        return given
    folders = (info.context or {}).get("folders", {})
    path = folders.get(info.field_name, Path()) / given
    try:
        if path.suffix == ".npz":
            return _of_arrays(_read_npz(path), given)
        if path.suffix == ".csv":
            return _read_csv(path, given)
    except PydanticCustomError:
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
        raise refuse(f"must be a file that can be read, not '{given}' ({why}); check the path and the file") from None
    raise refuse(f"must be a table, or a file that ends in .csv or .npz, not '{given}'; write such a path")


def _read_npz(path: Path) -> dict[str, Floats]:
    if not zipfile.is_zipfile(path):
        raise ValueError("it is no archive of arrays")
    with np.load(path, allow_pickle=False) as held:
        return {name: np.asarray(held[name], np.float64) for name in held.files}


def _of_arrays(held: Mapping[str, Floats], given: str) -> dict[str, Any]:
    if set(held) == {"direction", "state", "step"}:
        return _gather(held["direction"] > 0.5, held["state"], held["step"], given)
    if set(held) != {"state", "level", "up", "down"}:
        names = ", ".join(sorted(held)) or "nothing"
        raise refuse(
            f"must be a file with state, level, up and down, or with direction, state and step, not with {names} as "
            f"'{given}' is; rename its arrays"
        )
    return {name: array.tolist() for name, array in held.items()}


def _read_csv(path: Path, given: str) -> dict[str, Any]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = [row for row in csv.reader(file) if row] or [[]]
    header = [name.strip() for name in header]
    if header[:2] != ["direction", "state"] or len(header) < 3:
        raise refuse(
            "must be a file whose header is direction, state and step, or direction, state and the levels, not that "
            f"of '{given}'; mend its first line"
        )
    ways: list[bool] = []
    numbers: list[list[float]] = []
    for line, row in enumerate(lines, 2):
        way = row[0].strip()
        if len(row) != len(header) or way not in ("up", "down"):
            raise refuse(
                f"must be a file of lines of {len(header)} values that begin with up or down, not as line {line} of "
                f"'{given}'; mend that line"
            )
        ways.append(way == "up")
        numbers.append([float(value) for value in row[1:]])
    up, values = np.array(ways, bool), np.array(numbers, np.float64).reshape(len(ways), len(header) - 1)
    if header[2:] == ["step"]:
        return _gather(up, values[:, 0], values[:, 1], given)
    states = [values[up == way, 0] for way in (True, False)]
    if not np.array_equal(*states):
        raise refuse(f"must be a file with the same states up and down, in order, not '{given}'; complete it")
    return {
        "state": states[0].tolist(),
        "level": [float(name) for name in header[2:]],
        "up": values[up, 1:].tolist(),
        "down": values[~up, 1:].tolist(),
    }


def _gather(up: npt.NDArray[np.bool_], state: Floats, step: Floats, given: str) -> dict[str, Any]:
    """Make a table of single pulses."""
    if not (state.size and state.shape == step.shape == up.shape and np.isfinite([state, step]).all()):
        raise refuse(f"must be a file of pulses whose states and steps are finite, not '{given}'; mend it")
    edges = np.quantile(state, np.linspace(0.0, 1.0, BINS + 1))[1:-1]
    bins = np.searchsorted(edges, state, side="right")
    levels = np.linspace(0.0, 1.0, LEVELS)
    states: list[float] = []
    rows: dict[bool, list[list[float]]] = {True: [], False: []}
    for number in np.unique(bins):
        inside = bins == number
        for way in (True, False):
            steps = step[inside & (up == way)]
            if steps.size < _FEWEST:
                raise refuse(
                    f"must be a file with at least {_FEWEST} pulses up and down in each of {BINS} parts of the range, "
                    f"not '{given}'; measure more, or give quantiles"
                )
            rows[way].append(np.quantile(steps, levels).tolist())
        states.append(float(state[inside].mean()))
    return {"state": states, "level": levels.tolist(), "up": rows[True], "down": rows[False]}
