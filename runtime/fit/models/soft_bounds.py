"""`soft-bounds`: Δ+ = s₊·(1 − w/b_max)·(1 + ctoc·ξ), and Δ− likewise; or with noise that keeps its size.

A device's own: the share of the room to the bound that a pulse takes, up and down (as logarithms), and its bounds.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import SOFT, SOFT_ADDITIVE
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn

Floats = npt.NDArray[np.float64]


OWN = ("log_rate_up", "log_rate_down")
"""A device's own parameters, before its bounds."""


def start(look: FirstLook) -> tuple[Floats, Floats]:
    """Rates by the first look; nothing is shared but noise."""
    half = np.maximum((look.high - look.low) / 2.0, 1e-3)
    rates = np.stack([look.step[1] / half, look.step[0] / half], axis=1)
    return np.log(np.clip(rates, 1e-5, 0.9)), np.zeros(0)


def _numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    del shared
    up = np.exp(own[:, 0]) * (bounds[:, 0] - scale.zero)
    down = np.exp(own[:, 1]) * (scale.zero - bounds[:, 1])
    return drawn(up, down, scale)


MODELS = tuple(
    FitModel(name, "soft-bounds", law, OWN, start, _numbers, fixed=fixed, needs_zero=law == SOFT_ADDITIVE)
    for name, law, fixed in (
        ("soft-bounds", SOFT, {}),
        ("soft-bounds/additive", SOFT_ADDITIVE, {"ctoc_additive": 1.0}),
    )
)
"""How it is fitted, with noise in proportion to the step, and with noise that keeps its size."""
