# mypy: disable-error-code="untyped-decorator"
"""The cycle of routers and of what joins them to nodes, compiled.

`docs/network.md` and `docs/microarchitecture.md` ("The network") tell the cycle; whoever uses it calls, in this order,
`take_at_nodes`, `return_credits`, `send` for every source that has a packet, and `route_flits`. A router acts in a
cycle only through what is due in a later one (flits, credits), so routers may be visited one after the other.

The routers are input-queued with virtual channels, as in Dally and Towles, Principles and Practices of Interconnection
Networks (2004), chapters 16 and 17. Helpers are inlined by force: a call would hand on every array of the state.
"""

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.network.allocators import allocate_channels, match_switch
from ohmflow.runtime.network.bits import ONE, ZERO, after, bit, first_from, lowest
from ohmflow.runtime.network.pipeline import Pipeline
from ohmflow.runtime.network.state import (
    ACTIVE,
    ARRIVED,
    CAME,
    CHANNEL,
    CREDITS,
    CREDITS_HOME,
    FLITS,
    FREE,
    FRONT,
    GIVEN,
    GRANTS,
    HEAD_AT,
    HEAD_BIT,
    HEADS,
    HELD,
    IDLE,
    INJECTED,
    INJECTED_AT,
    LOCAL,
    MODE,
    PACKET_SHIFT,
    PORTS,
    QUEUED,
    READY,
    ROUTE,
    SENDING,
    SENT,
    SINKS,
    SOURCE_CREDITS,
    SWITCH_ACCEPT,
    SWITCH_GRANT,
    TAG,
    TAIL_BIT,
    TAKEN,
    TO,
    TRAVERSED,
    TURN,
    WAITING,
    WANTING,
    Ints,
    Masks,
    NetworkState,
    Room,
)


@njit(cache=True, forceinline=True)
def route(place: Ints, at: int, destination: int) -> Any:
    """X first, then Y."""
    dx = place[destination, 0] - place[at, 0]
    dy = place[destination, 1] - place[at, 1]
    if dx != 0:
        return 0 if dx > 0 else 1
    if dy != 0:
        return 2 if dy > 0 else 3
    return LOCAL


@njit(cache=True, forceinline=True)
def _slot(now_slot: int, cycles: int, wheel: int) -> Any:
    slot = now_slot + cycles
    return slot if slot < wheel else slot - wheel


@njit(cache=True, forceinline=True)
def take_at_nodes(st: NetworkState, slot: int) -> None:
    """Take every flit that is due at its node; `came` lists packets whose last one it is, and they are free again."""
    counters, free, sinks_due, due, came = st.counters, st.free, st.sinks_due, st.due, st.came
    n = 0
    for k in range(due[slot, SINKS]):
        flit = sinks_due[slot, k]
        if flit & TAIL_BIT:
            packet = flit >> PACKET_SHIFT
            came[n] = packet
            n += 1
            free[counters[FREE]] = packet
            counters[FREE] += 1
    counters[ARRIVED] += due[slot, SINKS]
    counters[CAME] = n


@njit(cache=True, forceinline=True)
def return_credits(st: NetworkState, slot: int) -> None:
    """Give outputs and sources the credits that are due."""
    lines, source_credits, due = st.lines, st.source_credits, st.due
    credits_due, source_credits_due = st.credits_due, st.source_credits_due
    for k in range(due[slot, CREDITS_HOME]):
        lines[credits_due[slot, k], CREDITS] += 1
    for k in range(due[slot, SOURCE_CREDITS]):
        source_credits[source_credits_due[slot, k, 0], source_credits_due[slot, k, 1]] += 1


@njit(cache=True, forceinline=True)
def send(st: NetworkState, passed: Ints, waited: Ints, heads: Ints, n: int, now: int, slot: int, pipe: Pipeline) -> Any:
    """Send one flit of the packet at the head of a source's queue, if there is a free place for it.

    `passed`, `waited` and `heads` are those of the state: fetched from it once a cycle and not once a flit.

    Returns:
        Whether it was the packet's last one; then the source has none.
    """
    counters, sources, source_credits = st.counters, st.sources, st.source_credits
    packets, flits_due, due = st.packets, st.flits_due, st.due
    packet = sources[n, SENDING]
    vc = sources[n, CHANNEL]
    is_head = sources[n, SENT] == 0
    if is_head:
        if pipe.emptiest:
            vc = 0
            for w in range(1, pipe.vcs):
                if source_credits[n, w] > source_credits[n, vc]:
                    vc = w
        else:
            for _ in range(pipe.vcs):
                vc = after(vc, pipe.vcs)
                if source_credits[n, vc] > 0:
                    break
        if source_credits[n, vc] == 0:
            return False
        sources[n, CHANNEL] = vc
        packets[packet, INJECTED_AT] = now
        waited[n, PORTS] += now - packets[packet, HEAD_AT]
        row = counters[HEADS]
        if row < heads.shape[0]:
            heads[row, 0], heads[row, 1], heads[row, 2] = n, PORTS, packets[packet, TAG]
            heads[row, 3], heads[row, 4] = packets[packet, HEAD_AT], now
        counters[HEADS] += 1
    elif source_credits[n, vc] == 0:
        return False
    source_credits[n, vc] -= 1
    sources[n, SENT] += 1
    is_tail = sources[n, SENT] == packets[packet, FLITS]
    flit = (packet << PACKET_SHIFT) + (HEAD_BIT if is_head else 0) + (TAIL_BIT if is_tail else 0)
    at = _slot(slot, pipe.inject, due.shape[0])
    k = due[at, QUEUED]
    flits_due[at, k, 0], flits_due[at, k, 1], flits_due[at, k, 2] = n * PORTS + LOCAL, vc, flit
    due[at, QUEUED] = k + 1
    counters[INJECTED] += 1
    passed[n, PORTS] += 1
    if is_tail:
        sources[n, SENDING] = -1
    return is_tail


@njit(cache=True, forceinline=True)
def _arrive_at_routers(st: NetworkState, now: int, slot: int, pipe: Pipeline) -> None:
    """Queue every flit that is due at a router's input."""
    ring, lines, masks, packets, place, active = st.ring, st.lines, st.masks, st.packets, st.place, st.active
    flits_due, due = st.flits_due, st.due
    depth = ring.shape[1]
    for k in range(due[slot, QUEUED]):
        port, v, flit = flits_due[slot, k, 0], flits_due[slot, k, 1], flits_due[slot, k, 2]
        n = port // PORTS
        p = port - n * PORTS
        line = port * pipe.vcs + v
        at = lines[line, FRONT] + lines[line, HELD]
        ring[line, at if at < depth else at - depth] = flit
        lines[line, HELD] += 1
        if flit & HEAD_BIT:
            packets[flit >> PACKET_SHIFT, HEAD_AT] = now + pipe.split
        active[n >> 6] |= ONE << (np.uint64(n) & np.uint64(63))
        if lines[line, MODE] == IDLE:
            lines[line, MODE] = WAITING
            lines[line, ROUTE] = route(place, n, packets[flit >> PACKET_SHIFT, TO])
            masks[n, p, WANTING] |= bit(v)
        elif lines[line, MODE] == ACTIVE and lines[line, HELD] == 1:
            masks[n, p, READY] |= bit(v)


@njit(cache=True, forceinline=True)
def _move(
    st: NetworkState,
    passed: Ints,
    waited: Ints,
    heads: Ints,
    n: int,
    p: int,
    v: int,
    now: int,
    slot: int,
    pipe: Pipeline,
) -> None:
    """Take the front flit of input line (p, v) out, and send it and a credit on their ways.

    `passed`, `waited` and `heads` are those of the state: fetched from it once a cycle and not once a flit.
    """
    counters, ring, lines, masks, packets = st.counters, st.ring, st.lines, st.masks, st.packets
    neighbour, place, log = st.neighbour, st.place, st.grants
    flits_due, sinks_due, due = st.flits_due, st.sinks_due, st.due
    credits_due, source_credits_due = st.credits_due, st.source_credits_due
    vcs = pipe.vcs
    first, wheel = n * PORTS * vcs, due.shape[0]
    line = first + p * vcs + v
    flit = np.int64(ring[line, lines[line, FRONT]])
    lines[line, FRONT] = after(lines[line, FRONT], ring.shape[1])
    held = lines[line, HELD] - 1
    lines[line, HELD] = held
    o, out = lines[line, ROUTE], lines[line, GIVEN]
    w = out - o * vcs
    lines[first + out, CREDITS] -= 1
    counters[TRAVERSED] += 1
    passed[n, o] += 1
    if flit & HEAD_BIT:
        packet = flit >> PACKET_SHIFT
        waited[n, o] += now - packets[packet, HEAD_AT]
        row = counters[HEADS]
        if row < heads.shape[0]:
            heads[row, 0], heads[row, 1], heads[row, 2] = n, o, packets[packet, TAG]
            heads[row, 3], heads[row, 4] = packets[packet, HEAD_AT], now
        counters[HEADS] += 1
    row = counters[GRANTS]
    if row < log.shape[0]:
        log[row, 0], log[row, 1], log[row, 2], log[row, 3] = now, n, p * vcs + v, out
        counters[GRANTS] += 1
    if p == LOCAL:
        at = _slot(slot, pipe.back_source, wheel)
        k = due[at, SOURCE_CREDITS]
        source_credits_due[at, k, 0], source_credits_due[at, k, 1] = n, v
        due[at, SOURCE_CREDITS] = k + 1
    else:
        at = _slot(slot, pipe.back, wheel)
        k = due[at, CREDITS_HOME]
        credits_due[at, k] = (neighbour[n, p] * PORTS + (p ^ 1)) * vcs + v
        due[at, CREDITS_HOME] = k + 1
    if o == LOCAL:
        at = _slot(slot, pipe.eject, wheel)
        k = due[at, SINKS]
        sinks_due[at, k] = flit
        due[at, SINKS] = k + 1
        at = _slot(slot, pipe.back_sink, wheel)
        k = due[at, CREDITS_HOME]
        credits_due[at, k] = first + out
        due[at, CREDITS_HOME] = k + 1
    else:
        at = _slot(slot, pipe.forward, wheel)
        k = due[at, QUEUED]
        flits_due[at, k, 0], flits_due[at, k, 1], flits_due[at, k, 2] = neighbour[n, o] * PORTS + (o ^ 1), w, flit
        due[at, QUEUED] = k + 1
    if flit & TAIL_BIT:
        masks[n, o, TAKEN] &= ~bit(w)
        masks[n, p, READY] &= ~bit(v)
        if held == 0:
            lines[line, MODE] = IDLE
        else:
            following = np.int64(ring[line, lines[line, FRONT]]) >> PACKET_SHIFT
            lines[line, MODE] = WAITING
            lines[line, ROUTE] = route(place, n, packets[following, TO])
            masks[n, p, WANTING] |= bit(v)
    elif held == 0:
        masks[n, p, READY] &= ~bit(v)


@njit(cache=True)
def route_flits(st: NetworkState, now: int, slot: int, pipe: Pipeline, room: Room) -> None:
    """Let routers take what is due, allocate, and move flits; the end of a cycle.

    Args:
        st: the network; its nodes, credits and sources have had their turn.
        now: the cycle.
        slot: its place on the wheel.
        pipe: timing.
        room: of the allocators.
    """
    active, due, masks, pointers = st.active, st.due, st.masks, st.pointers
    asking, asked, offers, fresh = room.asking, room.asked, room.offers, room.fresh
    candidate, wanted, granted = room.candidate, room.wanted, room.granted
    passed, waited, heads = st.passed, st.waited, st.heads
    vcs, emptiest, split = pipe.vcs, pipe.emptiest, pipe.split
    _arrive_at_routers(st, now, slot, pipe)
    for k in range(4):
        due[slot, k] = 0
    for word in range(active.shape[0]):
        left = active[word]
        while left != ZERO:
            place = lowest(left)
            left &= left - ONE
            n = (word << 6) + place
            wanting, ready = ZERO, ZERO
            for p in range(PORTS):
                wanting |= bit(p) if masks[n, p, WANTING] != ZERO else ZERO
                ready |= bit(p) if masks[n, p, READY] != ZERO else ZERO
            if wanting == ZERO and ready == ZERO:
                active[word] &= ~bit(place)
                continue
            if wanting != ZERO:
                allocate_channels(st, n, vcs, emptiest, wanting, asking, asked, offers, fresh)
                if split == 0:
                    ready |= _release(masks, n, wanting, fresh)
            if ready != ZERO:
                inputs = match_switch(st, n, vcs, ready, candidate, wanted, granted)
                while inputs != ZERO:
                    p = lowest(inputs)
                    inputs &= inputs - ONE
                    o = first_from(granted[p], pointers[n, p, SWITCH_ACCEPT])
                    v = candidate[p, o]
                    pointers[n, o, SWITCH_GRANT] = after(p, PORTS)
                    pointers[n, p, SWITCH_ACCEPT] = after(o, PORTS)
                    pointers[n, p, TURN] = after(v, vcs)
                    _move(st, passed, waited, heads, n, p, v, now, slot, pipe)
            if wanting != ZERO and split != 0:
                _release(masks, n, wanting, fresh)


@njit(cache=True, forceinline=True)
def _release(masks: Masks, n: int, ports: Any, fresh: Masks) -> Any:
    """Let lines that got an output channel ask for the switch. Returns the ports that have such."""
    found = ZERO
    while ports != ZERO:
        p = lowest(ports)
        ports &= ports - ONE
        if fresh[p] != ZERO:
            masks[n, p, READY] |= fresh[p]
            fresh[p] = ZERO
            found |= bit(p)
    return found
