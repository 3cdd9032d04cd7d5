"""A run as its files tell it: summary.json, ledger.csv, events.npz and report.json of one folder."""

import csv
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.ledger.activity import ArrayKey, UnitKey
from ohmflow.runtime.ledger.bill import unit_kind
from ohmflow.runtime.report.errors import ReportError
from ohmflow.runtime.report.facts import FACTS_VERSION

SUMMARY, LEDGER, EVENTS, FACTS = "summary.json", "ledger.csv", "events.npz", "report.json"
POWER, CRITICAL = "power.json", "critical.json"


@dataclass(frozen=True)
class LedgerRow:
    """A row of ledger.csv with an event; joules are None where the target does not model it."""

    unit: str
    phase: str
    component: str
    event: str
    count: float
    joules_each: float | None
    joules: float | None


@dataclass(frozen=True)
class RunFiles:
    """What a report is made from.

    Attributes:
        name: of the folder.
        summary: content of summary.json.
        facts: content of report.json.
        rows: events of the ledger.
        unit_phases: cycles of each (unit, phase) of the ledger.
        states: cycles of each (unit, phase, state), over all epochs.
        links: (flits, cycles that packets waited) by link.
        arrays: the count of each (array, phase, component, event).
        power: content of power.json, or None where there is none.
        critical: content of critical.json, or None where there is none.
    """

    name: str
    summary: dict[str, Any]
    facts: dict[str, Any]
    rows: tuple[LedgerRow, ...]
    unit_phases: dict[tuple[str, str], int]
    states: dict[UnitKey, int]
    links: dict[str, tuple[int, int]]
    arrays: dict[ArrayKey, float]
    power: dict[str, Any] | None = None
    critical: dict[str, Any] | None = None

    @property
    def cycles(self) -> int | None:
        """Cycles of the run, or None on a target without time."""
        cycles: int | None = self.summary["cycles"]
        return cycles

    @property
    def clock_hz(self) -> float | None:
        """The chip's clock, or None on a target without time."""
        clock: float | None = self.facts["target"]["clock_hz"]
        return clock

    @property
    def joules(self) -> float | None:
        """Energy of the run, or None where nothing has a price."""
        joules: float | None = self.summary["energy_joules"]
        return joules

    def joules_by(self, attribute: str) -> dict[str, float]:
        """Joules by `unit`, `phase`, `component` or `event`."""
        sums: dict[str, float] = {}
        for row in self.rows:
            if row.joules is not None:
                name = getattr(row, attribute)
                sums[name] = sums.get(name, 0.0) + row.joules
        return sums

    def prices(self) -> dict[tuple[str, str], float | None]:
        """Joules of one event by (component, event); leakage by ("leakage", kind of unit)."""
        return {
            (row.component, unit_kind(row.unit) if row.component == "leakage" else row.event): row.joules_each
            for row in self.rows
        }


def load_run(folder: Path) -> RunFiles:
    """Read a run's files.

    Raises:
        ReportError: a file is missing or is not what it should be.
    """
    if not folder.is_dir():
        raise ReportError(f"{folder}: must be a run folder of ohmflow train, not {_what(folder)}; train first")
    missing = [name for name in (SUMMARY, LEDGER, EVENTS, FACTS) if not (folder / name).is_file()]
    if missing:
        raise ReportError(
            f"{folder}: must hold a finished run of ohmflow train, but has no {', '.join(missing)}; "
            "train again, or name the folder that was given to -o"
        )
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        rows, unit_phases = _ledger(folder / LEDGER)
        with np.load(folder / EVENTS, allow_pickle=False) as tables:
            states = _sums(tables, "activity", ("unit", "phase", "state"), "cycles")
            arrays = _sums(tables, "array", ("name", "phase", "component", "event"), "count")
            busy = _sums(tables, "link", ("name",), "busy")
            wait = _sums(tables, "link", ("name",), "wait")
        version = facts["facts_version"]
        power, critical = (_optional(folder / name) for name in (POWER, CRITICAL))
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ReportError(
            f"{folder}: must hold the files of one run as they were written, not changed ones ({error}); train again"
        ) from error
    if version != FACTS_VERSION:
        raise ReportError(
            f"{folder / FACTS}: facts_version must be {FACTS_VERSION}, not {version}; use the ohmflow that wrote it"
        )
    return RunFiles(
        folder.resolve().name,
        summary,
        facts,
        rows,
        unit_phases,
        {(unit, phase, state): int(n) for (unit, phase, state), n in states.items()},
        {name: (int(n), int(wait[name,])) for (name,), n in busy.items()},
        {(array, phase, component, event): n for (array, phase, component, event), n in arrays.items()},
        power,
        critical,
    )


def _optional(file: Path) -> dict[str, Any] | None:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _what(folder: Path) -> str:
    return "a file" if folder.exists() else "a path where nothing is"


def _ledger(file: Path) -> tuple[tuple[LedgerRow, ...], dict[tuple[str, str], int]]:
    rows: list[LedgerRow] = []
    cycles: dict[tuple[str, str], int] = {}
    with file.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            unit, phase, component = row["unit"], row["phase"], row["component"]
            if component == "time":
                cycles[unit, phase] = int(row["cycles"])
                continue
            each, joules = row["energy_per_event_j"], row["energy_j"]
            rows.append(
                LedgerRow(
                    unit,
                    phase,
                    component,
                    row["event"],
                    float(row["count"]),
                    float(each) if each else None,
                    float(joules) if joules else None,
                )
            )
    return tuple(rows), cycles


def _sums(tables: Any, table: str, keys: tuple[str, ...], value: str) -> dict[tuple[str, ...], float]:
    """Add up a table's values over epochs, by its keys."""
    values: NDArray[Any] = tables[f"{table}_{value}"]
    sums: dict[tuple[str, ...], float] = {}
    columns = [tables[f"{table}_{key}"].tolist() for key in keys]
    for key, n in zip(zip(*columns, strict=True), values.tolist(), strict=True):
        sums[key] = sums.get(key, 0) + n
    return sums
