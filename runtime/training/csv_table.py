"""Tables of numbers with commas between: a row per sample, one column of labels.

The first line is a header if any of its cells is not a number. The label's column is the one that was asked for, or one
called `label` or `y`, or else the last. A table without a header has columns called 1, 2, ….
"""

import csv
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.training.errors import RunError

_USUAL = ("label", "y")


def read_csv(file: Path, label: str | None) -> dict[str, NDArray[Any]]:
    """Read a table.

    Args:
        file: where it is, in UTF-8, with a byte order mark or without.
        label: name of the column of labels, or None for the usual one.

    Returns:
        `x` [rows, columns − 1] float64 in the order of the file, and `y` [rows], int64 if all are whole.

    Raises:
        RunError: the file can not be read, or is not such a table.
    """
    if not file.is_file():
        raise RunError(f"--data {file}: must be a table in a file, not a missing one; check the path")
    names, header = _names(file)
    column = _label_column(file, names, label)
    try:
        table = np.loadtxt(
            file, delimiter=",", quotechar='"', comments=None, skiprows=header, ndmin=2, encoding="utf-8-sig"
        )
    except (ValueError, UnicodeDecodeError) as error:
        raise RunError(_told(file, str(error), header)) from error
    y = table[:, column]
    whole = np.all(np.isfinite(y)) and np.all(y == np.round(y)) and np.all(np.abs(y) < 2**53)
    return {"x": np.delete(table, column, axis=1), "y": y.astype(np.int64) if whole else y}


def _names(file: Path) -> tuple[list[str], int]:
    """Names of the columns, and how many lines stand before the first row."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines)
            first = next(rows, [])
            second = next(rows, None)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(
            f"--data {file}: must be a table of text in UTF-8, not another kind of file; check it"
        ) from error
    header = not all(_is_number(cell) for cell in first)
    if not first or (header and second is None):
        raise RunError(f"--data {file}: must have at least one row of numbers, not none; check the file")
    if len(first) < 2:
        raise RunError(
            f"--data {file}: must have two columns or more with commas between, not {len(first)}; check the separator"
        )
    return ([c.strip() for c in first] if header else [str(k + 1) for k in range(len(first))]), int(header)


def _label_column(file: Path, names: list[str], label: str | None) -> int:
    if label is None:
        return next((names.index(name) for name in _usual_first(names)), len(names) - 1)
    if label not in names:
        near = get_close_matches(label, names, 1)
        some = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
        advice = f"did you mean '{near[0]}'?" if near else "choose one"
        raise RunError(f"--label: must be a column of {file} ({some}), not '{label}'; {advice}")
    return names.index(label)


def _usual_first(names: list[str]) -> list[str]:
    return [name for usual in _USUAL for name in names if name.lower() == usual]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _told(file: Path, message: str, header: int) -> str:
    """Say in our words what numpy found; it counts after the header, from 0 or, of widths, from 1."""
    cell = re.search(r"could not convert string '(.*)' to \S+ at row (\d+), column (\d+)", message)
    if cell:
        place = f"line {int(cell[2]) + 1 + header}, column {cell[3]}"
        return f"--data {file}: must hold numbers only, not '{cell[1]}' as in {place}; convert it"
    width = re.search(r"changed from (\d+) to (\d+) at row (\d+)", message)
    if width:
        place = f"line {int(width[3]) + header}"
        return f"--data {file}: rows must have {width[1]} columns each, not {width[2]} as in {place}; mend it"
    return f"--data {file}: must be a table of numbers with commas between, not something else; check the file"
