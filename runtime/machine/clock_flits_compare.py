# mypy: disable-error-code="untyped-decorator"
"""Reuse of periods with a network of flits: comparing it with what it was, keeping it, and letting periods pass.

Everything that decides what the network does next is compared: what lines and sources hold, who has which channel,
credits, pointers of the allocators, and what is on its way, at the same place of the wheel counted from the next cycle.
Numbers of packets mean nothing; a flit is that of then if it is the same part of a message of the same channel, as many
messages before the last one sent.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.machine.clock_columns import C_DEPTH
from ohmflow.runtime.machine.clock_flits_kernel import Flits
from ohmflow.runtime.machine.clock_state import ARRIVED
from ohmflow.runtime.network.state import (
    ACTIVE,
    CHANNEL,
    CREDITS,
    CYCLE,
    FRONT,
    GIVEN,
    HEAD_AT,
    HEAD_BIT,
    HELD,
    IDLE,
    INJECTED,
    LAST_ACTIVE,
    MODE,
    NEXT,
    ORDER,
    PACKET_SHIFT,
    QUEUED,
    ROUTE,
    SENDING,
    SENT,
    SINKS,
    SLOT,
    TAG,
    TRAVERSED,
    VC_ACCEPT,
    VC_GRANT,
)
from ohmflow.runtime.network.state import (
    ARRIVED as FLITS_ARRIVED,
)

Ints = NDArray[np.int64]


@njit(cache=True)
def same_flits(then: Ints, now: Ints, sections: Ints, flits: Flits, channels: Ints, ring: Ints, delta: int) -> bool:
    """Whether the network is as the one that was kept, later by delta.

    Args:
        then: the engine's earlier state.
        now: its later state.
        sections: where the parts of a state begin.
        flits: the network, and the one that was kept.
        channels: packed rows.
        ring: [C] offset of each channel's ring.
        delta: cycles.
    """
    if flits.entries.shape[0] == 0:
        return True
    if flits.net.counters[CYCLE] - flits.kept.counters[CYCLE] != delta:
        return False
    for c in range(channels.shape[0]):
        if flits.sent[c] == 0:  # all inside a node
            continue
        was, has = then[sections[ARRIVED] + c], now[sections[ARRIVED] + c]
        under_way = flits.sent[c] - has
        if flits.kept_sent[c] - was != under_way:
            return False
        for k in range(under_way):
            at, size = ring[c], channels[c, C_DEPTH]
            if flits.there[at + (has + k) % size] != flits.kept_there[at + (was + k) % size]:
                return False
    return bool(_same_lines(flits, delta) and _same_sources(flits, delta) and _same_wheel(flits, delta))


@njit(cache=True)
def _same_packet(flits: Flits, a: int, b: int, delta: int) -> bool:
    """Whether packet b of the network is packet a of the one that was kept."""
    was, has = flits.kept.packets, flits.net.packets
    tag = has[b, TAG]
    return bool(
        was[a, TAG] == tag
        and has[b, ORDER] - flits.sent[tag] == was[a, ORDER] - flits.kept_sent[tag]
        and (delta < 0 or has[b, HEAD_AT] - was[a, HEAD_AT] == delta)
    )


@njit(cache=True)
def _same_flit(flits: Flits, a: int, b: int, delta: int) -> bool:
    """The same of flits; when a head could move matters for heads alone."""
    bits = (1 << PACKET_SHIFT) - 1
    return (a & bits) == (b & bits) and _same_packet(
        flits, a >> PACKET_SHIFT, b >> PACKET_SHIFT, delta if b & HEAD_BIT else -1
    )


@njit(cache=True)
def _same_lines(flits: Flits, delta: int) -> bool:
    was, has, depth = flits.kept.lines, flits.net.lines, flits.net.ring.shape[1]
    for line in range(has.shape[0]):
        for column in (HELD, MODE, VC_ACCEPT, VC_GRANT, CREDITS):
            if was[line, column] != has[line, column]:
                return False
        mode = has[line, MODE]
        if mode != IDLE and was[line, ROUTE] != has[line, ROUTE]:
            return False
        if mode == ACTIVE and was[line, GIVEN] != has[line, GIVEN]:
            return False
        for k in range(has[line, HELD]):
            a = np.int64(flits.kept.ring[line, (was[line, FRONT] + k) % depth])
            b = np.int64(flits.net.ring[line, (has[line, FRONT] + k) % depth])
            if not _same_flit(flits, a, b, delta):
                return False
    return bool((flits.kept.masks == flits.net.masks).all() and (flits.kept.pointers == flits.net.pointers).all())


@njit(cache=True)
def _same_sources(flits: Flits, delta: int) -> bool:
    was, has = flits.kept.sources, flits.net.sources
    if (flits.kept.source_credits != flits.net.source_credits).any():
        return False
    for n in range(has.shape[0]):
        a, b = was[n, SENDING], has[n, SENDING]
        if was[n, CHANNEL] != has[n, CHANNEL] or (b >= 0 and was[n, SENT] != has[n, SENT]):
            return False
        # The head of a message that is being sent is in the network already: there it is compared.
        first = has[n, SENT] > 0
        while a >= 0 and b >= 0:
            if not _same_packet(flits, a, b, -1 if first else delta):
                return False
            first = False
            a, b = flits.kept.packets[a, NEXT], flits.net.packets[b, NEXT]
        if a != b:
            return False
    return True


@njit(cache=True)
def _same_wheel(flits: Flits, delta: int) -> bool:
    kept, net = flits.kept, flits.net
    wheel = net.due.shape[0]
    for k in range(wheel):
        a, b = (kept.counters[SLOT] + k) % wheel, (net.counters[SLOT] + k) % wheel
        for which in range(net.due.shape[1]):
            if kept.due[a, which] != net.due[b, which]:
                return False
        for j in range(net.due[b, QUEUED]):
            if kept.flits_due[a, j, 0] != net.flits_due[b, j, 0] or kept.flits_due[a, j, 1] != net.flits_due[b, j, 1]:
                return False
            if not _same_flit(flits, kept.flits_due[a, j, 2], net.flits_due[b, j, 2], -1):
                return False
        for j in range(net.due[b, SINKS]):
            if not _same_flit(flits, kept.sinks_due[a, j], net.sinks_due[b, j], -1):
                return False
        for j in range(net.due[b, 2]):
            if kept.credits_due[a, j] != net.credits_due[b, j]:
                return False
        for j in range(net.due[b, 3]):
            for column in range(2):
                if kept.source_credits_due[a, j, column] != net.source_credits_due[b, j, column]:
                    return False
    return True


@njit(cache=True)
def keep_flits(flits: Flits) -> None:
    """Keep the network as it is."""
    if flits.entries.shape[0] == 0:
        return
    kept, net = flits.kept, flits.net
    kept.counters[:] = net.counters
    kept.ring[:] = net.ring
    kept.lines[:] = net.lines
    kept.masks[:] = net.masks
    kept.pointers[:] = net.pointers
    kept.sources[:] = net.sources
    kept.source_credits[:] = net.source_credits
    kept.packets[:] = net.packets
    kept.flits_due[:] = net.flits_due
    kept.sinks_due[:] = net.sinks_due
    kept.credits_due[:] = net.credits_due
    kept.source_credits_due[:] = net.source_credits_due
    kept.due[:] = net.due
    kept.passed[:] = net.passed
    kept.waited[:] = net.waited
    flits.kept_sent[:] = flits.sent
    flits.kept_there[:] = flits.there


@njit(cache=True)
def skip_flits(flits: Flits, delta: int, times: int) -> None:
    """Let `times` periods of `delta` cycles pass: the network becomes what running it through them would make of it."""
    if flits.entries.shape[0] == 0:
        return
    kept, net = flits.kept, flits.net
    for counter in (TRAVERSED, INJECTED, FLITS_ARRIVED):
        net.counters[counter] += times * (net.counters[counter] - kept.counters[counter])
    net.counters[CYCLE] += delta * times
    net.counters[LAST_ACTIVE] += delta * times
    net.packets[:, HEAD_AT] += delta * times
    net.passed[:] += times * (net.passed - kept.passed)
    net.waited[:] += times * (net.waited - kept.waited)
