"""Time on the page: what units of each kind did and waited for, the busiest units, the busiest links."""

from dataclasses import dataclass

from ohmflow.runtime.ledger.activity import FINISHED
from ohmflow.runtime.report.bars import Bars, stacked
from ohmflow.runtime.report.colours import PHASES, STATES
from ohmflow.runtime.report.mesh import link_cycles
from ohmflow.runtime.report.quantities import percent
from ohmflow.runtime.report.record import RunFiles

_KINDS = {"tile": "tile", "vector": "vector unit", "host": "host stream", "dram": "DRAM channel"}


@dataclass(frozen=True)
class KindTime:
    """What the units of one kind did: `bars` by phase, and a table in unit cycles.

    Attributes:
        title: what they are.
        units: how many have a stream.
        bars: by phase, mean share of the run.
        rows: (phase, cycles by state in the order of `STATES`), summed over the units.
        finished: cycles after the end of their streams, summed over the units.
        total: cycles of all of them.
    """

    title: str
    units: int
    bars: Bars | None
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    finished: int
    total: int


@dataclass(frozen=True)
class LinkUse:
    """A link: flits, share of busy cycles, cycles that packets waited."""

    name: str
    flits: int
    share: float
    wait: int


def time_by_kind(record: RunFiles) -> list[KindTime]:
    """What tiles, vector units and the host did; empty on a target without time."""
    if not record.cycles:
        return []
    found = []
    for kind, title in _KINDS.items():
        names = {u["name"] for u in record.facts["units"] if u["kind"] == kind}
        if not names:
            continue
        sums: dict[tuple[str, str], int] = {}
        for (unit, phase, state), n in record.states.items():
            if unit in names:
                sums[phase, state] = sums.get((phase, state), 0) + n
        total = record.cycles * len(names)
        phases = [p for p in PHASES if any((p, state) in sums for state in STATES)]
        rows = tuple((p, tuple(sums.get((p, state), 0) for state in STATES)) for p in phases)
        bars = stacked(
            [(p, [(state, f"s-{state}", n / total) for state, n in zip(STATES, ns, strict=True)]) for p, ns in rows],
            percent,
            _percent_ticks,
            "share of the run, mean over units",
        )
        finished = sums.get(("idle", FINISHED), 0)
        found.append(KindTime(_number_of(len(names), title), len(names), bars, rows, finished, total))
    return found


def busiest_units(record: RunFiles, most: int = 12) -> Bars | None:
    """The units with the most cycles at work, each with what it waited for."""
    if not record.cycles:
        return None
    sums: dict[str, dict[str, int]] = {}
    for (unit, _, state), n in record.states.items():
        own = sums.setdefault(unit, {})
        own[state] = own.get(state, 0) + n
    order = sorted(sums, key=lambda unit: (-sums[unit].get("busy", 0), unit))[:most]
    states = (*STATES, FINISHED)
    rows = [(u, [(state, f"s-{state}", sums[u].get(state, 0) / record.cycles) for state in states]) for u in order]
    return stacked(rows, percent, _percent_ticks, "share of the run; at work", "busy")


def busiest_links(record: RunFiles, most: int = 10) -> list[LinkUse]:
    """The links with the most flits."""
    if not record.cycles:
        return []
    order = sorted(record.links.items(), key=lambda item: (-item[1][0], item[0]))[:most]
    target = record.facts["target"]
    return [
        LinkUse(name, flits, flits * link_cycles(target, name) / record.cycles, wait) for name, (flits, wait) in order
    ]


def _number_of(number: int, what: str) -> str:
    """Such as 14 tiles."""
    return what.capitalize() if number == 1 else f"{number} {what}s"


def _percent_ticks(ticks: list[float]) -> list[str]:
    texts = [f"{100 * t:g}" for t in ticks]
    return [*texts[:-1], f"{texts[-1]} %"]
