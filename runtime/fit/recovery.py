"""Known devices, measured by simulation and fitted: do the intervals hold what is true as often as they say?"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ohmflow.runtime.devices.registry import device_class
from ohmflow.runtime.fit.arrange import arrange
from ohmflow.runtime.fit.conclude import Concluded, Estimate
from ohmflow.runtime.fit.fitting import fit
from ohmflow.runtime.fit.models.registry import fit_model
from ohmflow.runtime.fit.step_shape import Shape
from ohmflow.runtime.fit.synthesis import Measurement, Plan, synthesise
from ohmflow.runtime.fit.trains import Trains
from ohmflow.runtime.fit.window import Nominal

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
_NODES: dict[str, Any] = {"nodes_up": (1.4, 1.1, 1.0, 0.7, 0.3), "nodes_down": (0.4, 0.7, 1.0, 1.0, 1.2)}
_LAW: dict[str, Any] = {
    "width_ns": 5.0,
    "amplitude_V": 10.0,
    "beta": 0.8,
    "hop_nm": 0.3,
    "electrolyte_nm": 10.0,
    "temperature_K": 300.0,
    "offset_V": 0.0,
}
_TABLE = Shape(
    np.array([_NODES["nodes_up"], _NODES["nodes_down"]]),
    np.array([[0.35, 0.33, 0.3, 0.25, 0.2], [0.3, 0.3, 0.35, 0.35, 0.4]]),
    np.array([0.6, 0.0]),
    np.array([0.8, 0.0]),
    np.zeros(2, np.int64),
).table(0.02, 1.0, -1.0)
_GAMMAS: dict[str, Any] = {"gamma_up_dtod": 0.05, "gamma_down_dtod": 0.05}


@dataclass(frozen=True)
class Known:
    """A device whose parameters are known, and trains long enough to tell them.

    Attributes:
        model: how it is fitted, and what it is.
        parameters: true ones.
        pulses: of a train in each direction.
        drives: width (s) and amplitude (V) of the pulses of each cycle; none if the device does not mind.
    """

    model: str
    parameters: dict[str, Any] = field(default_factory=dict)
    pulses: int = 250
    drives: tuple[tuple[float, float], ...] = ()


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
        Known(
            "soft-bounds-reference",
            _SPREAD
            | {"up_down_dtod": 0.0, "reference_mean": 0.0, "reference_std": 0.05, "subtract_symmetry_point": True},
        ),
        Known("piecewise-step", _SPREAD | _NODES, 350),
        Known("measured", {k: v for k, v in _SPREAD.items() if k != "dw_min_ctoc"} | {"table": _TABLE}, 350),
        Known(
            "protonic",
            _SPREAD | _GAMMAS | {"gamma_up": 0.4, "gamma_down": 0.6} | _LAW,
            250,
            ((5e-9, 10.0), (1e-8, 10.0), (5e-9, 9.0), (5e-9, 10.0)),
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


def true_numbers(known: Known) -> dict[str, float]:
    """The parameters of a known device that are numbers; those of its curves by place."""
    true: dict[str, float] = {}
    for name, value in known.parameters.items():
        if isinstance(value, tuple):
            true |= {f"{name}[{k}]": float(x) for k, x in enumerate(value)}
        elif not isinstance(value, dict):
            true[name] = float(value)
    return true


def trains_of(taken: Measurement, devices: int) -> Trains:
    """Make trains of a synthetic measurement, as if it had been read from a table of 0.1 pS."""
    names = tuple(map(str, range(devices)))
    up = (taken.direction > 0).astype(np.int64)
    drive = (None, None) if taken.drive is None else taken.drive.T
    return arrange(taken.device, names, taken.cycle, taken.pulse, up, taken.conductance, 1e-13, *drive)


def trial(known: Known, seed: int, devices: int = 16, cycles: int = 2, read_error: float = 5e-9) -> Concluded:
    """Measure a known device and fit it.

    Args:
        known: the device.
        seed: of devices, pulses and reads.
        devices: how many.
        cycles: trains up and down of each.
        read_error: of a read, siemens; the window is 1 µS.
    """
    count = len(known.drives) or cycles
    plan = Plan(devices, count, known.pulses, known.pulses, read_error=read_error, seed=seed, drives=known.drives)
    return fit(fit_model(known.model), measured(known, plan), Nominal())


def held(known: Known, fitted: Concluded, read_error: float = 5e-9) -> dict[str, bool]:
    """Say of each number that was fitted whether its interval holds the true one.

    Args:
        known: the device.
        fitted: to a measurement of it.
        read_error: the true one, siemens.
    """
    window = Plan().window
    true = true_numbers(known) | {"conductance.min": window[0], "conductance.max": window[1], "read_error": read_error}
    found: dict[str, Estimate] = fitted.parameters | {
        "conductance.min": fitted.g_min,
        "conductance.max": fitted.g_max,
        "read_error": fitted.read_error,
    }
    return {k: bool(e.low <= true[k] <= e.high) for k, e in found.items() if k in true and e.told}
