"""A line chart over epochs, as SVG: axes with units, ticks, grid, a mark for every value."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from ohmflow.runtime.report.quantities import round_ticks
from ohmflow.runtime.report.svg import drawing, element, text

Place = Callable[[float, float], tuple[float, float]]

_WIDTH, _HEIGHT = 400.0, 240.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 12.0, 12.0, 40.0


@dataclass(frozen=True)
class Line:
    """One line: its name, its CSS class, and a value (or None) at each x."""

    name: str
    style: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]


def line_chart(
    lines: list[Line], y_label: str, y_range: tuple[float, float] | None = None, as_percent: bool = False
) -> Markup:
    """Draw lines over epochs.

    Args:
        lines: at least one, with at least one value in all.
        y_label: what the y axis shows, with its unit.
        y_range: limits of the y axis, by the values when None.
        as_percent: whether y is a share that the axis shows in percent.

    Returns:
        An svg element. Every value is a mark with a tooltip.
    """
    values = [v for line in lines for v in line.y if v is not None]
    low, high = y_range or (min(values), max(values))
    y_ticks = round_ticks(low, high)
    low, high = y_ticks[0], y_ticks[-1]
    xs = [x for line in lines for x in line.x]
    x_low, x_high = min(xs), max(max(xs), min(xs) + 1)
    x_ticks = [t for t in round_ticks(x_low, x_high, 8) if t == round(t) and x_low <= t <= max(xs)]

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)
        return _LEFT + across, _HEIGHT - _BOTTOM - (y - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [*_frame(y_ticks, x_ticks, at, as_percent)]
    for line in lines:
        parts += _line(line, at, as_percent)
    parts.append(text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, "epoch", "axis", "middle"))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(text(12, middle, y_label, "axis", "middle", transform=f"rotate(-90 12 {middle:g})"))
    return drawing(parts, _WIDTH, _HEIGHT, f"{y_label} over epochs", "chart")


def _frame(y_ticks: list[float], x_ticks: list[float], at: Place, as_percent: bool) -> list[Markup]:
    parts = []
    for tick in y_ticks:
        _, y = at(0.0, tick)
        parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid"))
        label = f"{100 * tick:g}" if as_percent else f"{tick:.6g}"
        parts.append(text(_LEFT - 5, y + 4, label, "tick", "end"))
    base = _HEIGHT - _BOTTOM
    for tick in x_ticks:
        x, _ = at(tick, y_ticks[0])
        parts.append(element("line", x1=x, x2=x, y1=base, y2=base + 4, class_="axis-line"))
        parts.append(text(x, base + 17, f"{tick:g}", "tick", "middle"))
    parts.append(element("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=base, y2=base, class_="axis-line"))
    return parts


def _line(line: Line, at: Place, as_percent: bool) -> list[Markup]:
    points = [(x, y) for x, y in zip(line.x, line.y, strict=True) if y is not None]
    places = [at(x, y) for x, y in points]
    parts = []
    if len(places) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(element("polyline", points=path, class_=f"line {line.style}"))
    radius = 3.2 if len(places) <= 40 else 1.6
    for (x, y), (px, py) in zip(points, places, strict=True):
        shown = f"{100 * y:.2f} %" if as_percent else f"{y:.5g}"
        title = element("title", f"{line.name}, epoch {x:g}: {shown}")
        parts.append(element("circle", title, cx=px, cy=py, r=radius, class_=f"dot {line.style}"))
    return parts
