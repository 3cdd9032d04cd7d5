"""Do the loops that read a stash run as often as the one that collected it?

Every trip count gets a *key*; equal keys mean equal counts. A constant's key is its number, a value's the value. What
differs from iteration to iteration of a loop gets, outside it, a key that names the iteration: reading two stashes of
one loop at the same index gives the count and the rows that were collected together. None is a key that nothing is
known of; it agrees with all, and the machine checks it when it runs.
"""

from collections.abc import Iterator

from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ohmflow.compiler.tile.control import ForOp, LoopOp, MapOp
from ohmflow.compiler.tile.entry import EntryOp
from ohmflow.compiler.tile.segment import CallOp
from ohmflow.compiler.tile.stash import SplitOp, StackOp, UnstashOp
from ohmflow.compiler.tile.tile_types import StashType, VecType
from ohmflow.compiler.tile.windows import FoldOp, WindowOp

Key = tuple[object, ...]


def trip_key(loop: LoopOp) -> Key:
    """Find the key of a loop's trip count.

    Args:
        loop: A map or for.

    Returns:
        Its key.
    """
    trip = loop.trip_count
    return ("constant", trip) if isinstance(trip, int) else _value_key(trip)


def stash_keys(stash: SSAValue) -> tuple[Key | None, ...]:
    """Find the keys of the loops that collected a stash.

    Args:
        stash: A stash, collected by `depth` nested loops.

    Returns:
        [depth] keys, the outermost loop's first.
    """
    depth = stash.type.depth if isinstance(stash.type, StashType) else 0
    known = _known_keys(stash)[:depth]
    return (*known, *(None,) * (depth - len(known)))


def _known_keys(stash: SSAValue) -> tuple[Key | None, ...]:
    if isinstance(stash, BlockArgument):
        above = stash.block.parent_op()
        if isinstance(above, EntryOp):
            batch = above.batch_argument
            return () if batch is None else (("value", batch),)
        return ()
    owner = stash.owner
    match owner:
        case MapOp() | ForOp():
            source = _collected_value(owner, stash)
            return () if source is None else (trip_key(owner), *stash_keys(source))
        case UnstashOp():
            return tuple(
                None if key is None else _at(key, owner.stash, owner.index) for key in stash_keys(owner.stash)[1:]
            )
        case SplitOp():
            assert isinstance(owner.value.type, VecType), "verified: a vec is split"
            return (("constant", owner.value.type.dims[0]),)
        case WindowOp():
            return (("constant", owner.window.positions),)
        case CallOp():
            stashes = [value for value in owner.arguments if isinstance(value.type, StashType)]
            return stash_keys(stashes[0]) if stashes else ()
        case _:
            return ()


def _collected_value(loop: MapOp | ForOp, result: SSAValue) -> SSAValue | None:
    results = loop.collected_outs if isinstance(loop, ForOp) else loop.outs
    for out, value in zip(results, loop.yielded.collected, strict=True):
        if out is result:
            return value
    return None


def _collector(stash: SSAValue) -> MapOp | ForOp | None:
    return stash.owner if isinstance(stash.owner, MapOp | ForOp) else None


def _value_key(value: SSAValue) -> Key:
    owner = value.owner
    if not isinstance(owner, UnstashOp):
        return ("value", value)
    loop = _collector(owner.stash)
    source = None if loop is None else _collected_value(loop, owner.stash)
    if source is None:
        return ("element", owner.stash, owner.index)
    return _at(_value_key(source), owner.stash, owner.index)


def _at(key: Key, stash: SSAValue, index: SSAValue) -> Key:
    """The key, seen from outside the loop that collected `stash`, for the iteration `index`."""
    loop = _collector(stash)
    if loop is None or not _varies(key, loop):
        return key
    # A key that varies with the loop's own index alone is the same key at the index that is asked for.
    asked = _substituted(key, loop.index, index) if isinstance(loop, LoopOp) else key
    return ("at", key, index) if _varies(asked, loop) else asked


def _substituted(key: Key, old: SSAValue, new: SSAValue) -> Key:
    return tuple(
        new if part is old else _substituted(part, old, new) if isinstance(part, tuple) else part for part in key
    )


def _varies(key: Key, loop: Operation) -> bool:
    """Does the key depend on something inside the loop?"""
    return any(
        _inside(part, loop) if isinstance(part, SSAValue) else isinstance(part, tuple) and _varies(part, loop)
        for part in key
    )


def _inside(value: SSAValue, loop: Operation) -> bool:
    node: Operation | Block | None = value.owner
    above = node.parent_op() if node is not None else None
    while above is not None and above is not loop:
        above = above.parent_op()
    return above is loop


def trip_faults(entry: EntryOp) -> Iterator[tuple[Operation, str]]:
    """Check every use of a stash in an entry.

    Args:
        entry: A verified entry.

    Yields:
        The operation at fault and what is wrong.
    """
    for op in entry.walk():
        match op:
            case UnstashOp():
                yield from _unstash_faults(op)
            case StackOp():
                assert isinstance(op.value.type, VecType), "verified: stacking gives a vec"
                key = stash_keys(op.stash)[0]
                if key is not None and key != ("constant", op.value.type.dims[0]):
                    yield (
                        op,
                        f"the stash must have {op.value.type.dims[0]} elements, not {_told(key)}; correct the type",
                    )
            case FoldOp():
                key = stash_keys(op.stash)[0]
                if key is not None and key != ("constant", op.window.positions):
                    yield op, f"there must be {op.window.positions} windows, not {_told(key)}; correct the figures"
            case CallOp():
                keys = [stash_keys(value)[0] for value in op.arguments if isinstance(value.type, StashType)]
                known = {key for key in keys if key is not None}
                if len(known) > 1:
                    yield op, f"stashes of one call must have one length, not {' and '.join(sorted(map(_told, known)))}"
            case _:
                continue


def _unstash_faults(op: UnstashOp) -> Iterator[tuple[Operation, str]]:
    index = op.index
    loop = index.block.parent_op() if isinstance(index, BlockArgument) else None
    if not isinstance(loop, LoopOp) or index is not loop.index or index.type != IndexType():
        yield op, "the index must be the induction variable of a loop, not another value; read it inside a loop"
        return
    wanted, given = stash_keys(op.stash)[0], trip_key(loop)
    if wanted is not None and wanted != given:
        yield (
            op,
            f"%{op.stash.name_hint or 'stash'} must be read in a loop to {_told(wanted)}, as it was collected, "
            f"not to {_told(given)}; use the same trip count",
        )


def _told(key: Key) -> str:
    match key:
        case ("constant", number):
            return str(number)
        case ("value", SSAValue() as value):
            return f"%{value.name_hint or 'n'}"
        case ("at", tuple() as inner, SSAValue() as index):
            return f"{_told(inner)} of iteration %{index.name_hint or 'i'}"
        case ("element", SSAValue() as stash, SSAValue() as index):
            return f"%{stash.name_hint or 'stash'}[%{index.name_hint or 'i'}]"
        case _:
            return "another count"
