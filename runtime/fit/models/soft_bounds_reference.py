"""`soft-bounds-reference`: soft-bounds whose w = 0 is shifted to each device's symmetry point, and a little beside it.

Trains of one device follow the law of `soft-bounds`, wherever its reference stands; so no train tells the two apart.
What the trains tell is where each device settles, y* = (r₊·b₊ + r₋·b₋)/(r₊ + r₋) with the share r± of the room that a
pulse takes. Here w = 0 is the mean of these points, unless the window is given; how they lie about it is the reference
with `subtract_symmetry_point`. Where between its bounds a device has w′ = 0 is not told: it is taken to divide every
device's range alike. So the spread of up_down over devices is not told either, and both bounds have one spread.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import SOFT
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn
from ohmflow.runtime.fit.models.soft_bounds import OWN, start

Floats = npt.NDArray[np.float64]


def _symmetry(own: Floats, bounds: Floats) -> Floats:
    """Where alternating pulses settle, [devices]."""
    up, down = np.exp(own[:, 0]), np.exp(own[:, 1])
    found: Floats = (up * bounds[:, 0] + down * bounds[:, 1]) / (up + down)
    return found


def _ends(own: Floats, bounds: Floats, w_max: float, w_min: float) -> Floats:
    per_weight = (bounds[:, 0] - bounds[:, 1]) / (w_max - w_min)
    centre = _symmetry(own, bounds)
    return np.stack([centre + w_max * per_weight, centre + w_min * per_weight], axis=1)


def _numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    del shared
    span = bounds[:, 0] - bounds[:, 1]
    share = span / (scale.w_max - scale.w_min)
    steps = drawn(np.exp(own[:, 0]) * share * scale.w_max, -np.exp(own[:, 1]) * share * scale.w_min, scale)
    both = np.hypot(scale.w_max, scale.w_min)
    return steps | {
        "reference_mean": (scale.zero - _symmetry(own, bounds)) / scale.unit,
        "b_max": span * scale.w_max / both / scale.unit,
        "b_min": span * scale.w_min / both / scale.unit,
    }


MODELS = (
    FitModel(
        "soft-bounds-reference",
        "soft-bounds-reference",
        SOFT,
        OWN,
        start,
        _numbers,
        fixed={"subtract_symmetry_point": 1.0},
        absent=("up_down_dtod",),
        spread_of={"reference_mean": "reference_std"},
        ends=_ends,
        window_settles="reference_mean",
        told_apart=False,
    ),
)
"""How it is fitted."""
