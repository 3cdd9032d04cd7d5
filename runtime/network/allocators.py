# mypy: disable-error-code="untyped-decorator"
"""A router's two allocators, compiled: output channels for packets, and the switch for flits.

Both are iSLIP of one iteration (McKeown 1999, 10.1109/90.769767): an output offers itself to the first input that asks,
from a pointer on and around the end; an input takes its first offer, from a pointer on, or the emptiest channel.
Pointers move past what was taken, and only then, so that those who ask for the same thing get it in turns.
"""

from typing import Any

import numpy as np
from numba import njit

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)
from ohmflow.runtime.network.bits import ONE, ZERO, after, bit, first_from, lowest
from ohmflow.runtime.network.state import (
    ACTIVE,
    CREDITS,
    GIVEN,
    MODE,
    PORTS,
    READY,
    ROUTE,
    SWITCH_GRANT,
    TAKEN,
    TURN,
    VC_ACCEPT,
    VC_GRANT,
    WANTING,
    Ints,
    Masks,
    NetworkState,
)


@njit(cache=True, forceinline=True)
def _accept(
    st: NetworkState, n: int, p: int, v: int, o: int, offered: Any, vcs: int, emptiest: int, fresh: Masks
) -> None:
    """Let input line (p, v) take one of the channels of output o that are offered to it."""
    lines, masks = st.lines, st.masks
    first = n * PORTS * vcs
    i = p * vcs + v
    if emptiest:
        w = lowest(offered)
        offered &= offered - ONE
        while offered != ZERO:
            other = lowest(offered)
            offered &= offered - ONE
            if lines[first + o * vcs + other, CREDITS] > lines[first + o * vcs + w, CREDITS]:
                w = other
        out = o * vcs + w
    else:
        start = lines[first + i, VC_ACCEPT] - o * vcs
        w = first_from(offered, start) if 0 <= start < vcs else lowest(offered)
        out = o * vcs + w
        lines[first + i, VC_ACCEPT] = after(out, PORTS * vcs)
    lines[first + out, VC_GRANT] = after(i, PORTS * vcs)
    lines[first + i, GIVEN] = out
    lines[first + i, MODE] = ACTIVE
    masks[n, o, TAKEN] |= bit(w)
    masks[n, p, WANTING] &= ~bit(v)
    fresh[p] |= bit(v)


@njit(cache=True, forceinline=True)
def allocate_channels(
    st: NetworkState,
    n: int,
    vcs: int,
    emptiest: int,
    ports: Any,
    asking: Ints,
    asked: Ints,
    offers: Masks,
    fresh: Masks,
) -> None:
    """Give output channels to packets of some ports; `fresh` gets the lines that have one from the next cycle on."""
    lines, masks = st.lines, st.masks
    first = n * PORTS * vcs
    every = ~ZERO >> np.uint64(64 - vcs)
    outputs = ZERO
    while ports != ZERO:
        p = lowest(ports)
        ports &= ports - ONE
        mask = masks[n, p, WANTING]
        while mask != ZERO:
            v = lowest(mask)
            mask &= mask - ONE
            o = lines[first + p * vcs + v, ROUTE]
            if outputs & bit(o) == ZERO:
                outputs |= bit(o)
                asked[o] = 0
            asking[o, asked[o], 0], asking[o, asked[o], 1] = p, v
            asked[o] += 1
    while outputs != ZERO:
        o = lowest(outputs)
        outputs &= outputs - ONE
        free = ~masks[n, o, TAKEN] & every
        if free == ZERO:
            continue
        if asked[o] == 1:
            _accept(st, n, asking[o, 0, 0], asking[o, 0, 1], o, free, vcs, emptiest, fresh)
            continue
        for k in range(asked[o]):
            offers[k] = ZERO
        while free != ZERO:
            w = lowest(free)
            free &= free - ONE
            pointer = lines[first + o * vcs + w, VC_GRANT]
            winner = 0
            for k in range(asked[o]):
                if asking[o, k, 0] * vcs + asking[o, k, 1] >= pointer:
                    winner = k
                    break
            offers[winner] |= bit(w)
        for k in range(asked[o]):
            if offers[k] != ZERO:
                _accept(st, n, asking[o, k, 0], asking[o, k, 1], o, offers[k], vcs, emptiest, fresh)


@njit(cache=True, forceinline=True)
def match_switch(st: NetworkState, n: int, vcs: int, ports: Any, candidate: Ints, wanted: Masks, granted: Masks) -> Any:
    """Match inputs with outputs.

    Args:
        st: state of the network.
        n: the router.
        vcs: virtual channels.
        ports: inputs that have a line that is ready.
        candidate: [5, 5] gets the channel that stands for an input at an output.
        wanted: [5] for the function's own use.
        granted: [5] gets the outputs that offer themselves to an input, for the inputs that are returned.

    Returns:
        Inputs with an offer.
    """
    lines, masks, pointers = st.lines, st.masks, st.pointers
    first = n * PORTS * vcs
    outputs = ZERO
    while ports != ZERO:
        p = lowest(ports)
        ports &= ports - ONE
        ready = masks[n, p, READY]
        turn = np.uint64(pointers[n, p, TURN])
        upper = (ready >> turn) << turn
        lower = ready & ~upper
        while upper != ZERO or lower != ZERO:  # from the line whose turn it is, around the end
            if upper != ZERO:
                v = lowest(upper)
                upper &= upper - ONE
            else:
                v = lowest(lower)
                lower &= lower - ONE
            line = first + p * vcs + v
            if lines[first + lines[line, GIVEN], CREDITS] > 0:
                o = lines[line, ROUTE]
                if outputs & bit(o) == ZERO:
                    outputs |= bit(o)
                    wanted[o] = bit(p)
                    candidate[p, o] = v
                elif wanted[o] & bit(p) == ZERO:
                    wanted[o] |= bit(p)
                    candidate[p, o] = v
    inputs = ZERO
    while outputs != ZERO:
        o = lowest(outputs)
        outputs &= outputs - ONE
        p = first_from(wanted[o], pointers[n, o, SWITCH_GRANT])
        granted[p] = bit(o) if inputs & bit(p) == ZERO else granted[p] | bit(o)
        inputs |= bit(p)
    return inputs
