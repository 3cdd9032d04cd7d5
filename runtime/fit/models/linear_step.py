"""`linear-step`: Δ+ = s₊·(1 − γ₊·w/w_max)·(1 + ctoc·ξ), and Δ− likewise; or with noise that keeps its size.

A device's own: step and slope of each direction, and its bounds. γ₊ = slope·w_max/step in device units.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import LINEAR, LINEAR_ADDITIVE
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn

Floats = npt.NDArray[np.float64]


def start(look: FirstLook) -> tuple[Floats, Floats]:
    """Straight lines by the first look; nothing is shared but noise."""
    up = look.step[1] + look.slope[1] * (0.0 - look.middle)
    down = look.step[0] - look.slope[0] * (0.0 - look.middle)
    least = 0.1 * look.step
    steps = [np.maximum(up, least[1]), np.maximum(down, least[0])]
    return np.stack([*steps, -look.slope[1], -look.slope[0]], axis=1), np.zeros(0)


def numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    """What devices draw: steps at w = 0, and slopes as γ±."""
    del bounds, shared
    away = scale.zero - scale.origin
    up, down = own[:, 0] - own[:, 2] * away, own[:, 1] + own[:, 3] * away
    slopes = own[:, 2:4] * scale.unit
    with np.errstate(divide="ignore", invalid="ignore"):
        gammas = {"gamma_up": slopes[:, 0] * scale.w_max / up, "gamma_down": -slopes[:, 1] * scale.w_min / down}
    return drawn(up, down, scale) | gammas


OWN = ("step_up", "step_down", "slope_up", "slope_down")
"""A device's own parameters, before its bounds."""
SPREADS = {"gamma_up": "gamma_up_dtod", "gamma_down": "gamma_down_dtod"}
"""Parameters that hold spreads over devices."""

MODELS = tuple(
    FitModel(
        name,
        "linear-step",
        law,
        OWN,
        start,
        numbers,
        fixed=fixed,
        spread_of=SPREADS,
        hard_bounded=True,
        needs_zero=True,
    )
    for name, law, fixed in (
        ("linear-step", LINEAR, {}),
        ("linear-step/additive", LINEAR_ADDITIVE, {"ctoc_additive": 1.0}),
    )
)
"""How it is fitted, with noise in proportion to the step, and with noise that keeps its size."""
