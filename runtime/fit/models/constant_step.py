"""`constant-step`: Δ± = s±·(1 + ctoc·ξ). A device's own: log s₊, log s₋, and its bounds, if the train reaches them."""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import CONSTANT
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn, log_steps

Floats = npt.NDArray[np.float64]


def _start(look: FirstLook) -> tuple[Floats, Floats]:
    return log_steps(look), np.zeros(0)


def _numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    del bounds, shared
    return drawn(np.exp(own[:, 0]), np.exp(own[:, 1]), scale)


MODELS = (
    FitModel("constant-step", "constant-step", CONSTANT, ("log_up", "log_down"), _start, _numbers, hard_bounded=True),
)
"""How it is fitted."""
