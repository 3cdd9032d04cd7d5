"""`ledger_by_layer.csv`: the ledger's rows split by layer; its columns are described in `docs/ledger.md`."""

import csv
import io
from collections.abc import Mapping
from typing import TypeVar

from ohmflow.runtime.ledger.bill import Bill
from ohmflow.runtime.ledger.by_layer import LayerBook
from ohmflow.runtime.ledger.layer_names import NO_LAYER

Key = TypeVar("Key", bound=tuple[str, ...])

COLUMNS = (
    *("unit", "phase", "component", "event", "layer"),
    *("count", "energy_per_event_j", "energy_j", "cycles"),
)
"""Columns of `ledger_by_layer.csv`."""


def ledger_by_layer_csv(book: LayerBook, bill: Bill) -> str:
    """The ledger's rows split by layer, then rows of component `time` with cycles by what units did.

    Args:
        book: of the run.
        bill: of all its epochs.
    """
    counts = _summed(book.counts)
    shares: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for (*row_key, layer), count in sorted(counts.items()):
        shares.setdefault(tuple(row_key), []).append((layer, count))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in bill.rows:
        own = (row.unit, row.phase, row.component, row.event)
        for layer, count in shares.get(own, [(NO_LAYER, row.count)]):
            each = "" if row.each is None else repr(row.each)
            joules = "" if row.each is None else repr(count * row.each)
            writer.writerow([*own, layer, repr(count), each, joules, ""])
    for (unit, phase, state, layer), n in sorted(_summed(book.cycles).items()):
        writer.writerow([unit, phase, "time", state, layer, "", "", "", int(n)])
    return out.getvalue()


def _summed(epochs: Mapping[int, Mapping[Key, float]]) -> dict[Key, float]:
    """Sums over epochs, in their order."""
    sums: dict[Key, float] = {}
    for epoch in sorted(epochs):
        for key, n in epochs[epoch].items():
            sums[key] = sums.get(key, 0) + n
    return sums
