# mypy: disable-error-code="untyped-decorator"
"""Loop control of the event engine: where a unit goes on, and where the counts of an iteration lie."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.machine.clock_columns import L_BEGIN, L_COUNT, L_END, L_STRIDE, L_TRIP

Ints = NDArray[np.int64]


@njit(cache=True, inline="always")
def address(table: Ints, row: int, base: int, stride: int, ordinal: Ints, depth: int) -> Any:
    """Where a count lies: its base, and a step for each iteration done of the loops around it."""
    at = table[row, base]
    for k in range(depth):
        at += ordinal[k] * table[row, stride + k]
    return at


@njit(cache=True)
def settle(
    unit: int,
    pc: Ints,
    depth: Ints,
    stack: Ints,
    ordinal: Ints,
    trips: Ints,
    stream_end: int,
    loops: Ints,
    head_loop: Ints,
    nested_loop: Ints,
    counts: Ints,
) -> bool:
    """Follow loop control, which takes no cycles, to the next instruction; False at the end of the stream."""
    p = pc[unit]
    d = depth[unit]
    more = True
    while True:
        if d > 0 and p == loops[stack[unit, d - 1], L_END]:
            ordinal[unit, d - 1] += 1
            if ordinal[unit, d - 1] < trips[unit, d - 1]:
                p = loops[stack[unit, d - 1], L_BEGIN]
            else:
                d -= 1
                continue
        elif p == stream_end:
            more = False
            break
        if d > 0 and loops[stack[unit, d - 1], L_BEGIN] == p:
            loop = nested_loop[stack[unit, d - 1]]
        else:
            loop = head_loop[p]
        if loop < 0:
            break
        trip = loops[loop, L_TRIP]
        if loops[loop, L_COUNT] >= 0:
            trip = counts[address(loops, loop, L_COUNT, L_STRIDE, ordinal[unit], d)]
        if trip <= 0:
            p = loops[loop, L_END]
            continue
        stack[unit, d] = loop
        ordinal[unit, d] = 0
        trips[unit, d] = trip
        d += 1
    pc[unit] = p
    depth[unit] = d
    return more
