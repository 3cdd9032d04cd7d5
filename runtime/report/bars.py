"""Horizontal stacked bars: lengths in percent of an axis that starts at zero and ends at a round number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ohmflow.runtime.report.quantities import round_ticks


@dataclass(frozen=True)
class Segment:
    """A part of a bar: its name, CSS class, value, words for it, and length in percent of the axis."""

    name: str
    style: str
    value: float
    words: str
    length: float


@dataclass(frozen=True)
class Bar:
    """One bar: what it is of, the value beside it, words for that, and its segments in order."""

    name: str
    value: float
    words: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Bars:
    """Bars over one axis; ticks are (position in percent, label)."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    label: str


def stacked(
    rows: Sequence[tuple[str, Sequence[tuple[str, str, float]]]],
    words: Callable[[float], str],
    labels: Callable[[list[float]], list[str]],
    label: str,
    said: str | None = None,
) -> Bars | None:
    """Lay out bars.

    Args:
        rows: (name, [(segment, CSS class, value)]) from top to bottom; values are not negative.
        words: what a value is called.
        labels: what the axis' ticks are called.
        label: what the axis shows.
        said: the segment whose value is written beside the bar, all of it when None.

    Returns:
        The bars, or None when all are empty.
    """
    longest = max((sum(value for *_, value in segments) for _, segments in rows), default=0.0)
    if longest <= 0:
        return None
    ticks = round_ticks(0.0, longest, 4)
    scale = 100.0 / ticks[-1]
    bars = []
    for name, segments in rows:
        kept = tuple(Segment(n, style, v, words(v), v * scale) for n, style, v in segments if v > 0)
        total = sum(segment.value for segment in kept if said in (None, segment.name))
        bars.append(Bar(name, total, words(total), kept))
    return Bars(tuple(bars), tuple(zip([t * scale for t in ticks], labels(ticks), strict=True)), label)
