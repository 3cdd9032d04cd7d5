"""`soft-bounds-reference`: `soft-bounds` read against a reference device, so that the symmetry point can be shifted.

With w' = w + ref and the device's own bounds of w', Δ+ = s₊·(1 − w'/b_max)·(1 + ctoc·ξ) and Δ− =
s₋·(1 − w'/b_min)·(1 + ctoc·ξ); w is clipped to [b_min − ref, b_max − ref]. With `ctoc_additive` the noise is s±·ctoc·ξ.
Alternating pulses settle at w' = w* = (s₊ − s₋)/(s₊/b_max − s₋/b_min). The reference is drawn once a device,
ref = reference_mean + reference_std·ξ, and with `subtract_symmetry_point` + w*, so that they settle at about w = 0.
Source: the aihwkit device of the same law (Rasch et al. 2021, arXiv 2104.02184).
Not modelled: that reference_mean changes what cell and reference conduct.
"""

from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ohmflow.runtime.devices.affine_pulses import pulses_additive
from ohmflow.runtime.devices.linear_step import LinearStepPlanes
from ohmflow.runtime.devices.soft_bounds import SMALLEST_BOUND, SoftBoundsParameters
from ohmflow.runtime.devices.spread import SpreadPlane, device_normals, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.ways import of_way

Plane = npt.NDArray[np.float32]


class SoftBoundsReferenceParameters(SoftBoundsParameters):
    """Steps, bounds of w', which noise, and the reference."""

    reference_mean: float = Field(
        default=0.0, allow_inf_nan=False, description="Mean of the reference that is taken from what a cell holds."
    )
    reference_std: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the reference between devices, device units."
    )
    subtract_symmetry_point: bool = Field(
        default=False, description="Whether the reference of a device also holds its symmetry point."
    )

    @model_validator(mode="after")
    def _lies_in_the_range(self) -> Self:
        if not self.w_min < self.reference_mean < self.w_max:
            raise ValueError("reference_mean must lie between w_min and w_max; shift it, or widen the bounds")
        return self


class ShiftedAdditivePlanes(NamedTuple):
    """The draws of an array of devices with additive noise, device units. A pulse adds (step + slope·w) + noise·ξ.

    Attributes:
        step: [2, rows, cols] mean step at w = 0, down (≤ 0) and up.
        slope: [2, rows, cols] how the step changes with w.
        noise: [2, rows, cols] −s₋·ctoc, s₊·ctoc.
        b_max: [rows, cols] upper bounds of w.
        b_min: [rows, cols] lower bounds of w.
    """

    step: Plane
    slope: Plane
    noise: Plane
    b_max: Plane
    b_min: Plane

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        moved = w + (
            (of_way(planes.step, up, r, c) + of_way(planes.slope, up, r, c) * w) + of_way(planes.noise, up, r, c) * xi
        )
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])

    @staticmethod
    def pulses(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
        """Return (True, w after n pulses), or (False, anything) if one but the last might reach a bound."""
        step, slope = of_way(planes.step, up, r, c), of_way(planes.slope, up, r, c)
        noise = of_way(planes.noise, up, r, c)
        return pulses_additive(w, step, slope, planes.b_min[r, c], planes.b_max[r, c], noise, n, sum_of_xi)


ShiftedAdditivePlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields
ShiftedAdditivePlanes.is_costly_at_once = True  # type: ignore[attr-defined]


class SoftBoundsReference(SteppedDevice[SoftBoundsReferenceParameters]):
    """A device whose step falls to 0 towards its bounds, with a reference of its own."""

    name: ClassVar[str] = "soft-bounds-reference"
    Parameters: ClassVar[type[SoftBoundsReferenceParameters]] = SoftBoundsReferenceParameters

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units, by the nominal bounds and the mean reference."""
        p = self.parameters
        up, down = abs(1.0 + p.up_down / 2.0), abs(1.0 - p.up_down / 2.0)
        shift = p.reference_mean
        if p.subtract_symmetry_point:
            shift += (up - down) / (up / p.w_max - down / p.w_min)
        at = min(max(shift, p.w_min), p.w_max)
        return p.dw_min * (up * (1.0 - at / p.w_max) + down * (1.0 - at / p.w_min)) / 2.0

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> LinearStepPlanes | ShiftedAdditivePlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = (a.astype(np.float64) for a in steps_and_bounds(p, rows, cols, seed, array_id))
        slope_up = -up / np.maximum(b_max, SMALLEST_BOUND * p.w_max)
        slope_down = down / np.minimum(b_min, SMALLEST_BOUND * p.w_min)
        shift = np.full((rows, cols), p.reference_mean)
        if p.reference_std:
            shift += p.reference_std * device_normals(rows, cols, seed, array_id, SpreadPlane.REFERENCE)
        if p.subtract_symmetry_point:
            # Where both steps are 0 (a stuck device) there is no such point, and nothing to shift.
            settling = -slope_up - slope_down
            shift += np.divide(up - down, settling, out=np.zeros_like(up), where=settling > 0.0)
        ctoc = np.float32(p.dw_min_ctoc)
        step = np.stack([-down + slope_down * shift, up + slope_up * shift]).astype(np.float32)
        slope = np.stack([slope_down, slope_up]).astype(np.float32)
        upper, lower = (b_max - shift).astype(np.float32), (b_min - shift).astype(np.float32)
        if not p.ctoc_additive:
            return LinearStepPlanes(step, slope, upper, lower, ctoc)
        return ShiftedAdditivePlanes(step, slope, ctoc * np.stack([-down, up]).astype(np.float32), upper, lower)
