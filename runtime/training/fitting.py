"""Whether a data set fits what a program trains on, and which data it is."""

import hashlib

import numpy as np

from ohmflow.compiler.program.entry import Argument
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.errors import RunError, UntrainableError


def training_arguments(program: Program) -> tuple[tuple[Argument, ...], Argument]:
    """The inputs of a program's training step, and its label.

    Raises:
        UntrainableError: the program was compiled to infer only.
    """
    if "train_step" not in program.entries:
        raise UntrainableError(
            f"{program.manifest['model']}: the program must hold a training step, but was compiled to infer only; "
            "compile it for training"
        )
    # Random arguments are rows too, but the machine draws them.
    *inputs, label = (a for a in program.entries["train_step"].arguments if a.kind == "rows" and a.keep is None)
    return tuple(inputs), label


def check_program_data(program: Program, data: DataSet) -> DataSet:
    """Check that a data set fits a program's training step.

    Returns:
        The data set with labels of the type that the program takes: targets of `mse` may be given as whole numbers.

    Raises:
        RunError: it does not.
        UntrainableError: the program was compiled to infer only.
    """
    inputs, y = training_arguments(program)
    output = program.entries["infer"].results[0]
    classes = output.shape[-1] if program.manifest["loss"] == "cross-entropy" and output.shape else None
    parts = (data.train, data.val, data.test)
    for rows in parts:
        if len(rows):
            _check_inputs(data.name, rows, inputs)
            _check_labels(data.name, rows, y, classes)
    return data.with_rows(*(Rows(part.x, part.y.astype(y.dtype, copy=False)) for part in parts))


def _check_inputs(name: str, rows: Rows, inputs: tuple[Argument, ...]) -> None:
    names = [a.name for a in inputs]
    held = list(rows.x) if not isinstance(rows.x, np.ndarray) else names[:1]
    missing = [n for n in names if n not in held]
    if missing:
        told = ", ".join(f"'{n}'" for n in names)
        raise RunError(
            f"{name}: must hold an array for each of the model's inputs ({told}), but '{missing[0]}' is missing; "
            "use an .npz with arrays of these names"
        )
    for argument, values in zip(inputs, rows.inputs(names).values(), strict=True):
        if values.shape[1:] != argument.shape:
            what = "x" if len(inputs) == 1 else f"'{argument.name}'"
            raise RunError(
                f"{name}: rows of {what} must have the model's input shape {argument.shape}, not {values.shape[1:]}; "
                f"reshape {what}"
            )


def _check_labels(name: str, rows: Rows, label: Argument, classes: int | None) -> None:
    if rows.y.shape[1:] != label.shape:
        wanted = f"rows of shape {label.shape}" if label.shape else "one class number per row"
        advice = (
            "reshape it, or give classes as one-hot rows"
            if label.shape
            else "give class numbers, as of y.argmax(axis=1)"
        )
        raise RunError(f"{name}: y must hold {wanted}, not rows of shape {rows.y.shape[1:]}; {advice}")
    if label.dtype == "int64" and rows.y.dtype.kind == "f":
        raise RunError(f"{name}: y must be whole numbers for this loss, not {rows.y.dtype}; use --loss mse, or classes")
    if classes is not None and (rows.y.min() < 0 or rows.y.max() >= classes):
        bad = int(rows.y.min() if rows.y.min() < 0 else rows.y.max())
        row = int(np.flatnonzero(rows.y == bad)[0])
        raise RunError(f"{name}: labels must be from 0 to {classes - 1}, not {bad} (row {row}); renumber the classes")


def data_hash(data: DataSet, names: tuple[str, ...]) -> str:
    """SHA-256 of all rows in their order, with their types and shapes; of what `check_program_data` returned."""
    digest = hashlib.sha256()
    for part in (data.train, data.val, data.test):
        held = part.inputs(names) if len(part) else {}
        for name, values in [*held.items(), ("y", part.y)]:
            digest.update(f"{name} {values.dtype.str} {values.shape};".encode())
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
