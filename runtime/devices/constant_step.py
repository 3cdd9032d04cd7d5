"""`constant-step`: every pulse moves the device by its own step, wherever it stands, until a bound stops it.

Δ± = s±·(1 + ctoc·ξ), clipped to [b_min, b_max]. n pulses in one direction of which none but the last can reach a bound
add up to n·s ± √n·ctoc·s·ξ before the last is clipped, so they take one normal draw. Source: Gokmen and Vlasov 2016
(10.3389/fnins.2016.00333); Rasch et al. 2021 (arXiv 2104.02184).
Not modelled: retention, a step that depends on the pulse's width or height.
"""

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.draws import NORMAL_REACH
from ohmflow.runtime.devices.spread import SteppedParameters, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.ways import of_way

Plane = npt.NDArray[np.float32]

_REACH = np.float32(NORMAL_REACH)
_ONE = np.float32(1.0)
_ZERO = np.float32(0.0)


class ConstantStepPlanes(NamedTuple):
    """The draws of an array of devices, device units.

    Attributes:
        step: [2, rows, cols] what a pulse adds: −s₋ in plane 0 (down), s₊ in plane 1 (up).
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        ctoc: spread between pulses, relative to the step.
    """

    step: Plane
    b_max: Plane
    b_min: Plane
    ctoc: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        moved = w + of_way(planes.step, up, r, c) * (_ONE + planes.ctoc * xi)
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])

    @staticmethod
    def pulses(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
        """Return (True, w after n pulses), or (False, anything) if one but the last might reach a bound.

        The last may: the sum is clipped. So one pulse is always done.
        """
        step = of_way(planes.step, up, r, c)
        upper, lower = planes.b_max[r, c], planes.b_min[r, c]
        mean = (n - _ONE) * step
        reach = abs(mean) * (planes.ctoc * _REACH)
        # Noise above 1/_REACH may turn a pulse round, so that both bounds are asked for.
        is_free = (w + max(mean + reach, _ZERO) <= upper) & (w + min(mean - reach, _ZERO) >= lower)
        return is_free, min(max(w + step * (n + planes.ctoc * sum_of_xi), lower), upper)


ConstantStepPlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields


class ConstantStep(SteppedDevice[SteppedParameters]):
    """A device whose step does not depend on its state."""

    name: ClassVar[str] = "constant-step"
    Parameters: ClassVar[type[SteppedParameters]] = SteppedParameters

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> ConstantStepPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        up, down, b_max, b_min = steps_and_bounds(self.parameters, rows, cols, seed, array_id)
        return ConstantStepPlanes(np.stack([-down, up]), b_max, b_min, np.float32(self.parameters.dw_min_ctoc))
