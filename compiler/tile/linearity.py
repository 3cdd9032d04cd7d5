"""Is every version used once, and does every change wait for the reads before it?

Over a whole entry: each array is opened at most once; each version value is consumed by exactly one operation, in the
block where it is defined, and never inside a map; no read of a version comes after its consumer; and the `after` of
the consumer covers the done token of every read of it, directly or through joins and loop results. Where a condition
is not taken or a loop runs zero times, a carried token still has to cover what the token before it covered.
"""

from collections.abc import Iterable, Iterator

from xdsl.ir import Block, BlockArgument, Operation, SSAValue

from ohmflow.compiler.tile.composite import leaves
from ohmflow.compiler.tile.control import ForOp, MapOp
from ohmflow.compiler.tile.effects import ConsumesVersions, ReadsVersions
from ohmflow.compiler.tile.entry import EntryOp
from ohmflow.compiler.tile.tile_types import VersionType
from ohmflow.compiler.tile.tokens import CommitOp, JoinOp, OpenOp
from ohmflow.compiler.tile.when import WhenOp

Fault = tuple[Operation, str]


def linearity_faults(entry: EntryOp) -> Iterator[Fault]:
    """Check the versions and tokens of an entry.

    Args:
        entry: An entry whose operations verify one by one.

    Yields:
        The operation at fault and what is wrong.
    """
    yield from _open_faults(entry)
    for version in _versions(entry):
        yield from _version_faults(version)


def _open_faults(entry: EntryOp) -> Iterator[Fault]:
    opened: dict[str, str] = {}
    for op in entry.walk():
        if isinstance(op, OpenOp | CommitOp) and op.parent_op() is not entry:
            yield op, f"{op.name} must be in the body of an entry, not in a loop; move it out and carry the version"
        if not isinstance(op, OpenOp):
            continue
        for leaf in leaves(op, op.symbol_name):
            if leaf in opened:
                whole = next((name for name in (opened[leaf], op.symbol_name) if name != leaf), None)
                also = "" if whole is None else f" as part of @{whole}"
                yield op, f"@{leaf} must be opened once in an entry, not again{also}; use the version that there is"
            opened[leaf] = op.symbol_name


def _versions(entry: EntryOp) -> Iterator[SSAValue]:
    for op in entry.walk():
        values: Iterable[SSAValue] = [
            *op.results,
            *(arg for region in op.regions for b in region.blocks for arg in b.args),
        ]
        yield from (value for value in values if isinstance(value.type, VersionType))


def _version_faults(version: SSAValue) -> Iterator[Fault]:
    name = f"%{version.name_hint or 'version'}"
    home = version.owner if isinstance(version.owner, Block) else version.owner.parent
    assert home is not None, "a verified entry's operations are in blocks"
    origin = _operation(version)
    consumers = [
        op for op in _users(version) if isinstance(op, ConsumesVersions) and _among(version, op.consumed_versions())
    ]
    if not consumers:
        yield origin, f"{name} must be consumed once, not never; add 'tile.commit {name}', or pass it on"
        return
    uses = sum(1 for op in consumers for value in op.consumed_versions() if value is version)
    if uses > 1:
        told = ", ".join(op.name for op in consumers)
        yield consumers[-1], f"{name} must be consumed once, not {uses} times ({told}); use the version that follows it"
        return
    consumer = consumers[0]
    assert isinstance(consumer, Operation), "only operations consume versions"
    if consumer.parent is not home:
        yield consumer, _foreign(name, consumer, home)
        return
    yield from _read_faults(version, name, consumer, home)


def _foreign(name: str, consumer: Operation, home: Block) -> str:
    above = consumer.parent_op()
    while above is not None and not isinstance(above, MapOp) and above.parent is not home:
        above = above.parent_op()
    if isinstance(above, MapOp):
        return f"{name} must not be consumed inside a map, whose iterations are independent; use tile.for and carry it"
    return f"{name} must be consumed in the block that defines it, not in a loop inside; carry it: carry (%v = {name})"


def _read_faults(version: SSAValue, name: str, changer: Operation, home: Block) -> Iterator[Fault]:
    assert isinstance(changer, ConsumesVersions), "the caller passes a consumer"
    waited = changer.waits_for()
    covered = None if waited is None else settled(waited)
    order = {op: position for position, op in enumerate(home.ops)}
    for op in _users(version):
        if not isinstance(op, ReadsVersions) or not _among(version, op.read_versions()):
            continue
        above = home.find_ancestor_op_in_block(op)
        itself = op == changer
        if above == changer and not itself:
            yield op, f"{name} must not be read inside the loop that carries it; read the loop's own version"
        elif itself:
            yield op, f"{name} must not be read by the operation that changes it; use two arrays"
        elif above is not None and order[above] > order[changer]:
            yield (
                op,
                f"{name} must be read before {changer.name} consumes it, not after; read the version that follows",
            )
        elif covered is not None and op.read_done() not in covered:
            token = op.read_done()
            told = f"%{token.name_hint}" if token.name_hint else "its done"
            yield (
                changer,
                f"{changer.name} of {name} must wait for every read of it, but not for {told} of {op.name}; "
                f"add {told} (joined, or the loop's result of it) to its 'after'",
            )


def settled(tokens: Iterable[SSAValue]) -> frozenset[SSAValue]:
    """Find the reads that have finished when some tokens are done.

    Args:
        tokens: Done tokens.

    Returns:
        The done results of reads (and carried tokens of loops around) that they cover.
    """
    return frozenset().union(*(_covers(token) for token in tokens))


def _covers(token: SSAValue) -> frozenset[SSAValue]:
    if isinstance(token, BlockArgument):
        return frozenset((token,))
    owner = token.owner
    assert isinstance(owner, Operation), "not a block argument"
    number = [result is token for result in owner.results].index(True)
    match owner:
        case JoinOp():
            return settled(owner.dones)
        case MapOp():
            return _covers(owner.yielded.collected[number])
        case ForOp() if number >= len(owner.init):
            return _covers(owner.yielded.collected[number - len(owner.init)])
        case ForOp():
            inner, before = _covers(owner.yielded.carried[number]), _covers(owner.init[number])
            own = owner.block.args[number + 1]
            return (inner - {own}) | before if own in inner else frozenset()
        case WhenOp():
            inner, before = _covers(owner.yielded.carried[number]), _covers(owner.init[number])
            own = owner.block.args[number]
            inner = (inner - {own}) | before if own in inner else inner
            return frozenset(leaf for leaf in inner if leaf in before or owner.is_ancestor(_operation(leaf)))
        case _:
            return frozenset((token,))


def _operation(value: SSAValue) -> Operation:
    owner = value.owner
    if isinstance(owner, Operation):
        return owner
    above = owner.parent_op()
    assert above is not None, "a verified entry's blocks are in operations"
    return above


def _users(value: SSAValue) -> list[Operation]:
    seen: dict[Operation, None] = {}
    for use in value.uses:
        seen.setdefault(use.operation)
    return list(seen)


def _among(value: SSAValue, values: Iterable[SSAValue]) -> bool:
    return any(value is other for other in values)
