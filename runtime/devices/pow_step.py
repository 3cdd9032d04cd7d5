"""`pow-step`: the step is a power of how far the device is from the bound that it moves to.

With ω = (b_max − w)/(b_max − b_min) and the device's own bounds, Δ+ = s₊·ω^γ₊·(1 + ctoc·ξ) and
Δ− = s₋·(1 − ω)^γ₋·(1 + ctoc·ξ), clipped to [b_min, b_max]; γ± = |gamma± + gamma_dtod±·ξ| is drawn once a device. So
s± is the step at the far bound, and not that at w = 0. Alternating pulses settle where both steps are equal.
With
`ctoc_additive` the noise does not shrink with the step: Δ+ = s₊·(ω^γ₊ + ctoc·ξ).
Source: Rasch et al. 2021 (arXiv 2104.02184). Not modelled: retention.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ohmflow.runtime.crossbar.bits import fused
from ohmflow.runtime.devices.exponentials import log_two, power_of_two
from ohmflow.runtime.devices.spread import SpreadPlane, SteppedParameters, device_normals, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.ways import of_way

Plane = npt.NDArray[np.float32]

_ONE = np.float32(1.0)
_SMALLEST_RANGE = 1e-6
"""Share of the nominal range that a device's own counts as at least: spread may make it 0."""


class PowStepParameters(SteppedParameters):
    """Steps, bounds, and the powers."""

    dw_min: float = Field(
        gt=0, allow_inf_nan=False, description="Mean step of one pulse at the bound that it moves away from."
    )
    gamma_up: float = Field(ge=0, le=100, description="γ₊: power of the step up.")
    gamma_down: float = Field(ge=0, le=100, description="γ₋: power of the step down.")
    gamma_up_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of γ₊ between devices, absolute."
    )
    gamma_down_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of γ₋ between devices, absolute."
    )
    ctoc_additive: bool = Field(
        default=False,
        description="Whether the spread between pulses stays that of the largest step; else it shrinks with the step.",
    )


class PowStepPlanes(NamedTuple):
    """The draws of an array of devices, device units.

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        gamma: [2, rows, cols] γ₋, γ₊.
        bound: [2, rows, cols] b_min, b_max: where a pulse moves to.
        per_range: [rows, cols] 1/(b_max − b_min).
        ctoc: spread between pulses, relative to the step.
    """

    step: Plane
    gamma: Plane
    bound: Plane
    per_range: Plane
    ctoc: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        room = abs(of_way(planes.bound, up, r, c) - w) * planes.per_range[r, c]
        factor = power_of_two(of_way(planes.gamma, up, r, c) * log_two(room))
        moved = fused(of_way(planes.step, up, r, c) * factor, fused(planes.ctoc, xi, _ONE), w)
        return min(max(moved, planes.bound[0, r, c]), planes.bound[1, r, c])


PowStepPlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields


class PowStepAdditivePlanes(NamedTuple):
    """As `PowStepPlanes`, but a pulse adds step·(ω^γ + ctoc·ξ).

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        gamma: [2, rows, cols] γ₋, γ₊.
        bound: [2, rows, cols] b_min, b_max: where a pulse moves to.
        per_range: [rows, cols] 1/(b_max − b_min).
        ctoc: spread between pulses, relative to the largest step.
    """

    step: Plane
    gamma: Plane
    bound: Plane
    per_range: Plane
    ctoc: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        room = abs(of_way(planes.bound, up, r, c) - w) * planes.per_range[r, c]
        factor = power_of_two(of_way(planes.gamma, up, r, c) * log_two(room))
        moved = fused(of_way(planes.step, up, r, c), fused(planes.ctoc, xi, factor), w)
        return min(max(moved, planes.bound[0, r, c]), planes.bound[1, r, c])


PowStepAdditivePlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields


PowPlanes = PowStepPlanes | PowStepAdditivePlanes


class PowStep(SteppedDevice[PowStepParameters]):
    """A device whose step is a power of its distance from a bound."""

    name: ClassVar[str] = "pow-step"
    Parameters: ClassVar[type[PowStepParameters]] = PowStepParameters

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units, by the nominal bounds and powers."""
        p = self.parameters
        omega = p.w_max / (p.w_max - p.w_min)
        up = abs(1.0 + p.up_down / 2.0) * omega**p.gamma_up
        down = abs(1.0 - p.up_down / 2.0) * (1.0 - omega) ** p.gamma_down
        return float(p.dw_min * (up + down) / 2.0)

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> PowPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)

        def gamma(mean: float, sigma: float, plane: SpreadPlane) -> Plane:
            if not sigma:
                return np.full((rows, cols), mean, np.float32)
            drawn: Plane = np.abs(mean + sigma * device_normals(rows, cols, seed, array_id, plane)).astype(np.float32)
            return drawn

        gammas = np.stack(
            [
                gamma(p.gamma_down, p.gamma_down_dtod, SpreadPlane.GAMMA_DOWN),
                gamma(p.gamma_up, p.gamma_up_dtod, SpreadPlane.GAMMA_UP),
            ]
        )
        span = np.maximum(b_max - b_min, np.float32(_SMALLEST_RANGE * (p.w_max - p.w_min)))
        kind = PowStepAdditivePlanes if p.ctoc_additive else PowStepPlanes
        return kind(
            np.stack([-down, up]), gammas, np.stack([b_min, b_max]), np.float32(1.0) / span, np.float32(p.dw_min_ctoc)
        )

    def bounds(self, planes: PowPlanes) -> tuple[Plane, Plane]:
        """Return each device's own (b_min, b_max), [rows, cols], device units."""
        return planes.bound[0], planes.bound[1]
