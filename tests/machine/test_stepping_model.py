"""What must hold of the stepping model on any schedule, and what the random schedules exercise."""

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.program.schedule import FIXED, MULTICAST, READ, SUM, Schedule, Timeline
from tests.machine.generate_schedules import grouped_schedule_of, schedule_of, schedules
from tests.machine.stepping_model import Machine, TooLong, step_through
from tests.machine.timeline_builder import ScheduleBuilder


def assert_phases_sum_to_the_cycles(schedule: Schedule, timeline: Timeline) -> None:
    assert (timeline.phase_cycles.sum(axis=1) == timeline.cycles).all()
    assert timeline.cycles >= timeline.issues[:, 3].max(initial=0)


def assert_phases_follow_from_the_issues(schedule: Schedule, timeline: Timeline) -> None:
    """The page's `covered` rule, on the recorded issues."""
    charged = np.zeros_like(timeline.phase_cycles)
    unit_of = np.searchsorted(schedule.stream, timeline.issues[:, 0], side="right") - 1
    covered: Counter[int] = Counter()
    for unit, (instruction, issue, _, completion) in zip(unit_of.tolist(), timeline.issues.tolist(), strict=True):
        phase = schedule.instructions[instruction]["phase"]
        charged[unit, phase] += max(0, completion - max(issue, covered[unit]))
        covered[unit] = max(covered[unit], completion)
    charged[:, 6] += timeline.cycles - charged.sum(axis=1)
    np.testing.assert_array_equal(timeline.phase_cycles, charged)


def assert_units_are_in_order(schedule: Schedule, timeline: Timeline) -> None:
    """In a unit nothing issues before the release of what was before it."""
    _, issue, release, completion = timeline.issues.T
    assert (issue < release).all() and (release <= completion).all()
    unit_of = np.searchsorted(schedule.stream, timeline.issues[:, 0], side="right") - 1
    assert (np.diff(unit_of) >= 0).all()
    same_unit = np.diff(unit_of) == 0
    assert (issue[1:][same_unit] >= release[:-1][same_unit]).all()
    np.testing.assert_array_equal(
        np.bincount(timeline.issues[:, 0], minlength=len(schedule.instructions)), timeline.executed
    )


def crossings(schedule: Schedule) -> list[tuple[int, set[int]]]:
    """(a channel that is signalled, links that its messages take) for every channel or tree.

    A sum's links are counted for the first of its channels that takes them; each link of a tree carries a message once.
    """
    found = []
    grouped = {}
    for row in schedule.trees:
        grouped.update(dict.fromkeys(range(row["begin"], row["end"]), (int(row["kind"]), int(row["begin"]))))
    taken: dict[tuple[int, int], set[int]] = defaultdict(set)
    for channel, row in enumerate(schedule.channels):
        links = set(schedule.route[row["route_begin"] : row["route_end"]].tolist())
        tree = grouped.get(channel)
        if tree is not None:
            links, taken[tree] = links - taken[tree], taken[tree] | links
        found.append((tree[1] if tree is not None and tree[0] == MULTICAST else channel, links))
    return found


def assert_links_carry_every_flit(schedule: Schedule, timeline: Timeline) -> None:
    """A link is busy for the flits of the messages whose ways it is on, each counted once."""
    busy = np.zeros_like(timeline.link_busy)
    sent: Counter[int] = Counter()
    for row, executed in zip(schedule.instructions, timeline.executed.tolist(), strict=True):
        sent[int(row["signal"])] += executed
    for channel, links in crossings(schedule):
        for link in links:
            busy[link] += sent[channel] * schedule.channels[channel]["flits"] * schedule.flit_cycles[link]
    np.testing.assert_array_equal(timeline.link_busy, busy)


def assert_messages_are_conserved(schedule: Schedule, timeline: Timeline) -> None:
    """On every channel as many are consumed as sent, none before it can be there, never more than `depth` at once."""
    sent = defaultdict(list)
    consumed = defaultdict(list)
    credits_taken = defaultdict(list)
    ends: dict[tuple[int, int], range] = {}
    for row in schedule.trees:
        ends[int(row["kind"]), int(row["begin"])] = range(row["begin"], row["end"])
    for instruction, issue, release, completion in timeline.issues.tolist():
        row = schedule.instructions[instruction]
        for signal in ends.get((MULTICAST, int(row["signal"])), [int(row["signal"])] if row["signal"] >= 0 else []):
            sent[signal].append(completion)
            credits_taken[signal].append((issue, 1))
        for awaited in [int(row[name]) for name in ("wait0", "wait1") if row[name] >= 0]:
            for channel in ends.get((SUM, awaited), [awaited]):
                consumed[channel].append(issue)
                credits_taken[channel].append((release, -1))
    for channel, row in enumerate(schedule.channels):
        route = schedule.route[row["route_begin"] : row["route_end"]]
        slowest = schedule.flit_cycles[route].max(initial=1)
        on_the_way = int(schedule.hop[route].sum() + (row["flits"] - 1) * slowest) if len(route) else 0
        assert len(sent[channel]) == len(consumed[channel])
        for completion, issue in zip(sorted(sent[channel]), sorted(consumed[channel]), strict=True):
            assert issue >= completion + on_the_way
        level = 0
        for _, change in sorted(credits_taken[channel]):  # in one cycle, credits come back before they are taken
            level += change
            assert 0 <= level <= row["depth"]


def assert_fronts_account_for_every_cycle(schedule: Schedule, timeline: Timeline) -> None:
    """Busy and waiting for a bank from issue to release, stalled between release and issue, then finished."""
    unit_of = np.searchsorted(schedule.stream, timeline.issues[:, 0], side="right") - 1
    released: Counter[int] = Counter()
    held, stalled = np.zeros(len(timeline.executed), int), np.zeros(len(timeline.executed), int)
    for unit, (instruction, issue, release, _) in zip(unit_of.tolist(), timeline.issues.tolist(), strict=True):
        stalled[instruction] += issue - released[unit]
        held[instruction] += release - issue
        released[unit] = release
    busy, message, credit, converter, barrier = timeline.activity.T
    np.testing.assert_array_equal(busy + converter, held)
    np.testing.assert_array_equal(message + credit + barrier, stalled)
    rows = schedule.instructions
    assert not (message + barrier)[(rows["wait0"] < 0) & (rows["wait1"] < 0)].any()
    assert not barrier[(rows["kind"] != FIXED) | (rows["t2"] != 1)].any()
    assert not credit[rows["signal"] < 0].any()
    assert not converter[rows["kind"] != READ].any()
    for unit in range(len(schedule.stream) - 1):
        begin, end = schedule.stream[unit], schedule.stream[unit + 1]
        assert timeline.activity[begin:end].sum() == released[unit] <= timeline.cycles


def assert_grants_say_how_links_were_used(schedule: Schedule, timeline: Timeline) -> None:
    """One packet after the other on every link; busy and waiting cycles are those of its grants."""
    busy, wait = np.zeros_like(timeline.link_busy), np.zeros_like(timeline.link_wait)
    free: Counter[int] = Counter()
    for link, channel, entry, grant in timeline.grants.tolist():
        flits = int(schedule.channels[channel]["flits"]) * int(schedule.flit_cycles[link])
        assert grant >= max(entry, free[link])
        free[link] = grant + flits
        busy[link] += flits
        wait[link] += grant - entry
    np.testing.assert_array_equal(timeline.link_busy, busy)
    np.testing.assert_array_equal(timeline.link_wait, wait)


INVARIANTS = (
    assert_phases_sum_to_the_cycles,
    assert_phases_follow_from_the_issues,
    assert_units_are_in_order,
    assert_links_carry_every_flit,
    assert_messages_are_conserved,
    assert_fronts_account_for_every_cycle,
    assert_grants_say_how_links_were_used,
)


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(schedules())
def test_stepping_model_keeps_its_invariants(schedule: Schedule) -> None:
    timeline = step_through(schedule)
    for holds in INVARIANTS:
        holds(schedule, timeline)


@pytest.mark.parametrize("draw", [schedule_of, grouped_schedule_of])
@pytest.mark.parametrize("chunk", range(4))
def test_stepping_model_keeps_its_invariants_on_seeds(chunk: int, draw: Callable[[int], Schedule]) -> None:
    for seed in range(chunk * 50, (chunk + 1) * 50):
        schedule = draw(seed)
        timeline = step_through(schedule)
        for holds in INVARIANTS:
            holds(schedule, timeline)


def test_random_schedules_exercise_everything() -> None:
    """Of 200, so many at least meet contention, back-pressure, and so on: the comparison must stay worth something."""
    met: Counter[str] = Counter()
    for seed in range(200):
        schedule = schedule_of(seed)
        machine = Machine(schedule)
        machine.run(max_cycles=20_000)
        met.update(name for name, times in vars(machine.seen).items() if times)
        rows = schedule.instructions
        met["pair of messages"] += bool(((rows["wait0"] == rows["wait1"]) & (rows["wait0"] >= 0)).any())
        met["several hops"] += bool((schedule.channels["route_end"] - schedule.channels["route_begin"] > 1).any())
    for name in (
        "packet_waits",
        "credit_stalls",
        "message_stalls",
        "converter_stalls",
        "retries",
        "skipped_loops",
        "repeated_loops",
        "several hops",
    ):
        assert met[name] >= 80, (name, met)
    assert met["pair of messages"] >= 40, met


def test_random_schedules_with_groups_exercise_trees() -> None:
    """Of 100, so many at least branch, join three ways, hold messages in a loop, and cross links of other speeds."""
    met: Counter[str] = Counter()
    for seed in range(100):
        schedule = grouped_schedule_of(seed)
        machine = Machine(schedule)
        machine.run(max_cycles=50_000)
        met["slow"] += bool((schedule.flit_cycles > 1).any() and (schedule.flit_cycles == 1).any())
        for kind, name in ((MULTICAST, "multicast"), (SUM, "sum")):
            met[name] += bool((schedule.trees["kind"] == kind).any())
        joins = [len(branches) for tree in machine.trees if tree.is_sum for branches in tree.held.values()]
        met["three branches"] += max(joins, default=0) >= 3
        links = [[id(c.route[0]) for c in tree.channels if c.route] for tree in machine.trees if not tree.is_sum]
        met["shared first link"] += any(len(set(one)) < len(one) for one in links)
    for name, least in (
        ("slow", 30),
        ("multicast", 60),
        ("sum", 60),
        ("three branches", 40),
        ("shared first link", 30),
    ):
        assert met[name] >= least, (name, met)


@pytest.mark.parametrize("chunk", range(2))
def test_order_in_which_units_and_links_are_looked_at_does_not_matter(chunk: int) -> None:
    for seed in range(chunk * 50, (chunk + 1) * 50):
        schedule = grouped_schedule_of(seed) if seed % 2 else schedule_of(seed)
        backwards = Machine(schedule)
        backwards.units.reverse()
        backwards.links.reverse()
        backwards.trees.reverse()
        while backwards.step():
            pass
        backwards.units.reverse()
        backwards.links.reverse()
        there, back = step_through(schedule), backwards.timeline()
        assert there.cycles == back.cycles
        for name in ("phase_cycles", "executed", "link_busy", "activity", "link_wait", "issues", "grants"):
            np.testing.assert_array_equal(getattr(there, name), getattr(back, name), err_msg=f"schedule_of({seed})")


def test_same_seed_gives_the_same_schedule() -> None:
    one, other = schedule_of(7), schedule_of(7)
    for name in ("stream", "instructions", "loops", "channels", "route", "hop", "counts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_stepping_model_gives_up_after_max_cycles() -> None:
    chip = ScheduleBuilder()
    chip.units("u")
    with chip.on("u"), chip.loop(11):
        chip.fixed(1)
    assert step_through(chip.build(), max_cycles=11).cycles == 11
    with pytest.raises(TooLong):
        step_through(chip.build(), max_cycles=10)
