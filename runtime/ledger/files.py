"""`ledger.csv` and `events.npz`; their columns are described in `docs/ledger.md`."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.storage import npz_bytes
from ohmflow.runtime.ledger.bill import Bill
from ohmflow.runtime.ledger.events import EventBook


def ledger_csv(bill: Bill) -> str:
    """The ledger as text: a row per (unit, phase, component, event), then a row of cycles per (unit, phase)."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["unit", "phase", "component", "event", "count", "energy_per_event_j", "energy_j", "cycles"])
    for row in bill.rows:
        each = "" if row.each is None else repr(row.each)
        energy = "" if row.energy is None else repr(row.energy)
        writer.writerow([row.unit, row.phase, row.component, row.event, repr(row.count), each, energy, ""])
    for (unit, phase), cycles in bill.phase_cycles.items():
        writer.writerow([unit, phase, "time", "", "", "", "", cycles])
    return out.getvalue()


def write_events(book: EventBook, file: Path) -> None:
    """Write what was counted, before any price, as `events.npz`."""
    counts = [(epoch, *key, n) for epoch in sorted(book.counts) for key, n in sorted(book.counts[epoch].items())]
    cycles = [
        (epoch, unit, phase, n)
        for epoch in sorted(book.phase_cycles)
        for (unit, phase), n in sorted(book.phase_cycles[epoch].items())
    ]
    activity = book.activity
    states = [(epoch, *key, n) for epoch in sorted(activity.units) for key, n in sorted(activity.units[epoch].items())]
    links = [
        (epoch, name, *used) for epoch in sorted(activity.links) for name, used in sorted(activity.links[epoch].items())
    ]
    arrays = [
        (epoch, *key, n) for epoch in sorted(activity.arrays) for key, n in sorted(activity.arrays[epoch].items())
    ]
    clock = book.program.chip.clock_hz
    tables = {
        "epoch": np.array([c[0] for c in counts], np.int64),
        "unit": np.array([c[1] for c in counts], np.str_),
        "phase": np.array([c[2] for c in counts], np.str_),
        "component": np.array([c[3] for c in counts], np.str_),
        "event": np.array([c[4] for c in counts], np.str_),
        "count": np.array([c[5] for c in counts], np.float64),
        "cycles_epoch": np.array([c[0] for c in cycles], np.int64),
        "cycles_unit": np.array([c[1] for c in cycles], np.str_),
        "cycles_phase": np.array([c[2] for c in cycles], np.str_),
        "cycles": np.array([c[3] for c in cycles], np.int64),
        **_columns("activity", ("epoch", "unit", "phase", "state", "cycles"), states),
        **_columns("link", ("epoch", "name", "busy", "wait"), links),
        **_columns("array", ("epoch", "name", "phase", "component", "event", "count"), arrays),
        "clock_hz": np.array(np.nan if clock is None else clock),
    }
    file.write_bytes(npz_bytes(tables))


_KINDS: dict[str, type] = {
    "epoch": np.int64,
    "cycles": np.int64,
    "busy": np.int64,
    "wait": np.int64,
    "count": np.float64,
}
"""Element types of columns that are not text."""


def _columns(table: str, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> dict[str, NDArray[Any]]:
    """One array per column, named `table_column`."""
    return {
        f"{table}_{name}": np.array([row[k] for row in rows], _KINDS.get(name, np.str_)) for k, name in enumerate(names)
    }
