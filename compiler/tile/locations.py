"""Where an operation is, for messages: file:line:column if it was parsed, else its name and entry."""

from bisect import bisect_right

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, StringAttr, UnknownLoc
from xdsl.ir import Operation
from xdsl.parser import Parser

from ohmflow.compiler.tile.symbols import symbol_name


class TileParser(Parser):
    """xDSL's parser, which also notes on every operation where it stands in the text."""

    def __init__(self, ctx: Context, text: str, file_name: str):
        """Start at the beginning of a text.

        Args:
            ctx: Context with the dialects.
            text: What to parse.
            file_name: Its name in messages.
        """
        self._file_name = StringAttr(file_name)
        self._line_starts = [0, *(index + 1 for index, sign in enumerate(text) if sign == "\n")]
        super().__init__(ctx, text, file_name)

    def line_and_column(self, position: int) -> tuple[int, int]:
        """Find a position's line and column.

        Args:
            position: Offset in the text.

        Returns:
            Both from 1.
        """
        line = bisect_right(self._line_starts, position)
        return line, position - self._line_starts[line - 1] + 1

    @override
    def parse_operation(self) -> Operation:
        line, column = self.line_and_column(self.pos)
        op = super().parse_operation()
        if isinstance(op.location, UnknownLoc):
            op.location = FileLineColLoc(self._file_name, IntAttr(line), IntAttr(column))
        return op


def where(op: Operation) -> str:
    """Say where an operation is.

    Args:
        op: The operation.

    Returns:
        `file:line:column` if it is known, else such as `tile.update in @train_step`.
    """
    location = op.location
    if isinstance(location, FileLineColLoc):
        return f"{location.filename.data}:{location.line.data}:{location.column.data}"
    own = symbol_name(op)
    if own is not None:
        return f"{op.name} @{own}"
    above: Operation | None = op
    while above is not None and symbol_name(above) is None:
        above = above.parent_op()
    return op.name if above is None else f"{op.name} in @{symbol_name(above)}"
