"""`ohmflow targets fit`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ohmflow.runtime.cli.options import echo_json, json_option

if TYPE_CHECKING:
    from ohmflow.runtime.fit.conclude import Estimate
    from ohmflow.runtime.fit.study import Study
    from ohmflow.runtime.fit.window import Nominal


@click.command("fit", short_help="Fit device models to measured pulse trains.")
@click.argument("pulses", type=click.Path(path_type=Path), metavar="PULSES.csv")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.yaml", help="Write a target there.")
@click.option("--draw", "picture", type=click.Path(path_type=Path), metavar="FILE.svg", help="Draw measured and model.")
@click.option("--extends", "base", default="rpu-2016", show_default=True, help="Target that has all but the device.")
@click.option(
    "--model", "models", multiple=True, metavar="NAME", help="Fit this model; may be repeated.  [default: all]"
)
@click.option("--unit", metavar="UNIT", help="Of the conductances, such as uS, if no column's name says it.")
@click.option("--w-max", type=float, default=1.0, show_default=True, help="Weight at the mean upper bound.")
@click.option("--w-min", type=float, default=-1.0, show_default=True, help="Weight at the mean lower bound.")
@click.option("--window", metavar="LOW:HIGH", help="Conductances at w-min and w-max, such as 0.1uS:1.2uS, if known.")
@json_option
def command(
    pulses: Path,
    output: Path | None,
    picture: Path | None,
    base: str,
    models: tuple[str, ...],
    unit: str | None,
    w_max: float,
    w_min: float,
    window: str | None,
    as_json: bool,
) -> None:
    """Fit device models to PULSES.csv, a table of pulse trains up and down.

    Columns: device, cycle, pulse (of the train, from 1; 0 is a read before it), direction (up or down), conductance_uS
    or in another unit. Every number comes with a 95 % interval; models are compared by how well they foretell what was
    held out.
    """
    from ohmflow.runtime.fit.models.registry import fit_model
    from ohmflow.runtime.fit.study import study
    from ohmflow.runtime.fit.table import read_trains

    nominal = _nominal(w_max, w_min, window)
    chosen = tuple(fit_model(name) for name in dict.fromkeys(models)) or None
    _check_places(output, picture)
    found = study(pulses, read_trains(pulses, unit), nominal, chosen)
    written = _write(found, output, base) if output is not None else None
    if picture is not None:
        from ohmflow.runtime.fit.picture import write

        write(found, picture)
    if as_json:
        from ohmflow.runtime.fit.as_json import study_json

        echo_json(study_json(found) | {"output": written})
        return
    _print(found)
    if written is not None:
        click.echo(f"Written: {written}, sound; it extends {base}")
    if picture is not None:
        click.echo(f"Drawn: {picture}")


def _nominal(w_max: float, w_min: float, window: str | None) -> "Nominal":
    from ohmflow.runtime.fit.window import Nominal
    from ohmflow.targets.errors import QuantityError
    from ohmflow.targets.quantity import Quantity

    for name, value, right in (("--w-max", w_max, 0.0 < w_max < 1e6), ("--w-min", w_min, -1e6 < w_min < 0.0)):
        if not right:
            side = "above" if name == "--w-max" else "below"
            raise click.UsageError(f"{name}: must be {side} 0 and finite, not {value:g}; leave it out")
    if window is None:
        return Nominal(w_max, w_min)
    try:
        parts = [Quantity.parse(part) for part in window.split(":")]
        low, high = (part.to("S") for part in parts)
    except (QuantityError, ValueError):
        low = high = 0.0
    if not 0.0 <= low < high:
        raise click.UsageError(f"--window: must be two rising conductances, not '{window}'; write 0.1uS:1.2uS")
    return Nominal(w_max, w_min, (low, high))


def _check_places(output: Path | None, picture: Path | None) -> None:
    for option, file, suffix in (("-o", output, ".yaml"), ("--draw", picture, ".svg")):
        if file is None:
            continue
        if file.suffix.lower() != suffix:
            raise click.UsageError(
                f"{option} {file}: must be a file that ends in {suffix}, not '{file.suffix}'; rename it"
            )
        if file.is_dir() or not file.parent.is_dir():
            raise click.UsageError(f"{option} {file}: must be a file in a folder that exists; give another name")


def _write(found: "Study", output: Path, base: str) -> str:
    from ohmflow.runtime.fit.target_file import check, fingerprint, target_text
    from ohmflow.runtime.training.atomic import replace_text

    text = target_text(found.best.fitted, output.stem, base, found.file.name, fingerprint(found.file))
    check(text, output.stem, output.parent)
    replace_text(output, text)
    return str(output)


def _print(found: "Study") -> None:
    from rich.markup import escape
    from rich.table import Table

    from ohmflow.runtime.cli.show import console

    screen = console()
    trains, best = found.trains, found.best
    devices = "1 device" if trains.devices == 1 else f"{trains.devices} devices"
    cycles = "1 cycle" if trains.cycles == 1 else f"{trains.cycles} cycles"
    screen.print(f"[bold]{escape(found.file.name)}[/]  {devices}, {cycles} or more each, {trains.y.size:,} reads")
    if len(found.candidates) > 1:
        if best.held_out is None:
            screen.print("[dim]Nothing can be held out (one cycle of fewer than four devices): compared by AIC/2.[/]")
        else:
            screen.print(f"[dim]Held out: {found.held_out}, {best.held_out.reads:,} reads.[/]")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("Model", "Log likelihood a read", "Behind by"):
            table.add_column(name, justify="left" if name == "Model" else "right")
        for c in found.candidates:
            reads = trains.y.size if c.held_out is None else c.held_out.reads
            table.add_row(c.model.name, f"{c.merit / reads:.4f}", f"{best.merit - c.merit:.1f}")
        screen.print(table)
        for c in found.candidates[1:]:
            if c.merit > best.merit:
                screen.print(f"[dim]{c.model.name} foretells better, but these trains do not tell its step.[/]")
        screen.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (best.model.name, "Most likely", "95 % interval", ""):
        table.add_column(name, justify="right" if name == "Most likely" else "left")
    for name, e in best.fitted.parameters.items():
        table.add_row(name, f"{e.value:.5g}", _interval(e, 1.0), f"[dim]{escape(e.note)}[/]")
    for name, e in (
        ("conductance.min, nS", best.fitted.g_min),
        ("conductance.max, nS", best.fitted.g_max),
        ("error of a read, nS", best.fitted.read_error),
    ):
        table.add_row(name, f"{1e9 * e.value:.5g}", _interval(e, 1e9), f"[dim]{escape(e.note)}[/]")
    screen.print(table)
    if not best.fitted.likely.converged:
        screen.print("[yellow]The search did not end by itself: mind the intervals.[/]")


def _interval(e: "Estimate", factor: float) -> str:
    return f"{factor * e.low:.4g} to {factor * e.high:.4g}" if e.told else "–"
