"""`soft-bounds`: the step falls linearly with the state and is 0 at the device's own bound.

Δ+ = s₊·(1 − w/b_max)·(1 + ctoc·ξ), Δ− = s₋·(1 − w/b_min)·(1 + ctoc·ξ), clipped to [b_min, b_max]: `linear-step` with
slopes of 1 towards the device's own bounds, so that n pulses up take w to b_max − (b_max − w)·(1 − s₊/b_max)^n on
average. With `ctoc_additive` the noise does not shrink with the step: Δ+ = s₊·((1 − w/b_max) + ctoc·ξ). Alternating
pulses settle at (s₊ − s₋)/(s₊/b_max − s₋/b_min). Source: Rasch et al. 2021 (arXiv 2104.02184). Not modelled: retention.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from ohmflow.runtime.devices.linear_step import LinearPlanes, LinearStepAdditivePlanes, LinearStepPlanes
from ohmflow.runtime.devices.spread import SteppedParameters, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice

SMALLEST_BOUND = 1e-6
"""Share of the nominal bound that a device's own counts as at least in its slope: spread may put a bound at 0."""


class SoftBoundsParameters(SteppedParameters):
    """Steps, bounds, and which noise."""

    ctoc_additive: bool = Field(
        default=False,
        description="Whether the spread between pulses stays that of the step at w = 0; else it shrinks with the step.",
    )


class SoftBounds(SteppedDevice[SoftBoundsParameters]):
    """A device whose step falls to 0 towards its bounds."""

    name: ClassVar[str] = "soft-bounds"
    Parameters: ClassVar[type[SoftBoundsParameters]] = SoftBoundsParameters

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> LinearPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)
        slope_down = down / np.minimum(b_min, np.float32(SMALLEST_BOUND * p.w_min))
        slope_up = -up / np.maximum(b_max, np.float32(SMALLEST_BOUND * p.w_max))
        kind = LinearStepAdditivePlanes if p.ctoc_additive else LinearStepPlanes
        return kind(np.stack([-down, up]), np.stack([slope_down, slope_up]), b_max, b_min, np.float32(p.dw_min_ctoc))
