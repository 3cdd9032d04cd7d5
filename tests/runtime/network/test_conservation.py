"""Nothing is lost and nothing is made: flits, credits, packets; and everything arrives."""

import numpy as np
import pytest

from ohmflow.runtime.network.simulate import run_cycles
from ohmflow.runtime.network.spec import NetworkSpec
from ohmflow.runtime.network.state import (
    ARRIVED,
    CREDITS,
    FREE,
    HELD,
    INJECTED,
    LOCAL,
    PACKETS,
    PORTS,
    SENDING,
    NetworkState,
    make_state,
)

HEAVY = [
    NetworkSpec((4, 4), vcs=1, buffer_flits=2, packet_flits=4, rate=1.0, seed=1),
    NetworkSpec((5, 3), vcs=4, buffer_flits=1, packet_flits=3, rate=1.0, seed=2),
    NetworkSpec((4, 4), vcs=2, buffer_flits=4, packet_flits=4, rate=1.0, traffic="hotspot", seed=3),
    NetworkSpec((6, 2), vcs=3, buffer_flits=5, packet_flits=1, rate=1.0, traffic="bit-complement", seed=4),
]


def places_in_use(state: NetworkState, spec: NetworkSpec) -> np.ndarray:
    """[nodes, 5, V] by output: flits at its far end and on their way there, and credits on their way back."""
    nodes, vcs = spec.nodes, spec.vcs
    held = state.lines[:, HELD].reshape(nodes, PORTS, vcs).copy()
    for slot, (flits, _, _, _) in enumerate(state.due):
        for port, channel, _ in state.flits_due[slot, :flits]:
            held[port // PORTS, port % PORTS, channel] += 1
    used = np.zeros_like(held)
    for n in range(nodes):
        for p in range(LOCAL):
            if state.neighbour[n, p] >= 0:
                used[n, p] = held[state.neighbour[n, p], p ^ 1]
    for slot, (_, _, credits, _) in enumerate(state.due):
        for line in state.credits_due[slot, :credits]:
            used.reshape(-1)[line] += 1
    return used


@pytest.mark.parametrize("spec", HEAVY)
def test_every_place_of_a_buffer_is_a_credit_or_in_use_in_every_cycle(spec: NetworkSpec) -> None:
    state = make_state(spec)
    for _ in range(150):
        run_cycles(state, spec, 1)
        credits = state.lines[:, CREDITS].reshape(spec.nodes, PORTS, spec.vcs)
        assert credits.min() >= 0
        assert state.lines[:, HELD].max() <= spec.buffer_flits
        # A credit of the output to the node is on its way back from the moment it is taken.
        assert (credits + places_in_use(state, spec) == spec.buffer_flits).all()


@pytest.mark.parametrize("spec", HEAVY)
def test_flits_sent_have_arrived_or_are_on_their_way(spec: NetworkSpec) -> None:
    state = make_state(spec)
    for _ in range(100):
        run_cycles(state, spec, 3)
        on_way = state.lines[:, HELD].sum() + state.due[:, 0].sum() + state.due[:, 1].sum()
        assert state.counters[INJECTED] == state.counters[ARRIVED] + on_way


@pytest.mark.parametrize("spec", HEAVY)
def test_all_is_as_in_the_beginning_when_sources_fall_silent(spec: NetworkSpec) -> None:
    state = make_state(spec, log_rows=20_000)
    run_cycles(state, spec, 500)
    silent = NetworkSpec(spec.mesh, spec.vcs, spec.buffer_flits, spec.packet_flits, 1e-15, spec.traffic, spec.seed)
    state.sources[:, 0] = 500  # what they have not drawn yet is not drawn
    run_cycles(state, silent, 5000)
    assert (state.sources[:, SENDING] == -1).all()
    assert state.counters[FREE] == len(state.free)
    assert state.counters[ARRIVED] == state.counters[INJECTED] == state.counters[PACKETS] * spec.packet_flits
    assert (state.lines[:, CREDITS] == spec.buffer_flits).all()
    assert not state.masks.any()
    assert sorted(state.free) == list(range(len(state.free)))


@pytest.mark.parametrize("traffic", ["uniform", "transpose", "bit-complement", "neighbour", "hotspot"])
@pytest.mark.parametrize("vcs", [1, 3])
def test_flits_go_on_arriving_far_beyond_saturation(traffic: str, vcs: int) -> None:
    spec = NetworkSpec((6, 6), vcs, buffer_flits=1, packet_flits=6, rate=1.0, traffic=traffic, seed=7)
    state = make_state(spec)
    before = 0
    run_cycles(state, spec, 100)
    for _ in range(30):
        run_cycles(state, spec, 100)
        assert state.counters[ARRIVED] > before
        before = int(state.counters[ARRIVED])
