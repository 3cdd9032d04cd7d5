"""The page's templates: jinja2 with escaping always on, read from this package."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ohmflow.runtime.report.quantities import MISSING, count, integer, percent, scaled
from ohmflow.runtime.report.svg import element


def render(name: str, values: dict[str, Any]) -> str:
    """Fill in a template of this package.

    Args:
        name: such as `page.html.j2`.
        values: what it names.
    """
    text = _environment().get_template(name).render(values)
    lines = (line.rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line) + "\n"


@cache
def _environment() -> Environment:
    package = files("ohmflow.runtime.report")
    made = Environment(
        loader=FunctionLoader(lambda name: package.joinpath(name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["joules"] = _number(lambda v: scaled(v, "J"))
    made.filters["seconds"] = _number(lambda v: scaled(v, "s"))
    made.filters["watts"] = _number(lambda v: scaled(v, "W"))
    made.filters["area"] = _number(lambda v: f"{v:.3g} mm²")
    made.filters["percent"] = _number(percent)
    made.filters["whole"] = _number(integer)
    made.filters["count"] = _number(count)
    made.filters["loss"] = _number(lambda v: f"{v:.4g}")
    made.filters["fixed"] = _number(lambda v: f"{v:.1f}")
    made.globals["MISSING"] = MISSING
    return made


def _number(words: Callable[[float], str]) -> Callable[..., Markup]:
    """A filter that writes a number for people, and exactly, for programs, in the attribute `value`."""

    def written(value: float | None, missing: str = "–", id: str = "") -> Markup:
        if value is None:
            return element("span", missing, class_="missing")
        attributes = {"value": repr(value)} | ({"id": id} if id else {})
        return element("data", words(value), **attributes)

    return written
