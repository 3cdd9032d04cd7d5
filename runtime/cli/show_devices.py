"""What time and use did to the devices of a run, for the screen."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from ohmflow.runtime.cli.units import percent, time_text


def show_devices(summary: Mapping[str, Any], screen: Console) -> None:
    """Print which laws weights followed as time passed, and how devices were worn; nothing if neither is modelled.

    Args:
        summary: of a training.
        screen: where to print.
    """
    if summary["ageing"]:
        laws = ", ".join(summary["ageing"])
        screen.print(f"Devices aged as time passed ({laws}): the result depends on where arrays are placed.")
    wear = summary["wear"]
    if wear is None:
        return
    screen.print(
        f"Devices took {wear['pulses_mean']:.3g} pulses on average and {wear['pulses_max']:,} at most; "
        f"{wear['worn']:,} of {wear['devices']:,} ({percent(wear['worn'] / max(wear['devices'], 1))}) are worn."
    )
    if wear["first"]["steps"] is not None:
        screen.print(
            f"At this rate the first is worn after {_training(wear['first'])}, one in hundred after "
            f"{_training(wear['one_percent'])}."
        )


def _training(life: Mapping[str, float | None]) -> str:
    if life["steps"] is None:
        return "no training at all"
    steps = f"{life['steps']:.3g} steps"
    return steps if life["seconds"] is None else f"{steps}, {time_text(life['seconds'])} of the chip"
