"""Accuracy, read on the chip and of the exported weights run digitally."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from ohmflow.runtime.digital.sessions import session_options
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.data import Rows

CHUNK = 64
"""Rows evaluated at once. It is part of the draws' keys, so it is fixed."""


def classified(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """Share of rows whose largest score is at the label."""
    return float(np.mean(scores.reshape(len(scores), -1).argmax(axis=1) == labels))


def digital_accuracy(model: onnx.ModelProto, rows: Rows) -> float | None:
    """Accuracy of a model on ONNX Runtime, or None without rows or without classes."""
    if not len(rows) or rows.y.dtype.kind == "f":
        return None
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
    )
    (argument,) = session.get_inputs()
    fixed = argument.shape[0] if argument.shape and isinstance(argument.shape[0], int) else None
    data = rows.x.astype(np.float32, copy=False)
    parts = [data] if fixed is None else _parts(data, fixed)
    scores = np.concatenate([session.run(None, {argument.name: part})[0] for part in parts])
    return classified(scores[: len(rows)], rows.y)


def _parts(x: NDArray[Any], size: int) -> list[NDArray[Any]]:
    """Cut rows into parts of exactly `size`; the last is filled up with its last row."""
    parts = [x[begin : begin + size] for begin in range(0, len(x), size)]
    lacking = size - len(parts[-1])
    parts[-1] = np.concatenate([parts[-1], np.repeat(parts[-1][-1:], lacking, axis=0)])
    return parts


def analog_accuracy(machine: Machine, rows: Rows, step: int) -> float | None:
    """Accuracy read on the chip, billed as evaluation; None without rows or without classes."""
    if not len(rows) or rows.y.dtype.kind == "f":
        return None
    outputs = infer(machine, {machine.program.entries["infer"].arguments[0].name: rows.x}, step)
    return classified(next(iter(outputs.values())), rows.y)


def infer(machine: Machine, rows: dict[str, NDArray[Any]], step: int) -> dict[str, NDArray[Any]]:
    """Run the entry `infer` over all rows, in chunks; the chunk's number is part of the draws' keys by its step.

    Args:
        machine: whose arrays are read.
        rows: one array per graph input.
        step: training steps so far.

    Returns:
        One array per graph output.
    """
    count = len(next(iter(rows.values())))
    collected: list[dict[str, NDArray[Any]]] = []
    for chunk, begin in enumerate(range(0, count, CHUNK)):
        part = {name: values[begin : begin + CHUNK] for name, values in rows.items()}
        size = len(next(iter(part.values())))
        key = (step << 20) + chunk
        collected.append(machine.execute("infer", part, {"batch": size}, key))
    return {name: np.concatenate([c[name] for c in collected]) for name in collected[0]}
