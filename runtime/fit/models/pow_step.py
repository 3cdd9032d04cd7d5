"""`pow-step`: Δ+ = s₊·ω^γ₊·(1 + ctoc·ξ), Δ− = s₋·(1 − ω)^γ₋·(1 + ctoc·ξ), ω the share of the range above the state.

A device's own: log s₊, log s₋ (at the bounds that pulses move away from), γ₊, γ₋, and its bounds.
"""

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.filter_kernel import POWER
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn, log_steps

Floats = npt.NDArray[np.float64]


def _start(look: FirstLook) -> tuple[Floats, Floats]:
    half = np.maximum((look.high - look.low) / 2.0, 1e-3)
    gamma = np.clip([-look.slope[1] * half / look.step[1], -look.slope[0] * half / look.step[0]], 0.2, 2.0)
    return np.concatenate([log_steps(look) + np.log(2.0) * gamma.T, gamma.T], axis=1), np.zeros(0)


def _numbers(own: Floats, bounds: Floats, shared: Floats, scale: Scale) -> dict[str, Floats]:
    del bounds, shared
    steps = drawn(np.exp(own[:, 0]), np.exp(own[:, 1]), scale)
    return steps | {"gamma_up": own[:, 2], "gamma_down": own[:, 3]}


_OWN = ("log_up", "log_down", "gamma_up", "gamma_down")
_SPREADS = {"gamma_up": "gamma_up_dtod", "gamma_down": "gamma_down_dtod"}

MODELS = (FitModel("pow-step", "pow-step", POWER, _OWN, _start, _numbers, spread_of=_SPREADS),)
"""How it is fitted."""
