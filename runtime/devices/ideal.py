"""`ideal`: a weight that adds exactly what it is told, in float32, without bounds, pulses or time.

The nominal bounds are only the unit of the digital scale α (`docs/semantics.md`, *Weights, scale, sign*).
"""

from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Plane = npt.NDArray[np.float32]


class IdealParameters(BaseModel):
    """Nominal bounds, device units; nothing is clipped to them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    w_max: float = Field(default=1.0, gt=0, allow_inf_nan=False, description="Nominal upper bound, device units.")
    w_min: float = Field(default=-1.0, lt=0, allow_inf_nan=False, description="Nominal lower bound, device units.")


class IdealPlanes(NamedTuple):
    """An ideal device has no numbers of its own; the shape [rows, cols] is kept."""

    rows: int
    cols: int


class Ideal:
    """A device that is exact."""

    name: ClassVar[str] = "ideal"
    Parameters: ClassVar[type[IdealParameters]] = IdealParameters

    def __init__(self, parameters: IdealParameters) -> None:
        """Make the model.

        Args:
            parameters: nominal bounds.
        """
        self.parameters = parameters

    @property
    def dw_min(self) -> float:
        """0: the device is not pulsed."""
        return 0.0

    @property
    def nominal_bounds(self) -> tuple[float, float]:
        """(w_min, w_max), device units, to which nothing is clipped."""
        return self.parameters.w_min, self.parameters.w_max

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> IdealPlanes:
        """Return the array's shape; nothing is drawn."""
        return IdealPlanes(rows, cols)

    def bounds(self, planes: IdealPlanes) -> tuple[Plane, Plane]:
        """Return infinite bounds, [rows, cols]."""
        upper = np.full((planes.rows, planes.cols), np.inf, np.float32)
        return -upper, upper
