"""The picture of a target's devices: one SVG file that stands by itself."""

from pathlib import Path
from textwrap import wrap

import numpy as np
from markupsafe import Markup

from ohmflow.runtime.device_view.ageing_panel import TITLE, left_alone
from ohmflow.runtime.device_view.errors import DeviceViewError
from ohmflow.runtime.device_view.panels import PANELS, Key, Place
from ohmflow.runtime.device_view.view import DeviceView
from ohmflow.runtime.report.quantities import scaled
from ohmflow.runtime.report.svg import element, group, shortened, text
from ohmflow.runtime.training.atomic import replace_text

_WIDTH, _COLUMNS = 1200.0, 3
_PANEL = (_WIDTH / _COLUMNS, 320.0)
_MARGINS = (64.0, 54.0, 20.0, 48.0)
"""Left, top, right and bottom of a plot in its panel."""
_TITLE, _LINE, _FOOT = 42.0, 17.0, 40.0
_LETTERS = 165
"""Letters of a line of the head."""

STYLE = """
text { fill: #1b1f24; font-family: system-ui, sans-serif; font-size: 12px; }
.title { font-size: 20px; font-weight: 600; } .panel { font-size: 14px; font-weight: 600; }
.tick, .axis, .note { fill: #59636e; } .tick { font-size: 11px; } .strong { font-size: 13px; }
.grid { stroke: #e9ecef; } .axis-line { stroke: #59636e; }
.line { fill: none; stroke-width: 2; } .thin { stroke-width: .7; stroke-opacity: .45; }
.band { fill-opacity: .16; } .bar { fill-opacity: .55; }
.mark { stroke: #59636e; stroke-dasharray: 4 3; }
.line.s0 { stroke: #0072b2; } .line.s1 { stroke: #d55e00; } .line.s2 { stroke: #00674a; } .line.s3 { stroke: #b565a3; }
.s0 { fill: #0072b2; } .s1 { fill: #d55e00; } .s2 { fill: #009e73; } .s3 { fill: #cc79a7; }
.line { fill: none; }
"""
"""Style sheet of pictures of devices."""

PAGE = """.page { fill: #ffffff; }
@media (prefers-color-scheme: dark) {
  .page { fill: #14181d; } text { fill: #e6e9ec; } .tick, .axis, .note { fill: #a3adb8; }
  .grid { stroke: #2b323a; } .axis-line, .mark { stroke: #a3adb8; } .band { fill-opacity: .28; }
  .line.s0 { stroke: #56a8dc; } .line.s1 { stroke: #f0894a; }
  .line.s2 { stroke: #35c19a; } .line.s3 { stroke: #d694c6; }
  .s0 { fill: #56a8dc; } .s1 { fill: #f0894a; } .s2 { fill: #35c19a; } .s3 { fill: #d694c6; } .line { fill: none; }
}
"""
"""Style sheet of the page that such a picture stands on, light or dark as its reader likes."""


def draw(view: DeviceView) -> str:
    """Draw what was seen.

    Args:
        view: of a target's devices.

    Returns:
        An SVG document; equal views give equal text.
    """
    rows = -(-len(PANELS) // _COLUMNS)
    told = _told(view)
    head = _TITLE + _LINE * len(told) + 8
    height = head + (rows + (view.ageing is not None)) * _PANEL[1] + _FOOT
    parts = [
        element("style", STYLE + PAGE),
        element("rect", width=_WIDTH, height=height, class_="page"),
        text(18, 30, shortened(f"{view.target}: {view.model}", _WIDTH - 36, 20), "title"),
        *(text(18, _TITLE + 10 + _LINE * k, words, "note") for k, words in enumerate(told)),
    ]
    for k, (title, panel) in enumerate(PANELS):
        left, top = (k % _COLUMNS) * _PANEL[0], head + (k // _COLUMNS) * _PANEL[1]
        parts.append(_panel(title, left, top, *panel(view, _place(left, top, _PANEL[0]))))
    if view.ageing is not None:
        top = head + rows * _PANEL[1]
        parts.append(_panel(TITLE, 0.0, top, *left_alone(view.ageing, view.bounds, _place(0.0, top, _WIDTH - 12.0))))
    said = f"Not modelled: {', '.join(view.not_modelled)}."
    parts.append(text(18, height - 14, said, "note"))
    drawing = element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
        width=_WIDTH,
        height=height,
        role="img",
        aria_label=f"Devices of {view.target} under pulses",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing}\n'


def _place(left: float, top: float, width: float) -> Place:
    """Where the plot of a panel is."""
    across, down = _MARGINS[0] + _MARGINS[2], _MARGINS[1] + _MARGINS[3]
    return left + _MARGINS[0], top + _MARGINS[1], width - across, _PANEL[1] - down


def _panel(title: str, left: float, top: float, drawn: list[Markup], key: Key) -> Markup:
    words = text(left + 18, top + 20, title, "panel")
    return group([words, *draw_key(key, left + _MARGINS[0], top + 40), *drawn])


def _told(view: DeviceView) -> list[str]:
    """The lines under the title: parameters, how it was looked, figures."""
    up, down = view.step_figures
    options = view.options
    window = ""
    if view.window is not None:
        low, high = (scaled(siemens, "S") for siemens in view.window)
        window = f"; w_min to w_max is {low} to {high}"
    numbers = ", ".join(
        f"{name} {value:g}".replace(" -", " −") if isinstance(value, int | float) else f"{name} of {len(value)}"
        for name, value in view.parameters.items()
        if value
    )
    return [
        *wrap(numbers, _LETTERS),
        f"{options.devices} devices, seed {options.seed}, trains of {view.pulses} pulses{window}",
        f"Steps from w = 0 over dw_min, ± between devices, and between pulses of a device: "
        f"up {up.mean:.2f} ± {up.dtod:.2f}, {100 * up.ctoc:.0f} %; "
        f"down {-down.mean:.2f} ± {down.dtod:.2f}, {100 * down.ctoc:.0f} %. "
        f"States of a device: {np.median(view.states):.0f} (median)",
    ]


def draw_key(key: Key, left: float, y: float) -> list[Markup]:
    """Draw a panel's key from a place on: a patch of each style and what it stands for."""
    parts = []
    for style, words in key:
        parts.append(element("rect", x=left, y=y - 9, width=10.0, height=10.0, class_=style))
        parts.append(text(left + 15, y, words, "tick"))
        left += 30 + 6.2 * len(words)
    return parts


def check_place(file: Path) -> None:
    """Refuse a place that no SVG file can stand at, before anything is measured.

    Args:
        file: where the picture is to stand.

    Raises:
        DeviceViewError: its name does not end in .svg, it is a folder, or its folder does not exist.
    """
    if file.suffix.lower() != ".svg":
        raise DeviceViewError(f"-o {file}: must be a file that ends in .svg, not '{file.suffix}'; rename it")
    if file.is_dir():
        raise DeviceViewError(f"-o {file}: must be a file, not a folder; give another name")
    if not file.parent.is_dir():
        raise DeviceViewError(f"-o {file}: must be in a folder that exists, not in '{file.parent}'; make it first")


def write(view: DeviceView, file: Path) -> None:
    """Draw what was seen into a file, which is whole or not there.

    Args:
        view: of a target's devices.
        file: where the picture is to stand; what stands there is replaced.

    Raises:
        DeviceViewError: no SVG file can stand there.
        OSError: the file can not be written.
    """
    check_place(file)
    replace_text(file, draw(view))
