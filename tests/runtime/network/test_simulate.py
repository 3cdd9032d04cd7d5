"""What is measured: latencies, rates, saturation; and that it is the same every time."""

import json
import math

import pytest

from ohmflow.runtime.network.errors import NetworkError
from ohmflow.runtime.network.fast import simulate_fast
from ohmflow.runtime.network.simulate import result_json, simulate
from ohmflow.runtime.network.spec import NetworkSpec, Watch, parse_mesh
from ohmflow.runtime.network.traffic import PATTERNS, destinations

SHORT = Watch(warmup=1000, cycles=3000)


def test_the_same_seed_gives_the_same_result_and_another_one_does_not() -> None:
    spec, other = NetworkSpec((5, 4), rate=0.2, seed=3), NetworkSpec((5, 4), rate=0.2, seed=4)
    assert simulate(spec, SHORT) == simulate(spec, SHORT)
    assert simulate_fast(spec, SHORT) == simulate_fast(spec, SHORT)
    assert simulate(spec, SHORT) != simulate(other, SHORT)


def test_packets_are_drawn_as_often_as_the_rate_says() -> None:
    result = simulate(NetworkSpec((8, 8), vcs=8, packet_flits=2, rate=0.2, seed=5), SHORT)
    expected = 64 * SHORT.cycles * 0.1
    assert abs(result.packets - expected) < 4 * math.sqrt(expected * 0.9)  # four standard deviations: 1 in 16,000
    assert result.accepted_rate == pytest.approx(0.2, rel=0.05)


def test_hops_are_the_routers_visited() -> None:
    result = simulate(NetworkSpec((8, 8), packet_flits=1, rate=0.2, seed=5), SHORT)
    # (k − 1/k) / 3 a dimension and the router of the destination; sd of a packet's hops is 2.6
    assert abs(result.hops - 6.25) < 4 * 2.6 / math.sqrt(result.packets)
    for level in (simulate, simulate_fast):
        complement = level(NetworkSpec((4, 4), traffic="bit-complement", rate=0.01, seed=1), SHORT)
        assert complement.hops == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("simulated", [simulate, simulate_fast])
def test_a_packet_that_meets_nobody_has_the_latency_of_the_pipeline_at_both_levels(simulated) -> None:  # type: ignore[no-untyped-def]
    result = simulated(NetworkSpec((8, 8), vcs=1, packet_flits=5, rate=2e-5, seed=2), Watch(0, 50_000))
    assert result.packets > 5
    assert result.network_latency == pytest.approx(4 * result.hops + 2 + 4)
    assert result.packet_latency == result.network_latency


def test_the_fast_mode_is_near_the_flit_level_below_saturation() -> None:
    spec = NetworkSpec((8, 8), vcs=8, packet_flits=4, rate=0.2, seed=1)
    fast, flits = simulate_fast(spec, SHORT), simulate(spec, SHORT)
    assert (fast.packets, fast.hops) == (flits.packets, flits.hops)
    assert fast.network_latency == pytest.approx(flits.network_latency, rel=0.06)


def test_one_channel_saturates_before_two() -> None:
    one, two = (NetworkSpec((8, 8), vcs=v, packet_flits=4, rate=0.3, seed=1) for v in (1, 2))
    assert simulate(one, SHORT).saturated
    assert not simulate(two, SHORT).saturated


def test_a_saturated_network_accepts_less_than_is_offered() -> None:
    result = simulate(NetworkSpec((4, 4), vcs=2, rate=1.0, seed=1), SHORT)
    assert result.saturated
    assert 0.3 < result.accepted_rate < 0.9


def test_a_network_without_packets_has_no_latency() -> None:
    result = simulate(NetworkSpec((2, 2), rate=1e-12), Watch(0, 10))
    assert (result.packets, result.network_latency, result.packet_latency, result.hops) == (0, None, None, None)
    assert not result.saturated


def test_json_has_what_was_asked_for_and_what_was_measured() -> None:
    spec = NetworkSpec((3, 2), rate=0.1)
    data = json.loads(json.dumps(result_json(spec, SHORT, simulate(spec, SHORT))))
    assert data["schema_version"] == 1
    assert data["network"]["mesh"] == [3, 2]
    assert data["watch"]["cycles"] == 3000
    assert data["result"]["level"] == "flits"


@pytest.mark.parametrize("name", [name for name in PATTERNS if name not in ("uniform", "hotspot")])
def test_fixed_patterns_are_permutations(name: str) -> None:
    fixed = destinations(name, (6, 6)).fixed
    assert sorted(fixed) == list(range(36))


def test_patterns_are_what_they_are_called() -> None:
    assert destinations("transpose", (3, 3)).fixed.tolist() == [0, 3, 6, 1, 4, 7, 2, 5, 8]
    assert destinations("bit-complement", (3, 2)).fixed.tolist() == [5, 4, 3, 2, 1, 0]
    assert destinations("neighbour", (3, 2)).fixed.tolist() == [4, 5, 3, 1, 2, 0]
    assert destinations("hotspot", (4, 4)).hot == 10


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mesh": (0, 4)}, "--mesh: must have 1 to 4096 nodes, not 0x4; try 8x8"),
        ({"mesh": (100, 100)}, "--mesh: must have 1 to 4096 nodes, not 100x100; try 8x8"),
        ({"vcs": 65}, "--vcs: must be from 1 to 64, not 65; take a value in that range"),
        ({"buffer_flits": 0}, "--buffer: must be from 1 to 4096, not 0; take a value in that range"),
        ({"packet_flits": 0}, "--packet-flits: must be from 1 to 4096, not 0; take a value in that range"),
        ({"seed": -1}, "--seed: must be from 0 to 9223372036854775807, not -1; take a value in that range"),
        ({"rate": 1.5}, "--rate: must be above 0 and at most 1 flit per node and cycle, not 1.5; try 0.1"),
        ({"rate": math.nan}, "--rate: must be above 0 and at most 1 flit per node and cycle, not nan; try 0.1"),
        ({"mesh": (2, 3), "traffic": "transpose"}, "--mesh: must be square for transpose, not 2x3; try bit-complement"),
    ],
)
def test_a_wrong_network_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(NetworkError) as caught:
        NetworkSpec(**wrong)  # type: ignore[arg-type]
    assert str(caught.value) == said


def test_an_unknown_pattern_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(NetworkError, match=r"not 'neighbor'; did you mean 'neighbour'\?$"):
        NetworkSpec(traffic="neighbor")


def test_buffers_beyond_memory_are_refused() -> None:
    with pytest.raises(NetworkError, match="all buffers hold at most"):
        NetworkSpec((64, 64), vcs=64, buffer_flits=4096)


def test_a_mesh_is_columns_by_rows() -> None:
    assert parse_mesh("8x4") == parse_mesh(" 8 × 4 ") == (8, 4)
    with pytest.raises(NetworkError, match="must be columns x rows, not '8'; try 8x8"):
        parse_mesh("8")
