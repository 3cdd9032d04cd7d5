"""SVG elements as text, every attribute and text escaped."""

from collections.abc import Iterable

from markupsafe import Markup, escape

Value = str | int | float

_LETTER = 0.6
"""Width of an average letter over the font size, on the safe side for bold text."""


def element(name: str, *children: Markup | str, **attributes: Value) -> Markup:
    """Write one element.

    Args:
        name: of the element.
        children: markup as it is, text escaped.
        attributes: `class_` and the like lose their last underscore, others become dashes; numbers are rounded to
            hundredths, which is less than a pixel.
    """
    written = "".join(f' {_name(key)}="{escape(_text(value))}"' for key, value in attributes.items())
    inside = Markup("").join(children)  # which escapes what is not markup
    return Markup(f"<{name}{written}>{inside}</{name}>")


def group(parts: Iterable[Markup], **attributes: Value) -> Markup:
    """Write a `g` element."""
    return element("g", *parts, **attributes)


def text(x: float, y: float, words: str, class_: str = "", anchor: str = "start", **more: Value) -> Markup:
    """Write a text element; `anchor` is start, middle or end."""
    return element("text", words, x=x, y=y, class_=class_, text_anchor=anchor, **more)


def drawing(parts: Iterable[Markup], width: float, height: float, label: str, class_: str = "") -> Markup:
    """Write an `svg` element that scales to its container; `label` is read aloud."""
    box = f"0 0 {_text(width)} {_text(height)}"
    return element("svg", *parts, viewBox=box, class_=class_, role="img", aria_label=label)


def fits(words: str, width: float, size: float) -> bool:
    """Whether text of this font size fits a width, by the width of an average letter."""
    return len(words) * size * _LETTER <= width


def shortened(words: str, width: float, size: float) -> str:
    """The text, its middle left out until it fits; empty when not even three letters do."""
    if fits(words, width, size):
        return words
    room = int(width / (size * _LETTER)) - 1
    if room < 3:
        return ""
    head = (room + 1) // 2
    return f"{words[:head]}…{words[len(words) - (room - head) :]}"


def _name(key: str) -> str:
    return key if key == "viewBox" else key.rstrip("_").replace("_", "-")


def _text(value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
