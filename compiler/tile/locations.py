"""Where an operation is, for messages: file:line:column if it was parsed, else its name and entry."""

import re
from bisect import bisect_right
from difflib import get_close_matches

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import FileLineColLoc, IntAttr, StringAttr, UnknownLoc
from xdsl.ir import Operation
from xdsl.parser import Parser
from xdsl.utils.exceptions import ParseError, VerifyException

from ohmflow.compiler.tile.symbols import symbol_name


class UnknownOperation(Exception):
    """An operation's name is none of the dialects'; the message says where and what is near."""


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
        start = self.pos
        line, column = self.line_and_column(start)
        try:
            op = super().parse_operation()
        except VerifyException as error:  # of a type or attribute: xDSL does not say where
            self.raise_error(str(error), start)
        except ParseError as error:
            raise self._unknown(error, line, column) or error from None
        if isinstance(op.location, UnknownLoc):
            op.location = FileLineColLoc(self._file_name, IntAttr(line), IntAttr(column))
        return op

    def _unknown(self, error: ParseError, line: int, column: int) -> UnknownOperation | None:
        """Say better what xDSL says of an unknown name: it points behind the name, and knows no near one."""
        found = re.fullmatch(r"Operation (\S+) is not registered", error.msg)
        if found is None:
            return None
        near = get_close_matches(found[1], [op.name for op in self.ctx.loaded_ops], n=1)
        return UnknownOperation(
            f"{self._file_name.data}:{line}:{column}: {found[1]} must be an operation of tile IR, not an unknown name"
            + (f"; did you mean {near[0]}?" if near else "; see docs/tile-ir.md")
        )


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
