"""The page that compares several runs: curves together, one table, energy by phase side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ohmflow.runtime.report.bars import Bars, stacked
from ohmflow.runtime.report.colours import PHASES, by_component, component_class
from ohmflow.runtime.report.energy_view import cells
from ohmflow.runtime.report.line_chart import Line, line_chart
from ohmflow.runtime.report.quantities import scaled, tick_labels
from ohmflow.runtime.report.record import RunFiles
from ohmflow.runtime.report.templates import render

_COLOURS = 8


@dataclass(frozen=True)
class _Named:
    """A run with the name and colour that it has on this page."""

    name: str
    style: str
    record: RunFiles


def comparison_page(records: Sequence[RunFiles]) -> str:
    """Make the page; its bytes follow from the records and their order.

    Args:
        records: two runs or more. Colours repeat after eight.
    """
    runs = [
        _Named(name, f"l-{k % _COLOURS}", r) for k, (name, r) in enumerate(zip(_names(records), records, strict=True))
    ]
    found = {component for record in records for _, component in cells(record)}
    shown = sorted(found, key=by_component)
    values: dict[str, Any] = {
        "title": f"Comparison of {len(runs)} runs",
        "runs": runs,
        "key_runs": [(run.name, run.style, run.name) for run in runs],
        "key_components": [(name, component_class(name), name) for name in shown],
        "charts": [
            chart
            for chart in (
                _chart(runs, "test_accuracy_analog", "accuracy on the chip, %", True),
                _chart(runs, "test_accuracy", "accuracy, exported, %", True),
                _chart(runs, "train_loss", "mean training loss", False),
            )
            if chart is not None
        ],
        "phases": [(phase, bars) for phase in PHASES for bars in [_phase_bars(runs, phase)] if bars is not None],
        "unpriced": [run.name for run in runs if run.record.joules is None],
        "gaps": [(run.name, missing) for run in runs if (missing := run.record.summary["not_modelled"])],
        "mesh_columns": 0,
    }
    return render("comparison.html.j2", values)


def _names(records: Sequence[RunFiles]) -> list[str]:
    """Names of the folders, numbered where two are the same."""
    names = [record.name for record in records]
    return [f"{n} ({names[: k + 1].count(n)})" if names.count(n) > 1 else n for k, n in enumerate(names)]


def _chart(runs: list[_Named], key: str, label: str, as_percent: bool) -> Markup | None:
    lines = [
        Line(run.name, run.style, tuple(run.record.summary["epochs"]), tuple(run.record.summary[key]))
        for run in runs
        if any(value is not None for value in run.record.summary[key])
    ]
    return line_chart(lines, label, as_percent=as_percent) if lines else None


def _phase_bars(runs: list[_Named], phase: str) -> Bars | None:
    """Energy of one phase, a bar for each run, over an axis of its own."""
    rows = []
    for run in runs:
        if run.record.joules is None:
            continue  # without a price is not the same as free
        table = cells(run.record)
        names = sorted({c for p, c in table if p == phase}, key=by_component)
        rows.append((run.name, [(name, component_class(name), table[phase, name]) for name in names]))
    return stacked(rows, lambda v: scaled(v, "J"), lambda t: tick_labels(t, "J"), "energy")
