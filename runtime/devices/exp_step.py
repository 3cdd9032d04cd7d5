"""`exp-step`: the step falls exponentially towards a bound, as in filamentary resistors.

With z = 2a·w/(b_max − b_min) + b and the device's own bounds,
Δ+ = s₊·max(0, 1 − A₊·exp(γ₊·z))·(1 + ctoc·ξ), Δ− = s₋·max(0, 1 − A₋·exp(−γ₋·z))·(1 + ctoc·ξ), clipped to
[b_min, b_max]. Where a factor is 0, pulses of that direction do nothing. Alternating pulses settle where both steps are
equal. Noise may also have a part of its own: with Δ the step without noise, w moves by Δ +
ctoc·(|Δ| + dw_min_ctoc_add + dw_min_ctoc_slope·|w|)·ξ, and with `ctoc_additive` by Δ +
ctoc·(s± + dw_min_ctoc_add + dw_min_ctoc_slope·|w|)·ξ, also where Δ is 0.
Source: Rasch et al. 2021 (arXiv 2104.02184). Not modelled: retention.
"""

from math import exp, log2
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ohmflow.runtime.crossbar.bits import fused
from ohmflow.runtime.devices.exponentials import power_of_two
from ohmflow.runtime.devices.spread import NoisyStepParameters, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.ways import of_way

Plane = npt.NDArray[np.float32]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_LOG2_E = log2(exp(1.0))
_SMALLEST_RANGE = 1e-6
"""Share of the nominal range that a device's own counts as at least: spread may make it 0."""


class ExpStepParameters(NoisyStepParameters):
    """Steps, bounds, and how the step falls with the state."""

    A_up: float = Field(allow_inf_nan=False, description="A₊: share of the step up that is lost at z = 0.")
    A_down: float = Field(allow_inf_nan=False, description="A₋: share of the step down that is lost at z = 0.")
    gamma_up: float = Field(allow_inf_nan=False, description="γ₊: how fast the step up falls with z.")
    gamma_down: float = Field(allow_inf_nan=False, description="γ₋: how fast the step down falls with −z.")
    a: float = Field(allow_inf_nan=False, description="a of z = 2a·w/(b_max − b_min) + b.")
    b: float = Field(allow_inf_nan=False, description="b of z = 2a·w/(b_max − b_min) + b.")
    ctoc_additive: bool = Field(
        default=False,
        description="Whether the spread between pulses stays that of a step s±; else it shrinks with the step.",
    )

    @property
    def noise_is_relative(self) -> bool:
        """Whether the spread between pulses is a share of the step and nothing else."""
        return not (self.ctoc_additive or self.dw_min_ctoc_add or self.dw_min_ctoc_slope)

    @property
    def mean_step(self) -> float:
        """Mean step of both directions at w = 0, device units."""
        up = max(0.0, 1.0 - self.A_up * exp(min(self.gamma_up * self.b, 80.0)))
        down = max(0.0, 1.0 - self.A_down * exp(min(-self.gamma_down * self.b, 80.0)))
        return self.dw_min * (abs(1.0 + self.up_down / 2.0) * up + abs(1.0 - self.up_down / 2.0) * down) / 2.0

    @model_validator(mode="after")
    def _moves_at_zero(self) -> Self:
        if self.mean_step <= 0.0:
            raise ValueError("a pulse at w = 0 must move the device in one direction at least; lower A_up or A_down")
        return self


class ExpStepPlanes(NamedTuple):
    """The draws of an array of devices, device units. A pulse adds step·max(0, 1 − A·2^(rate·w + offset))·(1 + ctoc·ξ).

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        rate: [2, rows, cols] ∓γ·2a/(b_max − b_min)·log₂ e.
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        lost: [2] A₋, A₊.
        offset: [2] ∓γ·b·log₂ e.
        ctoc: spread between pulses, relative to the step.
    """

    step: Plane
    rate: Plane
    b_max: Plane
    b_min: Plane
    lost: Plane
    offset: Plane
    ctoc: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        lost_up, lost_down, offset_up, offset_down = planes.lost[1], planes.lost[0], planes.offset[1], planes.offset[0]
        lost, offset = (lost_up if up else lost_down), (offset_up if up else offset_down)
        left = fused(-lost, power_of_two(fused(of_way(planes.rate, up, r, c), w, offset)), _ONE)
        moved = fused(of_way(planes.step, up, r, c) * max(_ZERO, left), fused(planes.ctoc, xi, _ONE), w)
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])


ExpStepPlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields


class ExpStepNoisyPlanes(NamedTuple):
    """As `ExpStepPlanes`, but with Δ = step·max(0, 1 − A·2^(rate·w + offset)) a pulse adds Δ + σ·ξ.

    The noise is σ = share·|Δ| + floor + slope·|w|.

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        rate: [2, rows, cols] ∓γ·2a/(b_max − b_min)·log₂ e.
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        lost: [2] A₋, A₊.
        offset: [2] ∓γ·b·log₂ e.
        share: of the step that is noise.
        floor: [2, rows, cols] noise that depends on nothing.
        slope: share of |w| that is noise.
    """

    step: Plane
    rate: Plane
    b_max: Plane
    b_min: Plane
    lost: Plane
    offset: Plane
    share: np.float32
    floor: Plane
    slope: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        lost_up, lost_down, offset_up, offset_down = planes.lost[1], planes.lost[0], planes.offset[1], planes.offset[0]
        lost, offset = (lost_up if up else lost_down), (offset_up if up else offset_down)
        left = fused(-lost, power_of_two(fused(of_way(planes.rate, up, r, c), w, offset)), _ONE)
        move = of_way(planes.step, up, r, c) * max(_ZERO, left)
        noise = planes.share * abs(move) + of_way(planes.floor, up, r, c) + planes.slope * abs(w)
        return min(max(w + move + noise * xi, planes.b_min[r, c]), planes.b_max[r, c])


ExpStepNoisyPlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields


ExpPlanes = ExpStepPlanes | ExpStepNoisyPlanes


class ExpStep(SteppedDevice[ExpStepParameters]):
    """A device whose step falls exponentially with its state."""

    name: ClassVar[str] = "exp-step"
    Parameters: ClassVar[type[ExpStepParameters]] = ExpStepParameters

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units: the parameter `dw_min` times the mean of both factors there."""
        return self.parameters.mean_step

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> ExpPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)
        slopes = np.array([-p.gamma_down, p.gamma_up]) * _LOG2_E
        span = np.maximum(b_max - b_min, np.float32(_SMALLEST_RANGE * (p.w_max - p.w_min)))
        rate = slopes[:, None, None] * (2.0 * p.a) / span
        lost = np.array([p.A_down, p.A_up], np.float32)
        offset = (slopes * p.b).astype(np.float32)
        step = np.stack([-down, up])
        curve = (step, rate.astype(np.float32), b_max, b_min, lost, offset)
        ctoc = np.float32(p.dw_min_ctoc)
        if p.noise_is_relative:
            return ExpStepPlanes(*curve, ctoc)
        floor = np.full_like(step, p.dw_min_ctoc_add)
        if p.ctoc_additive:
            floor += np.abs(step)
        floor *= ctoc
        share = np.float32(0.0) if p.ctoc_additive else ctoc
        return ExpStepNoisyPlanes(*curve, share, floor, np.float32(p.dw_min_ctoc * p.dw_min_ctoc_slope))
