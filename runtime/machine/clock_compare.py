# mypy: disable-error-code="untyped-decorator"
"""Comparing what is under way in two states of the event engine: messages, credits, packets and sums."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.machine.clock_columns import S_BRANCHES, S_BRANCHES_END, S_DEPTH, S_KEYS
from ohmflow.runtime.machine.clock_state import ARRIVAL, ARRIVED, COME, CONSUMED, CREDITS, KEYS, RETURNED, TAKEN

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
            if heap[4 * above] < heap[4 * row] or (heap[4 * above] == heap[4 * row] and _is_first(heap, above, row)):
                break
            order[to] = above
            to -= 1
        order[to] = row
    return order


@njit(cache=True)
def _is_first(heap: Ints, one: int, other: int) -> bool:
    """Whether a row comes before another of the same cycle: by key, and copies of one message by their steps."""
    for column in range(1, 4):
        a, b = heap[4 * one + column], heap[4 * other + column]
        if a != b:
            return bool(a < b)
    return False


@njit(cache=True)
def same_join(then: Ints, now: Ints, sections: Ints, step: Ints, before: Ints, after: Ints) -> bool:
    """Whether what is held in front of a step is what was held then.

    Args:
        then: the earlier state.
        now: the later state.
        sections: where the parts of a state begin.
        step: packed row of a step at which branches join.
        before: [U] packets of each unit then.
        after: [U] packets of each unit now.
    """
    mask = (1 << 40) - 1
    first, last = sections[COME] + step[S_BRANCHES], sections[COME] + step[S_BRANCHES_END]
    whole_then, whole_now = then[first:last].min(), now[first:last].min()
    for branch in range(first, last):
        if now[branch] - whole_now != then[branch] - whole_then:
            return False
    # The sum goes under the name of its first branch, so that is the one whose keys are kept.
    for k in range(now[first] - whole_now):
        a = then[sections[KEYS] + step[S_KEYS] + (whole_then + k) % step[S_DEPTH]]
        b = now[sections[KEYS] + step[S_KEYS] + (whole_now + k) % step[S_DEPTH]]
        unit = b >> 40
        if a >> 40 != unit or after[unit] - (b & mask) != before[unit] - (a & mask):
            return False
    return True
