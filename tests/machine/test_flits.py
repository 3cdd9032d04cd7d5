"""The clock with a network of flits equals the stepping model and timelines worked out by hand; no flit is lost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.program.schedule import TREE
from ohmflow.runtime.machine.clock import Clock, simulate
from ohmflow.runtime.machine.clock_flits import RouterSpec
from ohmflow.runtime.machine.errors import NetworkLevelError
from tests.machine.flit_schedules import Case, flit_case, flit_cases
from tests.machine.hand_flits import FLIT_TIMELINES, FlitTimeline
from tests.machine.stepping_flits import step_flits
from tests.machine.test_engine_equals_stepping import assert_same


def assert_engine_equals_stepping(first: int, number: int) -> None:
    """Compare on the cases of the seeds `first` … `first + number - 1`."""
    for seed in range(first, first + number):
        case = flit_case(seed)
        stepped, simulated = step_flits(case.schedule, case.mesh), simulate(case.schedule, True, case.network)
        assert_same(stepped, simulated, f"flit_case({seed})")


@pytest.mark.parametrize("chunk", range(5))
def test_engine_equals_stepping_on_100_random_schedules_with_flits(chunk: int) -> None:
    assert_engine_equals_stepping(chunk * 20, 20)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(100))
def test_engine_equals_stepping_on_15000_random_schedules_with_flits(chunk: int) -> None:
    assert_engine_equals_stepping(1_000_000 + chunk * 150, 150)


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(flit_cases())
def test_engine_equals_stepping_on_what_hypothesis_draws(case: Case) -> None:
    assert_same(step_flits(case.schedule, case.mesh), simulate(case.schedule, True, case.network), "drawn")


@pytest.mark.parametrize("timeline", FLIT_TIMELINES, ids=lambda timeline: timeline.name)
@pytest.mark.parametrize("model", ["engine", "stepping"])
def test_hand_timeline_of_flits(timeline: FlitTimeline, model: str) -> None:
    case = timeline.case()
    found = simulate(case.schedule, True, case.network) if model == "engine" else step_flits(case.schedule, case.mesh)
    receivers = case.schedule.stream[len(timeline.messages) :]
    issue = dict(zip(found.issues[:, 0].tolist(), found.issues[:, 1].tolist(), strict=True))
    assert tuple(issue[int(at)] for at in receivers[:-1]) == timeline.arrivals
    assert found.cycles == max(timeline.arrivals) + 1
    waits = {name: int(found.link_wait[link]) for name, link in case.mesh.links.items() if found.link_wait[link]}
    assert waits == timeline.waits
    assert {name: int(found.link_busy[case.mesh.links[name]]) for name in timeline.flits} == timeline.flits


def test_both_levels_move_the_same_flits_over_the_same_links() -> None:
    for seed in range(60):
        case = flit_case(seed)
        by_flits, by_links = Clock(case.schedule, network=case.network), Clock(case.schedule)
        one, other = by_flits.run(case.schedule.counts), by_links.run(case.schedule.counts)
        np.testing.assert_array_equal(one.link_busy, other.link_busy, err_msg=f"flit_case({seed})")
        np.testing.assert_array_equal(one.executed, other.executed)
        assert (one.phase_cycles.sum(axis=1) == one.cycles).all()


def test_without_contention_a_message_is_later_by_the_last_router_alone() -> None:
    for timeline in FLIT_TIMELINES[:3]:
        case = timeline.case()
        by_flits, by_links = simulate(case.schedule, False, case.network), simulate(case.schedule)
        assert by_flits.cycles - by_links.cycles == timeline.router.stages


def test_multicasts_and_sums_are_refused() -> None:
    case = FLIT_TIMELINES[3].case()
    trees, channels = np.array([(0, 0, 2, 0)], TREE), case.schedule.channels.copy()
    channels["src"] = channels["src"][0]
    with pytest.raises(NetworkLevelError, match="multicast and sums in the network must be off"):
        Clock(replace(case.schedule, trees=trees, channels=channels), network=case.network)


def test_links_between_chips_are_refused() -> None:
    case = FLIT_TIMELINES[3].case()
    slow = replace(case.schedule, flit_cycles=np.full(len(case.schedule.hop), 2, np.int32))
    with pytest.raises(NetworkLevelError, match="every link must take a flit a cycle"):
        Clock(slow, network=case.network)


def test_another_route_is_refused() -> None:
    case = FLIT_TIMELINES[8].case()
    other = case.schedule.route.copy()
    names = ("inject(0,0)", "south(0,0)", "east(0,1)", "eject(1,1)")
    other[:4] = [case.mesh.links[name] for name in names]
    with pytest.raises(NetworkLevelError, match="X first, then Y"):
        Clock(replace(case.schedule, route=other), network=case.network)


def test_a_hop_has_room_for_the_stages() -> None:
    network = FLIT_TIMELINES[0].case().network
    with pytest.raises(NetworkLevelError, match=r"chip\.router\.stages: must be at most chip\.link\.hop"):
        replace(network, router=RouterSpec(1, 1, 3, 0))
