"""The fast mode, worked by hand: links for whole packets, first come, first served."""

from ohmflow.runtime.network.fast import FastState, make_fast_state, run_fast_cycles
from ohmflow.runtime.network.simulate import simulate
from ohmflow.runtime.network.spec import NetworkSpec, Watch
from ohmflow.runtime.network.state import ARRIVED, CLOSED, FREE, INJECTED, NETWORK, OPEN
from tests.runtime.network.slow_network import SlowNetwork

RARE = 1e-15


def put(state: FastState, spec: NetworkSpec, source: int, to: int) -> None:
    """Send a measured packet in cycle 0: its head is in its router in cycle 2."""
    state.counters[FREE] -= 1
    packet = state.free[state.counters[FREE]]
    state.packets[packet] = source, to, 0, 0, 1, 0, state.first[2], source
    state.due_at[packet] = 2
    state.first[2] = packet
    state.counters[OPEN] += 1


def total_latency(spec: NetworkSpec, *packets: tuple[int, int]) -> int:
    state = make_fast_state(spec)
    for source, to in packets:
        put(state, spec, source, to)
    run_fast_cycles(state, spec, 500)
    assert state.counters[CLOSED] == len(packets)
    return int(state.counters[NETWORK])


def test_a_packet_alone_has_the_latency_of_the_pipeline() -> None:
    assert total_latency(NetworkSpec((4, 4), packet_flits=3, rate=RARE), (0, 15)) == 4 * 7 + 2 + 2
    # six links of three cycles more
    assert total_latency(NetworkSpec((4, 4), packet_flits=3, rate=RARE, link_cycles=4), (0, 15)) == 4 * 7 + 2 + 2 + 18


def test_a_link_is_kept_for_one_cycle_a_flit() -> None:
    # Both heads are in router 1 in cycle 6; one has the link to the node in 7 and 8, the other from 9 on.
    assert total_latency(NetworkSpec((3, 1), packet_flits=2, rate=RARE), (0, 1), (2, 1)) == 11 + 13
    assert total_latency(NetworkSpec((3, 1), packet_flits=5, rate=RARE), (0, 1), (2, 1)) == 14 + 19


def test_a_wait_longer_than_the_wheel_is_kept() -> None:
    # The second has its link 300 cycles after the first.
    first = 4 * 2 + 2 + 299
    assert total_latency(NetworkSpec((3, 1), packet_flits=300, rate=RARE), (0, 1)) == first
    state = make_fast_state(spec := NetworkSpec((3, 1), packet_flits=300, rate=RARE))
    put(state, spec, 0, 1)
    put(state, spec, 2, 1)
    run_fast_cycles(state, spec, 1000)
    assert state.counters[NETWORK] == first + first + 300


def test_nothing_is_lost() -> None:
    spec = NetworkSpec((4, 4), packet_flits=3, rate=0.9, seed=4)
    state = make_fast_state(spec)
    run_fast_cycles(state, spec, 1000)
    state.sources[:, 0] = 1000
    run_fast_cycles(state, NetworkSpec((4, 4), packet_flits=3, rate=RARE, seed=4), 3000)
    assert state.counters[ARRIVED] == state.counters[INJECTED] > 0
    assert sorted(state.free) == list(range(state.counters[FREE]))


def test_both_levels_draw_the_same_packets() -> None:
    spec = NetworkSpec((3, 3), rate=0.05, packet_flits=1, seed=9)
    slow = SlowNetwork(spec)
    slow.run(1000)
    state = make_fast_state(spec)
    run_fast_cycles(state, spec, 1000)
    assert abs(len(slow.arrivals) - int(state.counters[ARRIVED])) <= 2  # those on their way at the end
    assert simulate(spec, Watch(0, 900)).packets == len([a for a in slow.arrivals if a[2] < 900])
