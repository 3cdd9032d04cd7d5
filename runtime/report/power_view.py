"""Power of a step on the page: a stacked area by component, the highest bins above it, and peaks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from ohmflow.runtime.report.colours import by_component, component_class
from ohmflow.runtime.report.quantities import round_ticks, scaled, tick_labels
from ohmflow.runtime.report.record import RunFiles
from ohmflow.runtime.report.svg import drawing, element, text

_WIDTH, _HEIGHT = 720.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 58.0, 14.0, 16.0, 40.0
_COLUMNS = 240
"""Columns of the drawing, at most; each stands for some bins."""

Floats = NDArray[np.float64]
Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class PowerRow:
    """A peak, or the mean: what it is over, its watts, when it begins (seconds) and how long it is."""

    over: str
    watts: float
    begin: float | None
    length: float


@dataclass(frozen=True)
class PowerView:
    """What the page shows.

    Attributes:
        of: which step.
        chart: power over time.
        key: (name, CSS class, words) of the components in the chart, from the bottom up.
        rows: peaks, then the mean.
        bin_seconds: length of a bin.
        bins: in a column of the chart.
    """

    of: str
    chart: Markup
    key: list[tuple[str, str, str]]
    rows: list[PowerRow]
    bin_seconds: float
    bins: int


def power_view(record: RunFiles) -> PowerView | None:
    """Power of a step of the run, or None where its folder has none."""
    told = record.power
    if told is None:
        return None
    bins = told["bins"]
    by = {name: np.array(watts, np.float64) for name, watts in bins["watts_by_component"].items()}
    ordered = sorted(by, key=lambda name: (name != "leakage", by_component(name)))  # what is always there lies below
    edges = np.array([*bins["cycle"], told["cycles"]], np.float64) / told["clock_hz"]
    each = -(-len(bins["watts"]) // _COLUMNS)
    chart = _chart(edges, {name: by[name] for name in ordered}, np.array(bins["watts"], np.float64), each)
    batch = told["batch"]
    return PowerView(
        f"{told['entry']} of {batch:,} sample{'' if batch == 1 else 's'}",
        chart,
        [(name, component_class(name), name) for name in ordered],
        _rows(told),
        told["bin_seconds"],
        each,
    )


def _rows(told: dict[str, Any]) -> list[PowerRow]:
    names = {"bin": "a bin", "window": "any microsecond", "cycle": "a cycle"}
    peaks = told["peaks"]
    if peaks["window"]["length_seconds"] >= told["seconds"]:
        names["window"] = "the whole step"
    rows = [
        PowerRow(words, peaks[name]["watts"], peaks[name]["begin_seconds"], peaks[name]["length_seconds"])
        for name, words in names.items()
    ]
    return [*rows, PowerRow("mean", told["mean_watts"], None, told["seconds"])]


def _chart(edges: Floats, by: dict[str, Floats], watts: Floats, each: int) -> Markup:
    """Stacked areas of means over columns of `each` bins, and above them the highest bin of each column."""
    starts = np.arange(0, len(watts), each)
    ends = np.append(edges[starts], edges[-1])
    lengths, columns = np.diff(edges), np.diff(ends)
    means = {name: np.add.reduceat(own * lengths, starts) / columns for name, own in by.items()}
    highest = np.maximum.reduceat(watts, starts)
    y_ticks = round_ticks(0.0, float(highest.max()) or 1.0, 4)
    x_ticks = [t for t in round_ticks(0.0, float(edges[-1]), 6) if t <= edges[-1] * (1 + 1e-9)]

    def at(seconds: float, power: float) -> tuple[float, float]:
        across = seconds / float(edges[-1]) * (_WIDTH - _LEFT - _RIGHT)
        return _LEFT + across, _HEIGHT - _BOTTOM - power / y_ticks[-1] * (_HEIGHT - _TOP - _BOTTOM)

    parts = _frame(x_ticks, y_ticks, at)
    base = np.zeros(len(starts))
    for name, own in means.items():
        title = element("title", f"{name}: {scaled(float((own * columns).sum() / edges[-1]), 'W')} on average")
        outline = _steps(ends, base + own, at) + _steps(ends, base, at)[::-1]
        parts.append(element("polygon", title, points=" ".join(outline), class_=f"area a-{_style(name)}"))
        base = base + own
    if each > 1:
        parts.append(element("polyline", points=" ".join(_steps(ends, highest, at)), class_="highest"))
    parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "time in the step", "axis", "middle"))
    return drawing(parts, _WIDTH, _HEIGHT, "power over the time of a step, by component", "chart wide-chart")


def _steps(ends: Floats, heights: Floats, at: Place) -> list[str]:
    """Corners of a step function, each as `x,y`."""
    points = []
    for k, height in enumerate(heights.tolist()):
        for end in (float(ends[k]), float(ends[k + 1])):
            x, y = at(end, height)
            points.append(f"{x:.1f},{y:.1f}")
    return points


def _frame(x_ticks: list[float], y_ticks: list[float], at: Place) -> list[Markup]:
    parts = []
    for tick, label in zip(y_ticks, tick_labels(y_ticks, "W"), strict=True):
        _, y = at(0.0, tick)
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(text(_LEFT - 5, y + 4, label, "tick", "end"))
    base = _HEIGHT - _BOTTOM
    for tick, label in zip(x_ticks, tick_labels(x_ticks, "s"), strict=True):
        x, _ = at(tick, 0.0)
        parts.append(element("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis-line"))
        parts.append(text(x, base + 17, label, "tick", "end" if x > _WIDTH - 40 else "middle"))
    parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base, class_="axis-line"))
    return parts


def _style(name: str) -> str:
    return component_class(name).removeprefix("c-")
