"""The picture of a fit: one SVG file that stands by itself, in the manner of `ohmflow device`."""

from pathlib import Path
from textwrap import wrap

from ohmflow.runtime.device_view.picture import PAGE, STYLE, draw_key
from ohmflow.runtime.fit.panels import PANELS
from ohmflow.runtime.fit.study import Study
from ohmflow.runtime.report.svg import element, group, shortened, text
from ohmflow.runtime.training.atomic import replace_text

_WIDTH = 1200.0
_PANEL = (_WIDTH / len(PANELS), 340.0)
_MARGINS = (64.0, 54.0, 20.0, 48.0)
"""Left, top, right and bottom of a plot in its panel."""
_TITLE, _LINE, _FOOT = 42.0, 17.0, 14.0
_LETTERS = 165


def draw(study: Study) -> str:
    """Draw measured devices against the model that foretells best.

    Args:
        study: a measurement and the models fitted to it.

    Returns:
        An SVG document; equal studies give equal text.
    """
    told = _told(study)
    head = _TITLE + _LINE * len(told) + 8
    height = head + _PANEL[1] + _FOOT
    title = shortened(f"{study.file.name}: {study.best.model.name}", _WIDTH - 36, 20)
    parts = [
        element("style", STYLE + PAGE),
        element("rect", width=_WIDTH, height=height, class_="page"),
        text(18, 30, title, "title"),
        *(text(18, _TITLE + 10 + _LINE * k, words, "note") for k, words in enumerate(told)),
    ]
    for k, (name, panel) in enumerate(PANELS):
        left = k * _PANEL[0]
        width, tall = _PANEL[0] - _MARGINS[0] - _MARGINS[2], _PANEL[1] - _MARGINS[1] - _MARGINS[3]
        drawn, key = panel(study, (left + _MARGINS[0], head + _MARGINS[1], width, tall))
        parts.append(
            group([text(left + 18, head + 20, name, "panel"), *draw_key(key, left + _MARGINS[0], head + 40), *drawn])
        )
    drawing = element(
        "svg",
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
        width=_WIDTH,
        height=height,
        role="img",
        aria_label=f"Devices of {study.file.name} against a model",
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawing}\n'


def _told(study: Study) -> list[str]:
    """The lines under the title: numbers with their intervals, and what stands behind them."""
    trains, fitted = study.trains, study.best.fitted
    numbers = [
        f"{name} {e.value:.3g} ({e.low:.3g} to {e.high:.3g})".replace("-", "−")
        for name, e in fitted.parameters.items()
        if e.told
    ]
    window = ", ".join(
        f"{name} {1e9 * e.value:.4g} nS" + (f" ({1e9 * e.low:.4g} to {1e9 * e.high:.4g})" if e.told else "")
        for name, e in (("g_min", fitted.g_min), ("g_max", fitted.g_max), ("error of a read", fitted.read_error))
    )
    devices = "1 device" if trains.devices == 1 else f"{trains.devices} devices"
    return [*wrap(", ".join(numbers), _LETTERS), f"{devices}, {trains.y.size} reads; {window}; 95 % intervals"]


def write(study: Study, file: Path) -> None:
    """Draw a study into a file, which is whole or not there.

    Args:
        study: what to draw.
        file: where the picture is to stand; what stands there is replaced.

    Raises:
        OSError: the file can not be written.
    """
    replace_text(file, draw(study))
