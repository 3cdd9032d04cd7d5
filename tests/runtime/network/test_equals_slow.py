"""The compiled network equals the slow one, grant by grant: cycle, router, input line and output line of every flit."""

import pytest

from ohmflow.runtime.network.simulate import run_cycles
from ohmflow.runtime.network.spec import NetworkSpec
from ohmflow.runtime.network.state import GRANTS, PACKETS, make_state
from tests.runtime.network.slow_network import SlowNetwork

CASES = [
    NetworkSpec((3, 3), vcs=1, buffer_flits=8, packet_flits=4, rate=0.3, seed=1),
    NetworkSpec((3, 3), vcs=1, buffer_flits=2, packet_flits=4, rate=0.9, seed=2),
    NetworkSpec((4, 2), vcs=2, buffer_flits=3, packet_flits=2, rate=0.8, seed=3),
    NetworkSpec((3, 4), vcs=3, buffer_flits=1, packet_flits=3, rate=1.0, seed=4),
    NetworkSpec((4, 4), vcs=8, buffer_flits=8, packet_flits=1, rate=0.9, seed=5),
    NetworkSpec((3, 3), vcs=20, buffer_flits=2, packet_flits=5, rate=1.0, seed=6),
    NetworkSpec((2, 1), vcs=64, buffer_flits=1, packet_flits=2, rate=1.0, seed=7),
    NetworkSpec((4, 4), vcs=2, buffer_flits=4, packet_flits=4, rate=0.7, traffic="transpose", seed=8),
    NetworkSpec((4, 3), vcs=2, buffer_flits=4, packet_flits=4, rate=0.7, traffic="bit-complement", seed=9),
    NetworkSpec((4, 3), vcs=2, buffer_flits=4, packet_flits=4, rate=0.7, traffic="neighbour", seed=10),
    NetworkSpec((4, 3), vcs=2, buffer_flits=4, packet_flits=4, rate=0.7, traffic="hotspot", seed=11),
    NetworkSpec((3, 3), vcs=2, buffer_flits=8, packet_flits=3, rate=0.6, seed=12, link_cycles=3, credit_cycles=0),
    NetworkSpec((3, 2), vcs=4, buffer_flits=4, packet_flits=3, rate=0.9, seed=13, link_cycles=2, credit_cycles=4),
    NetworkSpec((1, 1), vcs=2, buffer_flits=2, packet_flits=2, rate=0.9, seed=14),
    NetworkSpec((1, 5), vcs=2, buffer_flits=2, packet_flits=9, rate=0.4, seed=15),
]
CYCLES = 200


def name(spec: NetworkSpec) -> str:
    columns, rows = spec.mesh
    return f"{columns}x{rows}-{spec.vcs}vc-{spec.buffer_flits}deep-{spec.packet_flits}flits-{spec.traffic}"


@pytest.mark.parametrize("spec", CASES, ids=name)
def test_every_flit_moves_in_the_cycle_that_the_slow_network_says(spec: NetworkSpec) -> None:
    slow = SlowNetwork(spec)
    slow.run(CYCLES)
    state = make_state(spec, log_rows=len(slow.grants) + 1)
    run_cycles(state, spec, CYCLES)
    grants = [tuple(row) for row in state.grants[: state.counters[GRANTS]].tolist()]
    assert len(grants) > CYCLES / 2
    assert grants == slow.grants
    arrivals = [tuple(row) for row in state.arrivals[: state.counters[PACKETS]].tolist()]
    assert sorted(arrivals) == sorted(slow.arrivals)


def test_a_run_in_pieces_is_the_run_in_one() -> None:
    spec = NetworkSpec((4, 4), rate=0.6, seed=3)
    whole, pieces = make_state(spec, 5000), make_state(spec, 5000)
    run_cycles(whole, spec, 300)
    for cycles in (1, 0, 7, 150, 142):
        run_cycles(pieces, spec, cycles)
    assert all((a == b).all() for a, b in zip(whole, pieces, strict=True))
