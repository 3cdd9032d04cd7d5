"""Energy on the page: bars by phase and component, the table of both, uncertain figures and what rests on them."""

from dataclasses import dataclass

from ohmflow.runtime.ledger.bill import unit_kind
from ohmflow.runtime.report.bars import Bars, stacked
from ohmflow.runtime.report.colours import PHASES, by_component, component_class
from ohmflow.runtime.report.quantities import scaled, tick_labels
from ohmflow.runtime.report.record import RunFiles


@dataclass(frozen=True)
class EnergyTable:
    """Joules by phase (rows) and component (columns), with sums."""

    components: tuple[str, ...]
    rows: tuple[tuple[str, float, tuple[float | None, ...]], ...]
    sums: tuple[float, ...]
    total: float


@dataclass(frozen=True)
class UncertainFigure:
    """A figure of low confidence; joules of the bill whose price follows from it, None when none does."""

    path: str
    value: str
    source: str
    joules: float | None
    share: float | None


def cells(record: RunFiles) -> dict[tuple[str, str], float]:
    """Joules by (phase, component)."""
    sums: dict[tuple[str, str], float] = {}
    for row in record.rows:
        if row.joules is not None:
            key = (row.phase, row.component)
            sums[key] = sums.get(key, 0.0) + row.joules
    return sums


def phases_of(record: RunFiles) -> list[str]:
    """Phases that occur in the ledger, in the order of a step."""
    found = {row.phase for row in record.rows} | {phase for _, phase in record.unit_phases}
    return [phase for phase in PHASES if phase in found]


def energy_table(record: RunFiles) -> EnergyTable | None:
    """Energy by phase and component, or None where nothing has a price."""
    if record.joules is None:
        return None
    table = cells(record)
    components = sorted({component for _, component in table}, key=by_component)
    by_phase, by_name = record.joules_by("phase"), record.joules_by("component")
    rows = tuple(
        (phase, by_phase[phase], tuple(table.get((phase, name)) for name in components))
        for phase in phases_of(record)
        if phase in by_phase
    )
    return EnergyTable(tuple(components), rows, tuple(by_name[name] for name in components), record.joules)


def energy_bars(record: RunFiles, leaking: bool) -> Bars | None:
    """Stacked bars of energy by phase and component, or None where there is nothing to show.

    Args:
        record: whose energy.
        leaking: whether leakage is among the components.
    """
    if record.joules is None:
        return None
    table = cells(record)
    rows = [
        (
            phase,
            [
                (name, component_class(name), table.get((phase, name), 0.0))
                for name in sorted({c for _, c in table}, key=by_component)
                if leaking or name != "leakage"
            ],
        )
        for phase in phases_of(record)
    ]
    kept = [row for row in rows if any(value for *_, value in row[1])]
    return stacked(kept, lambda v: scaled(v, "J"), lambda t: tick_labels(t, "J"), "energy")


def uncertain_figures(record: RunFiles) -> tuple[list[UncertainFigure], list[UncertainFigure]]:
    """Figures of low confidence: those that price something in the bill, by joules, and the others, by path."""
    by_event: dict[tuple[str, str], float] = {}
    for row in record.rows:
        if row.joules is not None:
            event = unit_kind(row.unit) if row.component == "leakage" else row.event
            key = (row.component, event)
            by_event[key] = by_event.get(key, 0.0) + row.joules
    priced: list[UncertainFigure] = []
    others: list[UncertainFigure] = []
    for figure in record.facts["uncertain"]:
        found = [by_event[c, e] for c, e in map(tuple, figure["events"]) if (c, e) in by_event]
        joules = sum(found) if found else None
        share = joules / record.joules if joules is not None and record.joules else None
        line = UncertainFigure(figure["path"], figure["value"], figure["source"] or "", joules, share)
        (others if joules is None else priced).append(line)
    return sorted(priced, key=lambda f: (-(f.joules or 0.0), f.path)), sorted(others, key=lambda f: f.path)
