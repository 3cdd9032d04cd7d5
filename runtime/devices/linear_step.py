"""`linear-step`: the step shrinks linearly with the state, as in devices that saturate softly.

Δ+ = s₊·(1 − γ₊·w/w_max)·(1 + ctoc·ξ), Δ− = s₋·(1 − γ₋·w/w_min)·(1 + ctoc·ξ), clipped to [b_min, b_max]; w_max and
w_min are the nominal bounds, and γ± = |gamma± + gamma_dtod±·ξ| is drawn once a device; a negative gamma±, and every
γ± under `allow_increasing`, keeps its sign, so that steps grow towards the bound. With `ctoc_additive` the noise does
not shrink with the step: Δ+ = s₊·((1 − γ₊·w/w_max) + ctoc·ξ). Coincidences are applied at once where none but the last
can reach a bound (`affine_pulses.py`). Alternating pulses settle where s₊·(1 − γ₊·w/w_max) = s₋·(1 − γ₋·w/w_min).
Source: Rasch et al. 2021 (arXiv 2104.02184). Not modelled: retention.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ohmflow.runtime.crossbar.bits import fused
from ohmflow.runtime.devices.affine_pulses import pulses_additive, pulses_relative
from ohmflow.runtime.devices.spread import SpreadPlane, SteppedParameters, device_normals, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.ways import of_way

Plane = npt.NDArray[np.float32]

_ONE = np.float32(1.0)


class LinearStepParameters(SteppedParameters):
    """Steps, bounds, and how the step falls with the state."""

    gamma_up: float = Field(
        allow_inf_nan=False,
        description="Slope γ₊ of the step up: at w = w_max it is (1 − γ₊) of that at w = 0; negative: it grows.",
    )
    gamma_down: float = Field(
        allow_inf_nan=False,
        description="Slope γ₋ of the step down: at w = w_min it is (1 − γ₋) of that at w = 0; negative: it grows.",
    )
    gamma_up_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of γ₊ between devices, absolute."
    )
    gamma_down_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of γ₋ between devices, absolute."
    )
    allow_increasing: bool = Field(
        default=False,
        description="Whether the spread of γ± may make it negative, a step that grows towards the bound; else |γ±|. A "
        "negative mean keeps its sign in any case.",
    )
    ctoc_additive: bool = Field(
        default=False,
        description="Whether the spread between pulses stays that of the step at w = 0; else it shrinks with the step.",
    )


class LinearStepPlanes(NamedTuple):
    """The draws of an array of devices, device units. A pulse adds (step + slope·w)·(1 + ctoc·ξ).

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        slope: [2, rows, cols] s₋·γ₋/w_min in plane 0, −s₊·γ₊/w_max in plane 1.
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        ctoc: spread between pulses, relative to the step.
    """

    step: Plane
    slope: Plane
    b_max: Plane
    b_min: Plane
    ctoc: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        step = fused(of_way(planes.slope, up, r, c), w, of_way(planes.step, up, r, c))
        moved = fused(step, fused(planes.ctoc, xi, _ONE), w)
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])

    @staticmethod
    def pulses(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
        """Return (True, w after n pulses), or (False, anything) if one but the last might reach a bound."""
        step, slope = of_way(planes.step, up, r, c), of_way(planes.slope, up, r, c)
        lower, upper = planes.b_min[r, c], planes.b_max[r, c]
        return pulses_relative(w, step, slope, lower, upper, planes.ctoc, n, sum_of_xi)


LinearStepPlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields
LinearStepPlanes.is_costly_at_once = True  # type: ignore[attr-defined]


class LinearStepAdditivePlanes(NamedTuple):
    """As `LinearStepPlanes`, but a pulse adds (step + slope·w) + step·ctoc·ξ.

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        slope: [2, rows, cols] s₋·γ₋/w_min in plane 0, −s₊·γ₊/w_max in plane 1.
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        ctoc: spread between pulses, relative to the step at w = 0.
    """

    step: Plane
    slope: Plane
    b_max: Plane
    b_min: Plane
    ctoc: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        step = of_way(planes.step, up, r, c)
        moved = w + ((step + of_way(planes.slope, up, r, c) * w) + step * (planes.ctoc * xi))
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])

    @staticmethod
    def pulses(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
        """Return (True, w after n pulses), or (False, anything) if one but the last might reach a bound."""
        step, slope = of_way(planes.step, up, r, c), of_way(planes.slope, up, r, c)
        lower, upper = planes.b_min[r, c], planes.b_max[r, c]
        return pulses_additive(w, step, slope, lower, upper, step * planes.ctoc, n, sum_of_xi)


LinearStepAdditivePlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields
LinearStepAdditivePlanes.is_costly_at_once = True  # type: ignore[attr-defined]


LinearPlanes = LinearStepPlanes | LinearStepAdditivePlanes


def linear_slopes(p: LinearStepParameters, up: Plane, down: Plane, seed: int, array_id: int) -> list[Plane]:
    """Draw how the steps of every device change with w.

    Args:
        p: slopes, their spread, and the nominal bounds that they are relative to.
        up: [rows, cols] steps up at w = 0, s₊.
        down: [rows, cols] steps down at w = 0, s₋.
        seed: the run's seed.
        array_id: number of the array in the program.

    Returns:
        s₋·γ₋/w_min and −s₊·γ₊/w_max, each [rows, cols]: what a weight of 1 adds to the move down and to that up.
    """

    def gamma(mean: float, sigma: float, plane: SpreadPlane) -> Plane | float:
        drawn = mean + sigma * device_normals(*up.shape, seed, array_id, plane) if sigma else mean
        return drawn if mean < 0.0 or p.allow_increasing else np.abs(drawn)

    gamma_up = gamma(p.gamma_up, p.gamma_up_dtod, SpreadPlane.GAMMA_UP)
    gamma_down = gamma(p.gamma_down, p.gamma_down_dtod, SpreadPlane.GAMMA_DOWN)
    return [down * (gamma_down / p.w_min), -up * (gamma_up / p.w_max)]


class LinearStep(SteppedDevice[LinearStepParameters]):
    """A device whose step falls linearly with its state."""

    name: ClassVar[str] = "linear-step"
    Parameters: ClassVar[type[LinearStepParameters]] = LinearStepParameters

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> LinearPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)
        slopes = linear_slopes(p, up, down, seed, array_id)
        kind = LinearStepAdditivePlanes if p.ctoc_additive else LinearStepPlanes
        return kind(np.stack([-down, up]), np.stack(slopes).astype(np.float32), b_max, b_min, np.float32(p.dw_min_ctoc))
