"""What a run did to the devices by use: pulses, worn devices, and how long until the first ones fail."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.crossbar.wear import Wear
from ohmflow.runtime.machine.machine import Machine

_SOON = 0.01
"""Share of devices whose failure is told of beside the first one's."""


def wear_facts(machine: Machine, steps: int) -> dict[str, Any] | None:
    """Sum up the pulses of a run.

    Args:
        machine: that ran.
        steps: training steps that it did.

    Returns:
        None where the target has no `device.endurance`. Else `limit`, `beyond` as the target gives them; for all
        devices together and, under `arrays`, for each array by name: `devices`, `pulses_max`, `pulses_mean`, `worn`
        (devices at their limit), and `first` and `one_percent`: the training until the first device or one device in
        hundred is worn, as `steps` and simulated `seconds` from the start, if devices go on being pulsed at the mean
        rate of the run so far. Null where nothing was pulsed, or (seconds) on a target without time.
    """
    law = machine.target.device.endurance
    kept = {array.name: array.wear for array in machine.values.arrays if array.wear is not None}
    if law is None:
        return None
    facts: dict[str, Any] = {"limit": law.pulses.si, "beyond": law.beyond}
    facts |= _told(list(kept.values()), steps, machine.seconds)
    facts["arrays"] = {name: _told([wear], steps, machine.seconds) for name, wear in kept.items()}
    return facts


def _told(wears: list[Wear], steps: int, seconds: float | None) -> dict[str, Any]:
    pulses = np.concatenate([wear.pulses.ravel() for wear in wears]) if wears else np.zeros(0, np.uint32)
    limits = np.concatenate([wear.limit.ravel() for wear in wears]) if wears else np.zeros(0)
    number = int(pulses.size)
    # Lives as multiples of the run so far; a device that was never pulsed lives for ever.
    with np.errstate(divide="ignore"):
        lives = limits / pulses
    return {
        "devices": number,
        "pulses_max": int(pulses.max()) if number else 0,
        "pulses_mean": float(pulses.mean()) if number else 0.0,
        "worn": int(np.count_nonzero(pulses >= limits)),
        "first": _training(lives, 1, steps, seconds),
        "one_percent": _training(lives, -int(-number * _SOON // 1), steps, seconds),
    }


def _training(lives: NDArray[np.float64], rank: int, steps: int, seconds: float | None) -> dict[str, float | None]:
    """The training until `rank` devices are worn."""
    life = float(np.partition(lives, rank - 1)[rank - 1]) if 0 < rank <= lives.size else float("inf")
    if not np.isfinite(life):
        return {"steps": None, "seconds": None}
    return {"steps": life * steps, "seconds": None if seconds is None else life * seconds}
