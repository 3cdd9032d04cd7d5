"""What a person sees of an estimate: assumptions, area, time and energy by phase and layer, use, what is uncertain."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ohmflow.runtime.cli.show import console
from ohmflow.runtime.cli.show_memory import show_memory
from ohmflow.runtime.cli.show_peak import peak_line
from ohmflow.runtime.cli.units import bar, energy, percent, scaled, time_text
from ohmflow.runtime.estimate.assumptions import WINDOWS
from ohmflow.runtime.estimate.layers import Layer
from ohmflow.runtime.estimate.memory import memories
from ohmflow.runtime.estimate.replay import ON_CROSSBARS
from ohmflow.runtime.estimate.result import Estimate

_MOST_LAYERS = 24
"""Rows of a table of layers; --json has all."""

_ORDER = ("forward", "backward", "update", "transfer", "program", "evaluation", "idle")
"""Phases as a person meets them."""


def show_estimate(estimate: Estimate, peak: Mapping[str, Any] | None = None) -> None:
    """Print an estimate on stdout.

    Args:
        estimate: to print.
        peak: of the power, what `power_json` gives.
    """
    screen = console()
    _head(screen, estimate, peak)
    if estimate.has_nothing:
        screen.print(
            f"{escape(estimate.target.name)} has no time and no energy, so there is nothing to estimate: "
            f"{', '.join(estimate.not_modelled)} are not modelled."
        )
        return
    for make in (_against_run, _assumptions, _recorded, _area, _phases, _layers, _use):
        table = make(estimate)
        if table is not None:
            screen.print(table)
            screen.print()
    _rest(screen, estimate)


def _head(screen: Console, estimate: Estimate, peak: Mapping[str, Any] | None) -> None:
    model, target = escape(str(estimate.program.manifest["model"])), escape(estimate.target.name)
    screen.print(
        f"[bold]{model}[/] on [bold]{target}[/]: {estimate.weights:,} weights in {len(estimate.program.arrays)} arrays "
        f"on {estimate.tiles} tile{'s' if estimate.tiles != 1 else ''}"
    )
    work = estimate.work
    if estimate.has_nothing:
        return
    batches = ", ".join(f"{e.times:,} × {e.entry} of {e.batch}" for e in work.executions)
    screen.print(f"{estimate.phase}, {work.samples:,} sample{'s' if work.samples != 1 else ''}: {batches}", style="dim")
    if work.seconds is not None:
        a_sample = time_text(work.seconds / work.samples)
        screen.print(f"Time [bold]{time_text(work.seconds)}[/] ({work.cycles:,} cycles), [bold]{a_sample}[/] a sample")
        if work.reused and work.cycles:
            screen.print(
                f"{percent(work.reused / work.cycles)} of the cycles repeat others, and were reused.", style="dim"
            )
    if work.joules is not None:
        leak = f", {percent(estimate.leakage)} of it leakage" if estimate.leakage is not None else ""
        rest = f" ({percent(estimate.leakage_of_rest)} of units not in use)" if estimate.leakage_of_rest else ""
        a_sample = energy(work.joules / work.samples)
        screen.print(f"Energy [bold]{energy(work.joules)}[/], [bold]{a_sample}[/] a sample{leak}{rest}")
    if work.watts is not None:
        screen.print(f"Power [bold]{scaled(work.watts, 'W')}[/] on average")
    if peak is not None:
        screen.print(peak_line(peak))
    once = estimate.once
    if once.seconds is not None and once.joules is not None:
        screen.print(f"Programming the chip once takes {time_text(once.seconds)} and {energy(once.joules)} more.")
    if estimate.recorded:
        screen.print(
            f"Counts and cycles are those of {escape(estimate.recorded)}. Below, how far the clock and ledger are from "
            "them with mean counts of the run, and with assumptions instead."
        )
    screen.print()


def _table(title: str, *columns: tuple[str, bool]) -> Table:
    """A plain table; columns are (header, whether it holds numbers)."""
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold", title=title, title_justify="left")
    for header, is_number in columns:
        table.add_column(header, justify="right" if is_number else "left", no_wrap=is_number)
    return table


def _against_run(estimate: Estimate) -> Table | None:
    """How far the clock and the ledger are from the run with its mean counts, and with the assumptions."""
    run, means, assumed = estimate.work, estimate.means, estimate.assumed
    if means is None or assumed is None or not run.cycles:
        return None
    table = _table("The run", ("", False), ("", True), ("Its mean counts", True), ("Assumptions", True))

    def row(name: str, text: str, exact: float, *others: float) -> None:
        table.add_row(name, text, *(f"{other / exact - 1:+.2%}" if exact else "" for other in others))

    row("cycles", f"{run.cycles:,}", run.cycles, means.cycles or 0, assumed.cycles or 0)
    parts = [part.bill.by("component") for part in (run, means, assumed)]
    row("energy", energy(sum(parts[0].values())), *(sum(p.values()) for p in parts))
    without = [sum(p.values()) - p.get("leakage", 0.0) for p in parts]
    row("  without leakage", energy(without[0]), *without)
    for name in ON_CROSSBARS:
        if parts[0].get(name):
            row(f"  {name}", energy(parts[0][name]), *(p.get(name, 0.0) for p in parts))
    return table


def _assumptions(estimate: Estimate) -> Table | None:
    """Values that hold for many arrays, one a row, with what they are."""
    rows = [row for row in estimate.assumptions if row.origin != "recorded"]
    if not rows:
        return None
    table = _table(
        "Assumptions (--assume NAME=VALUE changes one)",
        ("Name", False),
        ("Value", True),
        ("", False),
        ("What it is", False),
    )
    for row in rows:
        name = row.about.name + (f"@{row.array}" if row.array else "")
        value = "–" if row.value is None else f"{row.value:.4g}"
        about = {"": row.about.about, WINDOWS: "the same of convolutions"}.get(row.array, row.origin)
        table.add_row(escape(name), value, row.about.unit, escape(about))
    return table


def _recorded(estimate: Estimate) -> Table | None:
    """Recorded means: a row per array and phase, a column per name."""
    rows = [row for row in estimate.assumptions if row.origin == "recorded" and row.value is not None]
    if not rows:
        return None
    names = list(dict.fromkeys(row.about.name.removeprefix("error-") for row in rows))
    short = {name: name.replace("coincidence", "both") for name in names}
    table = _table("Mean counts of the run", ("Array", False), ("Phase", False), *((short[n], True) for n in names))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        cells.setdefault((row.array, row.phase), {})[row.about.name.removeprefix("error-")] = f"{row.value:.3g}"
    order = {a.name: k for k, a in enumerate(estimate.program.arrays)}
    places = sorted(cells, key=lambda place: (order[place[0]], _ORDER.index(place[1])))
    for array, phase in places[:_MOST_LAYERS]:
        table.add_row(escape(array), phase, *(cells[array, phase].get(name, "") for name in names))
    if len(places) > _MOST_LAYERS:
        table.add_row(f"{len(places) - _MOST_LAYERS} more", "--json has all")
    return table


def _area(estimate: Estimate) -> Table | None:
    tree = estimate.area
    if tree is None:
        return None
    title = f"Area, {tree.total_mm2:.4g} mm²" + (" without what is missing" if tree.missing else "")
    table = _table(title, ("Part", False), ("Count", True), ("One, mm²", True), ("Of the chip", True), ("", False))
    counts: list[int] = []
    for depth, node in tree.walk():
        counts = [*counts[:depth], (counts[depth - 1] if depth else 1) * node.count]
        unknown = bool(node.missing) and not node.parts
        part = node.each_mm2 * counts[-1] / tree.total_mm2 if tree.total_mm2 else 0.0
        notes = "not modelled" if unknown else "low confidence" if node.confidence == "low" and not node.parts else ""
        table.add_row(
            "  " * depth + node.name,
            f"{node.count:,}",
            "–" if unknown else f"{node.each_mm2:.4g}",
            "–" if unknown else percent(part),
            f"[dim]{notes}[/]",
        )
    return table


def _phases(estimate: Estimate) -> Table:
    """Time and energy of a sample, by phase."""
    work, n = estimate.work, estimate.work.samples
    seconds = work.phase_seconds()
    joules = work.bill.by("phase")
    table = _table(
        "A sample, by phase (time: mean over the tiles in use)",
        ("Phase", False),
        ("Time", True),
        ("Energy", True),
        ("", False),
        ("Without leakage", True),
    )
    leaked = {row.phase: 0.0 for row in work.bill.rows}
    for row in work.bill.rows:
        if row.component == "leakage" and row.energy is not None:
            leaked[row.phase] += row.energy
    for phase in (p for p in _ORDER if p in seconds or p in joules):
        own = joules.get(phase, 0.0)
        table.add_row(
            phase,
            time_text(seconds.get(phase, 0.0) / n),
            energy(own / n),
            bar(own / work.joules if work.joules else 0.0, 10),
            energy((own - leaked.get(phase, 0.0)) / n),
        )
    return table


def _layers(estimate: Estimate) -> Table:
    """Energy and busy time of a sample, by array and digital segment."""
    work, n, clock = estimate.work, estimate.work.samples, estimate.program.chip.clock_hz
    phases = [phase for phase in _ORDER if any(layer.joules.get(phase) for layer in work.layers)]
    shown = phases if len(phases) > 1 else []
    table = _table(
        "A sample, by layer (energy without leakage; time: units busy with it)",
        ("Layer", False),
        ("", False),
        ("Time", True),
        *((phase.capitalize(), True) for phase in shown),
        ("Energy", True),
        ("What it is", False),
    )
    order = sorted(work.layers, key=lambda layer: (layer.kind != "array", -sum(layer.joules.values())))
    for layer in order[:_MOST_LAYERS]:
        busy = time_text(sum(layer.busy_cycles.values()) / clock / n) if clock else "–"
        shares = [energy(layer.joules[phase] / n) if layer.joules.get(phase) else "" for phase in shown]
        joules = energy(sum(layer.joules.values()) / n)
        table.add_row(escape(layer.name), layer.kind, busy, *shares, joules, _what(layer))
    if len(order) > _MOST_LAYERS:
        rest = order[_MOST_LAYERS:]
        joules = energy(sum(sum(layer.joules.values()) for layer in rest) / n)
        table.add_row(f"{len(rest)} more", "", "", *("" for _ in shown), joules, "--json has all")
    return table


def _what(layer: Layer) -> str:
    if layer.kind == "array":
        tiles = f"{layer.units[0]}" + (f" and {len(layer.units) - 1} more" if len(layer.units) > 1 else "")
        return escape(f"{layer.detail} on {tiles}")
    return escape(layer.detail if len(layer.detail) < 34 else f"{layer.detail[:31]}…")


def _use(estimate: Estimate) -> Table:
    chip = estimate.program.chip
    table = _table("Use", ("Units", False), ("In use", True), ("Busy", True), ("", False), ("Busiest", False))
    for busy in estimate.busy():
        total = "" if busy.total is None else f" of {busy.total:,}"
        name = {"tile": "tiles", "vector": "vector units", "dram": "DRAM channels"}.get(busy.kind, busy.kind)
        table.add_row(
            name,
            f"{busy.used:,}{total}",
            percent(busy.mean),
            bar(busy.mean, 10),
            f"{busy.busiest} {percent(busy.most)}",
        )
    held = f"{estimate.weights:,} weights"
    table.add_row("cells of those tiles", held, percent(estimate.filled), bar(estimate.filled, 10), "hold a weight")
    if chip.clock_hz is not None and estimate.work.seconds:
        macs = estimate.macs / estimate.work.samples
        rate = scaled(estimate.macs / estimate.work.seconds, "MAC/s")
        table.add_row("multiply-accumulates", f"{macs:,.0f}", "", "", f"a sample; {rate}")
    return table


def _rest(screen: Console, estimate: Estimate) -> None:
    """What is left out, and what is uncertain."""
    replaced = estimate.program.manifest.get("timed_by_structure", {})
    if replaced:
        kinds = ", ".join(sorted(set(replaced.values())))
        some = ", ".join(list(replaced)[:4]) + (" …" if len(replaced) > 4 else "")
        screen.print(
            f"[bold]Timed by structure[/], since they can not be trained: {len(replaced)} nodes ({escape(kinds)}): "
            f"{escape(some)}. Their vector work is counted from shapes, and taken again for the gradient."
        )
    show_memory(screen, memories(estimate.program, estimate.executed), estimate.program)
    if estimate.work.shortages:
        short = estimate.work.shortages
        worst = max(short, key=lambda s: s.need / s.size)
        screen.print(
            f"[bold]{len(short)} memories are too small[/] for what {worst.entry} keeps of a batch of {worst.batch}, "
            f"{escape(worst.unit)} most of all: {worst.need:,} bytes of {worst.size:,}. The time is that of a chip on "
            "which all fits; --json lists them."
        )
    if estimate.not_modelled:
        screen.print(f"Not modelled, so in no total: {escape(', '.join(estimate.not_modelled))}.")
    low = estimate.target.low_confidence()
    if low:
        some = ", ".join(f"{path} ({text})" for path, text, _ in low[:4])
        screen.print(
            f"{len(low)} figures of this target are of low confidence, among them {escape(some)}; "
            f"[bold]ohmflow targets show {escape(estimate.target.name)}[/] gives each with its source."
        )
