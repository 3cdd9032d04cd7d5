# mypy: disable-error-code="untyped-decorator"
"""The network's cycle, compiled.

`docs/network.md` tells the cycle; the order of the functions here is its order. A router acts in a cycle only through
what is due in a later one (flits, credits), so routers may be visited one after the other.

The routers are input-queued with virtual channels, as in Dally and Towles, Principles and Practices of Interconnection
Networks (2004), chapters 16 and 17. Helpers are inlined by force: a call would hand on every array of the state.
"""

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import GOLDEN, mix
from ohmflow.runtime.network.allocators import allocate_channels, match_switch
from ohmflow.runtime.network.bits import ONE, ZERO, after, bit, first_from, lowest
from ohmflow.runtime.network.state import (
    ACTIVE,
    ARRIVED,
    CHANNEL,
    CLOCK,
    CLOSED,
    CREDITS,
    CYCLE,
    FREE,
    FRONT,
    GIVEN,
    GRANTS,
    HELD,
    HOPS,
    IDLE,
    INJECTED,
    LOCAL,
    MODE,
    NETWORK,
    OPEN,
    PACKET,
    PACKETS,
    PORTS,
    READY,
    ROUTE,
    SENDING,
    SENT,
    SWITCH_ACCEPT,
    SWITCH_GRANT,
    TAKEN,
    TRAVERSED,
    TURN,
    WAITING,
    WANTING,
    Ints,
    NetworkState,
)

_FLITS, _SINKS, _CREDITS, _SOURCE_CREDITS = range(4)


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
def destination_of(fixed: int, draw: Any, hot: int, hot_limit: Any, nodes: int) -> Any:
    """A packet's destination: the fixed one, or drawn: the lower half decides on `hot`, the upper half on the rest."""
    if fixed >= 0:
        return fixed
    if (draw & np.uint64(0xFFFFFFFF)) < hot_limit:
        return hot
    return np.int64(((draw >> np.uint64(32)) * np.uint64(nodes)) >> np.uint64(32))


@njit(cache=True, forceinline=True)
def _slot(now_slot: int, cycles: int, wheel: int) -> Any:
    slot = now_slot + cycles
    return slot if slot < wheel else slot - wheel


@njit(cache=True, forceinline=True)
def _arrive_at_nodes(st: NetworkState, now: int, slot: int) -> None:
    """Take every flit that is due at its node; a packet's last one closes it."""
    counters, packets, free, place = st.counters, st.packets, st.free, st.place
    sinks_due, due, log = st.sinks_due, st.due, st.arrivals
    for k in range(due[slot, _SINKS]):
        flit = sinks_due[slot, k]
        counters[ARRIVED] += 1
        if flit & 1 == 0:
            continue
        packet = flit >> 1
        source, destination = packets[packet, 0], packets[packet, 1]
        created, injected = packets[packet, 2], packets[packet, 3]
        if packets[packet, 4]:
            dx = abs(place[source, 0] - place[destination, 0])
            dy = abs(place[source, 1] - place[destination, 1])
            counters[OPEN] -= 1
            counters[CLOSED] += 1
            counters[NETWORK] += now - injected
            counters[PACKET] += now - created
            counters[HOPS] += dx + dy + 1
            packets[packet, 4] = 0
        row = counters[PACKETS]
        if row < log.shape[0]:
            log[row, 0], log[row, 1] = source, destination
            log[row, 2], log[row, 3], log[row, 4] = created, injected, now
            counters[PACKETS] += 1
        free[counters[FREE]] = packet
        counters[FREE] += 1


@njit(cache=True, forceinline=True)
def _create(st: NetworkState, n: int, now: int, limit: Any, hot: int, hot_limit: Any, measured: bool) -> None:
    """Draw for a source whose queue's head is empty, up to now or until it has a packet."""
    counters, sources, keys, fixed, packets, free = st.counters, st.sources, st.keys, st.fixed, st.packets, st.free
    q = sources[n, CLOCK]
    coin = keys[n] + GOLDEN * np.uint64(2 * q + 1)
    while q <= now and (mix(coin) >> np.uint64(11)) >= limit:
        q += 1
        coin += GOLDEN + GOLDEN
    if q > now:
        sources[n, CLOCK] = q
        return
    sources[n, CLOCK] = q + 1
    to = destination_of(fixed[n], mix(coin + GOLDEN), hot, hot_limit, sources.shape[0])
    counters[FREE] -= 1
    packet = free[counters[FREE]]
    packets[packet, 0], packets[packet, 1], packets[packet, 2], packets[packet, 4] = n, to, q, measured
    if measured:
        counters[OPEN] += 1
    sources[n, SENDING] = packet
    sources[n, SENT] = 0


@njit(cache=True, forceinline=True)
def _send(st: NetworkState, n: int, now: int, slot: int, vcs: int, packet_flits: int) -> None:
    """Send one flit of the packet at the head of a source's queue, if there is a free place for it."""
    counters, sources, source_credits = st.counters, st.sources, st.source_credits
    packets, flits_due, due = st.packets, st.flits_due, st.due
    packet = sources[n, SENDING]
    vc = sources[n, CHANNEL]
    if sources[n, SENT] == 0:
        for _ in range(vcs):
            vc = after(vc, vcs)
            if source_credits[n, vc] > 0:
                break
        if source_credits[n, vc] == 0:
            return
        sources[n, CHANNEL] = vc
        packets[packet, 3] = now
    elif source_credits[n, vc] == 0:
        return
    source_credits[n, vc] -= 1
    sources[n, SENT] += 1
    is_tail = sources[n, SENT] == packet_flits
    k = due[slot, _FLITS]
    flits_due[slot, k, 0], flits_due[slot, k, 1], flits_due[slot, k, 2] = n * PORTS + LOCAL, vc, packet * 2 + is_tail
    due[slot, _FLITS] = k + 1
    counters[INJECTED] += 1
    if is_tail:
        sources[n, SENDING] = -1


@njit(cache=True, forceinline=True)
def _arrive_at_routers(st: NetworkState, slot: int, vcs: int) -> None:
    """Queue every flit that is due at a router's input."""
    ring, lines, masks, packets, place = st.ring, st.lines, st.masks, st.packets, st.place
    flits_due, due = st.flits_due, st.due
    depth = ring.shape[1]
    for k in range(due[slot, _FLITS]):
        port, v, flit = flits_due[slot, k, 0], flits_due[slot, k, 1], flits_due[slot, k, 2]
        n = port // PORTS
        p = port - n * PORTS
        line = port * vcs + v
        at = lines[line, FRONT] + lines[line, HELD]
        ring[line, at if at < depth else at - depth] = flit
        lines[line, HELD] += 1
        if lines[line, MODE] == IDLE:
            lines[line, MODE] = WAITING
            lines[line, ROUTE] = route(place, n, packets[flit >> 1, 1])
            masks[n, p, WANTING] |= bit(v)
        elif lines[line, MODE] == ACTIVE and lines[line, HELD] == 1:
            masks[n, p, READY] |= bit(v)


@njit(cache=True, forceinline=True)
def _move(st: NetworkState, n: int, p: int, v: int, now: int, slot: int, vcs: int, link: int, credit: int) -> None:
    """Take the front flit of input line (p, v) out, and send it and a credit on their ways."""
    counters, ring, lines, masks, packets = st.counters, st.ring, st.lines, st.masks, st.packets
    neighbour, place, log = st.neighbour, st.place, st.grants
    flits_due, sinks_due, due = st.flits_due, st.sinks_due, st.due
    credits_due, source_credits_due = st.credits_due, st.source_credits_due
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
    row = counters[GRANTS]
    if row < log.shape[0]:
        log[row, 0], log[row, 1], log[row, 2], log[row, 3] = now, n, p * vcs + v, out
        counters[GRANTS] += 1
    if p == LOCAL:
        at = _slot(slot, 2, wheel)
        k = due[at, _SOURCE_CREDITS]
        source_credits_due[at, k, 0], source_credits_due[at, k, 1] = n, v
        due[at, _SOURCE_CREDITS] = k + 1
    else:
        at = _slot(slot, link + 1 + credit, wheel)
        k = due[at, _CREDITS]
        credits_due[at, k] = (neighbour[n, p] * PORTS + (p ^ 1)) * vcs + v
        due[at, _CREDITS] = k + 1
    if o == LOCAL:
        at = _slot(slot, 3, wheel)
        k = due[at, _SINKS]
        sinks_due[at, k] = flit
        due[at, _SINKS] = k + 1
        at = _slot(slot, 5 + credit, wheel)
        k = due[at, _CREDITS]
        credits_due[at, k] = first + out
        due[at, _CREDITS] = k + 1
    else:
        at = _slot(slot, link + 2, wheel)
        k = due[at, _FLITS]
        flits_due[at, k, 0], flits_due[at, k, 1], flits_due[at, k, 2] = neighbour[n, o] * PORTS + (o ^ 1), w, flit
        due[at, _FLITS] = k + 1
    if flit & 1:
        masks[n, o, TAKEN] &= ~bit(w)
        masks[n, p, READY] &= ~bit(v)
        if held == 0:
            lines[line, MODE] = IDLE
        else:
            following = np.int64(ring[line, lines[line, FRONT]]) >> 1
            lines[line, MODE] = WAITING
            lines[line, ROUTE] = route(place, n, packets[following, 1])
            masks[n, p, WANTING] |= bit(v)
    elif held == 0:
        masks[n, p, READY] &= ~bit(v)


@njit(cache=True)
def advance(
    st: NetworkState,
    cycles: int,
    vcs: int,
    packet_flits: int,
    link: int,
    credit: int,
    limit: Any,
    hot: int,
    hot_limit: Any,
    measured: bool,
) -> None:
    """Run a network.

    Args:
        st: its state, changed in place.
        cycles: how many.
        vcs: virtual channels.
        packet_flits: flits of a packet.
        link: cycles of a link between routers.
        credit: cycles from the receipt of a credit to its use.
        limit: a source has a packet in a cycle if the upper 53 bits of its draw are below.
        hot: the node of `hot_limit`.
        hot_limit: a packet goes to `hot` if the lower 32 bits of its draw are below.
        measured: whether packets that come to the head of their source's queue are measured.
    """
    counters, lines, masks, pointers, due = st.counters, st.lines, st.masks, st.pointers, st.due
    sources, source_credits = st.sources, st.source_credits
    credits_due, source_credits_due = st.credits_due, st.source_credits_due
    nodes, wheel = sources.shape[0], due.shape[0]
    asking, asked = np.empty((PORTS, PORTS * vcs, 2), np.int64), np.empty(PORTS, np.int64)
    offers, fresh = np.empty(PORTS * vcs, np.uint64), np.zeros(PORTS, np.uint64)
    candidate = np.empty((PORTS, PORTS), np.int64)
    wanted, granted = np.empty(PORTS, np.uint64), np.empty(PORTS, np.uint64)
    begin = counters[CYCLE]
    slot = begin % wheel
    for now in range(begin, begin + cycles):
        _arrive_at_nodes(st, now, slot)
        for k in range(due[slot, _CREDITS]):
            lines[credits_due[slot, k], CREDITS] += 1
        for k in range(due[slot, _SOURCE_CREDITS]):
            source_credits[source_credits_due[slot, k, 0], source_credits_due[slot, k, 1]] += 1
        sent = _slot(slot, 2, wheel)
        for n in range(nodes):
            if sources[n, SENDING] < 0:
                _create(st, n, now, limit, hot, hot_limit, measured)
            if sources[n, SENDING] >= 0:
                _send(st, n, now, sent, vcs, packet_flits)
        _arrive_at_routers(st, slot, vcs)
        for k in range(4):
            due[slot, k] = 0
        for n in range(nodes):
            wanting, ready = ZERO, ZERO
            for p in range(PORTS):
                wanting |= bit(p) if masks[n, p, WANTING] != ZERO else ZERO
                ready |= bit(p) if masks[n, p, READY] != ZERO else ZERO
            if wanting != ZERO:
                allocate_channels(st, n, vcs, wanting, asking, asked, offers, fresh)
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
                    _move(st, n, p, v, now, slot, vcs, link, credit)
            while wanting != ZERO:
                p = lowest(wanting)
                wanting &= wanting - ONE
                masks[n, p, READY] |= fresh[p]
                fresh[p] = ZERO
        slot = after(slot, wheel)
    counters[CYCLE] = begin + cycles
