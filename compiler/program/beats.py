"""Beats: how the executions of a pipelined entry overlap, and which version of an array each read sees.

Every operation of a pipelined entry has a *lag*. In *beat* b, execution `b - lag` does what has this lag, for each lag,
in the order in which the entry lists its operations. So in n executions an operation runs in the n beats from its lag
on. A lag above n counts as n, which changes no order between a forward read and an update. The loops of a unit's stream
follow from the lags `l_0 < … < l_k` of its instructions: it fills (`l_0` alone, then `l_0` and `l_1`, …), runs all of
them, and drains:

* FILL (since, trip): from beat since to beat trip, lags up to `since`;
* STEADY: from beat `l_k` until `l_0` has done n;
* DRAIN (since, trip): from beat n + since to beat n + trip, lags above `since`.
"""

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.tables import Op, Trip

BEATS = (Trip.FILL, Trip.STEADY, Trip.DRAIN)
"""Trips that depend on how many executions there are."""

_READS = (Op.MVM, Op.MVM_T, Op.READ, Op.TRANSFER)
_WRITES = {Op.UPDATE: "symbol", Op.TRANSFER: "symbol2"}


def depth_of(operations: NDArray[np.void]) -> int:
    """Executions that may be under way at once: 1 where they follow each other."""
    return 1 + int(operations["lag"].max(initial=0))


def is_pipelined(loops: NDArray[np.void]) -> bool:
    """Whether streams with these loops are those of a pipelined entry."""
    return bool(np.isin(loops["trip_kind"], BEATS).any())


def beats_of(kind: int, since: int, to: int, executions: int) -> tuple[int, int]:
    """The first beat of a loop over executions, and how often it runs.

    Args:
        kind: FILL, STEADY or DRAIN.
        since: its column `since`.
        to: its column `trip`.
        executions: of the entry.
    """
    low, high = min(since, executions), min(to, executions)
    if kind == Trip.FILL:
        return low, high - low
    if kind == Trip.STEADY:
        return high, executions - (high - low)
    return executions + low, high - low


def reads_behind(operations: NDArray[np.void]) -> dict[int, int]:
    """For each read of an array that its entry updates: how many executions' updates it does not see yet.

    In execution j a read sees the updates of the executions before `j - behind`; 0 stands for all before its own.

    Args:
        operations: [O] OPERATION.
    """
    written: dict[int, int] = {}
    for row in operations:
        column = _WRITES.get(Op(int(row["code"])))
        if column is not None:
            symbol = int(row[column])
            written[symbol] = max(written.get(symbol, 0), int(row["lag"]))
    behind = {}
    for number, row in enumerate(operations):
        symbol = int(row["symbol"])
        if Op(int(row["code"])) in _READS and symbol in written:
            behind[number] = max(0, written[symbol] - int(row["lag"]))
    return behind
