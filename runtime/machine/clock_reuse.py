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

from typing import Any

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
    L_TRIP,
)
from ohmflow.runtime.machine.clock_compare import same_channel, same_heap, same_join, touched
from ohmflow.runtime.machine.clock_flits_compare import keep_flits, same_flits, skip_flits
from ohmflow.runtime.machine.clock_flits_kernel import Flits
from ohmflow.runtime.machine.clock_state import (
    ARRIVAL,
    BANK_FREE,
    COVERED,
    CREDITS,
    DEPTH,
    END,
    ENTERED,
    FREE,
    HEAP,
    HEAP_SIZE,
    LINK_BUSY,
    MARKS,
    ORDINAL,
    PACKETS,
    PC,
    READY,
    STACK,
    TRIPS,
    part,
)

Ints = NDArray[np.int64]

LEADER, LEVEL, LOOP, ITERATION, SEEN, KEPT_AT, LAST_PACKETS, PATIENCE = range(8)
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


@njit(cache=True)
def look(
    watch: Ints,
    ran: int,
    then: Ints,
    now: Ints,
    sections: Ints,
    level: Ints,
    instructions: Ints,
    loops: Ints,
    channels: Ints,
    ring: Ints,
    joins: Ints,
    counts: Ints,
    inner: Ints,
    flits: Flits | None,
) -> int:
    """Look at a state between two events, and skip what can be skipped.

    To be called at least when the leader has ended an iteration, and every `LOOK_EVERY` events.

    Args:
        watch: what was seen so far, and the leader; changed.
        ran: a unit that did something before this event, or -1.
        then: room for a state, and the one that was kept.
        now: the engine's state; changed by a skip.
        sections: where the parts of a state begin.
        level: [U] room.
        instructions: packed rows.
        loops: packed rows.
        channels: packed rows.
        ring: [C] offset of each channel's ring.
        joins: packed rows of the steps at which branches of a sum join.
        counts: flat counts.
        inner: [I] innermost loop around each instruction.
        flits: the network of flits, or None.

    Returns:
        Cycles that were skipped.
    """
    depth, packets = part(now, sections, DEPTH), part(now, sections, PACKETS)
    stack, ordinal, trips = part(now, sections, STACK), part(now, sections, ORDINAL), part(now, sections, TRIPS)
    u, k = watch[LEADER], watch[LEVEL]
    if u >= 0:
        watch[IDLE] = watch[IDLE] + 1 if packets[u] == watch[LAST_PACKETS] else 0
        watch[LAST_PACKETS] = packets[u]
        if watch[IDLE] > watch[PATIENCE]:
            watch[PATIENCE] *= 2
            u = -1
    if u < 0 or depth[u] <= k or stack[4 * u + k] != watch[LOOP]:
        watch[LEADER] = -1
        if ran < 0:
            return 0
        for k in range(depth[ran]):
            if trips[4 * ran + k] - ordinal[4 * ran + k] >= FEWEST:
                watch[LEADER], watch[LEVEL], watch[LOOP] = ran, k, stack[4 * ran + k]
                watch[ITERATION], watch[LAST_PACKETS] = ordinal[4 * ran + k], packets[ran]
                watch[SEEN] = watch[KEPT_AT] = watch[IDLE] = 0
                break
        return 0
    if ordinal[4 * u + k] == watch[ITERATION]:
        return 0
    watch[ITERATION] = ordinal[4 * u + k]
    watch[SEEN] += 1
    if watch[KEPT_AT] > 0:
        delta = _period(then, now, sections, channels, ring, joins, level)
        if flits is not None:
            if delta > 0 and not same_flits(then, now, sections, flits, channels, ring, delta):
                delta = 0
        times = _periods(then, now, sections, level, instructions, loops, counts, inner) if delta > 0 else 0
        if times > 0:
            _skip(then, now, sections, level, channels, ring, delta, times)
            if flits is not None:
                skip_flits(flits, delta, times)
            watch[ITERATION] = ordinal[4 * u + k]
            watch[SEEN] = watch[KEPT_AT] = 0
            return int(delta * times)
    if watch[KEPT_AT] == 0 or watch[SEEN] - watch[KEPT_AT] >= max(1, watch[SEEN] // 3):
        then[:] = now
        if flits is not None:
            keep_flits(flits)
        watch[KEPT_AT] = watch[SEEN]
    return 0


@njit(cache=True)
def _period(then: Ints, now: Ints, sections: Ints, channels: Ints, ring: Ints, joins: Ints, level: Ints) -> int:
    """Cycles between two states that are the same but for time and iterations, or 0 if they are not.

    Args:
        then: the earlier one.
        now: the later one.
        sections: where the parts of a state begin.
        channels: packed rows.
        ring: [C] offset of each channel's ring.
        joins: packed rows of the steps at which branches of a sum join.
        level: [U] is set to the depth of the loop in which each unit went on, or -1 where it did nothing.
    """
    at, heap, units = sections[MARKS], sections[HEAP], level.shape[0]
    size = now[at + HEAP_SIZE]
    if size == 0 or then[at + HEAP_SIZE] != size:
        return 0
    delta = now[heap] - then[heap]
    if delta <= 0 or now[at + END] - then[at + END] != delta:
        return 0
    for u in range(units):
        for which in (PC, DEPTH, ENTERED):
            if now[sections[which] + u] != then[sections[which] + u]:
                return 0
        level[u] = -1
        for k in range(now[sections[DEPTH] + u]):
            for which in (STACK, TRIPS):
                if now[sections[which] + 4 * u + k] != then[sections[which] + 4 * u + k]:
                    return 0
            more = now[sections[ORDINAL] + 4 * u + k] - then[sections[ORDINAL] + 4 * u + k]
            if more != 0:
                if level[u] >= 0 or more < 0:
                    return 0
                level[u] = k
        if now[sections[PACKETS] + u] == then[sections[PACKETS] + u]:
            if level[u] >= 0:  # an iteration without instructions
                return 0
            continue
        if level[u] < 0:
            return 0
        for which in (READY, COVERED):
            if now[sections[which] + u] - then[sections[which] + u] != delta:
                return 0
        for b in range(2 * u, 2 * u + 2):
            later = now[sections[BANK_FREE] + b] - then[sections[BANK_FREE] + b]
            if later != 0 and later != delta:
                return 0
    for c in range(channels.shape[0]):
        if not same_channel(then, now, sections, c, ring[c], channels[c, C_DEPTH], delta):
            return 0
    for link in range(sections[FREE + 1] - sections[FREE]):
        busy, free = sections[LINK_BUSY] + link, sections[FREE] + link
        if now[busy] != then[busy] and now[free] - then[free] != delta:
            return 0
    packets = sections[PACKETS], sections[PACKETS + 1]
    before, after = then[packets[0] : packets[1]], now[packets[0] : packets[1]]
    for j in range(joins.shape[0]):
        if not same_join(then, now, sections, joins[j], before, after):
            return 0
    return delta if same_heap(then[heap:], now[heap:], before, after, size, delta) else 0


@njit(cache=True)
def _periods(
    then: Ints, now: Ints, sections: Ints, level: Ints, instructions: Ints, loops: Ints, counts: Ints, inner: Ints
) -> int:
    """How many periods may be skipped: no unit leaves its loop, and counts are those of the period before.

    Args:
        then: the earlier state.
        now: the later state.
        sections: where the parts of a state begin.
        level: [U] what `_period` set.
        instructions: packed rows.
        loops: packed rows.
        counts: flat counts.
        inner: [I] innermost loop around each instruction, or -1.
    """
    most = np.int64(1 << 62)
    for u in range(level.shape[0]):
        if level[u] >= 0:
            done = now[sections[ORDINAL] + 4 * u + level[u]]
            step = done - then[sections[ORDINAL] + 4 * u + level[u]]
            most = min(most, (now[sections[TRIPS] + 4 * u + level[u]] - 1 - done) // step)
    for u in range(level.shape[0]):
        if level[u] < 0 or most < 1:
            continue
        k = level[u]
        at = sections[ORDINAL] + 4 * u
        first, own, trip = then[at + k], now[sections[STACK] + 4 * u + k], now[sections[TRIPS] + 4 * u + k]
        outside, step = now[at : at + k], now[at + k] - first
        for i in range(loops[own, L_BEGIN], loops[own, L_END]):
            if instructions[i, COUNT] >= 0:
                row = instructions[i, COUNT:]
                most = _alike(outside, first, step, trip, own, row, inner[i], loops, counts, most)
        for loop in range(own + 1, loops.shape[0]):
            if loops[loop, L_COUNT] >= 0 and _inside(loops, loop, own):
                row = loops[loop, L_COUNT:]
                most = _alike(outside, first, step, trip, own, row, loops[loop, L_PARENT], loops, counts, most)
    return int(most)


@njit(cache=True)
def _inside(loops: Ints, row: int, outer: int) -> bool:
    if loops[row, L_BEGIN] >= loops[outer, L_END] or loops[row, L_END] <= loops[outer, L_BEGIN]:
        return False
    while row >= 0 and row != outer:
        row = loops[row, L_PARENT]
    return bool(row == outer)


@njit(cache=True)
def _alike(
    outside: Ints,
    first: int,
    step: int,
    trip: int,
    own: int,
    row: Ints,
    innermost: int,
    loops: Ints,
    counts: Ints,
    most: int,
) -> int:
    """Periods, `most` at the most, in which what an instruction or a loop looks up is as it was one period before.

    Args:
        outside: iterations done of the loops around the unit's own.
        first: iterations done of its own when the period began.
        step: iterations of it in a period.
        trip: how many there are.
        own: its row.
        row: address of the count, then its strides, outermost first.
        innermost: innermost loop around it.
        loops: packed rows.
        counts: flat counts.
        most: periods.
    """
    level = len(outside)
    stride = row[1 + level]
    if stride == 0:
        return most
    address = row[0]
    for k in range(level):
        address += outside[k] * row[1 + k]
    depth = 0
    loop = innermost
    while loop != own:
        depth += 1
        loop = loops[loop, L_PARENT]
    # The loops inside the unit's own, outermost first: their trips and strides.
    extents, strides = np.ones(4, np.int64), np.zeros(4, np.int64)
    loop = innermost
    for k in range(depth - 1, -1, -1):
        if loops[loop, L_COUNT] >= 0:
            return 0
        extents[k], strides[k] = loops[loop, L_TRIP], row[2 + level + k]
        loop = loops[loop, L_PARENT]
    jump = step * stride
    for j in range(first, min(first + most * step, trip - 1 - step) + 1):
        start = address + j * stride
        for a in range(extents[0]):
            for b in range(extents[1]):
                for c in range(extents[2]):
                    here = start + a * strides[0] + b * strides[1] + c * strides[2]
                    if counts[here] != counts[here + jump]:
                        return max(0, (j - 1 - first) // step) if j > first else 0
    return most


@njit(cache=True)
def _skip(
    then: Ints, now: Ints, sections: Ints, level: Ints, channels: Ints, ring: Ints, delta: int, times: int
) -> None:
    """Let `times` periods pass: `now` becomes what stepping through them would make of it.

    Counters of channels and packets stay: only their differences and order mean anything.
    """
    passed = delta * times
    for u in range(level.shape[0]):
        if level[u] < 0:
            continue
        now[sections[READY] + u] += passed
        now[sections[COVERED] + u] += passed
        for b in range(sections[BANK_FREE] + 2 * u, sections[BANK_FREE] + 2 * u + 2):
            if now[b] != then[b]:
                now[b] += passed
        at = sections[ORDINAL] + 4 * u + level[u]
        now[at] += times * (now[at] - then[at])
    for c in range(channels.shape[0]):
        if touched(then, now, sections, c):
            for k in range(ring[c], ring[c] + channels[c, C_DEPTH]):
                now[sections[ARRIVAL] + k] += passed
                now[sections[CREDITS] + k] += passed
    for link in range(sections[FREE + 1] - sections[FREE]):
        if now[sections[LINK_BUSY] + link] != then[sections[LINK_BUSY] + link]:
            now[sections[FREE] + link] += passed
    for k in range(now[sections[MARKS] + HEAP_SIZE]):
        now[sections[HEAP] + 4 * k] += passed
    now[sections[MARKS] + END] += passed
    for k in range(sections[LINK_BUSY], sections[MARKS]):  # the sums
        now[k] += times * (now[k] - then[k])


def innermost_loops(loops: Any, instructions: int) -> Ints:
    """[I] innermost loop around each instruction, or -1; rows of `loops` are packed, parents first."""
    inner = np.full(instructions, -1, np.int64)
    for row in range(len(loops)):
        inner[loops[row, L_BEGIN] : loops[row, L_END]] = row
    return inner
