"""Checks each span of a critical path against docs/microarchitecture.md, from the schedule and what was recorded.

It knows nothing of which message caused what: it only asks whether a span lies where the rules put it.
"""

from itertools import pairwise

from ohmflow.compiler.program.schedule import READ, SUM, Schedule, Timeline
from ohmflow.runtime.critical.path import CONVERTER, CREDIT, END, LINK, MESSAGE, ORDER, Span


def assert_justified(schedule: Schedule, timeline: Timeline, path: tuple[Span, ...]) -> None:
    """Spans touch, fill the entry, and each begins when what it waited for was there."""
    assert sum(span.cycles for span in path) == timeline.cycles
    if not path:
        return
    assert path[0].begin == 0 and path[-1].end == timeline.cycles and path[-1].reason == END
    issues = {(i, t): (r, e) for i, t, r, e in timeline.issues.tolist()}
    ends: dict[int, list[tuple[int, int, int]]] = {}
    for i, t, r, e in timeline.issues.tolist():
        ends.setdefault(i, []).append((t, r, e))
    grants = {(link, grant): (channel, entry) for link, channel, entry, grant in timeline.grants.tolist()}
    for span in path:
        assert span.end >= span.begin
        if span.on_link:
            assert grants[span.place, _grant(schedule, grants, span)][0] == span.channel
        else:
            assert schedule.stream[span.place] <= span.instruction < schedule.stream[span.place + 1]
    for before, after in pairwise(path):
        assert before.end == after.begin
        _check_cause(schedule, issues, ends, grants, before, after)
    assert _issued(path[0], issues), "the first span is an instruction that issues in cycle 0"


def _tree(schedule: Schedule, channel: int) -> tuple[range, bool, int]:
    """Channels that work together with one, whether they are a sum, and the cycles of its adder."""
    for row in schedule.trees:
        members = range(row["begin"], row["end"])
        if channel in members:
            return members, bool(row["kind"] == SUM), int(row["adder"])
    return range(channel, channel + 1), False, 0


def _links(schedule: Schedule, channel: int) -> list[int]:
    row = schedule.channels[channel]
    return schedule.route[row["route_begin"] : row["route_end"]].tolist()


def _grant(schedule: Schedule, grants: dict[tuple[int, int], tuple[int, int]], span: Span) -> int:
    """Cycle in which the link of a span was granted: its first, or that behind an adder."""
    if grants.get((span.place, span.begin), (-1,))[0] == span.channel:
        return span.begin
    return span.begin + _tree(schedule, span.channel)[2]


def _late(schedule: Schedule, before: int, after: int | None, flits: int) -> int:
    """Cycles from the grant of a link to the entry into the next, or to the arrival."""
    pace = int(schedule.flit_cycles[before])
    following = 0 if after is None else int(schedule.flit_cycles[after])
    return int(schedule.hop[before]) + (flits - 1) * max(0, pace - following)


def _issued(span: Span, issues: dict[tuple[int, int], tuple[int, int]]) -> bool:
    return not span.on_link and (span.instruction, span.begin) in issues


def _check_cause(schedule, issues, ends, grants, before: Span, after: Span) -> None:
    table, channels = schedule.instructions, schedule.channels
    at = after.begin
    own = table[before.instruction]
    releases = {r for _, r, _ in ends[before.instruction]}
    completions = {e for _, _, e in ends[before.instruction]}
    match before.reason:
        case "order":
            assert before.reason == ORDER and before.place == after.place and not before.on_link
            assert at in releases and _issued(after, issues)
        case "credit":
            assert before.reason == CREDIT and at in releases and _issued(after, issues)
            signal = int(table["signal"][after.instruction])
            assert signal >= 0
            members, is_sum, _ = _tree(schedule, signal)
            assert {own["wait0"], own["wait1"]} & ({members.start} if is_sum else set(members))
        case "converter":
            assert before.reason == CONVERTER and before.place == after.place
            other = table[after.instruction]
            assert own["kind"] == other["kind"] == READ and (own["t3"] & 1) == (other["t3"] & 1)
            assert at + int(own["t2"]) in completions
            waited = [t for t, r, e in ends[after.instruction] if t + int(other["t0"]) < at and e > at]
            assert waited, "the read that waits was charged before its bank was free"
        case "link":
            assert before.reason == LINK and before.on_link and after.on_link and before.place == after.place
            grant = _grant(schedule, grants, before)
            assert at == grant + int(channels["flits"][before.channel]) * int(schedule.flit_cycles[before.place])
            assert grants[after.place, at][1] < at
        case "message":
            assert before.reason == MESSAGE
            _check_message(schedule, issues, completions, grants, before, after)
        case reason:
            raise AssertionError(f"'{reason}' is no reason")


def _check_message(schedule, issues, completions, grants, before: Span, after: Span) -> None:
    table, at = schedule.instructions, after.begin
    channel = before.channel if before.on_link else int(table["signal"][before.instruction])
    members, is_sum, adder = _tree(schedule, channel)
    waits = {int(table["wait0"][after.instruction]), int(table["wait1"][after.instruction])}
    flits, grant = int(schedule.channels["flits"][channel]), 0
    if before.on_link:
        grant = _grant(schedule, grants, before)
        routes = [_links(schedule, c) for c in members if before.place in _links(schedule, c)]
        behind = {(*route, None)[route.index(before.place) + 1] for route in routes}
    else:
        assert at in completions
        own = [channel] if is_sum else list(members)
        behind = {(*_links(schedule, c), None)[0] for c in own}
    there = after.place if after.on_link else None
    assert there in behind
    if before.on_link:
        assert at == grant + _late(schedule, before.place, there, flits)
    if there is None:
        assert waits & ({members.start} if is_sum else set(members))
        assert _issued(after, issues)
        return
    assert after.channel == min(c for c in members if there in _links(schedule, c))
    joined = _grant(schedule, grants, after)
    assert joined - at in ((0, adder) if is_sum else (0,))
    assert grants[there, joined] == (after.channel, joined)
