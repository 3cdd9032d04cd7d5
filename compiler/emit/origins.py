"""Where a value comes from: through stashes and loops, back to what made it."""

from collections.abc import Sequence
from math import prod

from xdsl.ir import BlockArgument, Operation, OpResult, SSAValue

from ohmflow.compiler.tile.control import ForOp, MapOp
from ohmflow.compiler.tile.entry import EntryOp
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.tile_types import StashType, VecType
from ohmflow.compiler.tile.windows import WindowOp


def elements(value: SSAValue) -> int:
    """Elements of one row of a value."""
    kind = value.type
    while isinstance(kind, StashType):
        kind = kind.element_type
    return kind.size if isinstance(kind, VecType) else 1


def repeats(value: SSAValue) -> int:
    """How often a sample makes a value: the constant trips of the loops around it."""
    return prod(n for loop in loops_of_value(value) if isinstance(n := loop.trip_count, int))


def origin(value: SSAValue) -> SSAValue:
    """The value that first held what `value` holds: through stashes and what loops collected.

    What a loop carries on has origins of its own: its argument inside, its result outside.
    """
    while True:
        if not isinstance(value, OpResult):
            return value
        op = value.op
        if isinstance(op, WindowOp | SplitOp):
            value = op.operands[0]
        elif isinstance(op, UnstashOp | StackOp):
            value = _element(op.stash)
            if isinstance(value, BlockArgument) or isinstance(value.type, StashType):
                return value
        elif isinstance(op, MapOp | ForOp):
            carried = len(op.init) if isinstance(op, ForOp) else 0
            if value.index < carried:
                return value
            value = op.yielded.collected[value.index - carried]
        else:
            return value


def _element(stash: SSAValue) -> SSAValue:
    """What a stash holds: the value that a loop yielded, or the stash itself if an entry or a call gave it whole."""
    if isinstance(stash, OpResult):
        op = stash.op
        if isinstance(op, MapOp | ForOp):
            carried = len(op.init) if isinstance(op, ForOp) else 0
            return op.yielded.collected[stash.index - carried]
        if isinstance(op, WindowOp | SplitOp):
            return op.operands[0]
        if isinstance(op, UnstashOp):
            inner = _element(op.stash)
            return _element(inner) if isinstance(inner.type, StashType) and inner is not op.stash else inner
    return stash


def loops_of(op: Operation) -> Sequence[MapOp | ForOp]:
    """Maps and fors around an operation, innermost first."""
    found = []
    above = op.parent_op()
    while above is not None:
        if isinstance(above, MapOp | ForOp):
            found.append(above)
        above = above.parent_op()
    return found


def loops_of_value(value: SSAValue) -> Sequence[MapOp | ForOp]:
    """Maps and fors in which a value is made, innermost first."""
    if isinstance(value, OpResult):
        return loops_of(value.op)
    above = value.owner.parent_op() if isinstance(value, BlockArgument) else None
    if above is None or isinstance(above, EntryOp):
        return []
    return [above, *loops_of(above)] if isinstance(above, MapOp | ForOp) else loops_of(above)
