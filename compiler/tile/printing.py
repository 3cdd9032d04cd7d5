"""Printing and parsing shared by the operations: operands without repeated types, token lists, numbers.

Operands are printed without types, since every value of tile IR is defined above its use; the parser looks their
types up. Discardable attributes come last, after the keyword `attributes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.parser import AttrParser, Parser
from xdsl.printer import Printer


@dataclass(eq=False, repr=False)
class TilePrinter(Printer):
    """The printer of tile IR.

    Attributes:
        full_tables: Print block tables of any length one block a line; else longer ones are packed.
    """

    full_tables: bool = field(default=False, kw_only=True)


def float_text(value: float) -> str:
    """Write a float so that it reads back exactly and MLIR's lexer takes it for a float.

    Args:
        value: A finite number.

    Returns:
        Its shortest text with a decimal point.
    """
    mantissa, mark, exponent = repr(float(value)).partition("e")
    return mantissa + ("" if "." in mantissa else ".0") + mark + exponent


def parse_operand(parser: Parser) -> SSAValue:
    """Read `%name`, which must be defined above.

    Args:
        parser: At the operand.

    Returns:
        The value.
    """
    operand = parser.parse_unresolved_operand()
    values = parser.ssa_values.get(operand.operand_name)
    if values is None:
        parser.raise_error(
            f"%{operand.operand_name} must be defined above its use, not below or nowhere; move or correct it",
            operand.span,
        )
    if operand.index >= len(values):
        parser.raise_error(f"%{operand.operand_name} has {len(values)} values; correct the index", operand.span)
    return values[operand.index]


def parse_operands(parser: Parser) -> list[SSAValue]:
    """Read `(%a, %b)`.

    Args:
        parser: At the parenthesis.

    Returns:
        The values.
    """
    return parser.parse_comma_separated_list(parser.Delimiter.PAREN, lambda: parse_operand(parser))


def parse_after(parser: Parser) -> list[SSAValue]:
    """Read `after (%done, …)` if it is there.

    Args:
        parser: Where the keyword may stand.

    Returns:
        The done tokens, possibly none.
    """
    return parse_operands(parser) if parser.parse_optional_keyword("after") else []


def print_after(printer: Printer, after: Sequence[SSAValue]) -> None:
    """Write ` after (%done, …)`, or nothing for no tokens.

    Args:
        printer: Where to.
        after: Done tokens.
    """
    if after:
        printer.print_string(" after ")
        printer.print_operands(after)


def parse_extra(parser: Parser) -> dict[str, Attribute]:
    """Read ` attributes {…}` if it is there.

    Args:
        parser: Where the keyword may stand.

    Returns:
        The discardable attributes.
    """
    found = parser.parse_optional_attr_dict_with_keyword()
    return dict(found.data) if found is not None else {}


def print_extra(printer: Printer, op: Operation) -> None:
    """Write the operation's discardable attributes as ` attributes {…}`, or nothing.

    Args:
        printer: Where to.
        op: The operation.
    """
    printer.print_op_attributes(op.attributes, print_keyword=True)


def parse_string(parser: AttrParser) -> StringAttr:
    """Read a string literal.

    Args:
        parser: At the literal.

    Returns:
        Its attribute.
    """
    return StringAttr(parser.parse_str_literal())
