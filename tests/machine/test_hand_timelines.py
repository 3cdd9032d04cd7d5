"""Every clock model reproduces the timelines that were worked out by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from ohmflow.compiler.program.schedule import ACTIVITIES, PHASES, Schedule, Timeline
from tests.machine.hand_cases import Expected, ExpectedDeadlock, ExpectedLeftOver, HandTimeline
from tests.machine.hand_timelines import HAND_TIMELINES
from tests.machine.stepping_model import Deadlock, LeftOver, step_through


class Model:
    """A clock model and its two errors."""

    def __init__(
        self, run: Callable[[Schedule], Timeline], deadlock: type[Exception], left_over: type[Exception]
    ) -> None:
        self.run, self.deadlock, self.left_over = run, deadlock, left_over


@pytest.fixture(params=["stepping", "engine"])
def model(request: pytest.FixtureRequest) -> Model:
    if request.param == "stepping":
        return Model(step_through, Deadlock, LeftOver)
    from ohmflow.runtime.machine.clock import simulate
    from ohmflow.runtime.machine.errors import DeadlockError, LeftOverError

    return Model(lambda schedule: simulate(schedule, record=True), DeadlockError, LeftOverError)


def cases(*kinds: type) -> list[object]:
    """The hand timelines with this kind of expectation, as parameters."""
    return [pytest.param(case, id=case.name) for case in HAND_TIMELINES if isinstance(case.expected, kinds)]


def issues_by_unit(schedule: Schedule, timeline: Timeline) -> dict[str, list[tuple[int, ...]]]:
    """Issues of each unit in the order recorded, instructions counted from the unit's first."""
    unit_of = np.searchsorted(schedule.stream, timeline.issues[:, 0], side="right") - 1
    by_unit: dict[str, list[tuple[int, ...]]] = {name: [] for name in schedule.unit_names}
    for unit, (instruction, *times) in zip(unit_of.tolist(), timeline.issues.tolist(), strict=True):
        by_unit[schedule.unit_names[unit]].append((instruction - int(schedule.stream[unit]), *times))
    return by_unit


@pytest.mark.parametrize("case", cases(Expected))
def test_model_reproduces_the_hand_timeline(model: Model, case: HandTimeline) -> None:
    schedule, expected = case.schedule, case.expected
    assert isinstance(expected, Expected)
    timeline = model.run(schedule)

    assert timeline.cycles == expected.cycles
    assert issues_by_unit(schedule, timeline) == expected.issues
    for name, row in zip(schedule.unit_names, timeline.phase_cycles.tolist(), strict=True):
        phases = dict(expected.phases[name])
        phases.setdefault("idle", expected.cycles - sum(phases.values()))
        assert dict(zip(PHASES, row, strict=True)) == {phase: phases.get(phase, 0) for phase in PHASES}
        assert sum(row) == expected.cycles
    assert tuple(timeline.link_busy.tolist()) == expected.links
    if expected.waits is not None:
        assert tuple(timeline.link_wait.tolist()) == expected.waits
    for name, rows in (expected.activity or {}).items():
        unit = schedule.unit_names.index(name)
        begin, end = schedule.stream[unit], schedule.stream[unit + 1]
        told = [(*row, *(0,) * (len(ACTIVITIES) - len(row))) for row in rows]
        assert [tuple(row) for row in timeline.activity[begin:end].tolist()] == told
    executed = np.zeros(len(schedule.instructions), int)
    for unit, name in enumerate(schedule.unit_names):
        for instruction, *_ in expected.issues[name]:
            executed[schedule.stream[unit] + instruction] += 1
    assert timeline.executed.tolist() == executed.tolist()


@pytest.mark.parametrize("case", cases(ExpectedDeadlock))
def test_model_names_every_unit_in_deadlock(model: Model, case: HandTimeline) -> None:
    assert isinstance(case.expected, ExpectedDeadlock)
    with pytest.raises(model.deadlock) as caught:
        model.run(case.schedule)
    named = {name for name in case.schedule.unit_names if name in str(caught.value)}
    # A channel may be described by both its ends, so more units than the stuck ones may be mentioned, but all of those.
    assert named >= set(case.expected.stuck)


@pytest.mark.parametrize("case", cases(ExpectedDeadlock))
def test_stepping_model_says_where_each_unit_is_stuck(case: HandTimeline) -> None:
    assert isinstance(case.expected, ExpectedDeadlock)
    with pytest.raises(Deadlock) as caught:
        step_through(case.schedule)
    number = {name: unit for unit, name in enumerate(case.schedule.unit_names)}
    stuck = {name: index - int(case.schedule.stream[number[name]]) for name, index, _ in caught.value.stuck}
    assert stuck == case.expected.stuck


@pytest.mark.parametrize("case", cases(ExpectedLeftOver))
def test_model_names_the_channel_with_left_over_messages(model: Model, case: HandTimeline) -> None:
    assert isinstance(case.expected, ExpectedLeftOver)
    with pytest.raises(model.left_over) as caught:
        model.run(case.schedule)
    assert all(name in str(caught.value) for name in case.expected.between)


def test_every_hand_timeline_has_its_own_name() -> None:
    names = [case.name for case in HAND_TIMELINES]
    assert len(set(names)) == len(names) >= 24
