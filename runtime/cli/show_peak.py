"""Peak power in a line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from ohmflow.runtime.cli.units import scaled, time_text
from ohmflow.runtime.trace.power_files import JSON


def peak_line(told: Mapping[str, Any]) -> str:
    """Say the peaks, over what time each is a mean, and of what step.

    Args:
        told: what `power_json` gives.
    """
    peaks = told["peaks"]
    first, *others = (
        f"{scaled(peak['watts'], 'W')} over {time_text(peak['length_seconds'])}"
        for peak in (peaks["bin"], peaks["window"], peaks["cycle"])
    )
    batch, asked = told["batch"], told["batch_asked"]
    samples = f" of {batch:,} sample{'' if batch == 1 else 's'}" if batch else ""
    fewer = f" (of {asked:,} are too much to look at)" if asked > batch else ""
    return f"Peak power [bold]{first}[/], {', '.join(others)}, in a {told['entry']}{samples}{fewer}"


def show_peak(folder: Path, screen: Console) -> None:
    """Print the peak power of a run's step, where its folder has it."""
    file = folder / JSON
    if file.is_file():
        screen.print(peak_line(json.loads(file.read_text(encoding="utf-8"))))
