"""The event engine equals the stepping model, cycle for cycle, on random schedules."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.program.schedule import Schedule, Timeline
from ohmflow.runtime.machine.clock import simulate
from ohmflow.runtime.machine.errors import DeadlockError, LeftOverError
from tests.machine.generate_schedules import (
    deadlocking_schedule_of,
    grouped_schedule_of,
    incomplete_schedule_of,
    left_over_schedule_of,
    schedule_of,
    schedules,
)
from tests.machine.stepping_model import Deadlock, LeftOver, step_through

CHUNK = 50
"""Schedules of one test: enough tests for several processes, few enough to be read."""


def assert_same(stepped: Timeline, simulated: Timeline, where: str) -> None:
    """Both say the same of everything there is to say."""
    assert simulated.cycles == stepped.cycles, where
    np.testing.assert_array_equal(simulated.issues, stepped.issues, err_msg=where)
    np.testing.assert_array_equal(simulated.phase_cycles, stepped.phase_cycles, err_msg=where)
    np.testing.assert_array_equal(simulated.executed, stepped.executed, err_msg=where)
    np.testing.assert_array_equal(simulated.link_busy, stepped.link_busy, err_msg=where)
    np.testing.assert_array_equal(simulated.activity, stepped.activity, err_msg=where)
    np.testing.assert_array_equal(simulated.link_wait, stepped.link_wait, err_msg=where)
    np.testing.assert_array_equal(simulated.grants, stepped.grants, err_msg=where)


def assert_engine_equals_stepping(first: int, number: int) -> None:
    """Compare on the schedules of the seeds `first` … `first + number - 1`."""
    for seed in range(first, first + number):
        schedule = schedule_of(seed)
        assert_same(step_through(schedule), simulate(schedule, record=True), f"schedule_of({seed})")


@pytest.mark.parametrize("chunk", range(20))
def test_engine_equals_stepping_on_1000_random_schedules(chunk: int) -> None:
    assert_engine_equals_stepping(chunk * CHUNK, CHUNK)


@pytest.mark.parametrize("chunk", range(20))
def test_engine_equals_stepping_on_1000_schedules_with_multicasts_and_sums(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        schedule = grouped_schedule_of(seed)
        assert_same(step_through(schedule), simulate(schedule, record=True), f"grouped_schedule_of({seed})")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(40))
def test_engine_equals_stepping_on_20000_schedules_with_multicasts_and_sums(chunk: int) -> None:
    for seed in range(1_000_000 + chunk * 500, 1_000_500 + chunk * 500):
        schedule = grouped_schedule_of(seed)
        assert_same(step_through(schedule), simulate(schedule, record=True), f"grouped_schedule_of({seed})")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(40))
def test_engine_equals_stepping_on_20000_random_schedules(chunk: int) -> None:
    assert_engine_equals_stepping(1_000_000 + chunk * 500, 500)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(schedules())
def test_engine_equals_stepping_on_what_hypothesis_draws(schedule: Schedule) -> None:
    assert_same(step_through(schedule), simulate(schedule, record=True), "drawn")


@pytest.mark.parametrize("seed", range(0, 100, 10))
def test_engine_without_recording_says_the_same(seed: int) -> None:
    recorded, plain = (simulate(schedule_of(seed), record=record) for record in (True, False))
    assert plain.cycles == recorded.cycles
    np.testing.assert_array_equal(plain.phase_cycles, recorded.phase_cycles)
    np.testing.assert_array_equal(plain.executed, recorded.executed)
    np.testing.assert_array_equal(plain.link_busy, recorded.link_busy)
    np.testing.assert_array_equal(plain.activity, recorded.activity)
    np.testing.assert_array_equal(plain.link_wait, recorded.link_wait)
    assert len(plain.issues) == len(plain.grants) == 0


@pytest.mark.parametrize("chunk", range(4))
def test_both_models_find_the_deadlock_and_name_every_stuck_unit(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        schedule, certain = deadlocking_schedule_of(seed)
        with pytest.raises(Deadlock) as stepped:
            step_through(schedule)
        stuck = {unit for unit, _, _ in stepped.value.stuck}
        assert stuck >= certain
        with pytest.raises(DeadlockError) as simulated:
            simulate(schedule, record=True)
        assert all(unit in str(simulated.value) for unit in stuck), f"deadlocking_schedule_of({seed})"


@pytest.mark.parametrize("chunk", range(2))
def test_both_models_find_the_left_over_message_and_name_its_units(chunk: int) -> None:
    for seed in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        schedule, ends = left_over_schedule_of(seed)
        with pytest.raises(LeftOver) as stepped:
            step_through(schedule)
        assert [left for _, left in stepped.value.channels] == [1]
        with pytest.raises(LeftOverError) as simulated:
            simulate(schedule, record=True)
        assert all(unit in str(simulated.value) for unit in ends), f"left_over_schedule_of({seed})"


def test_both_models_find_what_a_sum_lacks_and_what_a_multicast_leaves() -> None:
    for seed in range(100):
        schedule, names, is_deadlock = incomplete_schedule_of(seed)
        stuck = Deadlock if is_deadlock else LeftOver
        with pytest.raises(stuck) as stepped:
            step_through(schedule)
        with pytest.raises(DeadlockError if is_deadlock else LeftOverError) as simulated:
            simulate(schedule, record=True)
        for name in names:
            assert name in str(stepped.value) and name in str(simulated.value), f"incomplete_schedule_of({seed})"
