"""The tile dialect: the one place to import from. Text in, text out, and the whole check."""

from collections.abc import Iterator
from io import StringIO

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.ir import Dialect, Operation
from xdsl.utils.exceptions import ParseError, VerifyException

from ohmflow.compiler.tile.attributes import BlockRow, BlockTable, WeightsAttr, WorkAttr
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.composite import CompositeOp, leaves, matrix_shape
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.control import ForOp, LoopOp, MapOp, loop_body
from ohmflow.compiler.tile.entry import EntryOp, ReturnOp
from ohmflow.compiler.tile.errors import TileError
from ohmflow.compiler.tile.linearity import linearity_faults
from ohmflow.compiler.tile.locations import TileParser, UnknownOperation, where
from ohmflow.compiler.tile.printing import TilePrinter
from ohmflow.compiler.tile.segment import CallOp, SegmentOp
from ohmflow.compiler.tile.sites import site_faults
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.symbols import symbol_name, symbols
from ohmflow.compiler.tile.tile_types import DoneType, ScalarType, StashType, VecType, VersionType
from ohmflow.compiler.tile.tokens import CommitOp, JoinOp, OpenOp, StateGetOp, StateSetOp
from ohmflow.compiler.tile.transfer import ProgramOp, ReadOp, TransferOp
from ohmflow.compiler.tile.trips import trip_faults
from ohmflow.compiler.tile.when import WhenOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

__all__ = [
    "ArrayOp",
    "BlockRow",
    "BlockTable",
    "CallOp",
    "CommitOp",
    "CompositeOp",
    "DoneType",
    "EntryOp",
    "FoldOp",
    "ForOp",
    "JoinOp",
    "LoopOp",
    "MapOp",
    "MvmOp",
    "MvmTOp",
    "OpenOp",
    "ProgramOp",
    "ReadOp",
    "ReturnOp",
    "ScalarType",
    "SegmentOp",
    "SplitOp",
    "StackOp",
    "StashType",
    "StateGetOp",
    "StateOp",
    "StateSetOp",
    "Tile",
    "TileError",
    "TransferOp",
    "UnstashOp",
    "UpdateOp",
    "VecType",
    "VersionType",
    "WeightsAttr",
    "WhenOp",
    "WindowOp",
    "WorkAttr",
    "YieldOp",
    "context",
    "leaves",
    "loop_body",
    "matrix_shape",
    "parse_tile",
    "print_tile",
    "symbols",
    "verify_tile",
]

Tile = Dialect(
    "tile",
    [
        ArrayOp,
        CompositeOp,
        StateOp,
        SegmentOp,
        EntryOp,
        ReturnOp,
        OpenOp,
        CommitOp,
        MvmOp,
        MvmTOp,
        UpdateOp,
        ReadOp,
        TransferOp,
        ProgramOp,
        JoinOp,
        StateGetOp,
        StateSetOp,
        CallOp,
        MapOp,
        ForOp,
        WhenOp,
        YieldOp,
        UnstashOp,
        SplitOp,
        StackOp,
        WindowOp,
        FoldOp,
    ],
    [VecType, ScalarType, StashType, VersionType, DoneType, BlockTable, WeightsAttr, WorkAttr],
)

DECLARATIONS = (ArrayOp, CompositeOp, StateOp, SegmentOp, EntryOp)
"""What may stand in a module by itself."""


def context() -> Context:
    """Make an xDSL context for tile IR.

    Returns:
        A context with the builtin and tile dialects.
    """
    made = Context()
    made.load_dialect(Builtin)
    made.load_dialect(Tile)
    return made


def parse_tile(text: str, file_name: str = "<text>") -> ModuleOp:
    """Read tile IR, in its own or in generic MLIR form.

    Args:
        text: The text; operations may stand in `builtin.module` or by themselves.
        file_name: Its name in messages.

    Returns:
        The module, not verified; its operations know their place in the text.

    Raises:
        TileError: The text is not tile IR.
    """
    if not text.strip():
        raise TileError(f"{file_name}:1:1: text must hold tile IR, not nothing; write 'builtin.module {{}}' for none")
    try:
        parser = TileParser(context(), text, file_name)
    except ParseError as error:
        raise _parse_error(text, file_name, error.span.start, error.msg) from error
    try:
        return parser.parse_module()
    except UnknownOperation as error:
        raise TileError(str(error)) from error
    except ParseError as error:
        raise _parse_error(text, file_name, error.span.start, error.msg) from error


def _parse_error(text: str, file_name: str, position: int, message: str) -> TileError:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return TileError(f"{file_name}:{line}:{column}: {message}")


def print_tile(module: ModuleOp, full_tables: bool = False) -> str:
    """Write tile IR so that `parse_tile` reads the same module and `print_tile` the same text.

    Args:
        module: What to print.
        full_tables: Print block tables of any length one block a line; else those of more than 512 blocks are packed.

    Returns:
        The text, with an empty line around entries.
    """
    stream = StringIO()
    printer = TilePrinter(stream, full_tables=full_tables)
    ops = list(module.body.block.ops)
    if not ops or module.attributes or module.properties or isinstance(ops[0], ModuleOp):
        printer.print_op(module)
        return stream.getvalue() + "\n"
    for number, op in enumerate(ops):
        if number and (isinstance(op, EntryOp) or isinstance(ops[number - 1], EntryOp)):
            stream.write("\n")
        printer.print_op(op)
        stream.write("\n")
    return stream.getvalue()


def verify_tile(module: ModuleOp) -> None:
    """Check a whole module: each operation, then names, versions, tokens, trip counts and sites.

    Args:
        module: What to check.

    Raises:
        TileError: Something is wrong; the message tells all faults of the first kind found, one a line.
    """
    faults = list(_operation_faults(module)) or list(_program_faults(module))
    if faults:
        raise TileError("\n".join(f"{where(op)}: {message}" for op, message in faults))


def _operation_faults(module: ModuleOp) -> Iterator[tuple[Operation, str]]:
    first = symbols(module)
    for op in module.walk():
        if op is module:
            continue
        if op.parent_op() is module and not isinstance(op, DECLARATIONS):
            yield op, f"{op.name} must be inside an entry, not in the module; move it"
        name = symbol_name(op)
        if name is not None and first.get(name) is not op:
            yield op, f"@{name} must be declared once, not again; rename one of them"
        try:
            op.verify(verify_nested_ops=False)
        except VerifyException as error:
            yield op, " ".join(str(error).split())


def _program_faults(module: ModuleOp) -> Iterator[tuple[Operation, str]]:
    for op in module.body.block.ops:
        if isinstance(op, EntryOp):
            yield from linearity_faults(op)
            yield from trip_faults(op)
            yield from site_faults(op)
