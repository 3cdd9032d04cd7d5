"""Emitting the value side of an entry: the operations table, in the order in which the IR stores them.

Tokens order the text and need no value, so they are left out; every other SSA value gets a number, arguments first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from xdsl.dialects.builtin import IndexType, IntegerAttr, StringAttr
from xdsl.ir import Attribute, Block, Operation, SSAValue

from ohmflow.compiler.emit.errors import EmitError
from ohmflow.compiler.program.marks import PARAMETERS, RULE, LoopMark
from ohmflow.compiler.program.program import ArrayRecord, StateRecord
from ohmflow.compiler.program.schedule import MAX_DEPTH, PHASES
from ohmflow.compiler.program.tables import ELEMENTS, GROUPS, LOOPS, OPERATION, VALUES, Op, Trip, ValueKind
from ohmflow.compiler.program.windows import WINDOW, Window
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.control import ForOp, LoopOp, MapOp, WhenOp, YieldOp
from ohmflow.compiler.tile.entry import CallOp, EntryOp, ReturnOp
from ohmflow.compiler.tile.pipelining import LAG
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.compiler.tile.tokens import CommitOp, JoinOp, OpenOp, StateGetOp, StateSetOp
from ohmflow.compiler.tile.transfer import ProgramOp, ReadOp, TransferOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp
from ohmflow.targets.timing import SIGN_PHASES

_NO_VALUE = (OpenOp, CommitOp, JoinOp)
"""Operations on tokens alone."""


@dataclass(frozen=True)
class Symbols:
    """Numbers of the program's arrays, states and segments.

    Attributes:
        arrays, states: in the order of their numbers.
        segments: number of each segment by its symbol; a pass may have renamed what a record names.
        can_retry: whether a forward read may be repeated on this target.
        refreshes: whether its devices may need a refresh after an update.
    """

    arrays: Sequence[ArrayRecord]
    states: Sequence[StateRecord]
    segments: Mapping[str, int]
    can_retry: bool
    refreshes: bool

    def array(self, name: str, op: Operation) -> int:
        """Number of an array; composites have none.

        Raises:
            EmitError: `name` is a composite.
        """
        for number, record in enumerate(self.arrays):
            if record.name == name:
                return number
        raise EmitError(
            f"{op.name} @{name}: must be a single array, not a composite, which the machine does not execute; "
            "run the pass expand-composites first"
        )


@dataclass
class EmittedOperations:
    """The value side of an entry, and where each operation and loop of the IR went.

    Attributes:
        rows: row of each operation of the IR.
        loops_of: row of each loop in the loops table.
        paths: enclosing loops of each operation, outermost first.
    """

    operations: list[dict[str, int]] = field(default_factory=list)
    operands: list[int] = field(default_factory=list)
    values: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    loops: list[dict[str, int]] = field(default_factory=list)
    groups: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    windows: list[tuple[int, ...]] = field(default_factory=list)
    marks: dict[int, LoopMark] = field(default_factory=dict)
    rows: dict[Operation, int] = field(default_factory=dict)
    loops_of: dict[Operation, int] = field(default_factory=dict)
    paths: dict[Operation, tuple[int, ...]] = field(default_factory=dict)

    def tables(self) -> dict[str, NDArray[np.void] | NDArray[np.int32]]:
        """As numpy tables, under the names that `Entry` gives them."""
        groups = np.zeros(len(self.groups), GROUPS)
        for k, (width, loops) in enumerate(self.groups):
            groups["width"][k], groups["depth"][k] = width, len(loops)
            groups["loops"][k, : len(loops)] = loops
        return {
            "operations": _table(self.operations, OPERATION),
            "operands": np.array(self.operands, np.int32),
            "values": np.array(self.values, VALUES) if self.values else np.zeros(0, VALUES),
            "loops": _table(self.loops, LOOPS),
            "groups": groups,
            "windows": np.array(self.windows, WINDOW),
        }

    def add_window(self, window: Window) -> int:
        """Return the row of a geometry in the table of windows."""
        if window.numbers not in self.windows:
            self.windows.append(window.numbers)
        return self.windows.index(window.numbers)

    def add_loop(
        self,
        code: Op,
        path: tuple[int, ...],
        trip_kind: Trip,
        trip: int,
        group: int,
        carried: int,
        kept: int = -1,
        since: int = 0,
    ) -> int:
        """Add a row to the loops table and return its number."""
        self.loops.append(
            {
                "code": int(code),
                "parent": path[-1] if path else -1,
                "trip_kind": int(trip_kind),
                "trip": trip,
                "group": group,
                "carried": carried,
                "kept": kept,
                "since": since,
            }
        )
        return len(self.loops) - 1

    def add_group(self, width: int, path: tuple[int, ...]) -> int:
        """Add a count group and return its number.

        Raises:
            EmitError: too many loops enclose it.
        """
        if len(path) > MAX_DEPTH:
            raise EmitError(f"loops: must be nested at most {MAX_DEPTH} deep, not {len(path)}; flatten them")
        self.groups.append((width, path))
        return len(self.groups) - 1


def emit_operations(entry: EntryOp, symbols: Symbols) -> EmittedOperations:
    """Emit the value side of one entry.

    Raises:
        EmitError: an operation that the machine does not execute.
    """
    return _Emitter(entry, symbols).out


class _Emitter:
    def __init__(self, entry: EntryOp, symbols: Symbols) -> None:
        self.out = EmittedOperations()
        self._symbols = symbols
        self._numbers: dict[SSAValue, int] = {}
        self._arguments: dict[SSAValue, int] = {argument: k for k, argument in enumerate(entry.block.args)}
        for argument in entry.block.args:
            self._number(argument)
        self._lag = 0
        self._block(entry.block, ())

    def _number(self, value: SSAValue) -> int:
        if value not in self._numbers:
            self._numbers[value] = len(self.out.values)
            self.out.values.append(_describe(value.type))
        return self._numbers[value]

    def _span(self, values: Sequence[SSAValue]) -> tuple[int, int]:
        begin = len(self.out.operands)
        self.out.operands.extend(self._number(v) for v in values if is_value(v))
        return begin, len(self.out.operands)

    def _block(self, block: Block, path: tuple[int, ...]) -> None:
        for op in block.ops:
            if not path:
                self._lag = lag_of(op)
            self.out.paths[op] = path
            if not isinstance(op, _NO_VALUE):
                self._operation(op, path)

    def _operation(self, op: Operation, path: tuple[int, ...]) -> None:
        row: dict[str, int] = dict.fromkeys(OPERATION.names or (), -1)
        row.update(phase=0, site=0, attr=0, lag=self._lag)
        ins: Sequence[SSAValue] = ()
        outs: Sequence[SSAValue] = ()
        args: Sequence[SSAValue] = ()
        number = len(self.out.operations)
        self.out.operations.append(row)
        self.out.rows[op] = number
        body: Block | None = None
        match op:
            case MvmOp() | MvmTOp():
                row.update(code=Op.MVM if isinstance(op, MvmOp) else Op.MVM_T, site=op.site_number)
                row.update(phase=PHASES.index(op.phase.data), symbol=self._symbols.array(op.array_name, op))
                ins, outs = [op.x], [op.y]
                if isinstance(op, MvmOp) and self._symbols.can_retry:
                    row["group"] = self.out.add_group(self._blocks(row["symbol"]), path)
            case UpdateOp():
                row.update(code=Op.UPDATE, site=op.site_number, symbol=self._symbols.array(op.array_name, op))
                row.update(phase=PHASES.index(op.phase_name))
                row["group"] = self.out.add_group(1 + self._rounds(row["symbol"]), path)
                row["attr"] = _scheme(op)
                ins = [op.x, op.d, op.lr]
            case ReadOp():
                row.update(code=Op.READ, symbol=self._symbols.array(op.array_name, op), attr=_axis(op.axis.data))
                row.update(phase=PHASES.index("transfer"), site=_site(op, number))
                row["group"] = self.out.add_group(self._blocks(row["symbol"]), path)
                ins, outs = [op.index], [op.results[0]]
            case TransferOp():
                row.update(code=Op.TRANSFER, symbol=self._symbols.array(op.source_name, op), site=_site(op, number))
                row.update(symbol2=self._symbols.array(op.target_name, op), attr=_axis(op.axis.data))
                row.update(phase=PHASES.index("transfer"))
                width = self._blocks(row["symbol"]) + 1 + self._rounds(row["symbol2"])
                row["group"] = self.out.add_group(width, path)
                ins = [op.index, op.scale]
            case ProgramOp():
                row.update(code=Op.PROGRAM, symbol=self._symbols.array(op.array_name, op))
                row.update(phase=PHASES.index("program"))
                row["group"] = self.out.add_group(self._blocks(row["symbol"]), path)
            case CallOp():
                row.update(code=Op.CALL, symbol=self._segment(op.segment_name), phase=call_phase(op))
                ins, outs = op.arguments, op.outs
            case StateGetOp():
                row.update(code=Op.STATE_GET, symbol=self._state(op.state_name), attr=_line(op))
                ins, outs = [] if op.index is None else [op.index], [op.value]
            case StateSetOp():
                row.update(code=Op.STATE_SET, symbol=self._state(op.state_name), phase=PHASES.index("update"))
                row["attr"] = _line(op)
                ins = [op.value] if op.index is None else [op.value, op.index]
            case UnstashOp():
                row["code"] = Op.UNSTASH
                ins, outs = [op.stash, op.index], [op.value]
            case SplitOp():
                row["code"] = Op.SPLIT
                ins, outs = [op.value], [op.stash]
            case StackOp():
                row["code"] = Op.STACK
                ins, outs = [op.stash], [op.value]
            case WindowOp():
                row.update(code=Op.WINDOW, attr=self.out.add_window(op.window))
                ins, outs = [op.image], [op.stash]
            case FoldOp():
                row.update(code=Op.FOLD, attr=self.out.add_window(op.window))
                ins, outs = [op.stash], [op.image]
            case MapOp() | ForOp():
                row["code"] = Op.MAP if isinstance(op, MapOp) else Op.FOR
                trip = op.trip_count
                init = op.init if isinstance(op, ForOp) else ()
                row["attr"] = int(isinstance(op, ForOp) and op.reverse is not None)
                ins = [*([] if isinstance(trip, int) else [trip]), *init]
                outs, args, body = op.outs, op.block.args, op.block
                row["loop"] = self._loop(op, path)
                self._mark(op, row["loop"])
            case WhenOp():
                row.update(code=Op.WHEN, attr=op.every.value.data, group=self.out.add_group(1, path))
                carried = sum(is_value(v) for v in op.init)
                row["loop"] = self.out.add_loop(Op.WHEN, path, Trip.DATA, 1, row["group"], carried)
                self.out.loops_of[op] = row["loop"]
                ins, outs, args, body = [op.counter, *op.init], op.outs, op.block.args, op.block
            case YieldOp():
                row["code"] = Op.YIELD
                ins = [*op.carried, *op.collected]
            case ReturnOp():
                row["code"] = Op.RETURN
                ins = op.values
            case _:
                raise EmitError(
                    f"{op.name}: must be an operation that the machine executes, but it does not yet; rewrite it"
                )
        row["arg_begin"], row["arg_end"] = self._span(args)
        row["in_begin"], row["in_end"] = self._span(ins)
        if body is not None:
            self._block(body, (*path, row["loop"]))
            row["body_end"] = len(self.out.operations)
        row["out_begin"], row["out_end"] = self._span(outs)

    def _loop(self, op: LoopOp, path: tuple[int, ...]) -> int:
        trip = op.trip_count
        carried = sum(is_value(v) for v in op.init) if isinstance(op, ForOp) else 0
        code = Op.MAP if isinstance(op, MapOp) else Op.FOR
        if isinstance(trip, int):
            row = self.out.add_loop(code, path, Trip.CONST, trip, -1, carried)
        elif trip in self._arguments and isinstance(trip.type, ScalarType):
            row = self.out.add_loop(code, path, Trip.ARGUMENT, self._arguments[trip], -1, carried)
        else:
            row = self.out.add_loop(code, path, Trip.DATA, 0, self.out.add_group(1, path), carried)
        self.out.loops_of[op] = row
        return row

    def _mark(self, op: LoopOp, row: int) -> None:
        """Keep what a rule says about its loop."""
        rule, parameters = op.attributes.get(RULE), op.attributes.get(PARAMETERS)
        if isinstance(rule, StringAttr):
            text = parameters.data if isinstance(parameters, StringAttr) else ""
            self.out.marks[row] = LoopMark.of(rule.data, text)

    def _blocks(self, array: int) -> int:
        return len(self._symbols.arrays[array].blocks)

    def _rounds(self, array: int) -> int:
        """How many counts stand behind an update's train length: rounds of each block's refresh, if there are any."""
        return self._blocks(array) if self._symbols.refreshes else 0

    def _segment(self, name: str) -> int:
        return self._symbols.segments[name]

    def _state(self, name: str) -> int:
        return [s.name for s in self._symbols.states].index(name)


def lag_of(op: Operation) -> int:
    """Beats by which an operation of a pipelined entry comes after the beginning of its execution."""
    attribute = op.attributes.get(LAG)
    return int(attribute.value.data) if isinstance(attribute, IntegerAttr) else 0


def is_value(value: SSAValue) -> bool:
    """Whether a value is more than a token."""
    return isinstance(value.type, VecType | ScalarType | StashType | IndexType)


def call_phase(op: CallOp) -> int:
    """Phase of a call: its attribute `phase`, or forward."""
    attribute = op.attributes.get("phase")
    return PHASES.index(attribute.data) if isinstance(attribute, StringAttr) else 0


def _site(op: ReadOp | TransferOp, row: int) -> int:
    """Site of a line's read: that of the use it belongs to, else the operation's own row."""
    return row if op.site is None else op.site.value.data


def _line(op: StateGetOp | StateSetOp) -> int:
    """0 for the whole state, 1 for a row of it, 2 for a column."""
    return 0 if op.axis is None else 1 + _axis(op.axis.data)


def _axis(name: str) -> int:
    return 0 if name == "row" else 1


def _describe(kind: Attribute) -> tuple[int, int, int, int, int]:
    """Kind, element type, elements and rank of a row, and nested stashes of a value."""
    match kind:
        case VecType():
            return ValueKind.VEC, ELEMENTS.index(str(kind.element_type)), kind.size, len(kind.dims), 0
        case StashType():
            _, element, elements, rank, depth = _describe(kind.element_type)
            return ValueKind.STASH, element, elements, rank, depth + 1
        case ScalarType():
            return (ValueKind.INDEX if isinstance(kind.element_type, IndexType) else ValueKind.SCALAR), 0, 1, 0, 0
        case _:
            return ValueKind.INDEX, 0, 1, 0, 0


def _table(rows: Sequence[Mapping[str, int]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    table = np.zeros(len(rows), dtype)
    for k, row in enumerate(rows):
        for name, value in row.items():
            table[name][k] = value
    return table


def _scheme(op: UpdateOp) -> int:
    """Number of the update's scheme; 0 for that of the target."""
    if op.scheme is None:
        return 0
    name = op.scheme.data
    if name not in SIGN_PHASES:
        raise EmitError(
            f"tile.update of @{op.array_name}: the scheme must be one of {', '.join(SIGN_PHASES)}, not '{name}'; "
            "choose one"
        )
    return 1 + list(SIGN_PHASES).index(name)
