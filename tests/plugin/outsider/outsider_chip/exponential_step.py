"""`exponential-step`: a pulse up adds step·exp(−k·w), a pulse down takes step·exp(k·w), between −bound and bound."""

from math import exp
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Plane = npt.NDArray[np.float32]


class ExponentialStepParameters(BaseModel):
    """Numbers of the device, device units."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: float = Field(gt=0, description="Mean step at w = 0.")
    steepness: float = Field(ge=0, description="k, how fast the step falls towards the bound.")
    bound: float = Field(gt=0, description="Both bounds.")


class ExponentialStepPlanes(NamedTuple):
    """All devices are alike."""

    shape: tuple[int, int]
    step: np.float32
    steepness: np.float32
    bound: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        sign = np.float32(1.0) if up else np.float32(-1.0)
        moved = w + sign * planes.step * np.float32(exp(-sign * planes.steepness * w))
        return min(max(moved, -planes.bound), planes.bound)


class ExponentialStep:
    """A device whose step falls towards the bound it moves to."""

    name: ClassVar[str] = "exponential-step"
    Parameters: ClassVar[type[ExponentialStepParameters]] = ExponentialStepParameters

    def __init__(self, parameters: ExponentialStepParameters) -> None:
        self.parameters = parameters

    @property
    def dw_min(self) -> float:
        return self.parameters.step

    @property
    def nominal_bounds(self) -> tuple[float, float]:
        return -self.parameters.bound, self.parameters.bound

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> ExponentialStepPlanes:
        p = self.parameters
        return ExponentialStepPlanes((rows, cols), np.float32(p.step), np.float32(p.steepness), np.float32(p.bound))

    def bounds(self, planes: ExponentialStepPlanes) -> tuple[Plane, Plane]:
        upper = np.full(planes.shape, planes.bound, np.float32)
        return -upper, upper
