"""What is seen of devices, as JSON."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.device_view.ageing import AgeingView
from ohmflow.runtime.device_view.bench import Trace
from ohmflow.runtime.device_view.view import DeviceView, StepCurve, StepFigures

Floats = npt.NDArray[np.float64]


def view_json(view: DeviceView) -> dict[str, Any]:
    """Return the figures of a view, and its curves over all devices; weights in device units, steps over dw_min."""
    up, down = view.step_figures
    settled, states = view.settled, view.states[np.isfinite(view.states)]
    return {
        "target": view.target,
        "model": view.model,
        "parameters": view.parameters,
        "conductance_siemens": None if view.window is None else list(view.window),
        "devices": view.options.devices,
        "seed": view.options.seed,
        "pulses": view.pulses,
        "dw_min": view.dw_min,
        "step_up": _figures(up),
        "step_down": _figures(down),
        "states": {"median": float(np.median(states)) if states.size else None},
        "bounds": {"low": _spread(view.low), "high": _spread(view.high)},
        "symmetry_point": {"devices": int(settled.size)} | (_spread(settled) if settled.size else {}),
        "half_select_step": view.half_select,
        "curves": {
            "swing": _trace(view.swing),
            "alternating_from_high": _trace(view.above),
            "alternating_from_low": _trace(view.below),
            "half_selected_up": _trace(view.half_up),
            "half_selected_down": _trace(view.half_down),
            "step_up": _curve(view.curves[0]),
            "step_down": _curve(view.curves[1]),
        },
        "ageing": None if view.ageing is None else _ageing(view.ageing),
        "endurance": None if view.endurance is None else dict(zip(("pulses", "beyond"), view.endurance, strict=True)),
        "not_modelled": list(view.not_modelled),
    }


def _figures(figures: StepFigures) -> dict[str, float]:
    return {"mean": figures.mean, "dtod": figures.dtod, "ctoc": figures.ctoc}


def _ageing(ageing: AgeingView) -> dict[str, Any]:
    """Weights against time, and the half-life of the devices that have one."""
    lives = ageing.half_life[np.isfinite(ageing.half_life)]
    curves = {}
    for name, waiting in (("high", ageing.high), ("low", ageing.low)):
        low, high = np.quantile(waiting.w, (0.1, 0.9), axis=1)
        mean = waiting.w.mean(axis=1)
        curves[name] = {
            "start": waiting.start,
            "mean": mean.tolist(),
            "low": low.tolist(),
            "high": high.tolist(),
        }
    return {
        "seconds": ageing.seconds.tolist(),
        **curves,
        "half_life_seconds": {"devices": int(lives.size), "median": float(np.median(lives)) if lives.size else None},
    }


def _spread(values: Floats) -> dict[str, float]:
    return {"mean": float(values.mean()), "deviation": float(values.std())}


def _trace(trace: Trace) -> dict[str, list[float]]:
    low, high = np.quantile(trace.w, (0.1, 0.9), axis=1)
    mean = trace.w.mean(axis=1)
    return {"pulses": trace.pulses.tolist(), "mean": mean.tolist(), "low": low.tolist(), "high": high.tolist()}


def _curve(curve: StepCurve) -> dict[str, list[float]]:
    known = np.isfinite(curve.step)
    return {"w": curve.w[known].tolist(), "step": curve.step[known].tolist()}
