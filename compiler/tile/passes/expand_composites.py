"""The pass `expand-composites`: a read of a composite becomes reads of its arrays and a digital sum."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, FloatAttr, ModuleOp, StringAttr, f32, f64
from xdsl.ir import Operation, SSAValue
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.composite import CompositeOp
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.control import MapOp, loop_body
from ohmflow.compiler.tile.entry import CallOp, EntryOp, SegmentOp
from ohmflow.compiler.tile.errors import TileError
from ohmflow.compiler.tile.locations import where
from ohmflow.compiler.tile.passes.rebuild import remove, replace_result
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.steps import STEPS, Need, Steps
from ohmflow.compiler.tile.symbols import symbols
from ohmflow.compiler.tile.tile_types import VecType, VersionType
from ohmflow.compiler.tile.tokens import JoinOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

GAINS = "gains"
"""Attribute of the segments that this pass adds: a segment with gains g adds its operands, y = Σ g_k · y_k."""


@dataclass(frozen=True)
class ExpandComposites(ModulePass):
    """Read the arrays of a composite on their own tiles, at the same time, and add the results on a vector unit.

    A map over positions that only reads becomes one map for each array, and a sum of all positions' rows at once. An
    update of a composite becomes an update of each array with the same vectors; that of a `pair`, which is one-sided,
    is refused. The declarations stay.

    ```
    tile.composite @W sum (0.1 * @A, 1.0 * @C)
    %y, %done = tile.mvm @W site 0 forward (%x, %a, %c) : !tile.vec<32xf32>
    ->
    tile.segment @W.sum0 row (!tile.vec<32xf32>, !tile.vec<32xf32>) -> !tile.vec<32xf32> work [simple 64]
    %y_0, %done_0 = tile.mvm @A site 0 forward (%x, %a) : !tile.vec<32xf32>
    %y_1, %done_1 = tile.mvm @C site 0 forward (%x, %c) : !tile.vec<32xf32>
    %y = tile.call @W.sum0 (%y_0, %y_1) : !tile.vec<32xf32>
    %done = tile.join %done_0, %done_1 : !tile.done<@W>
    ```
    """

    name = "expand-composites"

    @override
    def apply(self, ctx: Context, op: ModuleOp) -> None:
        composites = {n: c for n, c in symbols(op).items() if isinstance(c, CompositeOp)}
        if not composites:
            return
        work = _Expansion(op, composites)
        for entry in [e for e in op.body.block.ops if isinstance(e, EntryOp)]:
            for found in list(entry.walk()):
                if isinstance(found, MvmOp | MvmTOp) and found.array_name in composites:
                    work.read(found)
                elif isinstance(found, UpdateOp) and found.array_name in composites:
                    work.update(found)


class _Expansion:
    def __init__(self, module: ModuleOp, composites: dict[str, CompositeOp]) -> None:
        self._module, self._composites = module, composites
        self._taken = set(symbols(module))
        self._sums: dict[tuple[str, VecType, int], str] = {}

    def _terms(self, name: str, gain: float = 1.0) -> Iterator[tuple[str, float]]:
        """Arrays of a composite with their gains, through composites of composites."""
        if name not in self._composites:
            yield name, gain
            return
        composite = self._composites[name]
        for part, factor in zip(composite.part_names, composite.gain_values, strict=True):
            yield from self._terms(part, gain * factor)

    def _versions(self, op: MvmOp | MvmTOp | UpdateOp, terms: Sequence[tuple[str, float]]) -> Sequence[SSAValue]:
        for version in op.versions:
            assert isinstance(version.type, VersionType), "verified"
            if version.type.symbol_name in self._composites:
                raise TileError(
                    f"{where(op)}: versions of @{op.array_name} must be of its arrays, not of the composite "
                    f"@{version.type.symbol_name} as a whole; open {', '.join(f'@{name}' for name, _ in terms)}"
                )
        return op.versions

    def read(self, op: MvmOp | MvmTOp) -> None:
        """Replace one read, with the map around it if it is one over positions."""
        terms = list(self._terms(op.array_name))
        versions = self._versions(op, terms)
        around = op.parent_op()
        if isinstance(around, MapOp) and _only_reads(around, op):
            self._read_positions(around, op, terms, versions)
            return
        block = op.parent
        assert block is not None and isinstance(op.y.type, VecType), "verified"
        reads = [_one(op, name, op.x, version) for (name, _), version in zip(terms, versions, strict=True)]
        added = self._sum(op, [r.y for r in reads], terms, op.y.type, 1)
        joined = JoinOp([r.done for r in reads], op.array_name)
        block.insert_ops_before([*reads, added, joined], op)
        replace_result(op.y, added.outs[0])
        replace_result(op.done, joined.done)
        remove(op)

    def _read_positions(
        self, around: MapOp, op: MvmOp | MvmTOp, terms: list[tuple[str, float]], versions: Sequence[SSAValue]
    ) -> None:
        load = around.block.first_op
        count = around.trip_count
        assert isinstance(load, UnstashOp) and isinstance(op.y.type, VecType) and isinstance(count, int)
        whole = VecType((count, *op.y.type.dims), f32)
        maps: list[MapOp] = []
        stacks: list[StackOp] = []
        for (name, _), version in zip(terms, versions, strict=True):
            body = loop_body()
            body.args[0].name_hint = around.index.name_hint
            vector = UnstashOp(load.stash, body.args[0])
            vector.value.name_hint = load.value.name_hint
            read = _one(op, name, vector.value, version)
            body.add_ops([vector, read, YieldOp([read.y, read.done])])
            maps.append(MapOp(count, body))
            maps[-1].outs[0].name_hint = around.outs[0].name_hint
            stacks.append(StackOp(maps[-1].outs[0], whole))
        added = self._sum(op, [s.value for s in stacks], terms, whole, _image_rows(around))
        joined = JoinOp([m.outs[1] for m in maps], op.array_name)
        block = around.parent
        assert block is not None, "a verified entry's operations are in blocks"
        block.insert_ops_before([*maps, *stacks, added, joined], around)
        for use in list(around.outs[0].uses):
            if isinstance(use.operation, StackOp) and use.operation.value.type == whole:
                replace_result(use.operation.value, added.outs[0])
                remove(use.operation)
        if list(around.outs[0].uses):
            split = SplitOp(added.outs[0])
            block.insert_op_before(split, joined)
            replace_result(around.outs[0], split.stash)
        replace_result(around.outs[1], joined.done)
        remove(around)

    def update(self, op: UpdateOp) -> None:
        """Replace one update by one of each array."""
        terms = list(self._terms(op.array_name))
        versions = self._versions(op, terms)
        if self._composites[op.array_name].kind.data == "pair":
            raise TileError(
                f"{where(op)}: an update must be of an array or of a composite of kind sum or tiles, not of the pair "
                f"@{op.array_name}; update its parts"
            )
        block = op.parent
        assert block is not None, "a verified entry's operations are in blocks"
        for (name, _), version, out in zip(terms, versions, op.outs, strict=True):
            scheme = None if op.scheme is None else op.scheme.data
            one = UpdateOp(name, op.site_number, op.x, op.d, op.lr, version, op.after, scheme)
            one.attributes.update(op.attributes)
            block.insert_op_before(one, op)
            replace_result(out, one.outs[0])
        remove(op)

    def _sum(
        self, op: MvmOp | MvmTOp, parts: Sequence[SSAValue], terms: list[tuple[str, float]], kind: VecType, steps: int
    ) -> CallOp:
        key = (op.array_name, kind, steps)
        if key not in self._sums:
            self._sums[key] = self._declare(op.array_name, terms, kind, steps)
        call = CallOp(self._sums[key], parts, [kind])
        call.attributes["phase"] = StringAttr(op.phase.data)
        return call

    def _declare(self, composite: str, terms: list[tuple[str, float]], kind: VecType, steps: int) -> str:
        name = next(n for k in range(len(self._taken) + 1) if (n := f"{composite}.sum{k}") not in self._taken)
        self._taken.add(name)
        gains = [gain for _, gain in terms]
        operations = len(gains) - 1 + sum(gain != 1.0 for gain in gains)
        work = [("simple", max(1, operations) * kind.size)]
        segment = SegmentOp(name, "row", [kind] * len(gains), [kind], work)
        segment.attributes[GAINS] = ArrayAttr([FloatAttr(gain, f64) for gain in gains])
        segment.attributes["operators"] = StringAttr("Mul Add")
        if steps > 1:
            rows = kind.dims[0]
            need = Need(0, rows, tuple(rows * (k + 1) // steps for k in range(steps)))
            segment.attributes[STEPS] = Steps(steps, tuple([need] * len(gains)), (0,)).attribute()
        self._module.body.block.insert_op_before(segment, self._composites[composite])
        return name


def _one(op: MvmOp | MvmTOp, array: str, x: SSAValue, version: SSAValue) -> MvmOp | MvmTOp:
    """The same read of one array."""
    assert isinstance(op.y.type, VecType), "verified"
    read = type(op)(array, op.site_number, x, version, op.phase.data, op.y.type)
    read.y.name_hint, read.done.name_hint = op.y.name_hint, op.done.name_hint
    return read


def _only_reads(around: MapOp, op: Operation) -> bool:
    """Whether a map does nothing but read at every position."""
    inside = list(around.block.ops)
    if len(inside) != 3 or not isinstance(around.trip_count, int) or around.yielded.after:
        return False
    load, read, end = inside
    return (
        isinstance(load, UnstashOp)
        and isinstance(read, MvmOp | MvmTOp)
        and read is op
        and load.index is around.index
        and read.x is load.value
        and isinstance(end, YieldOp)
        and list(end.collected) == [read.y, read.done]
    )


def _image_rows(around: MapOp) -> int:
    """Rows of the image that the positions form, if windows say so: the sum may then work row by row."""
    load = around.block.first_op
    assert isinstance(load, UnstashOp), "the caller looked"
    if isinstance(load.stash.owner, WindowOp):
        return load.stash.owner.window.out[0]
    folds = [use.operation for use in around.outs[0].uses if isinstance(use.operation, FoldOp)]
    return folds[0].window.out[0] if folds else 1
