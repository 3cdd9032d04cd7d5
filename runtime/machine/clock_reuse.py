# mypy: disable-error-code="untyped-decorator"
"""Recognising that a schedule repeats itself, and skipping whole periods of it, exactly.

The engine's state between two events is finite: where every unit stands in its stream and loops, when it is free, which
messages and credits are under way, when links are free. What comes next follows from it alone. So when the state is
the same as at an earlier time, but for the time itself and for how many iterations of one loop each unit has done, the
same goes on with the same intervals, as long as no unit leaves that loop and the counts that iterations look up are
those of the iterations one period before. Then n periods are skipped at once: times grow by n periods, iterations and
sums by n times what one period added.

* Compared are states at the ends of iterations of one *leader's* loop, with one that was kept. It is kept anew ever
  more rarely (Brent 1980, 10.1007/BF01933190), so any period is found in the end, and little is copied.
* A unit, channel or link to which nothing happened in a period stays as it is: nothing happens to it in the next.
* Everything is compared, so a skip is never a guess: a period too long to repeat, or one that never is exactly the
  same, is stepped through.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.machine.clock_columns import (
    C_DEPTH,
    COUNT,
    L_BEGIN,
    L_COUNT,
    L_END,
    L_PARENT,
    L_STRIDE,
    L_TRIP,
    STRIDE,
)

Ints = NDArray[np.int64]

HEAP_SIZE, END = 0, 1
"""Entries of `State.marks`."""

LEADER, LEVEL, LOOP, ITERATION, SEEN, KEPT_AT, PACKETS, PATIENCE = range(8)
"""Entries of a watch: the leader, its loop's depth and row, iterations of it that it has done, ends of iterations seen,
the one at which a state was kept (0 for none), packets of the leader when it was last looked at, and how many looks a
leader may do nothing before it is given up."""

IDLE = 8
"""Entry of a watch: looks since the leader last did anything."""

WATCH = 9
"""Entries of a watch."""

LOOK_EVERY = 256
"""Events between two looks at a leader that has not ended an iteration."""

FIRST_PATIENCE = 40
"""Looks before the first leader that does nothing is given up; each later one is given twice as many."""

FEWEST = 4
"""Iterations that a leader's loop must have: of shorter ones too little is left when a period is known."""


class State(NamedTuple):
    """All that decides what an engine does next, and its sums so far; [U] units, [C] channels, [L] links."""

    pc: Ints
    depth: Ints
    stack: Ints  # [U, 4]
    ordinal: Ints  # [U, 4]
    trips: Ints  # [U, 4]
    ready: Ints
    packets: Ints
    covered: Ints
    bank_free: Ints  # [U, 2]
    entered: NDArray[np.bool_]
    arrival: Ints  # rings
    credit: Ints
    arrived: Ints  # [C]
    consumed: Ints
    taken: Ints
    returned: Ints
    free: Ints  # [L]
    heap: Ints
    link_busy: Ints
    link_wait: Ints
    phase_cycles: Ints  # [U, 7]
    executed: Ints  # [I]
    activity: Ints  # [I, 4]
    marks: Ints  # heap size, end


@njit(cache=True)
def room_for(s: State) -> State:
    """A state of the same sizes, to keep one in."""
    return State(
        np.empty_like(s.pc),
        np.empty_like(s.depth),
        np.empty_like(s.stack),
        np.empty_like(s.ordinal),
        np.empty_like(s.trips),
        np.empty_like(s.ready),
        np.empty_like(s.packets),
        np.empty_like(s.covered),
        np.empty_like(s.bank_free),
        np.empty_like(s.entered),
        np.empty_like(s.arrival),
        np.empty_like(s.credit),
        np.empty_like(s.arrived),
        np.empty_like(s.consumed),
        np.empty_like(s.taken),
        np.empty_like(s.returned),
        np.empty_like(s.free),
        np.empty_like(s.heap),
        np.empty_like(s.link_busy),
        np.empty_like(s.link_wait),
        np.empty_like(s.phase_cycles),
        np.empty_like(s.executed),
        np.empty_like(s.activity),
        np.empty_like(s.marks),
    )


@njit(cache=True)
def _keep(then: State, now: State) -> None:
    then.pc[:] = now.pc
    then.depth[:] = now.depth
    then.stack[:] = now.stack
    then.ordinal[:] = now.ordinal
    then.trips[:] = now.trips
    then.ready[:] = now.ready
    then.packets[:] = now.packets
    then.covered[:] = now.covered
    then.bank_free[:] = now.bank_free
    then.entered[:] = now.entered
    then.arrival[:] = now.arrival
    then.credit[:] = now.credit
    then.arrived[:] = now.arrived
    then.consumed[:] = now.consumed
    then.taken[:] = now.taken
    then.returned[:] = now.returned
    then.free[:] = now.free
    then.heap[:] = now.heap
    then.link_busy[:] = now.link_busy
    then.link_wait[:] = now.link_wait
    then.phase_cycles[:] = now.phase_cycles
    then.executed[:] = now.executed
    then.activity[:] = now.activity
    then.marks[:] = now.marks


@njit(cache=True)
def look(
    watch: Ints,
    ran: int,
    then: State,
    now: State,
    level: Ints,
    instructions: Ints,
    loops: Ints,
    channels: Ints,
    ring: Ints,
    counts: Ints,
    inner: Ints,
) -> int:
    """Look at a state between two events, and skip what can be skipped.

    To be called at least when the leader has ended an iteration, and every `LOOK_EVERY` events.

    Args:
        watch: what was seen so far, and the leader; changed.
        ran: a unit that did something before this event, or -1.
        then: room for a state, and the one that was kept.
        now: the engine's state; changed by a skip.
        level: [U] room.
        instructions: packed rows.
        loops: packed rows.
        channels: packed rows.
        ring: [C] offset of each channel's ring.
        counts: flat counts.
        inner: [I] innermost loop around each instruction.

    Returns:
        Cycles that were skipped.
    """
    u, k = watch[LEADER], watch[LEVEL]
    if u >= 0:
        watch[IDLE] = watch[IDLE] + 1 if now.packets[u] == watch[PACKETS] else 0
        watch[PACKETS] = now.packets[u]
    if u >= 0 and watch[IDLE] > watch[PATIENCE]:
        watch[PATIENCE] *= 2
        u = -1
    if u < 0 or now.depth[u] <= k or now.stack[u, k] != watch[LOOP]:
        watch[LEADER] = -1
        k = _leads(now, ran) if ran >= 0 else -1
        if k >= 0:
            watch[LEADER], watch[LEVEL], watch[LOOP], watch[ITERATION] = ran, k, now.stack[ran, k], now.ordinal[ran, k]
            watch[SEEN] = watch[KEPT_AT] = watch[IDLE] = 0
            watch[PACKETS] = now.packets[ran]
        return 0
    if now.ordinal[u, k] == watch[ITERATION]:
        return 0
    watch[ITERATION] = now.ordinal[u, k]
    watch[SEEN] += 1
    if watch[KEPT_AT] > 0:
        delta = _period(then, now, channels, ring, level)
        times = _periods(then, now, level, instructions, loops, counts, inner) if delta > 0 else 0
        if times > 0:
            _shift_channels(then, now, channels, ring, delta * times)
            _skip(then, now, level, delta, times)
            watch[ITERATION] = now.ordinal[u, k]
            watch[SEEN] = watch[KEPT_AT] = 0
            return int(delta * times)
    if watch[KEPT_AT] == 0 or watch[SEEN] - watch[KEPT_AT] >= max(1, watch[SEEN] // 3):
        _keep(then, now)
        watch[KEPT_AT] = watch[SEEN]
    return 0


@njit(cache=True)
def _leads(s: State, unit: int) -> int:
    """The outermost loop of a unit that is long enough to be a leader's, as its depth, or -1."""
    for level in range(s.depth[unit]):
        if s.trips[unit, level] - s.ordinal[unit, level] >= FEWEST:
            return level
    return -1


@njit(cache=True)
def _period(then: State, now: State, channels: Ints, ring: Ints, level: Ints) -> int:
    """Cycles between two states that are the same but for time and iterations, or 0 if they are not.

    Args:
        then: the earlier one.
        now: the later one.
        channels: packed rows.
        ring: [C] offset of each channel's ring.
        level: [U] is set to the depth of the loop in which each unit went on, or -1 where it did nothing.
    """
    size = now.marks[HEAP_SIZE]
    if size == 0 or then.marks[HEAP_SIZE] != size:
        return 0
    delta = now.heap[0, 0] - then.heap[0, 0]
    if delta <= 0 or now.marks[END] - then.marks[END] != delta:
        return 0
    for u in range(now.pc.shape[0]):
        if now.pc[u] != then.pc[u] or now.depth[u] != then.depth[u] or now.entered[u] != then.entered[u]:
            return 0
        level[u] = -1
        for k in range(now.depth[u]):
            if now.stack[u, k] != then.stack[u, k] or now.trips[u, k] != then.trips[u, k]:
                return 0
            if now.ordinal[u, k] != then.ordinal[u, k]:
                if level[u] >= 0 or now.ordinal[u, k] < then.ordinal[u, k]:
                    return 0
                level[u] = k
        if now.packets[u] == then.packets[u]:
            if level[u] >= 0:  # an iteration without instructions
                return 0
            continue
        if level[u] < 0 or now.ready[u] - then.ready[u] != delta or now.covered[u] - then.covered[u] != delta:
            return 0
        for b in range(2):
            if now.bank_free[u, b] != then.bank_free[u, b] and now.bank_free[u, b] - then.bank_free[u, b] != delta:
                return 0
    for c in range(channels.shape[0]):
        if not _same_channel(then, now, c, ring[c], channels[c, C_DEPTH], delta):
            return 0
    for link in range(now.free.shape[0]):
        if now.link_busy[link] != then.link_busy[link] and now.free[link] - then.free[link] != delta:
            return 0
    return delta if _same_heap(then, now, size, delta) else 0


@njit(cache=True)
def _touched(then: State, now: State, c: int) -> bool:
    return bool(
        now.arrived[c] != then.arrived[c]
        or now.consumed[c] != then.consumed[c]
        or now.taken[c] != then.taken[c]
        or now.returned[c] != then.returned[c]
    )


@njit(cache=True)
def _same_channel(then: State, now: State, c: int, at: int, depth: int, delta: int) -> bool:
    """Whether the messages that wait and the credits that are back are those of then, later by delta."""
    if not _touched(then, now, c):
        return True
    waiting, back = now.arrived[c] - now.consumed[c], now.returned[c] - now.taken[c] + depth
    if then.arrived[c] - then.consumed[c] != waiting or then.returned[c] - then.taken[c] + depth != back:
        return False
    if then.taken[c] < depth:  # some credits were never used yet
        return False
    for k in range(waiting):
        later = now.arrival[at + (now.consumed[c] + k) % depth]
        if later - then.arrival[at + (then.consumed[c] + k) % depth] != delta:
            return False
    for k in range(back):
        later = now.credit[at + (now.taken[c] + k) % depth]
        if later - then.credit[at + (then.taken[c] + k) % depth] != delta:
            return False
    return True


@njit(cache=True)
def _same_heap(then: State, now: State, size: int, delta: int) -> bool:
    """Whether the packets in flight are those of then, later by delta; their numbers count from their unit's last."""
    order_then, order_now = _order(then.heap, size), _order(now.heap, size)
    mask = (1 << 40) - 1
    for k in range(size):
        a, b = order_then[k], order_now[k]
        unit = now.heap[b, 1] >> 40
        if (
            now.heap[b, 0] - then.heap[a, 0] != delta
            or now.heap[b, 2] != then.heap[a, 2]
            or now.heap[b, 3] != then.heap[a, 3]
            or then.heap[a, 1] >> 40 != unit
            or now.packets[unit] - (now.heap[b, 1] & mask) != then.packets[unit] - (then.heap[a, 1] & mask)
        ):
            return False
    return True


@njit(cache=True)
def _order(heap: Ints, size: int) -> Ints:
    """Rows of a heap in the order in which they leave it; a heap is nearly sorted, and small."""
    order = np.arange(size)
    for k in range(1, size):
        row, at = order[k], k
        while at > 0:
            above = order[at - 1]
            if heap[above, 0] < heap[row, 0] or (heap[above, 0] == heap[row, 0] and heap[above, 1] < heap[row, 1]):
                break
            order[at] = above
            at -= 1
        order[at] = row
    return order


@njit(cache=True)
def _periods(then: State, now: State, level: Ints, instructions: Ints, loops: Ints, counts: Ints, inner: Ints) -> int:
    """How many periods may be skipped: no unit leaves its loop, and counts are those of the period before.

    Args:
        then: the earlier state.
        now: the later state.
        level: [U] what `period` set.
        instructions: packed rows.
        loops: packed rows.
        counts: flat counts.
        inner: [I] innermost loop around each instruction, or -1.
    """
    most = np.int64(1 << 62)
    for u in range(level.shape[0]):
        if level[u] >= 0:
            step = now.ordinal[u, level[u]] - then.ordinal[u, level[u]]
            most = min(most, (now.trips[u, level[u]] - 1 - now.ordinal[u, level[u]]) // step)
    for u in range(level.shape[0]):
        if level[u] < 0 or most < 1:
            continue
        own = now.stack[u, level[u]]
        for i in range(loops[own, L_BEGIN], loops[own, L_END]):
            if instructions[i, COUNT] >= 0:
                most = _alike(
                    then, now, u, level[u], own, instructions, i, COUNT, STRIDE, inner[i], loops, counts, most
                )
        for row in range(own + 1, loops.shape[0]):
            if loops[row, L_BEGIN] >= loops[own, L_END] or loops[row, L_END] <= loops[own, L_BEGIN]:
                continue
            if loops[row, L_COUNT] >= 0 and _inside(loops, row, own):
                parent = loops[row, L_PARENT]
                most = _alike(then, now, u, level[u], own, loops, row, L_COUNT, L_STRIDE, parent, loops, counts, most)
    return int(most)


@njit(cache=True)
def _inside(loops: Ints, row: int, outer: int) -> bool:
    while row >= 0 and row != outer:
        row = loops[row, L_PARENT]
    return bool(row == outer)


@njit(cache=True)
def _alike(
    then: State,
    now: State,
    u: int,
    level: int,
    own: int,
    table: Ints,
    row: int,
    base: int,
    stride: int,
    innermost: int,
    loops: Ints,
    counts: Ints,
    most: int,
) -> int:
    """Periods, `most` at the most, in which what a row looks up in `counts` is as it was one period before."""
    if table[row, stride + level] == 0:
        return most
    first, trip = then.ordinal[u, level], now.trips[u, level]
    step = now.ordinal[u, level] - first
    address = table[row, base]
    for k in range(level):
        address += now.ordinal[u, k] * table[row, stride + k]
    # The loops inside the unit's own, outermost first: their trips and strides.
    depth = 0
    loop = innermost
    while loop != own:
        depth += 1
        loop = loops[loop, L_PARENT]
    extents, strides = np.ones(4, np.int64), np.zeros(4, np.int64)
    loop = innermost
    for k in range(depth - 1, -1, -1):
        if loops[loop, L_COUNT] >= 0:
            return 0
        extents[k], strides[k] = loops[loop, L_TRIP], table[row, stride + level + 1 + k]
        loop = loops[loop, L_PARENT]
    last = min(first + most * step, trip - 1 - step)
    jump = step * table[row, stride + level]
    for j in range(first, last + 1):
        start = address + j * table[row, stride + level]
        for a in range(extents[0]):
            for b in range(extents[1]):
                for c in range(extents[2]):
                    here = start + a * strides[0] + b * strides[1] + c * strides[2]
                    if counts[here] != counts[here + jump]:
                        return max(0, (j - 1 - first) // step) if j > first else 0
    return most


@njit(cache=True)
def _skip(then: State, now: State, level: Ints, delta: int, times: int) -> None:
    """Let `times` periods pass: `now` becomes what stepping through them would make of it.

    Counters of channels and packets stay: only their differences and order mean anything.
    """
    passed = delta * times
    for u in range(level.shape[0]):
        if level[u] < 0:
            continue
        now.ready[u] += passed
        now.covered[u] += passed
        for b in range(2):
            if now.bank_free[u, b] != then.bank_free[u, b]:
                now.bank_free[u, b] += passed
        now.ordinal[u, level[u]] += times * (now.ordinal[u, level[u]] - then.ordinal[u, level[u]])
    _add(then, now, passed, times)


@njit(cache=True)
def _add(then: State, now: State, passed: int, times: int) -> None:
    """Shift channels, links and packets in flight, and let the sums grow."""
    for link in range(now.free.shape[0]):
        if now.link_busy[link] != then.link_busy[link]:
            now.free[link] += passed
    for k in range(now.marks[HEAP_SIZE]):
        now.heap[k, 0] += passed
    now.marks[END] += passed
    now.link_busy[:] += times * (now.link_busy - then.link_busy)
    now.link_wait[:] += times * (now.link_wait - then.link_wait)
    now.phase_cycles[:] += times * (now.phase_cycles - then.phase_cycles)
    now.executed[:] += times * (now.executed - then.executed)
    now.activity[:] += times * (now.activity - then.activity)


@njit(cache=True)
def _shift_channels(then: State, now: State, channels: Ints, ring: Ints, passed: int) -> None:
    """Let messages and credits of the channels in use be later."""
    for c in range(channels.shape[0]):
        if _touched(then, now, c):
            for k in range(ring[c], ring[c] + channels[c, C_DEPTH]):
                now.arrival[k] += passed
                now.credit[k] += passed


def innermost_loops(loops: Any, instructions: int) -> Ints:
    """[I] innermost loop around each instruction, or -1; rows of `loops` are packed, parents first."""
    inner = np.full(instructions, -1, np.int64)
    for row in range(len(loops)):
        inner[loops[row, L_BEGIN] : loops[row, L_END]] = row
    return inner
