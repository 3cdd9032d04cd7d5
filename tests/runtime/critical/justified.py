"""Checks each span of a critical path against docs/microarchitecture.md, from the schedule and what was recorded.

It knows nothing of which message caused what: it only asks whether a span lies where the rules put it.
"""

from itertools import pairwise

from ohmflow.compiler.program.schedule import READ, Schedule, Timeline
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
            assert grants[span.place, span.begin][0] == span.channel
        else:
            assert schedule.stream[span.place] <= span.instruction < schedule.stream[span.place + 1]
    for before, after in pairwise(path):
        assert before.end == after.begin
        _check_cause(schedule, issues, ends, grants, before, after)
    assert _issued(path[0], issues), "the first span is an instruction that issues in cycle 0"


def _issued(span: Span, issues: dict[tuple[int, int], tuple[int, int]]) -> bool:
    return not span.on_link and (span.instruction, span.begin) in issues


def _check_cause(schedule, issues, ends, grants, before: Span, after: Span) -> None:
    table, channels, route = schedule.instructions, schedule.channels, schedule.route
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
            signal = table["signal"][after.instruction]
            assert signal in (own["wait0"], own["wait1"]) and signal >= 0
        case "converter":
            assert before.reason == CONVERTER and before.place == after.place
            other = table[after.instruction]
            assert own["kind"] == other["kind"] == READ and (own["t3"] & 1) == (other["t3"] & 1)
            assert at + int(own["t2"]) in completions
            waited = [t for t, r, e in ends[after.instruction] if t + int(other["t0"]) < at and e > at]
            assert waited, "the read that waits was charged before its bank was free"
        case "link":
            assert before.reason == LINK and before.on_link and after.on_link and before.place == after.place
            assert at == before.begin + int(channels["flits"][before.channel])
            assert grants[after.place, at][1] < at
        case "message" if not before.on_link:
            assert before.reason == MESSAGE and at in completions
            channel = int(own["signal"])
            begin, end = int(channels["route_begin"][channel]), int(channels["route_end"][channel])
            if begin == end:
                assert channel in (table["wait0"][after.instruction], table["wait1"][after.instruction])
            else:
                assert after.on_link and after.channel == channel and after.place == route[begin]
                assert grants[after.place, at] == (channel, at)
        case "message":
            channel = before.channel
            begin, end = int(channels["route_begin"][channel]), int(channels["route_end"][channel])
            links = route[begin:end].tolist()
            if before.place == links[-1]:
                assert at == before.begin + int(schedule.hop[before.place]) + int(channels["flits"][channel]) - 1
                assert channel in (table["wait0"][after.instruction], table["wait1"][after.instruction])
                assert _issued(after, issues)
            else:
                assert at == before.begin + int(schedule.hop[before.place])
                assert after.on_link and after.channel == channel
                assert after.place == links[links.index(before.place) + 1]
                assert grants[after.place, at] == (channel, at)
        case reason:
            raise AssertionError(f"'{reason}' is no reason")
