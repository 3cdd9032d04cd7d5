"""What a person sees of a critical path: where its cycles are, gains, and the longest spans."""

from rich.markup import escape
from rich.table import Table

from ohmflow.runtime.cli.show import console
from ohmflow.runtime.cli.units import percent, time_text
from ohmflow.runtime.critical.analysis import Analysis

_WORDS = {
    "end": "the end of the step",
    "order": "the unit, which was taken",
    "message": "the result",
    "credit": "room in the receiver's buffer",
    "converter": "the converters",
    "link": "the link, which was taken",
}
"""What the next span waited for."""

_MOST = 12
"""Rows of a table of sums; --json has all."""


def show_critical(analysis: Analysis, spans: int) -> None:
    """Print a critical path on stdout.

    Args:
        analysis: what was found.
        spans: how many of the longest spans to print.
    """
    screen = console()
    step = analysis.step
    cycles, clock = step.timeline.cycles, step.program.chip.clock_hz
    model, target = escape(str(step.program.manifest["model"])), escape(step.target.name)
    samples = f" of {step.batch} samples" if step.batch else ""
    screen.print(f"[bold]{model}[/] on [bold]{target}[/]: {step.entry.name}{samples}")
    time = f" ({time_text(cycles / clock)})" if clock else ""
    screen.print(f"{cycles:,} cycles{time}, one after the other in {len(analysis.path):,} spans\n")
    if analysis.cycles_by_flits is not None:
        screen.print(
            f"Links are reserved for whole messages here; flit by flit, as the target says, the step takes "
            f"{analysis.cycles_by_flits:,} cycles ({cycles / analysis.cycles_by_flits - 1:+.1%}).\n"
        )
    for by, title in (("place", "Unit or link"), ("phase", "Phase"), ("layer", "Layer"), ("reason", "Then waited for")):
        screen.print(_sums(analysis, by, title, cycles))
        screen.print()
    if analysis.gains:
        screen.print(_gains(analysis))
        screen.print()
    if spans:
        screen.print(_longest(analysis, spans))


def _sums(analysis: Analysis, by: str, title: str, cycles: int) -> Table:
    table = _table()
    table.add_column(title, no_wrap=True, max_width=44)
    for name in ("Cycles", "Share", "Spans"):
        table.add_column(name, justify="right", no_wrap=True)
    sums = analysis.sums(by)
    for s in sums[:_MOST]:
        name = _WORDS[s.name] if by == "reason" else s.name
        table.add_row(escape(name), f"{s.cycles:,}", percent(s.cycles / cycles), f"{s.spans:,}")
    rest = sums[_MOST:]
    if rest:
        left = sum(s.cycles for s in rest)
        table.add_row(f"{len(rest)} more", f"{left:,}", percent(left / cycles), f"{sum(s.spans for s in rest):,}")
    return table


def _gains(analysis: Analysis) -> Table:
    table = _table()
    table.add_column("With 10 % shorter service times of", no_wrap=True, max_width=44)
    for name in ("Cycles", "Saved", "Share"):
        table.add_column(name, justify="right", no_wrap=True)
    for gain in analysis.gains:
        table.add_row(escape(gain.name), f"{gain.cycles:,.1f}", f"{gain.saved:,.1f}", percent(gain.share))
    return table


def _longest(analysis: Analysis, spans: int) -> Table:
    table = _table()
    table.add_column("At", justify="right", no_wrap=True)
    table.add_column("Cycles", justify="right", no_wrap=True)
    for name in ("Unit or link", "Instruction", "Phase", "Layer", "Then waited for"):
        table.add_column(name, no_wrap=name != "Layer")
    chosen = sorted(analysis.path, key=lambda span: -span.cycles)[:spans]
    for span in sorted(chosen, key=lambda span: span.begin):
        what = "packet" if span.on_link else f"{span.instruction} {analysis.mnemonic(span)}"
        table.add_row(
            f"{span.begin:,}",
            f"{span.cycles:,}",
            escape(analysis.place(span)),
            what,
            analysis.phase(span),
            escape(analysis.layer(span)),
            span.reason,
        )
    table.title = f"The {len(chosen)} longest spans" if len(chosen) < len(analysis.path) else "All spans"
    table.title_justify = "left"
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
