"""Timelines worked out by hand: credits, and waits on channels."""

from tests.machine.hand_cases import Expected, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def _back_pressure(depth: int) -> ScheduleBuilder:
    chip = ScheduleBuilder()
    chip.units("fast", "slow")
    chip.channel("y", "fast", "slow", depth=depth)
    with chip.on("fast"), chip.loop(4):
        chip.fixed(1, signal="y")
    with chip.on("slow"), chip.loop(4):
        chip.fixed(5, waits=("y",))
    return chip


def back_pressure_depth_1() -> HandTimeline:
    chip = _back_pressure(1)
    # fast t = 0, e = 1; slow t = 1, r = 6: the credit is back in 6, and fast issues in that cycle, e = 7; slow t = 7.
    # Period 6: fast 0, 6, 12, 18; slow 1, 7, 13, 19, each 5 long. End 24.
    issues = {
        "fast": [(0, 0, 1, 1), (0, 6, 7, 7), (0, 12, 13, 13), (0, 18, 19, 19)],
        "slow": [(0, 1, 6, 6), (0, 7, 12, 12), (0, 13, 18, 18), (0, 19, 24, 24)],
    }
    phases = {"fast": {"forward": 4}, "slow": {"forward": 20}}
    # fast: 4 cycles at work, three times 5 in front of a missing credit (1 to 6, 7 to 12, 13 to 18), finished from 19.
    # slow: a cycle without a message in front of each (0, 6, 12, 18), 20 at work.
    activity = {"fast": [(4, 0, 15, 0)], "slow": [(20, 4, 0, 0)]}
    return HandTimeline("back_pressure_depth_1", chip.build(), Expected(24, issues, phases, activity=activity))


def back_pressure_depth_2() -> HandTimeline:
    chip = _back_pressure(2)
    # fast t = 0, 1 (two credits), arrivals 1, 2. slow t = 1, r = 6. The third waits for the credit of 6: t = 6,
    # arrival 7. slow t = 6, r = 11; the fourth: t = 11, arrival 12. slow t = 11, r = 16, and t = 16, r = 21. End 21:
    # slow is never starved.
    issues = {
        "fast": [(0, 0, 1, 1), (0, 1, 2, 2), (0, 6, 7, 7), (0, 11, 12, 12)],
        "slow": [(0, 1, 6, 6), (0, 6, 11, 11), (0, 11, 16, 16), (0, 16, 21, 21)],
    }
    phases = {"fast": {"forward": 4}, "slow": {"forward": 20}}
    return HandTimeline("back_pressure_depth_2", chip.build(), Expected(21, issues, phases))


def credit_comes_back_at_release() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("host", "tile")
    chip.channel("x", "host", "tile", depth=1)
    with chip.on("host"), chip.loop(2):
        chip.fixed(1, signal="x")
    with chip.on("tile"), chip.loop(2):
        chip.read(3, 4, 2, double=True, waits=("x",))
    # host t = 0, e = 1. tile t = 1: c = 4 = r (credit back), e = 4 + 4 + 2 = 10.
    # host t = 4 (not 1, when it was consumed, not 10, when it completes), e = 5. tile t = 5: c = max(8, 8) = 8, e = 14.
    issues = {"host": [(0, 0, 1, 1), (0, 4, 5, 5)], "tile": [(0, 1, 4, 10), (0, 5, 8, 14)]}
    # tile is charged 10 - 1 and then 14 - 10.
    phases = {"host": {"forward": 2, "idle": 12}, "tile": {"forward": 13, "idle": 1}}
    return HandTimeline("credit_comes_back_at_release", chip.build(), Expected(14, issues, phases))


def credit_is_taken_at_issue() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector", "sink")
    chip.channel("y", "vector", "sink", depth=1)
    with chip.on("vector"), chip.loop(2):
        chip.fixed(1, 10, signal="y")
    with chip.on("sink"), chip.loop(2):
        chip.fixed(1, waits=("y",))
    # vector t = 0, r = 1, e = 10. In 1 it could go on, but the one credit is taken though nothing is under way yet.
    # sink t = 10, r = 11; vector t = 11, e = 21; sink t = 21. End 22. vector is charged 10 + 10.
    issues = {"vector": [(0, 0, 1, 10), (0, 11, 12, 21)], "sink": [(0, 10, 11, 11), (0, 21, 22, 22)]}
    phases = {"vector": {"forward": 20}, "sink": {"forward": 2}}
    return HandTimeline("credit_is_taken_at_issue", chip.build(), Expected(22, issues, phases))


def two_waits_on_two_channels() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a", "b", "sum")
    chip.channel("p", "a", "sum")
    chip.channel("q", "b", "sum")
    with chip.on("a"), chip.loop(2):
        chip.fixed(2, signal="p")
    with chip.on("b"), chip.loop(2):
        chip.fixed(7, signal="q")
    with chip.on("sum"), chip.loop(2):
        chip.fixed(3, waits=("p", "q"))
    # Arrivals: p 2, q 7. sum t = 7, r = 10: both credits back in 10. b: released in 7, credit in 10: t = 10, e = 17.
    # a t = 10, e = 12. sum t = 17, e = 20.
    issues = {
        "a": [(0, 0, 2, 2), (0, 10, 12, 12)],
        "b": [(0, 0, 7, 7), (0, 10, 17, 17)],
        "sum": [(0, 7, 10, 10), (0, 17, 20, 20)],
    }
    phases = {"a": {"forward": 4}, "b": {"forward": 14}, "sum": {"forward": 6}}
    # a waits from 2 to 10 for a credit, b from 7 to 10; sum waits for q: 0 to 7 and 10 to 17.
    activity = {"a": [(4, 0, 8, 0)], "b": [(14, 0, 3, 0)], "sum": [(6, 14, 0, 0)]}
    return HandTimeline("two_waits_on_two_channels", chip.build(), Expected(20, issues, phases, activity=activity))


def two_waits_on_one_channel() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a", "pair")
    chip.channel("p", "a", "pair", depth=2)
    with chip.on("a"), chip.loop(4):
        chip.fixed(4, signal="p")
    with chip.on("pair"), chip.loop(2):
        chip.fixed(3, waits=("p", "p"))
    # a t = 0, 4, arrivals 4, 8. pair needs both: t = 8, r = 11: two credits back. a t = 11, 15, arrivals 15, 19.
    # pair t = 19, e = 22.
    issues = {
        "a": [(0, 0, 4, 4), (0, 4, 8, 8), (0, 11, 15, 15), (0, 15, 19, 19)],
        "pair": [(0, 8, 11, 11), (0, 19, 22, 22)],
    }
    phases = {"a": {"forward": 16}, "pair": {"forward": 6}}
    return HandTimeline("two_waits_on_one_channel", chip.build(), Expected(22, issues, phases))


def second_wait_alone() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a")
    chip.link("local", hop=3)
    chip.channel("own", "a", "a", flits=2, route=("local",))
    with chip.on("a"):
        chip.fixed(2, signal="own")
        chip.fixed(1, waits=(None, "own"))
    # A unit may send to itself: e = 2, s = 2, arrives 2 + 3 + 1 = 6. t = 6, e = 7.
    expected = Expected(7, {"a": [(0, 0, 2, 2), (1, 6, 7, 7)]}, {"a": {"forward": 3}}, (2,))
    return HandTimeline("second_wait_alone", chip.build(), expected)


def later_issue_overtakes() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector", "sink")
    chip.channel("y", "vector", "sink", depth=2)
    with chip.on("vector"):
        chip.fixed(1, 8, signal="y")
        chip.fixed(1, 2, signal="y")
    with chip.on("sink"), chip.loop(2):
        chip.fixed(1, waits=("y",))
    # e = 8 for the first, 1 + 2 = 3 for the second: arrivals 3 and 8. sink t = 3, 8. End 9. Charged 8 and 0.
    issues = {"vector": [(0, 0, 1, 8), (1, 1, 2, 3)], "sink": [(0, 3, 4, 4), (0, 8, 9, 9)]}
    phases = {"vector": {"forward": 8}, "sink": {"forward": 2}}
    return HandTimeline("later_issue_overtakes", chip.build(), Expected(9, issues, phases))


def message_and_credit_both_missing() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("source", "middle", "sink")
    chip.channel("x", "source", "middle")
    chip.channel("y", "middle", "sink")
    with chip.on("source"):
        chip.fixed(2, signal="x")
        chip.fixed(6, signal="x")
    with chip.on("middle"), chip.loop(2):
        chip.fixed(1, waits=("x",), signal="y")
    with chip.on("sink"), chip.loop(2):
        chip.fixed(9, waits=("y",))
    # source t = 0, e = 2. middle t = 2, r = 3: the credit of x is back in 3, y arrives in 3. sink t = 3, r = 12.
    # source t = 3 (one cycle, 2, without a credit), e = 9. middle is ready in 3: no message until 9 and no credit
    # until 12. 3 to 9 counts as message, 9 to 12 as credit; t = 12, r = 13. sink t = 13 (one cycle, 12, without a
    # message), r = 22. End 22.
    issues = {
        "source": [(0, 0, 2, 2), (1, 3, 9, 9)],
        "middle": [(0, 2, 3, 3), (0, 12, 13, 13)],
        "sink": [(0, 3, 12, 12), (0, 13, 22, 22)],
    }
    phases = {"source": {"forward": 8}, "middle": {"forward": 2}, "sink": {"forward": 18}}
    activity = {
        "source": [(2, 0, 0, 0), (6, 0, 1, 0)],
        "middle": [(2, 2 + 6, 3, 0)],
        "sink": [(18, 3 + 1, 0, 0)],
    }
    return HandTimeline("message_and_credit_both_missing", chip.build(), Expected(22, issues, phases, (), activity))


def a_barrier_counts_once() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("statistics", "samples")
    chip.channel("y", "statistics", "samples", depth=3)
    with chip.on("statistics"):
        chip.fixed(6)
        with chip.loop(3):
            chip.fixed(4, signal="y")
    with chip.on("samples"), chip.loop(3):
        chip.fixed(1, waits=("y",), barrier=True)
    # Messages arrive at 10, 14, 18. The wait before the first, 0 to 10, is one for the barrier; those from 11 to 14 and
    # from 15 to 18 are waits for a sample. End 19.
    issues = {
        "statistics": [(0, 0, 6, 6), (1, 6, 10, 10), (1, 10, 14, 14), (1, 14, 18, 18)],
        "samples": [(0, 10, 11, 11), (0, 14, 15, 15), (0, 18, 19, 19)],
    }
    phases = {"statistics": {"forward": 18}, "samples": {"forward": 3}}
    activity = {"statistics": [(6,), (12,)], "samples": [(3, 6, 0, 0, 10)]}
    return HandTimeline("a_barrier_counts_once", chip.build(), Expected(19, issues, phases, activity=activity))


CASES = (
    back_pressure_depth_1,
    back_pressure_depth_2,
    credit_comes_back_at_release,
    credit_is_taken_at_issue,
    two_waits_on_two_channels,
    two_waits_on_one_channel,
    second_wait_alone,
    later_issue_overtakes,
    message_and_credit_both_missing,
    a_barrier_counts_once,
)
