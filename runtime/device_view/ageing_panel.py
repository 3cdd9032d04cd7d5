"""The panel of devices that are left alone: weights against time, whose axis is logarithmic."""

import numpy as np
from markupsafe import Markup

from ohmflow.runtime.device_view.ageing import AgeingView, closed_form
from ohmflow.runtime.device_view.axes import Axes, axes, band, frame, line
from ohmflow.runtime.device_view.panels import Key, Place
from ohmflow.runtime.report.svg import element, text

TITLE = "Left alone after programming"
_SINGLE = 8
_MOST_TICKS = 10


def left_alone(ageing: AgeingView, bounds: tuple[float, float], place: Place) -> tuple[list[Markup], Key]:
    """Weights of devices that were programmed near their bounds, as time passes.

    Args:
        ageing: what was seen.
        bounds: nominal (w_min, w_max).
        place: of the plot.
    """
    decades = np.log10(ageing.seconds)
    values = np.concatenate([ageing.high.w, ageing.low.w])
    reach = (min(bounds[0], float(values.min())), max(bounds[1], float(values.max())))
    on = axes(place, (float(decades[0]), float(decades[-1])), reach)
    parts = [*frame(on, "time since programming", "weight w, device units", x_words=_times(on))]
    law = closed_form(ageing.spec)
    key: Key = ()
    for waiting, style, words in ((ageing.high, "s0", "from above"), (ageing.low, "s1", "from below")):
        low, high = np.quantile(waiting.w, (0.1, 0.9), axis=1)
        parts.append(band(on, decades, low, high, style))
        for k in range(min(_SINGLE, waiting.w.shape[1])):
            parts += line(on, decades, waiting.w[:, k], f"thin {style}")
        parts += line(on, decades, waiting.w.mean(axis=1), style)
        key += ((style, f"{words}: mean, 8 of 10 devices (band), single ones"),)
        if law is not None:
            told = np.clip([law(waiting.start, s) for s in ageing.seconds.tolist()], *bounds)
            points = " ".join(
                f"{on.x(a):.1f},{on.y(b):.1f}" for a, b in zip(decades.tolist(), told.tolist(), strict=True)
            )
            parts.append(element("polyline", points=points, class_="mark", fill="none"))
    if law is not None:
        parts.append(text(on.left + on.width - 4, on.top + 12, "dashed: the law, without spread", "tick", "end"))
    return parts, key


def _times(on: Axes) -> tuple[tuple[float, str], ...]:
    """Ticks at whole decades, not too many, with their times."""
    first, last = round(on.x_range[0]), round(on.x_range[1])
    stride = -(-(last - first) // _MOST_TICKS)
    return tuple((float(k), _power_of_ten(k)) for k in range(first, last + 1, max(stride, 1)))


def _power_of_ten(k: int) -> str:
    """10^k seconds, such as 100 µs."""
    thousands, tens = divmod(k, 3)
    prefix = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G"}.get(thousands)
    return f"1e{k} s" if prefix is None else f"{10**tens} {prefix}s"
