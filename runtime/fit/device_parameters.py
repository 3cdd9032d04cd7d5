"""A fitted device model as the parameters of the device, whole: curves put together, flags, the table."""

import re
from typing import Any

from ohmflow.runtime.fit.conclude import Concluded, Estimate

FLAGS = ("ctoc_additive", "subtract_symmetry_point")
"""Parameters that are true or false; among estimates they are 1 and 0."""


def curves(fitted: Concluded) -> dict[str, list[Estimate]]:
    """Estimates of curves, by name: those that are called `name[0]`, `name[1]` and so on."""
    found: dict[str, list[Estimate]] = {}
    for key, estimate in fitted.parameters.items():
        part = re.fullmatch(r"(\w+)\[\d+\]", key)
        if part:
            found.setdefault(part[1], []).append(estimate)
    return found


def table(fitted: Concluded) -> dict[str, Any] | None:
    """The table of steps, for a device that takes one."""
    if fitted.shape is None:
        return None
    values = {name: fitted.parameters[name].value for name in ("dw_min", "w_max", "w_min")}
    return fitted.shape.table(**values)


def device_parameters(fitted: Concluded) -> dict[str, Any]:
    """Parameters to make the device of.

    Args:
        fitted: the model.
    """
    found: dict[str, Any] = {
        key: bool(e.value) if key in FLAGS else e.value for key, e in fitted.parameters.items() if "[" not in key
    }
    found |= {name: tuple(e.value for e in nodes) for name, nodes in curves(fitted).items()}
    steps = table(fitted)
    if steps is not None:
        found["table"] = steps
    # A device takes no asymmetry beyond ±2; a poor fit may.
    if "up_down" in found:
        found["up_down"] = min(max(found["up_down"], -2.0), 2.0)
    return found
