"""The page docs/reference-tile-ir.md, written from the dialect: operations, types, attributes and passes.

Prose, grammar and the meaning of a part are the docstrings of the classes and of their constructors; what a part is and
which type it has are xDSL's definitions. Nothing is said here that the classes do not say.
"""

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ArrayOfConstraint
from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
    AnyAttr,
    AnyOf,
    AttrConstraint,
    BaseAttr,
    EqAttrConstraint,
    IRDLOperation,
    OpDef,
    OptOperandDef,
    OptPropertyDef,
    OptResultDef,
    RangeConstraint,
    RangeLengthConstraint,
    RangeOf,
    VarOperandDef,
    VarResultDef,
)
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.dialect import Tile
from ohmflow.compiler.tile.passes.pipeline import OURS
from ohmflow.targets.docstrings import opening, section

PAGE = "docs/reference-tile-ir.md"

_HEAD = f"""# Reference: tile IR

Written by `python -m ohmflow.compiler.tile.reference {PAGE}` from the classes of `compiler/tile/`;
[tile-ir.md](tile-ir.md) explains the language with whole examples, this page lists it.

An *operand* is a value from above, in parentheses or after a keyword; a *result* is what an operation gives; a
*property* is written as text or numbers; a *region* is a body in braces. "any" is a type that the operation checks
itself, a *flag* a word that is there or not. Every operation also takes discardable `attributes {{…}}`. The last line
of an operation is its class in Python; what only the constructor knows stands in its table too.
"""

_SIGNS = {
    "IntegerAttr": "integer",
    "FloatAttr": "number",
    "StringAttr": "word",
    "SymbolNameConstraint": "`@symbol`",
    "SymbolRefAttr": "`@symbol`",
    "UnitAttr": "flag",
    "FunctionType": "operand and result types",
    "DenseArrayBase": "integers",
}
"""What stands in the text for an attribute of xDSL's own."""

_HIDDEN = "operandSegmentSizes"
"""Bookkeeping of xDSL: how many operands each group has; it is not written."""

_OTHER_NAMES = {"sym_name": "name", "versions": "version", "write_verify": "verify"}
"""Parts whose argument in the constructor has another name."""


def tile_ir_page() -> str:
    """Return the text of docs/reference-tile-ir.md."""
    rooms: dict[str, list[type[Operation]]] = {}
    for operation in Tile.operations:
        rooms.setdefault(operation.__module__, []).append(operation)
    parts = [_HEAD, *_types("Types", "!"), *_types("Attributes", "#")]
    for module, operations in rooms.items():
        parts.append(f"## {_title(module)}\n\n`{module.replace('ohmflow.', '').replace('.', '/')}.py`\n")
        parts += [_operation(operation) for operation in operations]
    parts.append("## Passes\n\nRun by `ohmflow opt --passes` and `ohmflow compile --passes`.\n")
    parts += [_pass(made) for made in sorted(OURS, key=lambda made: made.name)]
    return "\n".join(parts)


def _title(module: str) -> str:
    """The first sentence of a module's docstring, without its full stop."""
    return re.split(r"\.(?:\s|$)", (sys.modules[module].__doc__ or "").strip(), maxsplit=1)[0].replace("\n", " ")


def _types(title: str, sign: str) -> Iterator[str]:
    kinds = [kind for kind in Tile.attributes if inspect.cleandoc(kind.__doc__ or "").startswith(f"`{sign}")]
    yield f"## {title}\n"
    for kind in kinds:
        yield f"* {_joined(inspect.cleandoc(kind.__doc__ or ''))}"
    yield ""


def _joined(text: str) -> str:
    """Paragraphs of a docstring as one list item."""
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in text.split("\n\n")).replace("\n\n", "\n\n  ")


def _operation(operation: type[Operation]) -> str:
    assert issubclass(operation, IRDLOperation), f"{operation.name} must be defined by irdl"
    definition = operation.get_irdl_definition()
    told = section(operation.__init__, "Args")
    rows = [
        f"| `{name}` | {role} | {kind} | {told.pop(_OTHER_NAMES.get(name, name), '')} |"
        for name, role, kind in _parts(definition)
    ]
    rows += [f"| `{name}` | of the constructor | | {text} |" for name, text in told.items() if name != "attributes"]
    table = "| part | is | type | meaning |\n|---|---|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    return f"### {operation.name}\n\n{opening(operation)}\n\n{table}\n`{_call(operation)}`\n"


def _call(operation: type[Operation]) -> str:
    names = [name for name in inspect.signature(operation.__init__).parameters if name != "self"]
    return f"{operation.__name__}({', '.join(names)})"


def _parts(definition: OpDef) -> Iterator[tuple[str, str, str]]:
    """Name, role and type of everything that an operation consists of."""
    for name, prop in definition.properties.items():
        if name != _HIDDEN:
            role = "property, may be absent" if isinstance(prop, OptPropertyDef) else "property"
            yield name, role, _sign(prop.constr)
    for name, operand in definition.operands:
        yield name, _many("operand", operand), _sign(operand.constr)
    for name, result in definition.results:
        yield name, _many("result", result), _sign(result.constr)
    for name, _ in definition.regions:
        yield name, "region", "one block"


def _many(role: str, part: object) -> str:
    if isinstance(part, OptOperandDef | OptResultDef):  # before the kinds that they derive from
        return f"{role}, may be absent"
    return f"{role}s, any number" if isinstance(part, VarOperandDef | VarResultDef) else role


def _sign(constraint: AttrConstraint | RangeConstraint) -> str:
    """What a constraint admits, as it is written in the text."""
    match constraint:
        case RangeLengthConstraint():
            return _sign(constraint.constraint)
        case RangeOf():
            return _sign(constraint.constr)
        case ArrayOfConstraint():
            return f"list of {_sign(constraint.elem_range_constraint)}"
        case AnyOf():
            return " or ".join(_sign(one) for one in constraint.attr_constrs)
        case EqAttrConstraint():
            return f"`{constraint.attr}`"
        case BaseAttr():
            return _written(constraint.attr)
        case AnyAttr():
            return "any"
        case _:
            return _SIGNS[type(constraint).__name__]


def _written(kind: Any) -> str:
    """The text of an attribute class: `!tile.vec` for a type, `#tile.work` for an attribute of ours."""
    if kind.__name__ in _SIGNS:
        return _SIGNS[kind.__name__]
    assert issubclass(kind, Attribute) and kind in Tile.attributes, f"{kind.__name__} must have a sign"
    return f"`{'!' if inspect.cleandoc(kind.__doc__ or '').startswith('`!') else '#'}{kind.name}`"


def _pass(made: type[ModulePass]) -> str:
    told = section(made, "Attributes")
    options = [f"| `{o.name}` | `{o.default}` | {told.get(o.name, '')} |" for o in _options(made)]
    table = "\n| option | default | meaning |\n|---|---|---|\n" + "\n".join(options) + "\n" if options else ""
    return f"### {made.name}\n\n{opening(made)}\n{table}"


def _options(made: Any) -> Iterable[Any]:
    return [option for option in fields(made) if option.name != "name"]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(tile_ir_page(), encoding="utf-8")
