"""All that a network remembers between two cycles, as arrays for the kernel.

Numbers: port 0 is east, 1 west, 2 south, 3 north, 4 the node itself; an input and an output of one number face each
other. Line (n, p, v), virtual channel v of port p of router n, has number (n · 5 + p) · V + v. Masks have bit v for
virtual channel v.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.crossbar.draws import key_of
from ohmflow.runtime.network.pipeline import Pipeline, alone
from ohmflow.runtime.network.spec import NetworkSpec
from ohmflow.runtime.network.traffic import destinations

PORTS = 5
LOCAL = 4
PURPOSE = 64
"""The second field of every key: draws of the network, apart from those of the crossbars."""

IDLE, WAITING, ACTIVE = 0, 1, 2
"""States of an input's virtual channel: no packet; its front packet has no output channel yet; it has one."""

(CYCLE, OPEN, CLOSED, NETWORK, PACKET, HOPS, INJECTED, ARRIVED, TRAVERSED, GRANTS, PACKETS, FREE) = range(12)
"""Counters: the next cycle; measured packets on their way and arrived; sums over these of network latency, packet
latency and routers visited; flits sent by sources, arrived at nodes, and moved through routers, since the beginning;
rows of the logs of grants and of arrivals; packet numbers that are free."""

(HEADS, CAME, SLOT, LAST_ACTIVE) = range(12, 16)
"""More: rows of the log of heads; packets whose last flit came to its node in the cycle that was run last; and, for
those who jump over cycles, the place of the next cycle on the wheel, and the last one in which a flit moved."""

COUNTERS = 16

SOURCE, TO, CREATED, INJECTED_AT, MEASURED, FLITS, HEAD_AT, TAG, ORDER, NEXT = range(10)
"""Of a packet: nodes of its source and destination; cycles of its creation and of its first flit leaving the source;
whether it is measured; its flits; the first cycle in which its head could get the switch where it is, or was last;
whose it is, and the how manieth of those; the packet behind it in the queue of its source, or −1."""

OUTPUTS = PORTS + 1
"""Things of a node that packets go out by: its router's ports, then its source (number `PORTS`)."""

FRONT, HELD, MODE, ROUTE, GIVEN, VC_ACCEPT, VC_GRANT, CREDITS = range(8)
"""Of an input line: place of its first flit in its ring, flits in the ring, state, output port of its front packet,
output line within the router (port · V + channel) if ACTIVE, pointer of the allocator of channels. Of an output line:
that allocator's other pointer, free places at the far end."""

WANTING, READY, TAKEN = range(3)
"""Of an input: lines that want an output channel, ACTIVE lines that hold a flit. Of an output: channels that a packet
holds."""

SWITCH_ACCEPT, TURN, SWITCH_GRANT = range(3)
"""Pointers of an input, its line that is asked first, and pointers of an output."""

CLOCK, SENDING, SENT, CHANNEL, LAST = range(5)
"""Of a source: the next cycle that it has not drawn for, the packet at the head of its queue or −1, flits of that which
have left, its virtual channel (before the first flit: that of the packet before, or −1), the last packet of its queue.
"""

TAIL_BIT, HEAD_BIT, PACKET_SHIFT = 1, 2, 2
"""A flit is packet · 4 + is-head · 2 + is-tail."""

QUEUED, SINKS, CREDITS_HOME, SOURCE_CREDITS = range(4)
"""Columns of `due`."""

Ints = NDArray[np.int64]
Small = NDArray[np.int32]
Masks = NDArray[np.uint64]


class NetworkState(NamedTuple):
    """The arrays; all are changed in place.

    Attributes:
        counters: [COUNTERS], see above.
        ring: [lines, buffer] flits of an input.
        lines: [lines, 8] what belongs to an input line, or to the output line of the same number; columns FRONT to
            CREDITS.
        masks: [nodes, 5, 3] bits of channels; columns WANTING to TAKEN.
        pointers: [nodes, 5, 3] of the switch's allocator; columns SWITCH_GRANT to TURN.
        neighbour: [nodes, 4] the node behind each port, or −1.
        place: [nodes, 2] x and y.
        fixed: [nodes] destinations (`traffic.Destinations.fixed`).
        keys: [nodes] of draws.
        sources: [nodes, 5] columns CLOCK to LAST.
        source_credits: [nodes, V] free places behind a source.
        packets: [pool, 10] columns SOURCE to NEXT.
        free: [pool] stack of free packet numbers.
        flits_due: [wheel, 6 · nodes, 3] input (n · 5 + p), channel and flit that reach a router in a cycle.
        sinks_due: [wheel, nodes] flits that reach their nodes.
        credits_due: [wheel, 6 · nodes] output lines that a credit returns to.
        source_credits_due: [wheel, nodes, 2] node and channel that a credit returns to.
        due: [wheel, 4] how many of these four.
        came: [nodes] packets whose last flit came in the cycle that was run last, as many as the counter CAME says.
        active: [words] bit n % 64 of word n / 64: router n holds a flit.
        sending: [words] the same of sources that have a packet; kept by those who fill queues, see `enqueue`.
        passed: [nodes, 6] flits that went out by each of OUTPUTS.
        waited: [nodes, 6] cycles that heads waited for each of OUTPUTS beyond the first in which they could have it.
        grants: [rows, 4] log: cycle, router, input line and output line within it; full logs take no more.
        arrivals: [rows, 5] log of packets: source, destination, creation, injection, arrival.
        heads: [rows, 5] log of heads: node, which of OUTPUTS, tag, first cycle that could be, cycle that was.
    """

    counters: Ints
    ring: Small
    lines: Ints
    masks: Masks
    pointers: Ints
    neighbour: Ints
    place: Ints
    fixed: Ints
    keys: Masks
    sources: Ints
    source_credits: Ints
    packets: Ints
    free: Ints
    flits_due: Ints
    sinks_due: Ints
    credits_due: Ints
    source_credits_due: Ints
    due: Ints
    came: Ints
    active: Masks
    sending: Masks
    passed: Ints
    waited: Ints
    grants: Ints
    arrivals: Ints
    heads: Ints


class Room(NamedTuple):
    """What a router's allocators work in; nothing in it outlives a cycle.

    Attributes:
        asking: [5, 5 · V, 2] input and channel of those who ask for a channel of an output.
        asked: [5] how many.
        offers: [5 · V] channels offered to each of them.
        fresh: [5] channels of an input that got an output channel in this cycle; 0 between cycles.
        candidate: [5, 5] the channel that stands for an input at an output.
        wanted: [5] inputs that want an output.
        granted: [5] outputs that offer themselves to an input.
    """

    asking: Ints
    asked: Ints
    offers: Masks
    fresh: Masks
    candidate: Ints
    wanted: Masks
    granted: Masks


def make_room(vcs: int) -> Room:
    """Make room for the allocators of routers of `vcs` virtual channels."""
    words = [np.zeros(n, np.uint64) for n in (PORTS * vcs, PORTS, PORTS, PORTS)]
    asking, asked = np.zeros((PORTS, PORTS * vcs, 2), np.int64), np.zeros(PORTS, np.int64)
    return Room(asking, asked, words[0], words[1], np.zeros((PORTS, PORTS), np.int64), words[2], words[3])


def places(mesh: tuple[int, int]) -> Ints:
    """Where nodes are.

    Args:
        mesh: (columns, rows).

    Returns:
        [nodes, 2] x and y; node number = x + columns · y.
    """
    node = np.arange(mesh[0] * mesh[1], dtype=np.int64)
    return np.stack((node % mesh[0], node // mesh[0]), axis=1)


def neighbours(mesh: tuple[int, int]) -> Ints:
    """What is behind the ports of routers.

    Args:
        mesh: (columns, rows).

    Returns:
        [nodes, 4] the node to the east, west, south and north, or −1.
    """
    columns, rows = mesh
    x, y = places(mesh).T
    node = x + columns * y
    beside = ((x + 1 < columns, 1), (x > 0, -1), (y + 1 < rows, columns), (y > 0, -columns))
    return np.stack([np.where(is_there, node + step, -1) for is_there, step in beside], axis=1)


def source_keys(spec: NetworkSpec) -> Masks:
    """Make the keys of draws.

    Args:
        spec: the network.

    Returns:
        [nodes] one key a source.
    """
    return np.array([key_of(spec.seed, PURPOSE, n) for n in range(spec.nodes)], np.uint64)


def make_state(spec: NetworkSpec, log_rows: int = 0) -> NetworkState:
    """Make an empty network before cycle 0, with sources that draw.

    Args:
        spec: the network.
        log_rows: rows of each of the logs.

    Returns:
        The state.
    """
    pool = (
        6 * spec.nodes * spec.vcs * spec.buffer_flits + spec.nodes
    )  # every flit holds a credit of an output or source
    return empty_network(
        spec.mesh,
        alone(spec.vcs, spec.link_cycles, spec.credit_cycles),
        spec.buffer_flits,
        pool,
        log_rows,
        destinations(spec.traffic, spec.mesh).fixed,
        source_keys(spec),
    )


def empty_network(
    mesh: tuple[int, int],
    pipeline: Pipeline,
    buffer_flits: int,
    pool: int,
    log_rows: int = 0,
    fixed: Ints | None = None,
    keys: Masks | None = None,
) -> NetworkState:
    """Make an empty network before cycle 0.

    Args:
        mesh: (columns, rows) of nodes.
        pipeline: its timing.
        buffer_flits: flits that each virtual channel can hold.
        pool: most packets that there are at a time.
        log_rows: rows of each of the logs.
        fixed: [nodes] destinations, for sources that draw.
        keys: [nodes] of draws.

    Returns:
        The state.
    """
    nodes, vcs = mesh[0] * mesh[1], pipeline.vcs
    lines, wheel, words = nodes * PORTS * vcs, pipeline.longest + 1, (nodes + 63) // 64

    def ints(*shape: int, value: int = 0) -> Ints:
        return np.full(shape, value, np.int64)

    counters = ints(COUNTERS)
    counters[FREE] = pool
    line_table = ints(lines, 8)
    line_table[:, CREDITS] = buffer_flits
    sources = ints(nodes, 5)
    sources[:, SENDING] = sources[:, CHANNEL] = sources[:, LAST] = -1
    return NetworkState(
        counters=counters,
        ring=np.zeros((lines, buffer_flits), np.int32),
        lines=line_table,
        masks=np.zeros((nodes, PORTS, 3), np.uint64),
        pointers=ints(nodes, PORTS, 3),
        neighbour=neighbours(mesh),
        place=places(mesh),
        fixed=ints(nodes, value=-1) if fixed is None else fixed,
        keys=np.zeros(nodes, np.uint64) if keys is None else keys,
        sources=sources,
        source_credits=ints(nodes, vcs, value=buffer_flits),
        packets=ints(pool, 10),
        free=np.arange(pool - 1, -1, -1, dtype=np.int64),
        flits_due=ints(wheel, 6 * nodes, 3),
        sinks_due=ints(wheel, nodes),
        credits_due=ints(wheel, 6 * nodes),
        source_credits_due=ints(wheel, nodes, 2),
        due=ints(wheel, 4),
        came=ints(nodes),
        active=np.zeros(words, np.uint64),
        sending=np.zeros(words, np.uint64),
        passed=ints(nodes, OUTPUTS),
        waited=ints(nodes, OUTPUTS),
        grants=ints(log_rows, 4),
        arrivals=ints(log_rows, 5),
        heads=ints(log_rows, 5),
    )
