"""Surgery that several passes need: loops with other results, waits with other tokens."""

from collections.abc import Sequence

from xdsl.dialects.builtin import DenseArrayBase, i32
from xdsl.ir import Block, Operation, Region, SSAValue
from xdsl.irdl import IRDLOperation

from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.control import ForOp, MapOp


def rebuild_map(old: MapOp, collected: Sequence[SSAValue]) -> MapOp:
    """Make a map of an old one's body that collects other values, and put it before the old one.

    Args:
        old: The map; its body is taken away. The caller replaces its results and erases it.
        collected: Values that an iteration yields now.

    Returns:
        The new map.
    """
    body = _take_body(old, collected, old.yielded.carried)
    new = MapOp(old.trip_count, body)
    _settle(new, old)
    return new


def rebuild_for(old: ForOp, collected: Sequence[SSAValue], keep: Sequence[int]) -> ForOp:
    """Make a for of an old one's body that collects other values and carries fewer, and put it before the old one.

    Args:
        old: The for; its body is taken away. The caller replaces its results and erases it.
        collected: Values that an iteration yields now.
        keep: Which carried values stay; nothing may use the block arguments of the others.

    Returns:
        The new for.
    """
    init = [old.init[number] for number in keep]
    body = _take_body(old, collected, [old.yielded.carried[number] for number in keep])
    for number in reversed(range(len(old.init))):
        if number not in keep:
            body.block.erase_arg(body.block.args[number + 1])
    new = ForOp(old.trip_count, body, init, old.after, old.reverse is not None)
    _settle(new, old)
    return new


def _take_body(old: MapOp | ForOp, collected: Sequence[SSAValue], carried: Sequence[SSAValue]) -> Region:
    last = old.yielded
    ending = YieldOp(collected, carried, last.after)
    ending.attributes, ending.location = dict(last.attributes), last.location
    old.block.insert_op_before(ending, last)
    remove(last)
    return old.detach_region(old.body)


def _settle(new: Operation, old: Operation) -> None:
    new.attributes, new.location = dict(old.attributes), old.location
    home = old.parent
    assert home is not None, "a pass rebuilds operations of a block"
    home.insert_op_before(new, old)


def replace_result(old: SSAValue, new: SSAValue) -> None:
    """Let a new value stand for an old one, name and all.

    Args:
        old: The value that goes.
        new: The value that comes.
    """
    if old.name_hint is not None:
        new.name_hint = old.name_hint
    old.replace_all_uses_with(new)


def remove(op: Operation) -> None:
    """Take an unused operation out of its block.

    Args:
        op: The operation.
    """
    detach(op)
    op.erase()


def detach(op: Operation) -> None:
    """Take an operation out of its block, to put it elsewhere.

    Args:
        op: The operation.
    """
    assert op.parent is not None, "a pass moves operations of a block"
    op.parent.detach_op(op)


def set_after(op: IRDLOperation, tokens: Sequence[SSAValue]) -> None:
    """Let an operation wait for other tokens.

    Args:
        op: An operation with `after` operands.
        tokens: Done tokens.
    """
    sizes: list[int] = []
    operands: list[SSAValue] = []
    for name, _ in op.get_irdl_definition().operands:
        value = tokens if name == "after" else getattr(op, name)
        group = [] if value is None else [value] if isinstance(value, SSAValue) else list(value)
        sizes.append(len(group))
        operands.extend(group)
    op.operands = operands
    if "operandSegmentSizes" in op.properties:
        op.properties["operandSegmentSizes"] = DenseArrayBase.from_list(i32, sizes)


def inside(op: Operation, block: Block) -> bool:
    """Say whether an operation is in a block, at any depth.

    Args:
        op: The operation.
        block: The block.

    Returns:
        Whether it is.
    """
    return block.find_ancestor_op_in_block(op) is not None
