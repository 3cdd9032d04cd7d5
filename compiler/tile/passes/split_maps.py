"""The pass `split-maps`: two loops instead of one, at a phase."""

from dataclasses import dataclass

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation, SSAValue
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.compute import PHASES, MvmOp, MvmTOp
from ohmflow.compiler.tile.control import MapOp, loop_body
from ohmflow.compiler.tile.errors import TileError
from ohmflow.compiler.tile.passes.rebuild import detach, inside, rebuild_map, remove, replace_result
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.tile_types import DoneType


@dataclass(frozen=True)
class SplitMaps(ModulePass):
    """Cut each map before its first read of a phase, where reads of another phase come before: undo `fuse-maps`.

    All samples then go through the first phase before the second begins, and what the second needs is stored between.
    Elements of older stashes are read again rather than stored again.

    ```
    %ys, %zs = tile.map %i to %n { … tile.mvm … forward … tile.mvm_t … backward (%y, %v) … tile.yield %y, %z }
    ->
    %ys = tile.map %i to %n { … tile.mvm … forward … tile.yield %y }
    %zs = tile.map %i to %n { %y = tile.unstash %ys[%i] … tile.mvm_t … backward (%y, %v) … tile.yield %z }
    ```

    Attributes:
        at: The phase that starts the second map.
    """

    name = "split-maps"
    at: str = "backward"

    @override
    def apply(self, ctx: Context, op: ModuleOp) -> None:
        if self.at not in PHASES:
            raise TileError(f"split-maps: at must be one of {', '.join(PHASES)}, not '{self.at}'; name one of them")
        for found in [found for found in op.walk() if isinstance(found, MapOp)]:
            boundary = _boundary(found, self.at)
            if boundary is not None:
                _split(found, boundary)


def _phases(op: Operation) -> set[str]:
    return {inner.phase.data for inner in op.walk() if isinstance(inner, MvmOp | MvmTOp)}


def _boundary(loop: MapOp, at: str) -> Operation | None:
    before: set[str] = set()
    for op in loop.block.ops:
        phases = _phases(op)
        if at in phases:
            return op if before and phases == {at} else None
        before |= phases
    return None


def _split(loop: MapOp, boundary: Operation) -> None:
    ops = [op for op in loop.block.ops if not isinstance(op, YieldOp)]
    moving = ops[ops.index(boundary) :]
    values, outs = list(loop.yielded.collected), list(loop.outs)
    later = {number for number, value in enumerate(values) if value.owner in moving}
    second = loop_body()
    second.args[0].name_hint = loop.index.name_hint
    for op in moving:
        detach(op)
        second.add_op(op)
    crossing = _crossing(loop, second)
    first_values = list(dict.fromkeys([*(v for n, v in enumerate(values) if n not in later), *crossing]))
    ending = YieldOp([values[number] for number in sorted(later)])
    second.add_op(ending)
    first = rebuild_map(loop, first_values)
    results = dict(zip(first_values, first.outs, strict=True))
    for value, out in results.items():
        out.name_hint = f"{value.name_hint}s" if value.name_hint else None
    for value in crossing:
        _bring(value, results[value], second)
    _replace_index(first.index, second)
    following = MapOp(first.trip_count, second)
    following.attributes, following.location = dict(loop.attributes), loop.location
    assert loop.parent is not None, "a map is in a block"
    loop.parent.insert_op_before(following, loop)
    for number, out in zip(sorted(later), following.outs, strict=True):
        replace_result(outs[number], out)
    for number, value in enumerate(values):
        if number not in later:
            replace_result(outs[number], results[value])
    remove(loop)


def _crossing(loop: MapOp, second: Block) -> list[SSAValue]:
    """Find what the first part makes and the second needs; read elements of older stashes again at once."""
    found: list[SSAValue] = []
    for op in list(loop.block.ops):
        again: UnstashOp | None = None
        for value in op.results:
            if not any(inside(use.operation, second) for use in value.uses):
                continue
            if isinstance(op, UnstashOp) and op.index == loop.index and not inside_results(op.stash, loop.block):
                again = UnstashOp(op.stash, second.args[0])
                _insert_first(second, again)
                again.value.name_hint = value.name_hint
                _replace_inside(value, again.value, second)
            else:
                found.append(value)
    return found


def inside_results(value: SSAValue, block: Block) -> bool:
    """Say whether a value is made in a block.

    Args:
        value: The value.
        block: The block.

    Returns:
        Whether an operation of the block, at any depth, gives it.
    """
    owner = value.owner
    return isinstance(owner, Operation) and inside(owner, block)


def _bring(value: SSAValue, collected: SSAValue, second: Block) -> None:
    if isinstance(value.type, DoneType):
        _replace_inside(value, collected, second)
        return
    element = UnstashOp(collected, second.args[0])
    element.value.name_hint = value.name_hint
    _insert_first(second, element)
    _replace_inside(value, element.value, second)


def _insert_first(block: Block, op: Operation) -> None:
    if block.first_op is None:
        block.add_op(op)
    else:
        block.insert_op_before(op, block.first_op)


def _replace_inside(old: SSAValue, new: SSAValue, block: Block) -> None:
    old.replace_uses_with_if(new, lambda use: inside(use.operation, block))


def _replace_index(index: SSAValue, second: Block) -> None:
    _replace_inside(index, second.args[0], second)
