"""The bill: every event priced once with the target's figures; totals are sums of the rows.

A figure that the target does not model leaves its rows without energy; totals then leave them out and name them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ohmflow.runtime.ledger.events import EventBook, Key


@dataclass(frozen=True)
class Row:
    """One row of the ledger.

    Attributes:
        unit, phase, component, event: whose and what.
        count: how often (for `read_dose`, siemens).
        each: joules of one, or None where the target does not model it.
    """

    unit: str
    phase: str
    component: str
    event: str
    count: float
    each: float | None

    @property
    def energy(self) -> float | None:
        """Joules of the row, or None where the target does not model it."""
        return None if self.each is None else self.count * self.each


@dataclass(frozen=True)
class Bill:
    """Priced rows and their sums.

    Attributes:
        rows: sorted by unit, phase, component, event.
        phase_cycles: cycles of each (unit, phase); every unit's sum to `cycles`.
        cycles: of the whole run, or None on a target without time.
        missing: `component.event` names that occurred but are not modelled.
    """

    rows: tuple[Row, ...]
    phase_cycles: Mapping[tuple[str, str], int]
    cycles: int | None
    missing: tuple[str, ...]

    @property
    def joules(self) -> float | None:
        """Sum of all rows that have an energy; None when none has."""
        priced = [r.energy for r in self.rows if r.energy is not None]
        return sum(priced) if priced else None

    def by(self, attribute: str) -> dict[str, float]:
        """Joules by `unit`, `phase`, `component` or `event`, in the order of the rows."""
        sums: dict[str, float] = {}
        for row in self.rows:
            if row.energy is not None:
                name = getattr(row, attribute)
                sums[name] = sums.get(name, 0.0) + row.energy
        return sums


def make_bill(book: EventBook, costs: Mapping[tuple[str, str], float | None], epochs: set[int] | None = None) -> Bill:
    """Price a book.

    Args:
        book: closed epochs.
        costs: joules of each (component, event), None where not modelled; leakage by ("leakage", unit kind) per cycle.
        epochs: which epochs to include, all by default.
    """
    counts: dict[Key, float] = {}
    cycles: dict[tuple[str, str], int] = {}
    for epoch in sorted(book.counts):
        if epochs is None or epoch in epochs:
            for key, count in book.counts[epoch].items():
                counts[key] = counts.get(key, 0.0) + count
            for unit_phase, n in book.phase_cycles.get(epoch, {}).items():
                cycles[unit_phase] = cycles.get(unit_phase, 0) + n
    rows = tuple(
        Row(unit, phase, component, event, count, _price(costs, unit, component, event))
        for (unit, phase, component, event), count in sorted(counts.items())
    )
    missing = sorted({f"{r.component}.{r.event}" for r in rows if r.each is None})
    has_time = book.program.chip.clock_hz is not None
    return Bill(rows, dict(sorted(cycles.items())), book.cycles if has_time else None, tuple(missing))


def _price(costs: Mapping[tuple[str, str], float | None], unit: str, component: str, event: str) -> float | None:
    if component == "leakage":
        return costs[component, unit_kind(unit)]
    return costs[component, event]


def unit_kind(unit: str) -> str:
    """Kind of a unit from its name: tile, vector, router, host or dram."""
    for kind in ("tile", "vector", "router", "host", "dram"):
        if unit.startswith((kind, f"unused {kind}")):
            return kind
    raise AssertionError(f"unit '{unit}' has no kind")
