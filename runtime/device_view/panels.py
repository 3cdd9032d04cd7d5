"""The six panels of the picture: swing, step against weight, steps from 0, symmetry, bounds, half-selected devices."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from ohmflow.runtime.device_view.axes import Axes, axes, band, bars, frame, line, mark_x, mark_y
from ohmflow.runtime.device_view.bench import Trace
from ohmflow.runtime.device_view.view import DeviceView
from ohmflow.runtime.report.svg import text

Floats = npt.NDArray[np.float64]
Place = tuple[float, float, float, float]
Key = tuple[tuple[str, str], ...]

_SINGLE = 8
_WEIGHT = "weight w, device units"


def swing(view: DeviceView, place: Place) -> tuple[list[Markup], Key]:
    """Weights over a train up and a train down, from every device's lower bound."""
    trace = view.swing
    on = axes(place, (0, 2 * view.pulses), _with(view.bounds, trace.w))
    parts = [*frame(on, "pulses: up, then down", _WEIGHT)]
    # Where no device is: at the top of the swing near w_min, at its beginning near w_max.
    parts += mark_y(on, "w_min", view.bounds[0], 0.5, "middle") + mark_y(on, "w_max", view.bounds[1], 0.02, "start")
    parts += _spread(on, trace, "s0")
    for k in range(min(_SINGLE, trace.w.shape[1])):
        parts += line(on, trace.pulses.astype(float), trace.w[:, k], "thin s0")
    parts += line(on, trace.pulses.astype(float), trace.w.mean(axis=1), "s0")
    return parts, (("s0", "mean, 8 of 10 devices (band), single ones"),)


def curves(view: DeviceView, place: Place) -> tuple[list[Markup], Key]:
    """Mean size of a step against weight, in both directions: where they cross, pulses up and down cancel."""
    up, down = view.curves
    sizes = np.concatenate([up.step, -down.step])
    known = sizes[np.isfinite(sizes)]
    on = axes(
        place, _with(view.bounds, np.concatenate([view.low, view.high])), (min([0.0, *known]), max([1.0, *known]))
    )
    parts = [*frame(on, _WEIGHT, "mean step / dw_min")]
    parts += line(on, up.w, up.step, "s0") + line(on, down.w, -down.step, "s1")
    return parts, (("s0", "up"), ("s1", "down (its size)"))


def steps(view: DeviceView, place: Place) -> tuple[list[Markup], Key]:
    """Histogram of single steps from w = 0."""
    up, down = (taken.ravel() for taken in view.steps)
    both = np.concatenate([up, -down])
    low, high = min(0.0, float(np.quantile(both, 0.001))), max(1.0, float(np.quantile(both, 0.999)))
    edges = np.linspace(low, high, 41)
    shares = [np.histogram(sizes, edges)[0] / sizes.size for sizes in (up, -down)]
    on = axes(place, (low, high), (0.0, 100 * max(float(share.max()) for share in shares)))
    parts = [*frame(on, "step from w = 0 / dw_min", "share of pulses, %")]
    for share, style in zip(shares, ("s0", "s1"), strict=True):
        parts += bars(on, edges, (100 * share).tolist(), style)
    parts += mark_x(on, "dw_min", 1.0)
    return parts, (("s0", "up"), ("s1", "down (its size)"))


def symmetry(view: DeviceView, place: Place) -> tuple[list[Markup], Key]:
    """Weights under pulses up and down in turn, from both bounds."""
    pairs = float(view.above.pulses[-1] / 2)
    on = axes(place, (0, pairs), _with(view.bounds, np.concatenate([view.above.w, view.below.w])))
    parts = [*frame(on, "pairs of pulses, up and down", _WEIGHT)]
    for trace, style in ((view.above, "s2"), (view.below, "s3")):
        halved = Trace(trace.pulses // 2, trace.w)
        parts += _spread(on, halved, style)
        parts += line(on, halved.pulses.astype(float), trace.w.mean(axis=1), style)
    settled, devices = view.settled.size, view.symmetry.size
    if settled:
        mean, spread = float(view.settled.mean()), float(view.settled.std())
        parts += mark_y(on, "", mean, 0.0, "start")
        where = f"{round(mean, 3) + 0.0:.3f}".replace("-", "−")
        said = f"{settled} of {devices} devices settle, at {where} ± {spread:.3f}"
    else:
        said = f"none of {devices} devices settles between its bounds"
    parts.append(text(on.left + on.width - 4, on.top + 12, said, "tick", "end"))
    return parts, (("s2", "from the upper bound"), ("s3", "from the lower bound"))


def bounds(view: DeviceView, place: Place) -> tuple[list[Markup], Key]:
    """Histogram of the devices' bounds, and of the points where pulses up and down cancel."""
    kinds: list[tuple[str, str, Floats]] = [("s0", "lower bounds", view.low), ("s1", "upper bounds", view.high)]
    if view.settled.size:
        kinds.append(("s2", "symmetry points", view.settled))
    values = np.concatenate([found for _, _, found in kinds])
    edges = np.linspace(*_with(view.bounds, values), 49)
    number = view.low.size
    shares = [100 * np.histogram(found, edges)[0] / number for _, _, found in kinds]
    on = axes(place, (edges[0], edges[-1]), (0.0, max(float(share.max()) for share in shares)))
    parts = [*frame(on, _WEIGHT, "share of devices, %")]
    for (style, _, _), share in zip(kinds, shares, strict=True):
        parts += bars(on, edges, share.tolist(), style)
    return parts, tuple((style, words) for style, words, _ in kinds)


def half_selected(view: DeviceView, place: Place) -> tuple[list[Markup], Key]:
    """What half-selected pulses do to devices at w = 0, relative to a whole step."""
    if view.half_select == 0.0:
        x, y = place[0] + place[2] / 2, place[1] + place[3] / 2
        said = ("Half-selected devices do not move on this target", "(device.half_select_step, device.voltage).")
        return [text(x, y + 16 * k, words, "note", "middle") for k, words in enumerate(said)], ()
    traces = [Trace(t.pulses, t.w / view.dw_min) for t in (view.half_up, view.half_down)]
    reach = max(1.0, *(float(np.abs(t.w).max()) for t in traces))
    on = axes(place, (0, view.pulses), (-reach, reach))
    parts = [*frame(on, "half-selected pulses", "change of w / dw_min")]
    for trace, style in zip(traces, ("s0", "s1"), strict=True):
        parts += _spread(on, trace, style)
        parts += line(on, trace.pulses.astype(float), trace.w.mean(axis=1), style)
    return parts, (("s0", "up"), ("s1", "down"))


PANELS = (
    ("Response to pulse trains", swing),
    ("Step against weight", curves),
    ("Distribution of steps", steps),
    ("Alternating pulses", symmetry),
    ("Spread over devices", bounds),
    ("Half-select disturb", half_selected),
)
"""Titles and panels, in the order in which they stand."""


def _spread(on: Axes, trace: Trace, style: str) -> list[Markup]:
    low, high = np.quantile(trace.w, (0.1, 0.9), axis=1)
    return [band(on, trace.pulses.astype(float), low, high, style)]


def _with(nominal: Sequence[float], values: Floats) -> tuple[float, float]:
    return min(nominal[0], float(values.min())), max(nominal[1], float(values.max()))
