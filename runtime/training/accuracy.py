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

DIGITAL_CHUNK = 1024
"""Rows evaluated at once on ONNX Runtime, so that the activations of a large test set fit the host's memory."""


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
    arguments = session.get_inputs()
    fixed = next((a.shape[0] for a in arguments if a.shape and isinstance(a.shape[0], int)), None)
    given = rows.inputs([a.name for a in arguments])
    count = len(rows)
    size = fixed or DIGITAL_CHUNK
    scores = []
    for begin in range(0, count, size):
        # A model of a fixed batch takes exactly that many rows: the last part is filled up with its last row.
        chosen = np.minimum(np.arange(begin, begin + size if fixed else min(begin + size, count)), count - 1)
        scores.append(session.run(None, {name: values[chosen] for name, values in given.items()})[0])
    return classified(np.concatenate(scores)[:count], rows.y)


def analog_accuracy(machine: Machine, rows: Rows, step: int) -> float | None:
    """Accuracy read on the chip, billed as evaluation; None without rows or without classes."""
    if not len(rows) or rows.y.dtype.kind == "f":
        return None
    names = [a.name for a in machine.program.entries["infer"].arguments if a.kind == "rows"]
    outputs = infer(machine, rows.inputs(names), step)
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
