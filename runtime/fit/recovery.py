"""Known devices, measured by simulation and fitted: do the intervals hold what is true as often as they say?"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ohmflow.runtime.devices.registry import device_class
from ohmflow.runtime.fit.arrange import arrange
from ohmflow.runtime.fit.conclude import Concluded, Estimate, Nominal
from ohmflow.runtime.fit.fitting import fit
from ohmflow.runtime.fit.models.registry import fit_model
from ohmflow.runtime.fit.synthesis import Measurement, Plan, synthesise
from ohmflow.runtime.fit.trains import Trains

_SPREAD: dict[str, Any] = {
    "dw_min": 0.02,
    "dw_min_dtod": 0.2,
    "dw_min_ctoc": 0.3,
    "up_down": 0.1,
    "up_down_dtod": 0.05,
    "w_max": 1.0,
    "w_min": -1.0,
    "w_max_dtod": 0.1,
    "w_min_dtod": 0.1,
}
_GAMMAS: dict[str, Any] = {"gamma_up_dtod": 0.05, "gamma_down_dtod": 0.05}


@dataclass(frozen=True)
class Known:
    """A device whose parameters are known, and trains long enough to tell them.

    Attributes:
        model: how it is fitted, and what it is.
        parameters: true ones.
        pulses: of a train in each direction.
    """

    model: str
    parameters: dict[str, Any] = field(default_factory=dict)
    pulses: int = 250


KNOWN = {
    known.model: known
    for known in (
        Known("constant-step", _SPREAD, 300),
        Known("linear-step", _SPREAD | _GAMMAS | {"gamma_up": 0.4, "gamma_down": 0.6}, 300),
        Known("soft-bounds", _SPREAD),
        Known("soft-bounds/additive", _SPREAD | {"ctoc_additive": True}),
        Known(
            "exp-step",
            _SPREAD | {"A_up": 0.3, "A_down": 0.2, "gamma_up": 1.0, "gamma_down": 1.5, "a": 1.0, "b": 0.0},
            300,
        ),
        Known("pow-step", _SPREAD | _GAMMAS | {"gamma_up": 0.7, "gamma_down": 0.5}),
    )
}
"""Devices that are recovered, by the name of the model."""


def measured(known: Known, plan: Plan) -> Trains:
    """Measure a known device by simulation.

    Args:
        known: the device.
        plan: how; its pulses of a train are those of the device.
    """
    kind = device_class(fit_model(known.model).device)
    taken = synthesise(kind(kind.Parameters(**known.parameters)), plan)
    return trains_of(taken, plan.devices)


def trains_of(taken: Measurement, devices: int) -> Trains:
    """Make trains of a synthetic measurement, as if it had been read from a table of 0.1 pS."""
    names = tuple(map(str, range(devices)))
    up = (taken.direction > 0).astype(np.int64)
    return arrange(taken.device, names, taken.cycle, taken.pulse, up, taken.conductance, 1e-13)


def trial(known: Known, seed: int, devices: int = 16, cycles: int = 2, read_error: float = 5e-9) -> Concluded:
    """Measure a known device and fit it.

    Args:
        known: the device.
        seed: of devices, pulses and reads.
        devices: how many.
        cycles: trains up and down of each.
        read_error: of a read, siemens; the window is 1 µS.
    """
    plan = Plan(devices, cycles, known.pulses, known.pulses, read_error=read_error, seed=seed)
    return fit(fit_model(known.model), measured(known, plan), Nominal())


def held(known: Known, fitted: Concluded, read_error: float = 5e-9) -> dict[str, bool]:
    """Say of each number that was fitted whether its interval holds the true one.

    Args:
        known: the device.
        fitted: to a measurement of it.
        read_error: the true one, siemens.
    """
    window = Plan().window
    true: dict[str, float] = {k: float(v) for k, v in known.parameters.items()}
    true |= {"conductance.min": window[0], "conductance.max": window[1], "read_error": read_error}
    found: dict[str, Estimate] = fitted.parameters | {
        "conductance.min": fitted.g_min,
        "conductance.max": fitted.g_max,
        "read_error": fitted.read_error,
    }
    return {k: bool(e.low <= true[k] <= e.high) for k, e in found.items() if k in true and e.told}
