"""A pair of axes at a place of a drawing, and what is drawn between them: lines, bands, bars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from ohmflow.runtime.report.quantities import round_ticks
from ohmflow.runtime.report.svg import element, text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Axes:
    """Axes whose y has round ends, and whose x ends with what is shown.

    Attributes:
        left: of the plot, pixels.
        top: of the plot, pixels.
        width: of the plot, pixels.
        height: of the plot, pixels.
        x_range: lowest and highest x.
        x_ticks: round numbers between them.
        y_ticks: from the lower to the upper end.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]

    def x(self, value: float) -> float:
        """Pixel of a value, not outside of the plot."""
        return self.left + self.width * _share(value, *self.x_range)

    def y(self, value: float) -> float:
        """Pixel of a value, not outside of the plot."""
        return self.top + self.height * (1.0 - _share(value, self.y_ticks[0], self.y_ticks[-1]))


def axes(place: tuple[float, float, float, float], x_range: tuple[float, float], y_range: tuple[float, float]) -> Axes:
    """Make axes that hold two ranges.

    Args:
        place: left, top, width, height, pixels.
        x_range: lowest and highest x.
        y_range: lowest and highest y.
    """
    low, high = x_range
    slack = 1e-9 * (high - low)
    x_ticks = tuple(t for t in round_ticks(low, high) if low - slack <= t <= high + slack)
    return Axes(*place, x_range, x_ticks, tuple(round_ticks(*y_range)))


def frame(on: Axes, x_label: str, y_label: str, x_words: Sequence[tuple[float, str]] | None = None) -> list[Markup]:
    """Draw grid, ticks and labels, x from below and y from the left.

    Args:
        on: the axes.
        x_label: what x is.
        y_label: what y is.
        x_words: ticks of x and what they say, where they do not say their numbers.
    """
    parts = []
    right, base = on.left + on.width, on.top + on.height
    for tick in on.y_ticks:
        y = on.y(tick)
        parts.append(element("line", x1=on.left, x2=right, y1=y, y2=y, class_="grid"))
        parts.append(text(on.left - 6, y + 4, _tick(tick), "tick", "end"))
    for tick, words in x_words or [(tick, _tick(tick)) for tick in on.x_ticks]:
        x = on.x(tick)
        parts.append(element("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis-line"))
        parts.append(text(x, base + 17, words, "tick", "middle"))
    parts.append(element("line", x1=on.left, x2=right, y1=base, y2=base, class_="axis-line"))
    parts.append(text(on.left + on.width / 2, base + 34, x_label, "axis", "middle"))
    x, y = on.left - 46, on.top + on.height / 2
    parts.append(text(x, y, y_label, "axis", "middle", transform=f"rotate(-90 {x:g} {y:g})"))
    return parts


def line(on: Axes, x: Floats, y: Floats, style: str) -> list[Markup]:
    """Draw a line, interrupted where a y is not a number."""
    parts: list[Markup] = []
    points: list[str] = []
    for a, b in [*zip(x.tolist(), y.tolist(), strict=True), (0.0, float("nan"))]:
        if b == b:
            points.append(f"{on.x(a):.1f},{on.y(b):.1f}")
            continue
        if len(points) > 1:
            parts.append(element("polyline", points=" ".join(points), class_=f"line {style}"))
        points = []
    return parts


def band(on: Axes, x: Floats, low: Floats, high: Floats, style: str) -> Markup:
    """Fill the space between two lines."""
    there = [f"{on.x(a):.1f},{on.y(b):.1f}" for a, b in zip(x.tolist(), high.tolist(), strict=True)]
    back = [f"{on.x(a):.1f},{on.y(b):.1f}" for a, b in zip(x.tolist(), low.tolist(), strict=True)]
    return element("polygon", points=" ".join([*there, *reversed(back)]), class_=f"band {style}")


def bars(on: Axes, edges: Floats, heights: Sequence[float], style: str) -> list[Markup]:
    """Draw the bars of a histogram; empty ones are left out."""
    base = on.y(0.0)
    return [
        element(
            "rect",
            x=on.x(a),
            y=on.y(h),
            width=max(on.x(b) - on.x(a), 0.5),
            height=base - on.y(h),
            class_=f"bar {style}",
        )
        for a, b, h in zip(edges[:-1].tolist(), edges[1:].tolist(), heights, strict=True)
        if h > 0
    ]


def mark_x(on: Axes, words: str, x: float) -> list[Markup]:
    """Draw a dashed line up the plot at an x, and say what it is."""
    at = on.x(x)
    drawn = element("line", x1=at, x2=at, y1=on.top, y2=on.top + on.height, class_="mark")
    return [drawn, text(at + 4, on.top + 11, words, "tick")]


def mark_y(on: Axes, words: str, y: float, along: float, anchor: str) -> list[Markup]:
    """Draw a dashed line across the plot at a y, and say what it is at a share `along` of the plot's width."""
    at = on.y(y)
    drawn = element("line", x1=on.left, x2=on.left + on.width, y1=at, y2=at, class_="mark")
    # Above the line, but under one that runs along the plot's upper edge, over which the key stands.
    shift = 13 if at - 12 < on.top else -5
    return [drawn, text(on.left + along * on.width, at + shift, words, "tick", anchor)]


def _share(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _tick(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")
