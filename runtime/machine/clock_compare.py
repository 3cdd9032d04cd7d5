# mypy: disable-error-code="untyped-decorator"
"""Comparing what is under way in two states of the event engine: messages, credits and packets."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.machine.clock_state import ARRIVAL, ARRIVED, CONSUMED, CREDITS, RETURNED, TAKEN

Ints = NDArray[np.int64]


@njit(cache=True)
def touched(then: Ints, now: Ints, sections: Ints, c: int) -> bool:
    """Whether anything happened on channel c between then and now."""
    for which in (ARRIVED, CONSUMED, TAKEN, RETURNED):
        if now[sections[which] + c] != then[sections[which] + c]:
            return True
    return False


@njit(cache=True)
def same_channel(then: Ints, now: Ints, sections: Ints, c: int, at: int, depth: int, delta: int) -> bool:
    """Whether the messages that wait and the credits that are back are those of then, later by delta."""
    if not touched(then, now, sections, c):
        return True
    arrived, consumed = sections[ARRIVED] + c, sections[CONSUMED] + c
    taken, returned = sections[TAKEN] + c, sections[RETURNED] + c
    waiting, back = now[arrived] - now[consumed], now[returned] - now[taken] + depth
    if then[arrived] - then[consumed] != waiting or then[returned] - then[taken] + depth != back:
        return False
    if then[taken] < depth:  # some credits were never used yet
        return False
    ring = sections[ARRIVAL] + at
    for k in range(waiting):
        if now[ring + (now[consumed] + k) % depth] - then[ring + (then[consumed] + k) % depth] != delta:
            return False
    ring = sections[CREDITS] + at
    for k in range(back):
        if now[ring + (now[taken] + k) % depth] - then[ring + (then[taken] + k) % depth] != delta:
            return False
    return True


@njit(cache=True)
def same_heap(then: Ints, now: Ints, before: Ints, after: Ints, size: int, delta: int) -> bool:
    """Whether the packets in flight are those of then, later by delta; their numbers count from their unit's last."""
    order_then, order_now = _order(then, size), _order(now, size)
    mask = (1 << 40) - 1
    for k in range(size):
        a, b = 4 * order_then[k], 4 * order_now[k]
        unit = now[b + 1] >> 40
        if (
            now[b] - then[a] != delta
            or now[b + 2] != then[a + 2]
            or now[b + 3] != then[a + 3]
            or then[a + 1] >> 40 != unit
            or after[unit] - (now[b + 1] & mask) != before[unit] - (then[a + 1] & mask)
        ):
            return False
    return True


@njit(cache=True)
def _order(heap: Ints, size: int) -> Ints:
    """Rows of a heap in the order in which they leave it; a heap is nearly sorted, and small."""
    order = np.arange(size)
    for k in range(1, size):
        row, to = order[k], k
        while to > 0:
            above = order[to - 1]
            if heap[4 * above] < heap[4 * row] or (
                heap[4 * above] == heap[4 * row] and heap[4 * above + 1] < heap[4 * row + 1]
            ):
                break
            order[to] = above
            to -= 1
        order[to] = row
    return order
