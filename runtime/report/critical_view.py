"""The critical path of a step on the page: where its cycles are, why, when, and what shorter service times gain."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ohmflow.runtime.report.bars import Bars, stacked
from ohmflow.runtime.report.colours import PHASES, REASONS
from ohmflow.runtime.report.quantities import integer, percent, round_ticks, tick_labels
from ohmflow.runtime.report.record import RunFiles
from ohmflow.runtime.report.svg import drawing, element, text

_MOST = 10
"""Units and layers that bars show."""

_WIDTH, _LANE, _LEFT, _RIGHT = 720.0, 24.0, 92.0, 14.0
_LANES = ("host", "tiles", "vector units", "links")
_PIXEL = 0.4
"""Width below which neighbouring spans are drawn as one."""


@dataclass(frozen=True)
class GainRow:
    """What 10 % shorter service times of something gain: cycles then, cycles saved, and their share."""

    name: str
    kind: str
    cycles: float
    saved: float
    share: float


@dataclass(frozen=True)
class CriticalView:
    """What the page shows.

    Attributes:
        of: which step.
        cycles: of the step.
        spans: of the path.
        places: cycles of the path by unit or link, each by what was waited for after them.
        layers: the same by layer and phase.
        gains: the largest first.
        gain_bars: those that save anything.
        by_flits: cycles of the step flit by flit, where its target asks for that; None else.
        chain: when the path was where, or None where it is too long to be kept.
        phases: (name, CSS class, words) of the chain's colours.
        reasons: (name, CSS class, words) of what was waited for.
    """

    of: str
    cycles: int
    spans: int
    places: Bars | None
    layers: Bars | None
    gains: list[GainRow]
    gain_bars: Bars | None
    by_flits: int | None
    chain: Markup | None
    phases: list[tuple[str, str, str]]
    reasons: list[tuple[str, str, str]]


def critical_view(record: RunFiles) -> CriticalView | None:
    """The critical path of a step of the run, or None where its folder has none."""
    told = record.critical
    if told is None or not told["cycles"]:
        return None
    cycles, batch = told["cycles"], told["batch"]
    gains = [GainRow(g["name"], g["kind"], g["cycles"], g["saved"], g["share"]) for g in told["gains"]]
    found = {row["reason"] for row in told["by_place_and_reason"]}
    phases = {row["phase"] for row in told["by_layer_and_phase"]}
    return CriticalView(
        f"{told['entry']} of {batch:,} sample{'' if batch == 1 else 's'}",
        cycles,
        told["spans"],
        _bars(told["by_place_and_reason"], "reason", {name: style for name, style, _ in REASONS}, cycles),
        _bars(told["by_layer_and_phase"], "phase", {name: f"p-{name}" for name in PHASES}, cycles),
        gains,
        _gain_bars(gains),
        told["cycles_by_flits"],
        _chain(told["path"], cycles, record.clock_hz) if "path" in told else None,
        [(name, f"p-{name}", name) for name in PHASES if name in phases],
        [(name, style, words) for name, style, words in REASONS if name in found],
    )


def _bars(rows: list[dict[str, Any]], by: str, styles: dict[str, str], cycles: int) -> Bars | None:
    """Cycles of the path by name, each bar divided by another column."""
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        sums.setdefault(row["name"], {})[row[by]] = row["cycles"]
    order = sorted(sums, key=lambda name: (-sum(sums[name].values()), name))
    shown = [(name, [(n, styles[n], sums[name].get(n, 0) / cycles) for n in styles]) for name in order[:_MOST]]
    rest = {n: sum(sums[name].get(n, 0) for name in order[_MOST:]) / cycles for n in styles}
    if len(order) > _MOST:
        shown.append((f"{len(order) - _MOST} more", [(n, styles[n], rest[n]) for n in styles]))
    return stacked(shown, percent, _percent_ticks, "share of the step's cycles")


def _gain_bars(gains: list[GainRow]) -> Bars | None:
    rows = [(g.name, [("saved", "s-busy", g.share)]) for g in gains if g.share > 0][:_MOST]
    return stacked(rows, percent, _percent_ticks, "share of the step's cycles that 10 % shorter service saves")


def _percent_ticks(ticks: list[float]) -> list[str]:
    texts = [f"{100 * t:g}" for t in ticks]
    return [*texts[:-1], f"{texts[-1]} %"]


def _chain(path: list[dict[str, Any]], cycles: int, clock_hz: float | None) -> Markup:
    """Lanes of host, tiles, vector units and links; in each cycle the path is in one of them."""
    scale = (_WIDTH - _LEFT - _RIGHT) / cycles
    parts, height = [], _LANE * len(_LANES) + 40
    for k, lane in enumerate(_LANES):
        parts.append(text(_LEFT - 8, _LANE * k + 22, lane, "tick", "end"))
        parts.append(element("rect", x=_LEFT, y=_LANE * k + 8, width=cycles * scale, height=_LANE - 6, class_="lane"))
    for lane, phase, begin, end, names in _merged(path, _PIXEL / scale):
        where = f"{names[0]}" if len(names) == 1 else f"{len(names)} units or links"
        title = element("title", f"{where}, {phase}: cycles {integer(begin)} to {integer(end - 1)}")
        y = _LANE * _LANES.index(lane) + 8
        width = max((end - begin) * scale, _PIXEL)
        at = _LEFT + begin * scale
        parts.append(element("rect", title, x=at, y=y, width=width, height=_LANE - 6, class_=f"p-{phase}"))
    base = _LANE * len(_LANES) + 8
    factor, unit = (1.0, "") if clock_hz is None else (1.0 / clock_hz, "s")
    ticks = [t for t in round_ticks(0.0, cycles * factor, 6) if t <= cycles * factor * (1 + 1e-9)]
    for tick, label in zip(ticks, tick_labels(ticks, unit), strict=True):
        x = _LEFT + tick / factor * scale
        parts.append(element("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis-line"))
        parts.append(text(x, base + 17, label, "tick", "end" if x > _WIDTH - 40 else "middle"))
    return drawing(parts, _WIDTH, height, "where the critical path is over the time of a step", "chart wide-chart")


def _merged(path: list[dict[str, Any]], least: float) -> list[tuple[str, str, int, int, list[str]]]:
    """Spans as (lane, phase, begin, end, units); those of a lane and phase that nearly touch are one."""
    open_spans: dict[tuple[str, str], tuple[int, int, list[str]]] = {}
    found = []
    for span in path:
        if not span["cycles"]:
            continue
        begin, end = span["at"], span["at"] + span["cycles"]
        key = (_lane(span["unit"]), span["phase"])
        before = open_spans.get(key)
        if before is not None and begin - before[1] <= least:
            names = before[2] if span["unit"] in before[2] else [*before[2], span["unit"]]
            open_spans[key] = (before[0], end, names)
            continue
        if before is not None:
            found.append((*key, *before))
        open_spans[key] = (begin, end, [span["unit"]])
    return [*found, *((*key, *span) for key, span in open_spans.items())]


def _lane(unit: str) -> str:
    kinds = {"tile": "tiles", "vector": "vector units", "host": "host"}
    return next((lane for kind, lane in kinds.items() if unit.startswith(kind)), "links")
