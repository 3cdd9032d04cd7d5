# mypy: disable-error-code="untyped-decorator"
"""The event engine's inner loop, compiled.

Only messages are events: a heap orders packets entering link queues by (cycle, source unit, packet number). Everything
else follows without a queue, because each cause is known before its effect: the k-th arrival on a channel and the k-th
returned credit have cycles as soon as they are decided, and a unit's next issue is the latest of its release, its
arrivals and its credit. So a unit runs ahead as far as what it waits for is decided, and no cycle is ever stepped.

Why that is exact: a packet's entry always lies after the event that decided it (`docs/microarchitecture.md`: nothing
is visible in the cycle that causes it), so the heap never receives an entry from its past, and first-come-first-served
links may be granted in pop order.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.machine.clock_columns import (
    BUSY,
    C_DEPTH,
    C_DST,
    C_FIRST,
    C_LAST,
    C_SENT,
    C_SRC,
    C_TAKEN,
    CONVERTER,
    COUNT,
    CREDIT,
    E_BRANCH,
    E_OFFSET,
    E_TO,
    KIND,
    MESSAGE,
    PHASE,
    S_ADDER,
    S_BRANCHES,
    S_BRANCHES_END,
    S_CHANNEL,
    S_CYCLES,
    S_DEPTH,
    S_FIRST,
    S_KEYS,
    S_LAST,
    S_LINK,
    SIGNAL,
    STRIDE,
    T0,
    T1,
    T2,
    T3,
    WAIT0,
    WAIT1,
)
from ohmflow.runtime.machine.clock_flits_kernel import NEVER, Flits, enqueue, run_until
from ohmflow.runtime.machine.clock_heap import pop, push
from ohmflow.runtime.machine.clock_loops import address, settle
from ohmflow.runtime.machine.clock_reuse import (
    FIRST_PATIENCE,
    ITERATION,
    LEADER,
    LEVEL,
    LOOK_EVERY,
    PATIENCE,
    WATCH,
    look,
)
from ohmflow.runtime.machine.clock_state import (
    ACTIVITY,
    ARRIVAL,
    ARRIVED,
    BANK_FREE,
    COME,
    CONSUMED,
    COVERED,
    CREDITS,
    DEPTH,
    END,
    ENTERED,
    EXECUTED,
    FREE,
    HEAP,
    HEAP_SIZE,
    KEYS,
    LINK_BUSY,
    LINK_WAIT,
    MARKS,
    ORDINAL,
    PACKETS,
    PC,
    PHASE_CYCLES,
    READY,
    RETURNED,
    STACK,
    TAKEN,
    TRIPS,
    part,
)
from ohmflow.runtime.network.state import CYCLE, ORDER, TAG

Ints = NDArray[np.int64]

DONE, DEADLOCK, LEFT_OVER, TOO_LONG = 0, 1, 2, 3


@njit(cache=True)
def run(
    stream: Ints,
    instructions: Ints,
    loops: Ints,
    channels: Ints,
    steps: Ints,
    edges: Ints,
    joins: Ints,
    counts: Ints,
    head_loop: Ints,
    nested_loop: Ints,
    ring: Ints,
    sections: Ints,
    issues: Ints,
    grants: Ints,
    inner: Ints,
    reuse: bool,
    most: int,
    flits: Flits | None,
) -> Any:
    """Simulate one schedule.

    Args:
        stream: [U + 1] instruction ranges.
        instructions: [I, 14] packed rows.
        loops: [K, 9] packed rows.
        channels: [C, 7] packed rows.
        steps: [S, 10] packed rows.
        edges: [E, 3] packed rows.
        joins: packed rows of those steps at which branches of a sum join.
        counts: flat counts.
        head_loop: [I + 1] outermost loop that begins at an instruction, or -1.
        nested_loop: [K] the loop directly inside that shares its begin, or -1.
        ring: [C] offset of each channel's ring of cycles.
        sections: where the parts of the engine's state begin, as `state_sections` gives it.
        issues: [N, 5] record of (instruction, issue, release, completion, unit), or [0, 5] for none.
        grants: [M, 4] record of (link, channel, entry, grant), or [0, 4] for none.
        inner: [I] innermost loop around each instruction, or -1.
        reuse: whether to skip periods that repeat the one before; then nothing may be recorded.
        most: instructions and steps of messages that may be stepped through before the run is given up.
        flits: the network of flits, or None where links are reserved: then nothing of it is compiled.

    Returns:
        (status, end, phase_cycles [U, 7], executed [I], link_busy [L], activity [I, 4], link_wait [L], issues, grants,
        pc [U], arrived [C], consumed [C], messages under way or waiting [C], reused cycles,
        cycles for which each instruction's first execution waited for its messages [I]). The numbers of issues
        and grants may exceed N and M; then the records hold the first ones.
    """
    n_units = stream.shape[0] - 1
    n_channels = channels.shape[0]
    now = np.zeros(sections[-1], np.int64)
    pc, depth = part(now, sections, PC), part(now, sections, DEPTH)
    pc[:] = stream[:-1]
    stack = part(now, sections, STACK).reshape(n_units, 4)
    ordinal = part(now, sections, ORDINAL).reshape(n_units, 4)
    trips = part(now, sections, TRIPS).reshape(n_units, 4)
    ready, packets, covered = part(now, sections, READY), part(now, sections, PACKETS), part(now, sections, COVERED)
    bank_free = part(now, sections, BANK_FREE).reshape(n_units, 2)
    entered = part(now, sections, ENTERED)  # loop control already settled at pc

    arrival, credit = part(now, sections, ARRIVAL), part(now, sections, CREDITS)
    arrived, consumed = part(now, sections, ARRIVED), part(now, sections, CONSUMED)
    taken, returned = part(now, sections, TAKEN), part(now, sections, RETURNED)

    come, keys = part(now, sections, COME), part(now, sections, KEYS)
    free = part(now, sections, FREE)
    link_busy, link_wait = part(now, sections, LINK_BUSY), part(now, sections, LINK_WAIT)
    phase_cycles = part(now, sections, PHASE_CYCLES).reshape(n_units, 7)
    executed = part(now, sections, EXECUTED)
    activity = part(now, sections, ACTIVITY).reshape(instructions.shape[0], 4)

    heap = part(now, sections, HEAP).reshape(-1, 4)
    heap_size = 0
    work = np.empty(n_units, np.int64)  # units that may be able to go on; each at most once
    queued = np.ones(n_units, np.bool_)
    for u in range(n_units):
        work[u] = n_units - 1 - u
    n_work = n_units
    end = 0
    recorded = 0
    granted_rows = 0
    recording = issues.shape[0] > 0

    marks = part(now, sections, MARKS)
    then = np.empty(sections[-1] if reuse else 0, np.int64)
    watch = np.full(WATCH, -1, np.int64)
    watch[PATIENCE] = FIRST_PATIENCE
    level = np.zeros(n_units, np.int64)
    reused = 0
    events = 0
    ran = -1
    first_wait = np.zeros(instructions.shape[0], np.int64)
    leader = -1

    while True:
        while n_work > 0:
            n_work -= 1
            u = work[n_work]
            queued[u] = False
            while most > 0:
                if entered[u] == 0:
                    if not settle(
                        u, pc, depth, stack, ordinal, trips, stream[u + 1], loops, head_loop, nested_loop, counts
                    ):
                        break
                    entered[u] = 1
                i = pc[u]
                t = ready[u]
                wait0 = instructions[i, WAIT0]
                wait1 = instructions[i, WAIT1]
                signal = instructions[i, SIGNAL]
                if wait0 >= 0:
                    k = consumed[wait0]
                    if arrived[wait0] <= k:
                        break
                    t = max(t, arrival[ring[wait0] + k % channels[wait0, C_DEPTH]])
                if wait1 >= 0:
                    k = consumed[wait1]
                    if wait1 == wait0:
                        k += 1
                    if arrived[wait1] <= k:
                        break
                    t = max(t, arrival[ring[wait1] + k % channels[wait1, C_DEPTH]])
                fed = t
                if signal >= 0:
                    free_at = t
                    for c in range(signal, channels[signal, C_SENT]):
                        k = taken[c] - channels[c, C_DEPTH]
                        if k >= 0:
                            if returned[c] <= k:
                                free_at = -1
                                break
                            free_at = max(free_at, credit[ring[c] + k % channels[c, C_DEPTH]])
                    if free_at < 0:
                        break
                    t = free_at

                kind = instructions[i, KIND]
                count = 0
                bank_wait = 0
                if instructions[i, COUNT] >= 0:
                    count = counts[address(instructions, i, COUNT, STRIDE, ordinal[u], depth[u])]
                if kind == 0:
                    release = t + instructions[i, T0]
                    complete = t + instructions[i, T1]
                elif kind == 2:
                    release = t + instructions[i, T0] + instructions[i, T1] * count
                    complete = release
                else:
                    bank = instructions[i, T3] & 1
                    passes = instructions[i, T3] >> 2  # cycles from the first pass's conversion to the last one's
                    start = t
                    complete = t
                    converting = t
                    for _ in range(count + 1):
                        driven = start + instructions[i, T0]
                        converting = max(driven, bank_free[u, bank])
                        bank_wait += converting - driven
                        converting += passes
                        bank_free[u, bank] = converting + instructions[i, T1]
                        complete = converting + instructions[i, T1] + instructions[i, T2]
                        start = complete
                    release = converting if instructions[i, T3] & 2 else complete

                for side in range(2):
                    wait = wait1 if side else wait0
                    if wait < 0:
                        continue
                    consumed[wait] += 1
                    for c in range(wait, channels[wait, C_TAKEN]):
                        credit[ring[c] + returned[c] % channels[c, C_DEPTH]] = release
                        returned[c] += 1
                        s = channels[c, C_SRC]
                        if not queued[s] and s != u:
                            queued[s] = True
                            work[n_work] = s
                            n_work += 1
                if signal >= 0:
                    for c in range(signal, channels[signal, C_SENT]):
                        taken[c] += 1
                    for e in range(channels[signal, C_FIRST], channels[signal, C_LAST]):
                        heap_size = push(
                            heap, heap_size, complete, (u << 40) | packets[u], edges[e, E_TO], edges[e, E_BRANCH]
                        )
                packets[u] += 1
                ran = u
                if executed[i] == 0:
                    first_wait[i] = fed - ready[u]
                executed[i] += 1
                most -= 1
                activity[i, BUSY] += release - t - bank_wait
                activity[i, MESSAGE] += fed - ready[u]
                activity[i, CREDIT] += t - fed
                activity[i, CONVERTER] += bank_wait
                phase_cycles[u, instructions[i, PHASE]] += max(0, complete - max(t, covered[u]))
                covered[u] = max(covered[u], complete)
                end = max(end, complete)
                if recording:
                    if recorded < issues.shape[0]:
                        issues[recorded, 0] = i
                        issues[recorded, 1] = t
                        issues[recorded, 2] = release
                        issues[recorded, 3] = complete
                        issues[recorded, 4] = u
                    recorded += 1
                ready[u] = release
                pc[u] = i + 1
                entered[u] = 0

        # All that enters the network before the next event is known by now, so it can be run up to there.
        came = 0
        if flits is not None:
            if most > 0:
                came = run_until(flits.net, flits.pipe, flits.room, heap[0, 0] if heap_size > 0 else NEVER)
            for k in range(came):
                net, sent, there = flits.net, flits.sent, flits.there
                packet = net.came[k]
                channel, cycle = net.packets[packet, TAG], net.counters[CYCLE] - 1
                at, size = ring[channel], channels[channel, C_DEPTH]
                there[at + net.packets[packet, ORDER] % size] = 1
                while arrived[channel] < sent[channel] and there[at + arrived[channel] % size] == 1:
                    there[at + arrived[channel] % size] = 0
                    arrival[at + arrived[channel] % size] = cycle
                    arrived[channel] += 1
                end = max(end, cycle)
                d = channels[channel, C_DST]
                if not queued[d]:
                    queued[d] = True
                    work[n_work] = d
                    n_work += 1
        if came > 0:
            most -= 1
            continue

        if heap_size == 0 or most <= 0:
            break
        events += 1
        most -= 1
        if reuse and (
            events % LOOK_EVERY == 0
            or (leader < 0 and events & (events - 1) == 0)
            or (leader >= 0 and ordinal[leader, watch[LEVEL]] != watch[ITERATION])
        ):
            marks[HEAP_SIZE], marks[END] = heap_size, end
            reused += look(
                watch, ran, then, now, sections, level, instructions, loops, channels, ring, joins, counts, inner, flits
            )
            end, leader = marks[END], watch[LEADER]
        cycle, key, step, branch = heap[0, 0], heap[0, 1], heap[0, 2], heap[0, 3]
        heap_size = pop(heap, heap_size)
        if branch >= 0:
            k = come[branch]
            come[branch] += 1
            at = steps[step, S_KEYS] + k % steps[step, S_DEPTH]
            if branch == steps[step, S_BRANCHES]:  # the sum goes under the name of its first branch
                keys[at] = key
            whole = True
            for b in range(steps[step, S_BRANCHES], steps[step, S_BRANCHES_END]):
                whole = whole and come[b] > k
            if whole:
                heap_size = push(heap, heap_size, cycle + steps[step, S_ADDER], keys[at], step, -1)
            continue
        enters = False
        if flits is not None:
            entries = flits.entries
            if step >= 0 and entries[step, 0] >= 0:
                channel = steps[step, S_CHANNEL]
                enqueue(flits.net, entries[step, 0], entries[step, 1], entries[step, 2], channel, flits.sent[channel])
                flits.sent[channel] += 1
                enters = True
        if enters:
            continue
        if step < 0:
            first, last, granted = -1, 0, cycle
        else:
            first, last = steps[step, S_FIRST], steps[step, S_LAST]
            link, cycles = steps[step, S_LINK], steps[step, S_CYCLES]
            granted = max(cycle, free[link])
            free[link] = granted + cycles
            link_busy[link] += cycles
            link_wait[link] += granted - cycle
            if recording:
                if granted_rows < grants.shape[0]:
                    grants[granted_rows, 0] = link
                    grants[granted_rows, 1] = steps[step, S_CHANNEL]
                    grants[granted_rows, 2] = cycle
                    grants[granted_rows, 3] = granted
                granted_rows += 1
        for e in range(first, last):
            to, arrives = (step, granted) if e < 0 else (edges[e, E_TO], granted + edges[e, E_OFFSET])
            if to >= 0:
                heap_size = push(heap, heap_size, arrives, key, to, edges[e, E_BRANCH])
                continue
            channel = -1 - to
            arrival[ring[channel] + arrived[channel] % channels[channel, C_DEPTH]] = arrives
            arrived[channel] += 1
            end = max(end, arrives)
            d = channels[channel, C_DST]
            if not queued[d]:
                queued[d] = True
                work[n_work] = d
                n_work += 1

    status = DONE
    for u in range(n_units):
        if pc[u] < stream[u + 1]:
            status = DEADLOCK
    if status == DONE:
        for c in range(n_channels):
            if returned[c] < taken[c]:
                status = LEFT_OVER
    if most <= 0:
        status = TOO_LONG
    for u in range(n_units):
        phase_cycles[u, 6] += end - phase_cycles[u].sum()
    return (
        status,
        end,
        phase_cycles,
        executed,
        link_busy,
        activity,
        link_wait,
        recorded,
        granted_rows,
        pc,
        arrived,
        consumed,
        taken - returned,
        reused,
        first_wait,
    )
