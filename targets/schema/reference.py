"""The page docs/reference-target-files.md, written from the schema: every section, key, unit, default and bound.

Meanings are the docstrings of the pydantic models; kinds, units and bounds are what the validators hold to; prices are
what the components of `ohmflow.targets.components` state; parameters of device models are those of the installed
classes. Nothing is said here that they do not say. What holds between keys is in `ohmflow.targets.checks`, whose
messages tell it.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ohmflow.targets.components.registry import all_events, all_footprints
from ohmflow.targets.device_models import model_entries, parameters_of
from ohmflow.targets.docstrings import opening, section
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.device import FIXED
from ohmflow.targets.schema.figure import Measure
from ohmflow.targets.schema.leaves import Flag, Pair, Whole, Words
from ohmflow.targets.schema.target import Target
from ohmflow.targets.schema.validation import AnyQuantity
from ohmflow.targets.units import describe

PAGE = "docs/reference-target-files.md"

_HEAD = f"""# Reference: target files

Written by `python -m ohmflow.targets.schema.reference {PAGE}` from the schema, the components and the device models;
[target-files.md](target-files.md) explains how such a file is written, and what holds between keys.

*Needed*: a target without the key is refused, though a file may leave it to the one that it extends. A number may
always be a mapping `{{value: …, source: …, confidence: …}}`, and every section may hold `source` and `confidence`.
*Prices* names what follows from the key, energies of events of [the ledger](ledger.md) and areas: a target gives it, or
`not_modelled` lists what it leaves out. A meaning begins with its unit in SI; write any unit of that dimension.
"""

_TABLE = "| key | value | if left out | meaning | prices |\n|---|---|---|---|---|\n"

_OWN = "ohmflow.runtime.devices."
"""Device models of the project itself; plug-ins that happen to be installed are not on its page."""


def target_files_page() -> str:
    """Return the text of docs/reference-target-files.md."""
    parts = [_HEAD, *_sections("", Target)]
    parts.append(
        "## Device models\n\nWhat `device.parameters` takes, by `device.model`; equations are in "
        "[semantics.md](semantics.md#device-models). All numbers are dimensionless, in device weights.\n"
    )
    ours = [name for name, entries in model_entries().items() if entries[0].value.startswith(_OWN)]
    parts += [_model(name) for name in sorted((*ours, FIXED))]
    return "\n".join(parts)


def _sections(path: str, model: type[BaseModel]) -> Iterator[str]:
    """A section's own table, then those of the sections in it."""
    told = section(model, "Attributes")
    rows, inner = [], []
    for name, field in model.model_fields.items():
        place = f"{path}.{name}" if path else name
        below = _section_of(field.annotation)
        if below is not None and get_origin(field.annotation) is dict:
            place += ".NAME"  # sections by names that the file chooses
        if below is not None and below is not model:
            inner.append((place, below))
        meaning = told.get(name) or (_summary(below) if below else "")
        anchor = (path if below is model else place).replace(".", "").lower()
        value = f"[section](#{anchor})" if below else _value(field)
        rows.append(f"| `{name}` | {value} | {_default(field)} | {meaning} | {_prices(place)} |")
    head = f"## {path}\n\n{_capital(_summary(model))}\n" if path else f"## The whole file\n\n{_summary(model)}\n"
    yield f"{head}\n{_TABLE}" + "\n".join(rows) + "\n"
    for place, below in inner:
        yield from _sections(place, below)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a key holds, if it holds one (or may)."""
    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _summary(model: type[BaseModel]) -> str:
    """First paragraph of a section's docstring without the name of the section."""
    return " ".join(re.sub(r"^`[\w.]+:` ", "", opening(model).split("\n\n")[0]).split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value(field: FieldInfo) -> str:
    """Kind of a value, with its bounds and an example."""
    if get_origin(field.annotation) is tuple and not any(isinstance(rule, Pair) for rule in field.metadata):
        return "list of paths"
    for rule in _rules(field):
        match rule:
            case Measure():
                return _measure(rule)
            case AnyQuantity():
                return "quantity or plain number, such as `5 ns`"
            case Whole():
                top = "" if rule.high >= 1_000_000_000 else f" to {rule.high:,}"
                return f"whole number from {rule.low}{top}"
            case Flag():
                return "`true` or `false`"
            case Words():
                return "text"
            case Pair():
                return "`columns x rows`, both at least 1" if rule.size else "`[x, y]`, a node of the mesh"
    for option in (field.annotation, *get_args(field.annotation)):
        option = get_args(option)[0] if get_origin(option) is Annotated else option
        if get_origin(option) is Literal:
            return " or ".join(f"`{word}`" for word in get_args(option))
    return "numbers by name"


def _rules(field: FieldInfo) -> Iterator[Any]:
    """The validators of a key: of itself, or of what it may hold beside nothing."""
    yield from field.metadata
    for option in get_args(field.annotation):
        yield from getattr(option, "__metadata__", ())


def _measure(rule: Measure) -> str:
    bound = {"positive": " > 0", "not negative": " ≥ 0", "any": ""}[rule.bound]
    whole = f" in whole {rule.whole}" if rule.whole else ""
    if re.fullmatch(r"[\d.e+-]+", rule.example):
        return f"plain number{bound}"
    what = re.sub(r"^an? ", "", describe(Quantity.parse(rule.example).dimension))
    return f"{what}{bound}{whole}, such as `{rule.example}`"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    if field.default is PydanticUndefined or field.default in (None, ()) or field.default_factory is dict:
        return "absent"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _prices(path: str) -> str:
    prices = [f"`{event.component}.{event.name}`" for event in all_events() if path in event.needs]
    areas = [f"area of `{footprint.component}`" for footprint in all_footprints() if path in footprint.needs]
    return ", ".join(prices + areas)


def _model(name: str) -> str:
    """What a device model is, in its module's first sentence, and the table of its parameters."""
    parameters = parameters_of(name)
    described = parameters if name == FIXED else sys.modules[model_entries()[name][0].value.partition(":")[0]]
    told = re.split(r"\.(?:\s|$)", (described.__doc__ or "").strip(), maxsplit=1)[0]
    rows = [
        f"| `{key}` | {_number(field)} | {_default(field)} | {field.description or ''} |"
        for key, field in parameters.model_fields.items()
    ]
    table = (
        "| parameter | value | if left out | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    )
    return f"### {name}\n\n{_capital(' '.join(told.split()).removeprefix(f'`{name}`: '))}.\n\n{table}"


def _number(field: FieldInfo) -> str:
    if field.annotation is bool:
        return "`true` or `false`"
    if get_origin(field.annotation) is tuple:
        return "list of numbers"
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
        return f"table of {', '.join(field.annotation.model_fields)}, or a file"
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [
        f"{sign} {getattr(rule, key):g}" for rule in field.metadata for key, sign in signs.items() if hasattr(rule, key)
    ]
    return " ".join(["number", ", ".join(bounds)]).strip()


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(target_files_page(), encoding="utf-8")
