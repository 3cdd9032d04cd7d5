"""The pass `dead-code`: drop what nothing uses."""

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, SymbolRefAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import IRDLOperation
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.composite import CompositeOp
from ohmflow.compiler.tile.compute import MvmOp, MvmTOp
from ohmflow.compiler.tile.control import ForOp, MapOp
from ohmflow.compiler.tile.effects import ConsumesVersions
from ohmflow.compiler.tile.entry import EntryOp
from ohmflow.compiler.tile.passes.rebuild import rebuild_for, rebuild_map, remove, replace_result, set_after
from ohmflow.compiler.tile.segment import CallOp, SegmentOp
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.storage import ArrayOp
from ohmflow.compiler.tile.symbols import symbol_name
from ohmflow.compiler.tile.tile_types import DoneType, VersionType
from ohmflow.compiler.tile.tokens import CommitOp, JoinOp, OpenOp, StateGetOp
from ohmflow.compiler.tile.transfer import ReadOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

_PURE = (CallOp, UnstashOp, SplitOp, StackOp, WindowOp, FoldOp, JoinOp)
_READS = (MvmOp, MvmTOp, ReadOp, StateGetOp)


@dataclass(frozen=True)
class DeadCode(ModulePass):
    """Remove calls, reads, collected and carried values that nothing uses, and declarations that nothing names.

    A read goes when its value is unused: a token alone is no reason to read. Whoever waited for it waits for the other
    reads still. Updates, transfers, programming and replaced state stay, and so does what they need.

    ```
    %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    %z, %d2 = tile.mvm @W site 1 forward (%x, %v) : !tile.vec<4xf32>     // %z is unused
    %v2 = tile.update @W site 0 (%x, %y, %lr, %v) after (%d1, %d2)
    ->
    %y, %d1 = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<4xf32>
    %v2 = tile.update @W site 0 (%x, %y, %lr, %v) after (%d1)
    ```
    """

    name = "dead-code"

    @override
    def apply(self, ctx: Context, op: ModuleOp) -> None:
        while any([_clean_entry(entry) for entry in op.body.block.ops if isinstance(entry, EntryOp)]):
            continue
        while _clean_declarations(op):
            continue


def _clean_entry(entry: EntryOp) -> bool:
    changed = False
    for op in reversed(list(entry.walk())):
        if op.parent is not None:
            changed |= _clean(op)
    return changed


def _clean(op: Operation) -> bool:
    match op:
        case JoinOp() if op.dones and _clean_join(op):
            return True
        case CallOp() | UnstashOp() | SplitOp() | StackOp() | WindowOp() | FoldOp() | JoinOp():
            return _remove_unused(op)
        case MvmOp() | MvmTOp() | ReadOp() | StateGetOp():
            return _clean_read(op)
        case MapOp():
            return _clean_map(op)
        case ForOp():
            return _clean_for(op) or _clean_after(op)
        case OpenOp():
            return _clean_open(op)
        case _:
            return _clean_after(op)


def _unused(value: SSAValue) -> bool:
    return value.first_use is None


def _never_read(token: SSAValue) -> bool:
    """Is it a token that is done from the start?"""
    return isinstance(token.owner, JoinOp) and not token.owner.dones


def _remove_unused(op: Operation) -> bool:
    if not all(_unused(result) for result in op.results):
        return False
    remove(op)
    return True


def _empty_join_before(op: Operation, like: SSAValue) -> SSAValue:
    assert isinstance(like.type, DoneType) and op.parent is not None, "the caller replaces a token of a block"
    join = JoinOp([], like.type)
    op.parent.insert_op_before(join, op)
    return join.done


def _clean_read(op: MvmOp | MvmTOp | ReadOp | StateGetOp) -> bool:
    if not _unused(op.results[0]):
        return False
    if not _unused(op.done):
        replace_result(op.done, _empty_join_before(op, op.done))
    remove(op)
    return True


def _clean_join(op: JoinOp) -> bool:
    needed = [token for token in dict.fromkeys(op.dones) if not _never_read(token)]
    if len(needed) == 1 and needed[0].type == op.done.type:
        op.done.replace_all_uses_with(needed[0])
        remove(op)
        return True
    if len(needed) == len(op.dones):
        return False
    op.operands = needed
    return True


def _clean_after(op: Operation) -> bool:
    if not isinstance(op, ConsumesVersions) or not isinstance(op, IRDLOperation):
        return False
    tokens = op.waits_for()
    if tokens is None:
        return False
    needed = [token for token in dict.fromkeys(tokens) if not _never_read(token)]
    if len(needed) == len(tokens):
        return False
    set_after(op, needed)
    return True


def _clean_open(op: OpenOp) -> bool:
    uses = list(op.version.uses)
    if len(uses) != 1 or not isinstance(uses[0].operation, CommitOp):
        return False
    remove(uses[0].operation)
    remove(op)
    return True


def _useful(loop: MapOp | ForOp, results: Sequence[SSAValue]) -> list[int]:
    values = loop.yielded.collected
    return [number for number, out in enumerate(results) if not _unused(out) and not _never_read(values[number])]


def _replace_dead(loop: MapOp | ForOp, results: Sequence[SSAValue], useful: Sequence[int]) -> None:
    """What is still used and not useful is a token without reads: let one without operands stand for it."""
    for number, out in enumerate(results):
        if number not in useful and not _unused(out):
            replace_result(out, _empty_join_before(loop, out))


def _clean_map(op: MapOp) -> bool:
    useful = _useful(op, op.outs)
    if len(useful) == len(op.outs) and useful:
        return False
    _replace_dead(op, op.outs, useful)
    if useful:
        new = rebuild_map(op, [op.yielded.collected[number] for number in useful])
        for number, out in zip(useful, new.outs, strict=True):
            replace_result(op.outs[number], out)
    remove(op)
    return True


def _clean_for(op: ForOp) -> bool:
    useful = _useful(op, op.collected_outs)
    keep = [
        number
        for number, value in enumerate(op.init)
        if isinstance(value.type, VersionType) or not _unused(op.outs[number]) or not _unused(op.block.args[number + 1])
    ]
    if len(useful) == len(op.collected_outs) and len(keep) == len(op.init) and (useful or keep):
        return False
    _replace_dead(op, op.collected_outs, useful)
    if useful or keep:
        carried, collected = list(op.carried_outs), list(op.collected_outs)
        new = rebuild_for(op, [op.yielded.collected[number] for number in useful], keep)
        for number, out in zip(keep, new.carried_outs, strict=True):
            replace_result(carried[number], out)
        for number, out in zip(useful, new.collected_outs, strict=True):
            replace_result(collected[number], out)
    remove(op)
    return True


def _clean_declarations(module: ModuleOp) -> bool:
    named: set[str] = set()
    for op in module.walk():
        for attribute in op.properties.values():
            for part in attribute.data if isinstance(attribute, ArrayAttr) else (attribute,):
                if isinstance(part, SymbolRefAttr):
                    named.add(part.root_reference.data)
    dead = [
        op
        for op in module.body.block.ops
        if isinstance(op, SegmentOp | ArrayOp | CompositeOp | StateOp) and symbol_name(op) not in named
    ]
    for op in dead:
        remove(op)
    return bool(dead)
