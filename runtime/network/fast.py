# mypy: disable-error-code="untyped-decorator"
"""The fast mode: links are reserved for whole packets, first come, first served; no channels, no buffers, no credits.

A packet whose head reaches a router in cycle t gets the link it needs in the first cycle after t in which that is free,
and keeps it for one cycle a flit. Without other packets the times are those of the flit level; what waits never blocks
what is behind it. So latency is too low where channels are few or the load is high, and saturation is where links are
full; `docs/network.md` gives the error.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.crossbar.draws import GOLDEN, mix
from ohmflow.runtime.network.kernel import destination_of
from ohmflow.runtime.network.router import route
from ohmflow.runtime.network.simulate import NetworkResult, coin_limit, measure
from ohmflow.runtime.network.spec import NetworkSpec, Watch
from ohmflow.runtime.network.state import (
    ARRIVED,
    CLOCK,
    CLOSED,
    COUNTERS,
    CYCLE,
    FREE,
    HOPS,
    INJECTED,
    LOCAL,
    NETWORK,
    OPEN,
    PACKET,
    PORTS,
    TRAVERSED,
    Ints,
    Masks,
    neighbours,
    places,
    source_keys,
)
from ohmflow.runtime.network.traffic import destinations

_POOL = 1024
"""Packets on their way, for each node; sources wait beyond."""

_WHEEL = 256
_BUSY_UNTIL = 1
_DONE = 5


class FastState(NamedTuple):
    """The arrays; all are changed in place.

    Attributes:
        counters: [COUNTERS] as those of the flit level.
        packets: [pool, 8] as those of the flit level, then whether only its arrival is left, the next packet in its
            list, and the node that its head is in.
        due_at: [pool] cycle of a packet's next event.
        free: [pool] stack of free packet numbers.
        first: [wheel] first packet of the list of each cycle modulo the wheel, or −1.
        links: [nodes, 5] the first cycle in which each link is free.
        sources: [nodes, 4] column CLOCK, and the first cycle in which the source is free.
        keys, fixed, neighbour, place: as those of the flit level.
    """

    counters: Ints
    packets: Ints
    due_at: Ints
    free: Ints
    first: Ints
    links: Ints
    sources: Ints
    keys: Masks
    fixed: Ints
    neighbour: Ints
    place: Ints


@njit(cache=True, forceinline=True)
def _put(packets: Ints, due_at: Ints, first: Ints, packet: int, cycle: int) -> None:
    slot = cycle % _WHEEL
    due_at[packet] = cycle
    packets[packet, 6] = first[slot]
    first[slot] = packet


@njit(cache=True)
def _advance(
    st: FastState, cycles: int, flits: int, link: int, limit: Any, hot: int, hot_limit: Any, measured: bool
) -> None:
    """Run some cycles; arguments as those of `kernel.advance`."""
    counters, packets, due_at, free, first = st.counters, st.packets, st.due_at, st.free, st.first
    links, sources, keys, fixed, neighbour, place = st.links, st.sources, st.keys, st.fixed, st.neighbour, st.place
    nodes = sources.shape[0]
    begin = counters[CYCLE]
    for now in range(begin, begin + cycles):
        packet = first[now % _WHEEL]
        first[now % _WHEEL] = -1
        while packet >= 0:
            following = packets[packet, 6]
            if due_at[packet] != now:  # a later turn of the wheel
                _put(packets, due_at, first, packet, due_at[packet])
            elif packets[packet, _DONE] != 0:
                counters[ARRIVED] += flits
                if packets[packet, 4]:
                    source, to = packets[packet, 0], packets[packet, 1]
                    counters[OPEN] -= 1
                    counters[CLOSED] += 1
                    counters[NETWORK] += now - packets[packet, 3]
                    counters[PACKET] += now - packets[packet, 2]
                    counters[HOPS] += abs(place[source, 0] - place[to, 0]) + abs(place[source, 1] - place[to, 1]) + 1
                    packets[packet, 4] = 0
                free[counters[FREE]] = packet
                counters[FREE] += 1
            else:
                n = packets[packet, 7]
                o = route(place, n, packets[packet, 1])
                granted = max(now + 1, links[n, o])
                links[n, o] = granted + flits
                counters[TRAVERSED] += flits
                if o == LOCAL:
                    packets[packet, _DONE] = 1
                    _put(packets, due_at, first, packet, granted + 2 + flits)
                else:
                    packets[packet, 7] = neighbour[n, o]
                    _put(packets, due_at, first, packet, granted + link + 2)
            packet = following
        for n in range(nodes):
            if sources[n, _BUSY_UNTIL] > now or counters[FREE] == 0:
                continue
            q = sources[n, CLOCK]
            coin = keys[n] + GOLDEN * np.uint64(2 * q + 1)
            while q <= now and (mix(coin) >> np.uint64(11)) >= limit:
                q += 1
                coin += GOLDEN + GOLDEN
            if q > now:
                sources[n, CLOCK] = q
                continue
            sources[n, CLOCK] = q + 1
            sources[n, _BUSY_UNTIL] = now + flits
            counters[FREE] -= 1
            counters[INJECTED] += flits
            packet = free[counters[FREE]]
            packets[packet, 0] = packets[packet, 7] = n
            packets[packet, 1] = destination_of(fixed[n], mix(coin + GOLDEN), hot, hot_limit, nodes)
            packets[packet, 2], packets[packet, 3], packets[packet, 4] = q, now, measured
            packets[packet, _DONE] = 0
            if measured:
                counters[OPEN] += 1
            _put(packets, due_at, first, packet, now + 2)
    counters[CYCLE] = begin + cycles


def make_fast_state(spec: NetworkSpec) -> FastState:
    """Make an empty network before cycle 0.

    Args:
        spec: the network.

    Returns:
        The state.
    """
    pool = _POOL * spec.nodes
    counters = np.zeros(COUNTERS, np.int64)
    counters[FREE] = pool
    return FastState(
        counters=counters,
        packets=np.zeros((pool, 8), np.int64),
        due_at=np.zeros(pool, np.int64),
        free=np.arange(pool - 1, -1, -1, dtype=np.int64),
        first=np.full(_WHEEL, -1, np.int64),
        links=np.zeros((spec.nodes, PORTS), np.int64),
        sources=np.zeros((spec.nodes, 4), np.int64),
        keys=source_keys(spec),
        fixed=destinations(spec.traffic, spec.mesh).fixed,
        neighbour=neighbours(spec.mesh),
        place=places(spec.mesh),
    )


def run_fast_cycles(state: FastState, spec: NetworkSpec, cycles: int, measured: bool = False) -> None:
    """Run a network on.

    Args:
        state: of `make_fast_state`; changed in place.
        spec: the network.
        cycles: how many.
        measured: whether packets that leave their source meanwhile are measured.
    """
    pattern = destinations(spec.traffic, spec.mesh)
    _advance(
        state,
        cycles,
        spec.packet_flits,
        spec.link_cycles,
        coin_limit(spec),
        pattern.hot,
        np.uint64(pattern.hot_limit),
        measured,
    )


def simulate_fast(spec: NetworkSpec, watch: Watch | None = None) -> NetworkResult:
    """Run a network at the level of link reservation.

    Args:
        spec: the network and its traffic; channels, buffers and credits have no effect.
        watch: how long.

    Returns:
        What was measured; the same for the same arguments, always.
    """
    state = make_fast_state(spec)

    def run(cycles: int, measured: bool) -> None:
        run_fast_cycles(state, spec, cycles, measured)

    return measure(spec, watch or Watch(), state, run, "links")
