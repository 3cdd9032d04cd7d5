"""The pass `fuse-maps`: one loop instead of two that follow each other."""

from dataclasses import dataclass

from typing_extensions import override
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.control import MapOp
from ohmflow.compiler.tile.passes.rebuild import detach, inside, rebuild_map, remove, replace_result
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.trips import trip_key


@dataclass(frozen=True)
class FuseMaps(ModulePass):
    """Join a map with the next one over the same trip, if that uses the first only by its own index.

    What the first collects is then used where it is made and need not be stored, unless someone else reads it too
    (`dead-code` drops what nobody does). The order of reads on a tile changes: forward and backward alternate.

    ```
    %ys, %d1 = tile.map %i to %n { … tile.yield %y, %dy }
    %zs, %d2 = tile.map %j to %n { %y_j = tile.unstash %ys[%j] … tile.yield %z, %dz }
    ->
    %ys, %d1, %zs, %d2 = tile.map %i to %n { … tile.yield %y, %dy, %z, %dz }
    ```
    """

    name = "fuse-maps"

    @override
    def apply(self, ctx: Context, op: ModuleOp) -> None:
        pending = [found for found in op.walk() if isinstance(found, MapOp)]
        while pending:
            first = pending.pop(0)
            second = first.next_op if first.parent is not None else None
            if isinstance(second, MapOp) and _fusible(first, second):
                pending.insert(0, _fuse(first, second))


def _fusible(first: MapOp, second: MapOp) -> bool:
    if trip_key(first) != trip_key(second):
        return False
    users = [use.operation for out in first.outs for use in out.uses if inside(use.operation, second.block)]
    return all(isinstance(user, UnstashOp) and user.index == second.index for user in users)


def _fuse(first: MapOp, second: MapOp) -> MapOp:
    made = list(first.yielded.collected)
    for number, out in enumerate(first.outs):
        for use in list(out.uses):
            if isinstance(use.operation, UnstashOp) and inside(use.operation, second.block):
                use.operation.value.replace_all_uses_with(made[number])
                remove(use.operation)
    second.index.replace_all_uses_with(first.index)
    also = list(second.yielded.collected)
    for moving in [op for op in second.block.ops if not isinstance(op, YieldOp)]:
        detach(moving)
        first.block.insert_op_before(moving, first.yielded)
    old = [*first.outs, *second.outs]
    fused = rebuild_map(first, [*made, *also])
    for before, after in zip(old, fused.outs, strict=True):
        replace_result(before, after)
    remove(second)
    remove(first)
    return fused
