"""Attributes by which tile IR says that executions of an entry overlap.

An operation of the entry's own block carries `lag`: in beat b, execution b - lag does it
(`ohmflow.compiler.program.beats`). A read carries `behind`: the updates of the last so many executions before its own
are not in the array yet. `behind` follows from the lags; it is written so that the version which a read sees stands
beside it.
"""

from collections.abc import Iterator

from xdsl.dialects.builtin import IntegerAttr, i64
from xdsl.ir import Block, Operation

from ohmflow.compiler.tile.compute import MvmOp, MvmTOp, UpdateOp
from ohmflow.compiler.tile.transfer import ReadOp, TransferOp

LAG, BEHIND = "lag", "behind"


def mark_lag(block: Block, lag: int) -> None:
    """Give a lag to all operations of a block that have none yet."""
    for op in block.ops:
        op.attributes.setdefault(LAG, IntegerAttr(lag, i64))


def write_versions(block: Block) -> None:
    """Write on each read of an entry how many executions' updates it does not see yet.

    Args:
        block: of the entry, whose operations have lags.
    """
    written: dict[str, int] = {}
    for lag, op in _within(block):
        if isinstance(op, UpdateOp | TransferOp):
            name = op.array_name if isinstance(op, UpdateOp) else op.target_name
            written[name] = max(written.get(name, 0), lag)
    for lag, op in _within(block):
        name = op.array_name if isinstance(op, MvmOp | MvmTOp | ReadOp) else ""
        if name in written:
            op.attributes[BEHIND] = IntegerAttr(max(0, written[name] - lag), i64)


def _within(block: Block) -> Iterator[tuple[int, Operation]]:
    """Every operation in a block, with the lag of the block's own operation that it stands in."""
    for outer in block.ops:
        lag = outer.attributes[LAG]
        assert isinstance(lag, IntegerAttr), "the caller marked all of them"
        for op in outer.walk():
            yield int(lag.value.data), op
