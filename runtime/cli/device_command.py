"""`ohmflow device`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ohmflow.runtime.cli.options import echo_json, json_option, load_target

if TYPE_CHECKING:
    from ohmflow.runtime.device_view.view import DeviceView


@click.command("device", short_help="Show what the devices of a target do under pulses.")
@click.argument("target")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value first.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw it there.")
@click.option("--devices", type=int, default=200, show_default=True, help="How many devices.")
@click.option("--pulses", type=int, help="Pulses of a train in one direction.  [default: a full swing, at most 3000]")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of devices and pulses.")
@json_option
def command(
    target: str,
    overrides: tuple[str, ...],
    output: Path | None,
    devices: int,
    pulses: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Show what the devices of a target do under pulses.

    Trains up and down, steps and their spread, symmetry point, bounds, half-selected devices, weights that are left
    alone: measured on the arrays with which trainings compute.
    """
    from ohmflow.runtime.device_view.bench import ViewOptions
    from ohmflow.runtime.device_view.view import examine

    options = ViewOptions(devices, pulses, seed)
    if output is not None:
        from ohmflow.runtime.device_view.picture import check_place

        check_place(output)
    view = examine(load_target(target, overrides), options)
    if output is not None:
        from ohmflow.runtime.device_view.picture import write

        write(view, output)
    if as_json:
        from ohmflow.runtime.device_view.as_json import view_json

        echo_json(view_json(view))
        return
    _print(view)
    if output is not None:
        click.echo(f"Drawn: {output}")


def _print(view: "DeviceView") -> None:
    import numpy as np
    from rich.markup import escape
    from rich.table import Table

    from ohmflow.runtime.cli.show import console
    from ohmflow.runtime.cli.units import time_text

    screen = console()
    screen.print(f"[bold]{escape(view.target)}[/]  {escape(view.model)}")
    told = f"{view.options.devices} devices, seed {view.options.seed}, trains of {view.pulses} pulses"
    screen.print(f"[dim]{told}; weights in device units, dw_min {view.dw_min:g}[/]")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("From w = 0")
    for name in ("Step / dw_min", "Between devices", "Between pulses"):
        table.add_column(name, justify="right")
    for name, figures in zip(("up", "down"), view.step_figures, strict=True):
        table.add_row(name, f"{figures.mean:.3f}", f"{figures.dtod:.3f}", f"{100 * figures.ctoc:.1f} %")
    screen.print(table)
    for name, values in (("Lower bound", view.low), ("Upper bound", view.high)):
        screen.print(f"{name}: {values.mean():.4g} ± {values.std():.2g}")
    screen.print(f"States: {np.median(view.states):.0f} (median of range / mean step)")
    settled, number = view.settled, view.symmetry.size
    if settled.size:
        where = f"{round(float(settled.mean()), 4) + 0.0:.4f} ± {settled.std():.2g}"
        screen.print(f"Symmetry point: {where}, of {settled.size} of {number} devices")
    else:
        screen.print(f"Symmetry point: none of {number} devices settles between its bounds under these pulses")
    if view.half_select:
        up, down = (float(t.w[-1].mean()) for t in (view.half_up, view.half_down))
        moved = f"{view.pulses} pulses move w from 0 to {up:.3g}, or {down:.3g}"
        screen.print(f"Half-selected: {view.half_select:.3g} of a step; {moved}")
    else:
        screen.print("Half-selected devices do not move.")
    if view.ageing is not None:
        begun, left = float(view.ageing.high.w[0].mean()), float(view.ageing.high.w[-1].mean())
        told = f"Left alone: {begun:.3g} becomes {left:.3g} in {time_text(float(view.ageing.seconds[-1]))}"
        lives = view.ageing.half_life[np.isfinite(view.ageing.half_life)]
        if lives.size:
            told += f"; half of the way to rest takes {time_text(float(np.median(lives)))} (median)"
        screen.print(told)
    if view.endurance is not None:
        pulses, beyond = view.endurance
        said = "no longer moves" if beyond == "stuck" else "is counted as worn"
        screen.print(f"Endurance: after {pulses:.3g} whole pulses a device {said}")
    screen.print(f"[dim]Not modelled: {', '.join(view.not_modelled)}.[/]")
