"""Memory on the page: what units keep from one loop for a later one, what of it is in DRAM, and what that moves."""

from dataclasses import dataclass

from ohmflow.runtime.report.record import RunFiles

_MOST = 12
"""Units in the table: those that are fullest."""


@dataclass(frozen=True)
class MemoryRow:
    """A unit's memory: bytes that it has, that the unit keeps, that are in it, that are in DRAM; names of those."""

    unit: str
    size: int
    keeps: int
    held: int
    away: int
    names: str


@dataclass(frozen=True)
class MemoryView:
    """What the page shows.

    Attributes:
        batch: samples of the step.
        rows: units, fullest first.
        others: units that are not shown.
        away: bytes in DRAM during a step.
        traffic: (phase, bytes written to DRAM, bytes read) in the whole run.
    """

    batch: int
    rows: tuple[MemoryRow, ...]
    others: int
    away: int
    traffic: tuple[tuple[str, float, float], ...]


def memory_view(record: RunFiles) -> MemoryView | None:
    """Memory of a training step of the run, or None where nothing is kept or time is not modelled."""
    told = record.facts.get("memory", [])
    if not told:
        return None
    rows = [
        MemoryRow(
            unit["unit"],
            unit["size"],
            unit["keeps"],
            unit["held"],
            sum(moved["bytes"] for moved in unit["moved"]),
            ", ".join(moved["name"] for moved in unit["moved"][:4]) + (", …" if len(unit["moved"]) > 4 else ""),
        )
        for unit in told
    ]
    rows.sort(key=lambda row: (-row.away, -row.held / row.size, row.unit))
    traffic: dict[str, list[float]] = {}
    for row in record.rows:
        if row.component == "dram":
            traffic.setdefault(row.phase, [0.0, 0.0])[row.event == "dram_read_byte"] += row.count
    return MemoryView(
        told[0]["batch"],
        tuple(rows[:_MOST]),
        max(len(rows) - _MOST, 0),
        sum(row.away for row in rows),
        tuple((phase, stored, loaded) for phase, (stored, loaded) in traffic.items()),
    )
