"""`exp-step`: Δ± = s±·max(0, 1 − A±·exp(±γ±·z))·(1 + ctoc·ξ), with z = 2a·w/(b_max − b_min) + b.

A device's own: the logarithms of its steps at w = 0, s±·(1 − A±), and its bounds. All share A± and γ±. a and b only
rename these (A·exp(γ·b), γ·a), so a is 1 and b is 0 here.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import EXPONENTIAL
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn, log_steps
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]


def _start(look: FirstLook) -> tuple[Floats, Floats]:
    return log_steps(look), np.array([0.2, 0.2, 1.5, 1.5])


def _numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    # The steps at w = 0 were fitted; s± are those at z → ∓∞.
    del bounds
    up, down = (np.exp(own[:, k]) / np.maximum(1.0 - shared[k], 0.02) for k in (0, 1))
    return drawn(up, down, scale)


def _constants(shared: Floats, span: float, scale: Scale, trains: Trains) -> dict[str, float]:
    del trains
    turn = 2.0 * (scale.zero - scale.origin) / span
    up, down = shared[0] * np.exp(shared[2] * turn), shared[1] * np.exp(-shared[3] * turn)
    return {"A_up": up, "A_down": down, "gamma_up": float(shared[2]), "gamma_down": float(shared[3])}


MODELS = (
    FitModel(
        "exp-step",
        "exp-step",
        EXPONENTIAL,
        ("log_up", "log_down"),
        _start,
        _numbers,
        shared=("A_up", "A_down", "gamma_up", "gamma_down"),
        elsewhere=((0.4, 0.4, 0.5, 0.5), (0.05, 0.05, 3.0, 3.0)),
        widths=(2.0, 2.0, 10.0, 10.0),
        # Towards 1, A and a γ near 0 are a straight line, and neither means anything.
        limits=((-5.0, 0.9), (-5.0, 0.9), (-50.0, 50.0), (-50.0, 50.0)),
        fixed={"a": 1.0, "b": 0.0},
        needs_zero=True,
        constants=_constants,
        step_hangs_on=("A_up", "A_down"),
    ),
)
"""How it is fitted."""
