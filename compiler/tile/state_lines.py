"""Lines of digital state: `row %k` and `col %k` after a state's name, and what fits them."""

from xdsl.dialects.builtin import IndexType, StringAttr, i64
from xdsl.ir import Operation, SSAValue
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.compute import verify_versions
from ohmflow.compiler.tile.printing import parse_operand
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.symbols import find
from ohmflow.compiler.tile.tile_types import VecType

AXES = ("row", "col")


def parse_line(parser: Parser) -> tuple[str | None, SSAValue | None]:
    """Read `row %k` or `col %k`, if it is there.

    Args:
        parser: Where from.

    Returns:
        Axis and index of the line, or None twice.
    """
    for axis in AXES:
        if parser.parse_optional_keyword(axis):
            return axis, parse_operand(parser)
    return None, None


def print_line(printer: Printer, axis: StringAttr | None, index: SSAValue | None) -> None:
    """Write what `parse_line` reads.

    Args:
        printer: Where to.
        axis: "row" or "col", or None.
        index: Which line, or None.
    """
    if axis is not None and index is not None:
        printer.print_string(f" {axis.data} ")
        printer.print_operand(index)


def verify_held(
    op: Operation,
    name: str,
    value: SSAValue,
    version: SSAValue,
    axis: StringAttr | None = None,
    index: SSAValue | None = None,
) -> None:
    """Check that a value and a version fit the state that they belong to.

    Args:
        op: The operation.
        name: The state.
        value: What is read or written.
        version: Its version.
        axis: Of a line.
        index: Of a line.

    Raises:
        VerifyException: The state is unknown or holds something else.
    """
    if (axis is None) != (index is None):
        raise VerifyException(f"a line of @{name} must have an axis and an index, not one of them; write col %k")
    if index is not None and index.type not in (IndexType(), VecType((), i64)):
        raise VerifyException(f"the line's index must be index or !tile.vec<i64>, not {index.type}; convert it")
    state = find(op, name, (StateOp,), "a state")
    if state is None:
        return
    wanted = state.type if axis is None else _line_type(name, state.type, axis.data)
    if value.type != wanted:
        raise VerifyException(f"the value of @{name} must be {wanted}, not {value.type}; correct its type")
    verify_versions(op, name, [version])


def _line_type(name: str, held: VecType, axis: str) -> VecType:
    if axis not in AXES:
        raise VerifyException(f"the axis must be row or col, not '{axis}'; name one of them")
    if len(held.dims) != 2:
        raise VerifyException(f"@{name} must be a matrix to have lines, not {held}; read it whole")
    return VecType(held.dims[1:] if axis == "row" else held.dims[:1], held.element_type)
