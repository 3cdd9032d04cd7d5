"""Attributes of tile IR: block tables, links to stored weights, the work of a digital segment."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override
from xdsl.dialects.builtin import IntAttr, StringAttr
from xdsl.ir import Attribute, Data, ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.parser import AttrParser
from xdsl.printer import Printer
from xdsl.utils.exceptions import VerifyException

from ohmflow.compiler.tile.printing import TilePrinter

READABLE_BLOCKS = 512
"""Tables up to this length are printed one block a line; longer ones packed as hexadecimal."""

WORK_CLASSES = ("simple", "special")
"""What a vector unit does: simple operators; exp, log, tanh, sigmoid and division."""


class BlockRow(NamedTuple):
    """A rectangle of an array and its home on a tile.

    Attributes:
        row0: First row of the array that it holds.
        col0: First column of the array that it holds.
        rows: How many rows.
        cols: How many columns.
        tile: Number of the tile.
        tile_row: First row on the tile.
        tile_col: First column on the tile.
    """

    row0: int
    col0: int
    rows: int
    cols: int
    tile: int
    tile_row: int
    tile_col: int

    @property
    def text(self) -> str:
        """The block as it is printed: the array's ranges, the tile and the place on it."""
        rows, cols = f"{self.row0}:{self.row0 + self.rows}", f"{self.col0}:{self.col0 + self.cols}"
        return f"[{rows}, {cols}] on {self.tile} at [{self.tile_row}, {self.tile_col}]"


@irdl_attr_definition
class BlockTable(Data[bytes]):
    """`#tile.blocks<[0:64, 0:256] on 0 at [0, 0], …>`: how an array is cut, and where each block lives.

    Stored as little-endian 32-bit integers, seven a block. More than 512 blocks are printed as `packed n "hex"`.
    """

    name = "tile.blocks"

    @staticmethod
    def of(rows: Iterable[Sequence[int]] | NDArray[np.integer]) -> "BlockTable":
        """Make a table.

        Args:
            rows: Blocks as (row0, col0, rows, cols, tile, tile_row, tile_col), [n, 7].

        Returns:
            The attribute.

        Raises:
            ValueError: A row has not seven entries, or one does not fit 32 bits.
        """
        table = np.asarray([list(row) for row in rows], dtype=np.int64).reshape(-1, len(BlockRow._fields))
        if table.size and (table.min() < 0 or table.max() >= 2**31):
            raise ValueError("entries of a block table must be at least 0 and fit 32 bits")
        return BlockTable(table.astype("<i4").tobytes())

    @property
    def table(self) -> NDArray[np.int32]:
        """The blocks as integers, [n, 7], in the order of `BlockRow`; not to be written to."""
        return np.frombuffer(self.data, dtype="<i4").reshape(-1, len(BlockRow._fields))

    @property
    def rows(self) -> list[BlockRow]:
        """The blocks one by one."""
        return [BlockRow(*row) for row in self.table.tolist()]

    def __len__(self) -> int:
        """Return how many blocks there are."""
        return len(self.data) // (4 * len(BlockRow._fields))

    @classmethod
    @override
    def parse_parameter(cls, parser: AttrParser) -> bytes:
        with parser.in_angle_brackets():
            if parser.parse_optional_keyword("packed"):
                return _parse_packed(parser)
            if parser.parse_optional_keyword("none"):
                return b""
            rows = [_parse_block(parser)]
            while parser.parse_optional_punctuation(","):
                rows.append(_parse_block(parser))
        return BlockTable.of(rows).data

    @override
    def print_parameter(self, printer: Printer) -> None:
        full = isinstance(printer, TilePrinter) and printer.full_tables
        with printer.in_angle_brackets():
            if len(self) == 0:
                printer.print_string("none")
            elif full or len(self) <= READABLE_BLOCKS:
                lines = ",\n  ".join(row.text for row in self.rows)
                printer.print_string(f"\n  {lines}\n")
            else:
                printer.print_string(f'packed {len(self)} "{self.data.hex()}"')


def _parse_packed(parser: AttrParser) -> bytes:
    count = parser.parse_integer(allow_boolean=False, allow_negative=False)
    position = parser.pos
    try:
        data = bytes.fromhex(parser.parse_str_literal())
    except ValueError:
        parser.raise_error("a packed block table must be hexadecimal digits; print it anew", position)
    if len(data) != 4 * len(BlockRow._fields) * count:
        parser.raise_error(
            f"a packed table of {count} blocks must have {28 * count} bytes, not {len(data)}; print it anew", position
        )
    return data


def _parse_block(parser: AttrParser) -> BlockRow:
    def integer() -> int:
        position = parser.pos
        number = parser.parse_integer(allow_boolean=False, allow_negative=False)
        if number >= 2**31:
            parser.raise_error(f"entries of a block table must be below 2**31, not {number}; correct it", position)
        return number

    def span() -> tuple[int, int]:
        position = parser.pos
        first = integer()
        parser.parse_punctuation(":")
        end = integer()
        if end <= first:
            parser.raise_error(
                f"a block's range must end after it starts, not {first}:{end}; write first:end", position
            )
        return first, end - first

    with parser.in_square_brackets():
        row0, rows = span()
        parser.parse_punctuation(",")
        col0, cols = span()
    parser.parse_keyword("on")
    tile = integer()
    parser.parse_keyword("at")
    with parser.in_square_brackets():
        tile_row = integer()
        parser.parse_punctuation(",")
        tile_col = integer()
    return BlockRow(row0, col0, rows, cols, tile, tile_row, tile_col)


@irdl_attr_definition
class WeightsAttr(ParametrizedAttribute):
    """`#tile.weights<"key", "dtype", "sha256">`: where initial values are; the numbers stay outside the IR."""

    name = "tile.weights"
    key: StringAttr
    dtype: StringAttr
    sha256: StringAttr

    def __init__(self, key: str, dtype: str, sha256: str):
        """Make the link.

        Args:
            key: Name in the program's weight file.
            dtype: Element type there, such as "float32".
            sha256: Hash of the bytes.
        """
        super().__init__(StringAttr(key), StringAttr(dtype), StringAttr(sha256))

    def print_inside(self, printer: Printer) -> None:
        """Write `weights("key", "dtype", "sha256")`.

        Args:
            printer: Where to.
        """
        printer.print_string("weights")
        with printer.in_parens():
            printer.print_list(self.parameters, printer.print_attribute)


def parse_weights(parser: AttrParser) -> WeightsAttr | None:
    """Read `weights("key", "dtype", "sha256")` if it is there.

    Args:
        parser: Where the keyword may stand.

    Returns:
        The link, or None.
    """
    if not parser.parse_optional_keyword("weights"):
        return None
    with parser.in_parens():
        key = parser.parse_str_literal()
        parser.parse_punctuation(",")
        dtype = parser.parse_str_literal()
        parser.parse_punctuation(",")
        return WeightsAttr(key, dtype, parser.parse_str_literal())


@irdl_attr_definition
class WorkAttr(ParametrizedAttribute):
    """`#tile.work<"simple", 256, 16>`: elements of one class that a segment processes, for its cost.

    The second number is per row (per sample), the third once per call. In a segment it is written `simple 256 + 16`.
    """

    name = "tile.work"
    kind: StringAttr
    per_row: IntAttr
    constant: IntAttr

    def __init__(self, kind: str, per_row: int, constant: int = 0):
        """Make the entry.

        Args:
            kind: "simple" or "special" (exp, log, tanh, sigmoid, division).
            per_row: Elements for every row.
            constant: Elements once per call.
        """
        super().__init__(StringAttr(kind), IntAttr(per_row), IntAttr(constant))

    @classmethod
    @override
    def parse_parameters(cls, parser: AttrParser) -> Sequence[Attribute]:
        with parser.in_angle_brackets():
            kind = parser.parse_str_literal()
            parser.parse_punctuation(",")
            per_row = parser.parse_integer(allow_boolean=False)
            parser.parse_punctuation(",")
            constant = parser.parse_integer(allow_boolean=False)
        return WorkAttr(kind, per_row, constant).parameters

    @override
    def print_parameters(self, printer: Printer) -> None:
        printer.print_string(f'<"{self.kind.data}", {self.per_row.data}, {self.constant.data}>')

    @override
    def verify(self) -> None:
        if self.kind.data not in WORK_CLASSES:
            raise VerifyException(f"a class of work must be one of {', '.join(WORK_CLASSES)}, not '{self.kind.data}'")
        if self.per_row.data < 0 or self.constant.data < 0:
            raise VerifyException("elements of work must be at least 0")
