# mypy: disable-error-code="untyped-decorator"
"""A network under synthetic traffic, compiled: sources that draw, routers (`router.py`), and nodes that measure.

`docs/network.md` tells the cycle; the order of the calls in `advance` is its order.
"""

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import GOLDEN, mix
from ohmflow.runtime.network.pipeline import Pipeline
from ohmflow.runtime.network.router import return_credits, route_flits, send, take_at_nodes
from ohmflow.runtime.network.state import (
    CAME,
    CLOCK,
    CLOSED,
    CREATED,
    CYCLE,
    FLITS,
    FREE,
    HEAD_AT,
    HOPS,
    INJECTED_AT,
    MEASURED,
    NETWORK,
    OPEN,
    PACKET,
    PACKETS,
    SENDING,
    SENT,
    SOURCE,
    TO,
    NetworkState,
    Room,
)


@njit(cache=True, forceinline=True)
def destination_of(fixed: int, draw: Any, hot: int, hot_limit: Any, nodes: int) -> Any:
    """A packet's destination: the fixed one, or drawn: the lower half decides on `hot`, the upper half on the rest."""
    if fixed >= 0:
        return fixed
    if (draw & np.uint64(0xFFFFFFFF)) < hot_limit:
        return hot
    return np.int64(((draw >> np.uint64(32)) * np.uint64(nodes)) >> np.uint64(32))


@njit(cache=True, forceinline=True)
def _measure(st: NetworkState, now: int) -> None:
    """Close the packets whose last flit came."""
    counters, packets, place, log = st.counters, st.packets, st.place, st.arrivals
    for k in range(counters[CAME]):
        packet = st.came[k]
        source, destination = packets[packet, SOURCE], packets[packet, TO]
        created, injected = packets[packet, CREATED], packets[packet, INJECTED_AT]
        if packets[packet, MEASURED]:
            dx = abs(place[source, 0] - place[destination, 0])
            dy = abs(place[source, 1] - place[destination, 1])
            counters[OPEN] -= 1
            counters[CLOSED] += 1
            counters[NETWORK] += now - injected
            counters[PACKET] += now - created
            counters[HOPS] += dx + dy + 1
            packets[packet, MEASURED] = 0
        row = counters[PACKETS]
        if row < log.shape[0]:
            log[row, 0], log[row, 1] = source, destination
            log[row, 2], log[row, 3], log[row, 4] = created, injected, now
            counters[PACKETS] += 1


@njit(cache=True, forceinline=True)
def _create(
    st: NetworkState, n: int, now: int, flits: int, limit: Any, hot: int, hot_limit: Any, measured: bool
) -> None:
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
    packets[packet, SOURCE], packets[packet, TO], packets[packet, CREATED] = n, to, q
    packets[packet, MEASURED], packets[packet, FLITS], packets[packet, HEAD_AT] = measured, flits, q
    if measured:
        counters[OPEN] += 1
    sources[n, SENDING] = packet
    sources[n, SENT] = 0


@njit(cache=True)
def advance(
    st: NetworkState,
    pipe: Pipeline,
    room: Room,
    cycles: int,
    packet_flits: int,
    limit: Any,
    hot: int,
    hot_limit: Any,
    measured: bool,
) -> None:
    """Run a network.

    Args:
        st: its state, changed in place.
        pipe: its timing.
        room: of its allocators.
        cycles: how many.
        packet_flits: flits of a packet.
        limit: a source has a packet in a cycle if the upper 53 bits of its draw are below.
        hot: the node of `hot_limit`.
        hot_limit: a packet goes to `hot` if the lower 32 bits of its draw are below.
        measured: whether packets that come to the head of their source's queue are measured.
    """
    counters, sources = st.counters, st.sources
    passed, waited, heads = st.passed, st.waited, st.heads
    wheel = st.due.shape[0]
    begin = counters[CYCLE]
    for now in range(begin, begin + cycles):
        slot = now % wheel
        take_at_nodes(st, slot)
        _measure(st, now)
        return_credits(st, slot)
        for n in range(sources.shape[0]):
            if sources[n, SENDING] < 0:
                _create(st, n, now, packet_flits, limit, hot, hot_limit, measured)
            if sources[n, SENDING] >= 0:
                send(st, passed, waited, heads, n, now, slot, pipe)
        route_flits(st, now, slot, pipe, room)
    counters[CYCLE] = begin + cycles
