"""The table of `ohmflow targets validate`: published quantities beside ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from ohmflow.runtime.cli.show import console
from ohmflow.targets.validation import Comparison


def show_comparisons(rows: Mapping[str, Sequence[Comparison]]) -> None:
    """Print a table for each target with published quantities, and what its predictions amount to."""
    screen = console()
    for name, found in rows.items():
        if not found:
            screen.print(f"[bold]{escape(name)}[/]: nothing published to compare with.\n")
            continue
        screen.print(f"[bold]{escape(name)}[/]")
        sources = list(dict.fromkeys(_source(row) for row in found))
        screen.print(_table(found, sources))
        for number, source in enumerate(sources, start=1):
            screen.print(f"({number}) {escape(source)}", style="dim")
        for row in found:
            if row.row.note:
                screen.print(f"{escape(row.row.quantity)}: {escape(row.row.note)}.")
        screen.print(_verdict(found))
        screen.print()


def as_data(row: Comparison) -> dict[str, Any]:
    """One comparison as JSON-able data; `ours` is in the unit of `published`."""
    published = row.published
    return {
        "name": row.name,
        "quantity": row.row.quantity,
        "published": published.text,
        "value": float(published.digits),
        "unit": published.unit or None,
        "source": published.source,
        "confidence": published.confidence,
        "model": row.row.model,
        "ours": row.value,
        "error": row.error,
        "agrees": row.agrees,
        "kind": row.row.kind,
        "note": row.row.note,
    }


def _table(rows: Sequence[Comparison], sources: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    columns = ("Quantity", "Published", "Confidence", "Ours", "Error", "Kind")
    for name in columns:
        table.add_column(name, justify="right" if name in ("Published", "Ours", "Error") else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            escape(row.row.quantity),
            escape(row.published.text),
            f"{row.published.confidence} ({sources.index(_source(row)) + 1})",
            "not modelled" if row.value is None else f"{row.value:.5g}",
            "" if row.error is None else _percent(row.error),
            row.row.kind,
            style="bold" if row.row.kind == "predicted" else None,
        )
    return table


def _source(row: Comparison) -> str:
    return row.published.source or "not stated"


def _percent(error: float) -> str:
    """An error with its sign; too small a one is none."""
    text = f"{100 * error:+.1f} %"
    return text[1:] if float(text[:-2]) == 0 else text


def _verdict(rows: Sequence[Comparison]) -> str:
    predicted = [row for row in rows if row.row.kind == "predicted"]
    errors = [(abs(row.error), row) for row in predicted if row.error is not None]
    if not errors:
        return f"None of {len(rows)} is a prediction, so none tells how good the model is."
    worst = max(errors, key=lambda pair: pair[0])[1]
    assert worst.error is not None
    are = "is a prediction" if len(predicted) == 1 else "are predictions"
    return (
        f"{len(predicted)} of {len(rows)} {are}, which alone count as validation; the largest error is "
        f"{_percent(worst.error)} ({escape(worst.row.quantity)})."
    )
