"""Single packets, worked by hand from docs/network.md: who moves in which cycle."""

import pytest

from ohmflow.runtime.network.simulate import run_cycles
from ohmflow.runtime.network.spec import NetworkSpec
from ohmflow.runtime.network.state import (
    FLITS,
    FREE,
    GRANTS,
    PACKETS,
    SENDING,
    SOURCE,
    TO,
    NetworkState,
    make_state,
)

RARE = 1e-15
"""A rate at which no packet is drawn in these runs."""


def put(state: NetworkState, source: int, to: int, flits: int) -> None:
    """Put a packet at the head of a source's queue, as if it had been drawn in cycle 0."""
    state.counters[FREE] -= 1
    packet = state.free[state.counters[FREE]]
    state.packets[packet, [SOURCE, TO, FLITS]] = source, to, flits
    state.sources[source, SENDING] = packet


def run(spec: NetworkSpec, *packets: tuple[int, int], cycles: int = 200) -> NetworkState:
    state = make_state(spec, log_rows=100)
    for source, to in packets:
        put(state, source, to, spec.packet_flits)
    run_cycles(state, spec, cycles)
    return state


def grants(state: NetworkState) -> list[tuple[int, ...]]:
    return [tuple(row) for row in state.grants[: state.counters[GRANTS]].tolist()]


def arrivals(state: NetworkState) -> list[tuple[int, ...]]:
    return [tuple(row) for row in state.arrivals[: state.counters[PACKETS]].tolist()]


def test_a_packet_alone_moves_as_the_pipeline_says() -> None:
    # Routers 0 → 1 → 2: the head leaves in cycle 0 and arrives in 2; a channel in 2, the switch in 3; 3 cycles later it
    # is in the next router. The second flit is a cycle behind. Lines: 4 is the node's, 0 east, 1 west.
    state = run(NetworkSpec((3, 1), vcs=1, packet_flits=2, rate=RARE), (0, 2))
    assert grants(state) == [(3, 0, 4, 0), (4, 0, 4, 0), (7, 1, 1, 0), (8, 1, 1, 0), (11, 2, 1, 4), (12, 2, 1, 4)]
    assert arrivals(state) == [(0, 2, 0, 0, 15)]


@pytest.mark.parametrize("flits", [1, 2, 5, 8])
@pytest.mark.parametrize(("to", "routers"), [(0, 1), (1, 2), (5, 3), (10, 5), (15, 7)])
def test_latency_of_a_packet_alone_is_4_n_plus_2_plus_the_other_flits(flits: int, to: int, routers: int) -> None:
    state = run(NetworkSpec((4, 4), vcs=2, packet_flits=flits, rate=RARE), (0, to))
    assert arrivals(state) == [(0, to, 0, 0, 4 * routers + 2 + flits - 1)]


@pytest.mark.parametrize(("link", "cycles"), [(1, 18), (2, 21), (5, 30)])
def test_a_longer_link_takes_its_cycles_at_every_hop_between_routers(link: int, cycles: int) -> None:
    state = run(NetworkSpec((4, 1), packet_flits=1, rate=RARE, link_cycles=link), (0, 3))
    assert arrivals(state)[0][-1] == cycles


def test_packets_go_along_x_first() -> None:
    state = run(NetworkSpec((3, 3), vcs=1, packet_flits=1, rate=RARE), (0, 8), (8, 0))
    assert [row[1] for row in grants(state) if row[1] in (1, 2, 5)] == [1, 2, 5]
    assert [row[1] for row in grants(state) if row[1] in (3, 6, 7)] == [7, 6, 3]


def test_two_packets_for_one_node_take_turns_by_packet_with_one_channel() -> None:
    # From nodes 0 and 2 to node 1; both heads ask in cycle 6. Input 0 (from the east) is first, for two flits in cycles
    # 7 and 8; the channel is free from 9 on, so the other packet has it in 9 and the switch in 10 and 11.
    state = run(NetworkSpec((3, 1), vcs=1, packet_flits=2, rate=RARE), (0, 1), (2, 1))
    assert [row for row in grants(state) if row[1] == 1] == [(7, 1, 0, 4), (8, 1, 0, 4), (10, 1, 1, 4), (11, 1, 1, 4)]
    assert arrivals(state) == [(2, 1, 0, 0, 11), (0, 1, 0, 0, 14)]


def test_two_packets_for_one_node_take_turns_by_flit_with_two_channels() -> None:
    # Lines 0 and 2 are the first of two inputs. In cycle 6 both channels of the output to the node offer themselves to
    # line 0, which takes one; line 2 gets the other in 7 and asks for the switch from 8 on, where it is its turn.
    state = run(NetworkSpec((3, 1), vcs=2, packet_flits=3, rate=RARE), (0, 1), (2, 1))
    assert [row for row in grants(state) if row[1] == 1] == [
        *((7, 1, 0, 8), (8, 1, 2, 9), (9, 1, 0, 8), (10, 1, 2, 9), (11, 1, 0, 8), (12, 1, 2, 9)),
    ]


def test_a_buffer_of_one_flit_waits_for_every_credit() -> None:
    # The first flit leaves router 0 in 3, so the source may send again in 5; that flit is in router 0 in 7. The first
    # is in router 1 in 6 and leaves it in 7; its credit is of use in 7 + 1 + 1 + 1 = 10. The second leaves router 0 in
    # 10, is in router 1 in 13, where the node's credit is back in 7 + 5 + 1 = 13, and at the node in 16.
    state = run(NetworkSpec((2, 1), vcs=1, buffer_flits=1, packet_flits=2, rate=RARE), (0, 1))
    assert grants(state) == [(3, 0, 4, 0), (7, 1, 1, 4), (10, 0, 4, 0), (13, 1, 1, 4)]
    assert arrivals(state) == [(0, 1, 0, 0, 16)]
