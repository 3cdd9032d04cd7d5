"""Scaling of inputs: x' = (x − shift) / scale, with figures of the training rows alone.

* `standard`: shift is the mean and scale the standard deviation.
* `range`: shift is the least value and scale the distance to the largest, so that training rows lie in [0, 1].

A row that is a vector [features] has figures for each feature; an image [channels, …, …] for each channel; a matrix, a
grey image or a sequence, has one pair. What never changes has scale 1. The exported model expects scaled inputs: the
figures are among its properties.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.training.data import DataSet, Rows


@dataclass(frozen=True)
class Scale:
    """Figures of one input, of a shape that a row divides by: shift and scale, float32."""

    shift: NDArray[np.float32]
    scale: NDArray[np.float32]

    def apply(self, x: NDArray[Any]) -> NDArray[Any]:
        """Scale rows; whole numbers, such as tokens, stay as they are."""
        return (x - self.shift) / self.scale if x.dtype.kind == "f" else x


@dataclass(frozen=True)
class Normalisation:
    """What was done to the inputs.

    Attributes:
        kind: `none`, `standard` or `range`.
        inputs: figures of each input.
    """

    kind: str
    inputs: Mapping[str, Scale]

    def described(self) -> dict[str, Any] | None:
        """As JSON values, or None when nothing was done."""
        if self.kind == "none":
            return None
        return {
            "kind": self.kind,
            "inputs": {
                name: {"shift": _numbers(figures.shift), "scale": _numbers(figures.scale)}
                for name, figures in self.inputs.items()
            },
        }


def _numbers(values: NDArray[np.float32]) -> list[float]:
    return [float(v) for v in values.ravel()]


def normalise(data: DataSet, kind: str, names: tuple[str, ...]) -> tuple[DataSet, Normalisation]:
    """Scale all rows of a data set with figures of its training rows.

    Args:
        data: what `check_program_data` returned.
        kind: `none`, `standard` or `range`.
        names: the model's inputs.
    """
    if kind == "none":
        return data, Normalisation(kind, {})
    figures = {
        name: _figures(values, kind) for name, values in data.train.inputs(names).items() if values.dtype.kind == "f"
    }

    def scaled(rows: Rows) -> Rows:
        every = {name: figures[name].apply(v) if name in figures else v for name, v in rows.inputs(names).items()}
        return Rows(every if isinstance(rows.x, Mapping) else every[names[0]], rows.y)

    return data.with_rows(scaled(data.train), scaled(data.val), scaled(data.test)), Normalisation(kind, figures)


def _figures(x: NDArray[Any], kind: str) -> Scale:
    kept = {2: (1,), 3: ()}.get(x.ndim, (1,))  # axes that have figures of their own
    over = tuple(k for k in range(x.ndim) if k not in kept)
    if kind == "standard":
        shift = x.mean(axis=over, dtype=np.float64, keepdims=True)
        scale = x.std(axis=over, dtype=np.float64, keepdims=True)
    else:
        shift = x.min(axis=over, keepdims=True).astype(np.float64)
        scale = x.max(axis=over, keepdims=True) - shift
    # What hardly changes, but for rounding, is constant: to divide by its scale would only blow up noise.
    constant = scale <= 1e-6 * np.maximum(np.abs(shift), 1e-30)
    return Scale(shift[0].astype(np.float32), np.where(constant, 1.0, scale)[0].astype(np.float32))
