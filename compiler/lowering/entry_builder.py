"""Building one entry of the tile IR from sections of array reads and segments."""

import re
from collections.abc import Callable, Iterable, Sequence

import onnx_ir as ir
from xdsl.dialects.builtin import IndexType, StringAttr, f32, i1, i64
from xdsl.ir import Attribute, Block, SSAValue

from ohmflow.compiler.arrays.functions import MVM
from ohmflow.compiler.arrays.window_functions import is_fold, is_windows, window_of
from ohmflow.compiler.arrays.work import is_rows, row_dims
from ohmflow.compiler.lowering.schedule_items import Item, Section
from ohmflow.compiler.program.windows import Window
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp
from ohmflow.compiler.tile.control import MapOp, YieldOp, loop_body
from ohmflow.compiler.tile.entry import CallOp, EntryOp, ReturnOp
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.tile_types import ScalarType, StashType, VecType
from ohmflow.compiler.tile.tokens import CommitOp, OpenOp, StateGetOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

_ELEMENTS = {ir.DataType.FLOAT: f32, ir.DataType.INT64: i64, ir.DataType.BOOL: i1}


def row_type(value: ir.Value) -> VecType:
    """Type of one row of a graph value, or of the whole when it has no batch."""
    assert value.dtype is not None
    return VecType(row_dims(value), _ELEMENTS[value.dtype])


def geometry(node: ir.Node | None) -> Window:
    """Windows of a node that takes or folds them."""
    window = None if node is None else window_of(node)
    assert window is not None, "the caller looked"
    return window


def hint(name: str | None) -> str:
    """A value's name as a legal SSA name that reads well in the text."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name or "v")
    return text if not text[:1].isdigit() else f"v{text}"


class EntryBuilder:
    """Builds an entry: arguments, open versions, maps, and what the caller adds between.

    Args:
        name: of the entry.
        rows: graph inputs with one row per sample.
        scalars: graph inputs that are scalars of the run, such as lr.
        segment_names: symbol of each segment, by the nodes' identity.

    Attributes:
        block: the entry's body so far.
        batch: the scalar that says how many samples there are.
        versions: current version of each array and state.
        dones: tokens of the reads of each array's and state's version.
        composites: of each array that is read as part of a composite, its symbol and the arrays that it is made of.
    """

    def __init__(
        self, name: str, rows: Sequence[ir.Value], scalars: Sequence[ir.Value], segment_names: dict[Item, str]
    ) -> None:
        self.name = name
        types: list[Attribute] = [StashType(row_type(v)) for v in rows]
        types += [ScalarType(f32) for _ in scalars]
        self.block = Block(arg_types=[*types, ScalarType(IndexType())])
        self._stashes: dict[ir.Value, SSAValue] = dict(zip(rows, self.block.args, strict=False))
        self._values: dict[ir.Value, SSAValue] = dict(zip(scalars, self.block.args[len(rows) :], strict=False))
        for value, argument in zip([*rows, *scalars], self.block.args, strict=False):
            argument.name_hint = hint(value.name)
        self.batch: SSAValue = self.block.args[-1]
        self.batch.name_hint = "batch"
        self.versions: dict[str, SSAValue] = {}
        self.dones: dict[str, list[SSAValue]] = {}
        self.composites: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._segment_names = segment_names

    def open(self, symbol: str) -> None:
        """Take the version of an array or state."""
        op = OpenOp(symbol)
        op.version.name_hint = f"{hint(symbol)}_v"
        self.block.add_op(op)
        self.versions[symbol] = op.version
        self.dones[symbol] = []

    def get_state(self, value: ir.Value, symbol: str) -> None:
        """Read a state that stands for a graph value."""
        op = StateGetOp(symbol, self.versions[symbol], row_type(value))
        op.value.name_hint = hint(symbol)
        self.block.add_op(op)
        self._values[value] = op.value
        self.dones[symbol].append(op.done)

    def value(self, value: ir.Value) -> SSAValue:
        """What stands for a graph value outside maps: a stash if it has rows."""
        return self._stashes[value] if value in self._stashes else self._values[value]

    def add_section(self, section: Section, later: set[ir.Value], phase: str | None = None) -> None:
        """Append a section's map, then what stands behind its barrier.

        Args:
            section: its items.
            later: values that anything after this map needs.
            phase: charge everything to this phase instead of the items' own.
        """
        if section.mapped:
            self._map(section.mapped, later, phase)
        for item in section.between:
            for value, result in zip(item.outputs, self._call(self.block, item, self.value, phase), strict=True):
                self._values[value] = result

    def finish(self, results: Sequence[ir.Value]) -> EntryOp:
        """Commit all versions, return `results`, and make the entry."""
        self.block.add_ops([CommitOp(v) for v in self.versions.values()])
        values = [self.value(v) for v in results]
        self.block.add_op(ReturnOp(values))
        return EntryOp(self.name, self.block, [v.type for v in values])

    def _map(self, items: Iterable[Item], later: set[ir.Value], phase: str | None) -> None:
        body = loop_body()
        body.args[0].name_hint = "i"
        inside: dict[ir.Value, SSAValue] = {}
        dones: dict[str, list[SSAValue]] = {}

        positions: dict[ir.Value, SSAValue] = {}  # values that stand as stashes over positions so far

        def find(value: ir.Value) -> SSAValue:
            if value in inside:
                return inside[value]
            if value in positions:
                whole = StackOp(positions[value], row_type(value))
                whole.value.name_hint = hint(value.name)
                body.add_op(whole)
                inside[value] = whole.value
                return whole.value
            if value not in self._stashes:
                return self._values[value]
            op = UnstashOp(self._stashes[value], body.args[0])
            op.value.name_hint = hint(value.name)
            body.add_op(op)
            inside[value] = op.value
            return op.value

        made: list[ir.Value] = []
        for item in items:
            if item.node is None:
                results = self._call(body, item, find, phase)
            elif is_windows(item.node):
                windows = WindowOp(find(item.inputs[0]), geometry(item.node))
                windows.stash.name_hint = hint(item.outputs[0].name)
                body.add_op(windows)
                positions[item.outputs[0]] = windows.stash
                continue
            elif is_fold(item.node):
                results = [self._fold(body, item, positions.get(item.inputs[0]) or find(item.inputs[0]))]
            elif len(row_dims(item.outputs[0])) == 2:
                x = positions.get(item.inputs[0])
                stash = self._read_positions(body, item, x or find(item.inputs[0]), phase, dones)
                positions[item.outputs[0]] = stash
                made.append(item.outputs[0])
                continue
            else:
                results = [self._read(body, item, find(item.inputs[0]), phase, dones)]
            for value, result in zip(item.outputs, results, strict=True):
                inside[value] = result
                made.append(value)
        kept = [v for v in made if v in later]
        for value in kept:
            find(value)
        tokens = [(array, token) for array, found in dones.items() for token in found]
        body.add_op(YieldOp([*(inside[v] for v in kept), *(token for _, token in tokens)]))
        op = MapOp(self.batch, body)
        self.block.add_op(op)
        for value, result in zip(kept, op.outs, strict=False):
            result.name_hint = f"{hint(value.name)}_all"
            self._stashes[value] = result
        for (array, _), result in zip(tokens, op.outs[len(kept) :], strict=True):
            result.name_hint = f"{hint(array)}_read"
            self.dones[array].append(result)

    def _read(
        self, body: Block, item: Item, x: SSAValue, phase: str | None, dones: dict[str, list[SSAValue]]
    ) -> SSAValue:
        y, array, done = self._mvm(body, item, x, phase)
        dones.setdefault(array, []).append(done)
        return y

    def _mvm(self, block: Block, item: Item, x: SSAValue, phase: str | None) -> tuple[SSAValue, str, SSAValue]:
        """Append the read of one vector; also its array and its token."""
        node = item.node
        assert node is not None
        array, site = node.attributes["array"].as_string(), node.attributes["site"].as_int()
        kind = MvmOp if node.op_type == MVM else MvmTOp
        result = VecType(row_dims(node.outputs[0])[-1:], f32)
        symbol, parts = self.composites.get(array, (array, (array,)))
        op = kind(symbol, site, x, [self.versions[part] for part in parts], phase or item.phase, result)
        op.y.name_hint = hint(node.outputs[0].name)
        op.done.name_hint = f"{hint(array)}_done"
        block.add_op(op)
        return op.y, array, op.done

    def _read_positions(
        self, body: Block, item: Item, x: SSAValue, phase: str | None, dones: dict[str, list[SSAValue]]
    ) -> SSAValue:
        """Append a loop that reads an array at every position; the results as a stash."""
        assert item.node is not None
        if not isinstance(x.type, StashType):
            split = SplitOp(x)
            split.stash.name_hint = f"{x.name_hint}_rows"
            body.add_op(split)
            x = split.stash
        inner = loop_body()
        inner.args[0].name_hint = "p"
        vector = UnstashOp(x, inner.args[0])
        vector.value.name_hint = "x" if item.node.op_type == MVM else "d"
        inner.add_op(vector)
        y, array, done = self._mvm(inner, item, vector.value, phase)
        inner.add_op(YieldOp([y, done]))
        loop = MapOp(row_dims(item.node.outputs[0])[0], inner)
        loop.outs[0].name_hint = f"{hint(item.node.outputs[0].name)}_rows"
        loop.outs[1].name_hint = f"{hint(array)}_done"
        body.add_op(loop)
        dones.setdefault(array, []).append(loop.outs[1])
        return loop.outs[0]

    def _fold(self, body: Block, item: Item, windows: SSAValue) -> SSAValue:
        """Append the sum of windows."""
        if not isinstance(windows.type, StashType):
            split = SplitOp(windows)
            body.add_op(split)
            windows = split.stash
        op = FoldOp(windows, geometry(item.node))
        op.image.name_hint = hint(item.outputs[0].name)
        body.add_op(op)
        return op.image

    def _call(
        self, block: Block, item: Item, find: Callable[[ir.Value], SSAValue], phase: str | None
    ) -> list[SSAValue]:
        assert item.segment is not None
        arguments = [find(v) for v in item.segment.inputs]
        types: list[Attribute] = [result_type(v, item.segment.kind) for v in item.segment.outputs]
        op = CallOp(self._segment_names[item], arguments, types)
        op.attributes["phase"] = StringAttr(phase or item.phase)
        block.add_op(op)
        for value, result in zip(item.segment.outputs, op.outs, strict=True):
            result.name_hint = hint(value.name)
        return list(op.outs)


def result_type(value: ir.Value, kind: str) -> Attribute:
    """Type of a segment's operand or result: a stash when a batch segment sees all rows."""
    if kind == "batch" and is_rows(value):
        return StashType(row_type(value))
    return row_type(value)
