# mypy: disable-error-code="untyped-decorator"
"""The network of flits behind the clock engine, compiled: packets enter queues of sources, run, and come to nodes.

The router's cycle is that of `ohmflow.runtime.network.router`. Here is what joins it to the engine: the queue of each
source, and the clock, which steps through cycles in which flits move and jumps over the others.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.network.bits import ONE, ZERO, bit, lowest
from ohmflow.runtime.network.pipeline import Pipeline
from ohmflow.runtime.network.router import return_credits, route_flits, send, take_at_nodes
from ohmflow.runtime.network.state import (
    CAME,
    CYCLE,
    FLITS,
    FREE,
    HEAD_AT,
    LAST,
    LAST_ACTIVE,
    NEXT,
    ORDER,
    SENDING,
    SENT,
    SLOT,
    SOURCE,
    TAG,
    TO,
    NetworkState,
    Room,
)

Ints = NDArray[np.int64]

NEVER = np.int64(1 << 62)
"""A cycle that does not come."""


class Flits(NamedTuple):
    """The network of flits that a clock engine has behind it.

    Attributes:
        net: the network.
        kept: room for a copy of it, in which a period began.
        pipe: its timing.
        room: of its allocators.
        entries: [S, 3] source node, destination node and flits of what enters each step, or -1 where a link is reserved
            as in the fast mode. No rows: there is no network of flits.
        sent: [C] messages that entered the network on each channel.
        there: [ring] 1 for a message that came before one that was sent earlier on its channel, by slot of the ring.
        kept_sent, kept_there: as `kept`.
    """

    net: NetworkState
    kept: NetworkState
    pipe: Pipeline
    room: Room
    entries: Ints
    sent: Ints
    there: Ints
    kept_sent: Ints
    kept_there: Ints


@njit(cache=True)
def enqueue(net: NetworkState, source: int, to: int, flits: int, tag: int, order: int) -> None:
    """Put a packet at the end of a source's queue, in the network's next cycle.

    Args:
        net: the network; changed.
        source: node.
        to: node.
        flits: of the packet.
        tag: whose it is.
        order: the how manieth of those.
    """
    counters, packets, sources, sending = net.counters, net.packets, net.sources, net.sending
    counters[FREE] -= 1
    packet = net.free[counters[FREE]]
    packets[packet, SOURCE], packets[packet, TO], packets[packet, FLITS] = source, to, flits
    packets[packet, HEAD_AT], packets[packet, NEXT] = counters[CYCLE], -1
    packets[packet, TAG], packets[packet, ORDER] = tag, order
    if sources[source, SENDING] < 0:
        sources[source, SENDING], sources[source, SENT] = packet, 0
        sending[source >> 6] |= ONE << np.uint64(source & 63)
    else:
        packets[sources[source, LAST], NEXT] = packet
    sources[source, LAST] = packet


@njit(cache=True)
def run_until(net: NetworkState, pipe: Pipeline, room: Room, limit: int) -> Any:
    """Run a network up to a cycle, or through the first one in which packets come to their nodes.

    Args:
        net: the network; changed. `came` lists the packets, and its last cycle is the one before the counter CYCLE.
        pipe: its timing.
        room: of its allocators.
        limit: the first cycle that is not run, NEVER for as long as there is something to do.

    Returns:
        How many packets came, 0 if the cycle is `limit` now or nothing is left to do.
    """
    counters, active, sending, due, sources, packets = (
        net.counters,
        net.active,
        net.sending,
        net.due,
        net.sources,
        net.packets,
    )
    passed, waited, heads = net.passed, net.waited, net.heads
    wheel = due.shape[0]
    now, slot = counters[CYCLE], counters[SLOT]
    came = 0
    while now < limit and came == 0:
        moving = False
        for word in range(active.shape[0]):
            moving = moving or active[word] != ZERO or sending[word] != ZERO
        if not moving:
            if now - counters[LAST_ACTIVE] > wheel:  # nothing is due any more
                now = now if limit == NEVER else limit
                break
            if due[slot].sum() == 0:
                now += 1
                slot = slot + 1 if slot + 1 < wheel else 0
                continue
        else:
            counters[LAST_ACTIVE] = now
        take_at_nodes(net, slot)
        came = counters[CAME]
        return_credits(net, slot)
        for word in range(sending.shape[0]):
            left = sending[word]
            while left != ZERO:
                place = lowest(left)
                left &= left - ONE
                n = (word << 6) + place
                packet = sources[n, SENDING]
                if send(net, passed, waited, heads, n, now, slot, pipe):
                    if packets[packet, NEXT] < 0:
                        sending[word] &= ~bit(place)
                    else:
                        sources[n, SENDING], sources[n, SENT] = packets[packet, NEXT], 0
        route_flits(net, now, slot, pipe, room)
        now += 1
        slot = slot + 1 if slot + 1 < wheel else 0
    counters[CYCLE], counters[SLOT] = now, slot
    return came
