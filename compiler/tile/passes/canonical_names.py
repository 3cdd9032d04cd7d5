"""The pass `canonical-names`: names that depend only on the order of use."""

from dataclasses import dataclass

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, StringAttr, SymbolRefAttr, i64
from xdsl.ir import Operation
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.passes.rebuild import detach
from ohmflow.compiler.tile.segment import CallOp, SegmentOp
from ohmflow.compiler.tile.symbols import symbols


@dataclass(frozen=True)
class CanonicalNames(ModulePass):
    """Renumber segments and sites in order of their first use, so that two lowerings of one model compare equal.

    Segments become @seg0, @seg1, … and are declared in that order, unused ones last; `runs` keeps the name of the
    ONNX function. Sites of each array become 0, 1, …; the read and the update of one site keep one number. Since
    sites key random draws, the pass belongs before emission.

    ```
    tile.segment @zeta row (!tile.vec<4xf32>) -> !tile.vec<4xf32>
    … tile.mvm @W site 7 forward (%x, %v) … tile.call @zeta (%y) … tile.update @W site 7 …
    ->
    tile.segment @seg0 row (!tile.vec<4xf32>) -> !tile.vec<4xf32> runs "zeta"
    … tile.mvm @W site 0 forward (%x, %v) … tile.call @seg0 (%y) … tile.update @W site 0 …
    ```
    """

    name = "canonical-names"

    @override
    def apply(self, ctx: Context, op: ModuleOp) -> None:
        _renumber_sites(op)
        _rename_segments(op)


def _renumber_sites(module: ModuleOp) -> None:
    numbers: dict[str, dict[int, int]] = {}
    for op in module.walk():
        if isinstance(op, MvmOp | MvmTOp | UpdateOp):
            known = numbers.setdefault(op.array_name, {})
            op.site = IntegerAttr(known.setdefault(op.site_number, len(known)), i64)


def _rename_segments(module: ModuleOp) -> None:
    declared = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, SegmentOp)}
    calls = [op for op in module.walk() if isinstance(op, CallOp)]
    order = list(dict.fromkeys([*(call.segment_name for call in calls), *declared]))
    taken = {name for name, op in symbols(module).items() if not isinstance(op, SegmentOp)}
    fresh = (name for number in range(len(order) + len(taken)) if (name := f"seg{number}") not in taken)
    names = dict(zip(order, fresh, strict=False))
    for call in calls:
        call.segment = SymbolRefAttr(names[call.segment_name])
    for old, segment in declared.items():
        function = segment.function_name
        segment.sym_name = StringAttr(names[old])
        segment.runs = StringAttr(function) if function != names[old] else None
    _reorder(module, [declared[old] for old in order])


def _reorder(module: ModuleOp, wanted: list[SegmentOp]) -> None:
    """Put the segments into the places where segments stand, in the order wanted."""
    block = module.body.block
    places: list[Operation | SegmentOp] = [op for op in block.ops if isinstance(op, SegmentOp)]
    if places == list(wanted):
        return
    following = [place.next_op for place in places]
    anchors = [next((op for op in _chain(after) if not isinstance(op, SegmentOp)), None) for after in following]
    for segment in wanted:
        detach(segment)
    for segment, anchor in zip(wanted, anchors, strict=True):
        if anchor is None:
            block.add_op(segment)
        else:
            block.insert_op_before(segment, anchor)


def _chain(op: Operation | None) -> list[Operation]:
    found: list[Operation] = []
    while op is not None:
        found.append(op)
        op = op.next_op
    return found
