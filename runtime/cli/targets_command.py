"""`ohmflow targets list|show|check|validate|fit`."""

from typing import TYPE_CHECKING, Any

import click

from ohmflow.runtime.cli.fit_command import command as fit
from ohmflow.runtime.cli.options import echo_json, json_option, load_target
from ohmflow.runtime.cli.usage import CommandGroup

if TYPE_CHECKING:
    from ohmflow.targets.schema.target import Target
    from ohmflow.targets.validation import Comparison


@click.group("targets", cls=CommandGroup, short_help="List, show, check and validate targets.")
def command() -> None:
    """List, show and check targets, and compare them with what is published."""


command.add_command(fit)


@command.command("list")
@json_option
def list_targets(as_json: bool) -> None:
    """List the known targets."""
    from ohmflow.targets.registry import available

    found = available()
    if as_json:
        keys = ("name", "summary", "family")
        echo_json([{**{key: getattr(t, key) for key in keys}, "path": str(t.path)} for t in found])
        return
    width = max((len(t.name) for t in found), default=0)
    for family in sorted({info.family for info in found}):
        if family:
            click.echo(f"\n{family}:")
        for info in (info for info in found if info.family == family):
            click.echo(f"{info.name:<{width}}  {info.summary}")


@command.command("show", short_help="Show the values of a target.")
@click.argument("target")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value first.")
@json_option
def show(target: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show a target's values, what they rest on, and what is derived from them."""
    loaded = load_target(target, overrides)
    about = _describe(loaded)
    if as_json:
        echo_json(about)
        return
    _print(about)


@command.command("check", short_help="Find the mistakes of target files.")
@click.argument("targets", nargs=-1, required=True)
@json_option
def check(targets: tuple[str, ...], as_json: bool) -> None:
    """Check target files, by name or path; every mistake is reported with its line.

    The exit status is 2 if one of them is wrong.
    """
    from ohmflow.targets.errors import TargetError

    hashes: dict[str, str | None] = {}
    problems: dict[str, list[str]] = {}
    for name in targets:
        problems[name] = []
        try:
            hashes[name] = load_target(name, ()).content_hash
        except TargetError as error:
            hashes[name], problems[name] = None, error.problems
    if as_json:
        echo_json(
            {name: {"ok": not problems[name], "hash": hashes[name], "problems": problems[name]} for name in targets}
        )
    else:
        for name in targets:
            if not problems[name]:
                click.echo(f"{name}: sound, hash {str(hashes[name])[:12]}")
        faults = [problem for name in targets for problem in problems[name]]
        if faults:
            click.echo("error: " + "\n".join(faults), err=True)
    if any(problems.values()):
        click.get_current_context().exit(2)


@command.command("validate", short_help="Compare targets with what is published.")
@click.argument("targets", nargs=-1)
@json_option
def validate(targets: tuple[str, ...], as_json: bool) -> None:
    """Compare what targets say with what is published of them; all targets if none is named.

    Only rows that are predicted tell how good a model is. The exit status is 2 if a transcribed row differs from what
    it is transcribed from.
    """
    from ohmflow.runtime.cli.show_validation import as_data, show_comparisons
    from ohmflow.targets.registry import available
    from ohmflow.targets.validation import compare

    rows: dict[str, tuple[Comparison, ...]] = {}
    for name in targets or [info.name for info in available()]:
        rows[name] = compare(load_target(name, ()))
    if as_json:
        echo_json({name: [as_data(row) for row in found] for name, found in rows.items()})
    else:
        show_comparisons(rows)
    faults = [row for found in rows.values() for row in found if row.contradicts]
    if faults:
        click.echo("error: " + "\n".join(row.contradiction for row in faults), err=True)
        click.get_current_context().exit(2)


def _describe(target: "Target") -> dict[str, Any]:
    from ohmflow.runtime.cli.show_area import area_data
    from ohmflow.targets.area import area_tree
    from ohmflow.targets.costs import cost_table

    area = area_tree(target)
    low = {path for path, _, _ in target.low_confidence()}
    return {
        "name": target.name,
        "summary": target.summary,
        "hash": target.content_hash,
        "path": str(target.path),
        "values": [
            {"path": path, "value": o.text, "confidence": o.confidence, "source": o.source}
            for path, o in sorted(target.origins.items())
        ],
        "low_confidence": sorted(low),
        "costs": [
            {"component": component, "event": event, "joules": joules}
            for (component, event), joules in sorted(cost_table(target).items())
        ],
        "area": None if area is None else area_data(area),
        "executes": target.executes,
        "ageing": list(target.device.ageing),
        "not_modelled": list(target.not_modelled),
    }


def _print(about: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from ohmflow.runtime.cli.show import console
    from ohmflow.runtime.cli.show_area import area_table
    from ohmflow.runtime.cli.units import energy

    screen = console()
    screen.print(f"[bold]{escape(about['name'])}[/]  {escape(about['summary'])}")
    screen.print(f"[dim]{escape(about['path'])}, hash {about['hash'][:12]}[/]")
    values = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("Value", "", "Confidence", "Source"):
        values.add_column(name, overflow="fold", no_wrap=name != "Source")  # paths are to be copied whole
    for row in about["values"]:
        style = "yellow" if row["confidence"] == "low" else None
        values.add_row(row["path"], escape(row["value"]), row["confidence"], escape(row["source"] or "–"), style=style)
    screen.print(values)
    screen.print()
    costs = Table(box=None, pad_edge=False, header_style="bold", title="Energy of one event", title_justify="left")
    for name in ("Component", "Event", "Energy"):
        costs.add_column(name)
    for row in about["costs"]:
        text = "not modelled" if row["joules"] is None else energy(row["joules"])
        costs.add_row(row["component"], row["event"], text)
    screen.print(costs)
    if about["area"] is not None:
        screen.print()
        screen.print(area_table(about["area"]))
    if not about["executes"]:
        screen.print("Nothing can be executed on this target: it can be mapped, timed and costed.")
    if about["ageing"]:
        screen.print(
            f"Devices age ({', '.join(about['ageing'])}): runs depend on the clock, and so on where arrays are placed."
        )
    if about["not_modelled"]:
        screen.print(f"Not modelled: {', '.join(about['not_modelled'])}.")
