"""`power.csv` and `power.json`: the power of a step over time; `docs/run-folder.md` says what they hold."""

import csv
import io
import json
from typing import Any

from ohmflow.runtime.trace.power import Peak, PowerTrace
from ohmflow.runtime.trace.step_power import StepPower

CSV, JSON = "power.csv", "power.json"


def power_csv(power: PowerTrace) -> str:
    """One row a bin: where it begins, its length, its mean power, and that of each component.

    Args:
        power: of a step.

    Returns:
        Text with columns `cycle`, `cycles`, `time_s`, `power_w`, and a `NAME_w` for each component.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    by = power.by("component")
    seconds, edges = power.seconds.tolist(), power.edges.tolist()
    writer.writerow(["cycle", "cycles", "time_s", "power_w", *(f"{name}_w" for name in by)])
    columns = [power.total, *by.values()]
    for k, length in enumerate(seconds):
        watts = [repr(float(column[k]) / length) for column in columns]
        writer.writerow([edges[k], edges[k + 1] - edges[k], repr(edges[k] / power.clock_hz), *watts])
    return out.getvalue()


def power_json(step: StepPower, bins: bool = True) -> dict[str, Any]:
    """The power of a step as plain JSON values.

    Args:
        step: whose power.
        bins: whether to list the bins.

    Returns:
        What it is of, its peaks with where they are, energies and the mean; joules of each bin by component.
    """
    power = step.power
    by = power.by("component")
    found: dict[str, Any] = {
        "model": step.model,
        "target": step.target,
        "entry": step.entry,
        "batch": step.batch,
        "batch_asked": step.asked,
        "cycles": power.cycles,
        "clock_hz": power.clock_hz,
        "seconds": power.cycles / power.clock_hz,
        "energy_joules": float(power.total.sum()),
        "energy_by_component": {name: float(joules.sum()) for name, joules in by.items()},
        "mean_watts": power.mean_watts,
        "bin_cycles": power.width,
        "bin_seconds": power.width / power.clock_hz,
        "peaks": {
            "bin": _peak(power, power.peak),
            "window": _peak(power, power.window),
            "cycle": _peak(power, power.cycle),
        },
    }
    if bins:
        found["bins"] = {
            "cycle": power.edges[:-1].tolist(),
            "watts": power.watts.tolist(),
            "watts_by_component": {name: (joules / power.seconds).tolist() for name, joules in by.items()},
        }
    return found


def power_text(step: StepPower) -> str:
    """`power.json` as text."""
    return json.dumps(power_json(step), indent=None, separators=(", ", ": "), allow_nan=False) + "\n"


def _peak(power: PowerTrace, peak: Peak) -> dict[str, Any]:
    return {
        "watts": peak.watts,
        "begin_cycle": peak.begin,
        "end_cycle": peak.end,
        "begin_seconds": peak.begin / power.clock_hz,
        "length_seconds": (peak.end - peak.begin) / power.clock_hz,
    }
