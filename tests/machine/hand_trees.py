"""Timelines worked out by hand: multicasts, sums in the network, links that take several cycles a flit."""

from tests.machine.hand_cases import Expected, ExpectedDeadlock, ExpectedLeftOver, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def multicast_takes_the_shared_link_once() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("src", "a", "b")
    chip.link("inject")
    chip.link("to a")
    chip.link("to b", hop=2)
    chip.channel("a", "src", "a", flits=3, route=("inject", "to a"))
    chip.channel("b", "src", "b", flits=3, route=("inject", "to b"))
    chip.multicast("a", "b")
    with chip.on("src"):
        chip.fixed(2, signal="a")
    for unit in ("a", "b"):
        with chip.on(unit):
            chip.fixed(1, waits=(unit,))
    # e = 2. inject: s = 2, busy [2, 5), once. Both copies enter in 3: a's arrives 3 + 1 + 2 = 6, b's 3 + 2 + 2 = 7.
    issues = {"src": [(0, 0, 2, 2)], "a": [(0, 6, 7, 7)], "b": [(0, 7, 8, 8)]}
    phases = {"src": {"forward": 2}, "a": {"forward": 1}, "b": {"forward": 1}}
    expected = Expected(8, issues, phases, (3, 3, 3), waits=(0, 0, 0))
    return HandTimeline("multicast_takes_the_shared_link_once", chip.build(), expected)


def multicast_needs_a_credit_of_every_end() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("src", "a", "b")
    chip.channel("a", "src", "a", depth=2)
    chip.channel("b", "src", "b", depth=1)
    chip.multicast("a", "b")
    with chip.on("src"), chip.loop(2):
        chip.fixed(1, signal="a")
    with chip.on("a"), chip.loop(2):
        chip.fixed(1, waits=("a",))
    with chip.on("b"), chip.loop(2):
        chip.fixed(5, waits=("b",))
    # First: e = 1, both issue in 1. b lets go in 6; only then is there a credit of b, though a's second is free all
    # along: src t = 6, e = 7. a: t = 7. b: t = 7, r = 12. src waits for a credit from 1 to 6.
    issues = {
        "src": [(0, 0, 1, 1), (0, 6, 7, 7)],
        "a": [(0, 1, 2, 2), (0, 7, 8, 8)],
        "b": [(0, 1, 6, 6), (0, 7, 12, 12)],
    }
    phases = {"src": {"forward": 2}, "a": {"forward": 2}, "b": {"forward": 10}}
    activity = {"src": [(2, 0, 5, 0)]}
    return HandTimeline(
        "multicast_needs_a_credit_of_every_end", chip.build(), Expected(12, issues, phases, activity=activity)
    )


def a_copy_that_waits_does_not_delay_the_other() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("src", "a", "b", "other")
    for link in ("inject", "to a", "to b"):
        chip.link(link)
    chip.channel("a", "src", "a", flits=2, route=("inject", "to a"))
    chip.channel("b", "src", "b", flits=2, route=("inject", "to b"))
    chip.multicast("a", "b")
    chip.channel("long", "other", "b", flits=5, route=("to b",))
    with chip.on("src"):
        chip.fixed(1, signal="a")
    with chip.on("other"):
        chip.fixed(1, signal="long")
    with chip.on("a"):
        chip.fixed(1, waits=("a",))
    with chip.on("b"):
        chip.fixed(1, waits=("long",))
        chip.fixed(1, waits=("b",))
    # long: s = 1 on "to b", busy [1, 6), arrives 1 + 1 + 4 = 6. inject: s = 1; copies enter in 2.
    # a: s = 2, arrives 2 + 1 + 1 = 4. b: waits from 2 to 6, arrives 6 + 1 + 1 = 8.
    issues = {
        "src": [(0, 0, 1, 1)],
        "a": [(0, 4, 5, 5)],
        "b": [(0, 6, 7, 7), (1, 8, 9, 9)],
        "other": [(0, 0, 1, 1)],
    }
    phases = {"src": {"forward": 1}, "a": {"forward": 1}, "b": {"forward": 2}, "other": {"forward": 1}}
    expected = Expected(9, issues, phases, (2, 2, 7), waits=(0, 0, 4))
    return HandTimeline("a_copy_that_waits_does_not_delay_the_other", chip.build(), expected)


def sum_waits_for_the_last_branch() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("p", "q", "sink")
    for link in ("from p", "from q", "out"):
        chip.link(link)
    chip.channel("p", "p", "sink", flits=3, route=("from p", "out"))
    chip.channel("q", "q", "sink", flits=3, route=("from q", "out"))
    chip.sum("p", "q", adder=2)
    with chip.on("p"):
        chip.fixed(1, signal="p")
    with chip.on("q"):
        chip.fixed(4, signal="q")
    with chip.on("sink"):
        chip.fixed(1, waits=("p",))
    # p's head is in front of out in 1 + 1 = 2 and is held; q's is there in 4 + 1 = 5 = h. The sum enters in 5 + 2 = 7,
    # s = 7, arrives 7 + 1 + 2 = 10. Nothing waits at a link.
    issues = {"p": [(0, 0, 1, 1)], "q": [(0, 0, 4, 4)], "sink": [(0, 10, 11, 11)]}
    phases = {"p": {"forward": 1}, "q": {"forward": 4}, "sink": {"forward": 1}}
    expected = Expected(11, issues, phases, (3, 3, 3), waits=(0, 0, 0))
    return HandTimeline("sum_waits_for_the_last_branch", chip.build(), expected)


def sum_adds_message_by_message() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("p", "q", "sink")
    chip.link("out")
    chip.channel("p", "p", "sink", depth=2, route=("out",))
    chip.channel("q", "q", "sink", depth=1, route=("out",))
    chip.sum("p", "q")
    with chip.on("p"), chip.loop(3):
        chip.fixed(1, signal="p")
    with chip.on("q"), chip.loop(3):
        chip.fixed(3, signal="q")
    with chip.on("sink"), chip.loop(3):
        chip.fixed(2, waits=("p",))
    # p: e = 1, 2, then no credit. q: e = 3, then no credit. First sum: h = 3, enters 4, arrives 5; sink [5, 7) gives a
    # credit back to both in 7. q: t = 7, e = 10; p's third: t = 7, e = 8. Second sum: p's second and q's: h = 10,
    # arrives 12; sink [12, 14). q: t = 14, e = 17. Third: h = 17, arrives 19; sink [19, 21).
    issues = {
        "p": [(0, 0, 1, 1), (0, 1, 2, 2), (0, 7, 8, 8)],
        "q": [(0, 0, 3, 3), (0, 7, 10, 10), (0, 14, 17, 17)],
        "sink": [(0, 5, 7, 7), (0, 12, 14, 14), (0, 19, 21, 21)],
    }
    phases = {"p": {"forward": 3}, "q": {"forward": 9}, "sink": {"forward": 6}}
    return HandTimeline("sum_adds_message_by_message", chip.build(), Expected(21, issues, phases, (3,), waits=(0,)))


def sum_goes_under_the_name_of_its_lowest_channel() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("p", "other", "q", "sink")
    chip.link("out")
    chip.channel("q", "q", "sink", flits=2, route=("out",))
    chip.channel("p", "p", "sink", flits=2, route=("out",))
    chip.sum("q", "p")
    chip.channel("other", "other", "sink", flits=2, route=("out",))
    for unit, cycles in (("p", 2), ("other", 3), ("q", 2)):
        with chip.on(unit):
            chip.fixed(cycles, signal=unit)
    with chip.on("sink"):
        chip.fixed(1, waits=("other",))
        chip.fixed(1, waits=("q",))
    # h = 2, the sum enters in 3, as does other's. The sum is q's, a higher unit than other, though p is a lower one.
    # other: s = 3, arrives 3 + 1 + 1 = 5. The sum: s = 5, arrives 7.
    issues = {
        "p": [(0, 0, 2, 2)],
        "other": [(0, 0, 3, 3)],
        "q": [(0, 0, 2, 2)],
        "sink": [(0, 5, 6, 6), (1, 7, 8, 8)],
    }
    phases = {"p": {"forward": 2}, "other": {"forward": 3}, "q": {"forward": 2}, "sink": {"forward": 2}}
    expected = Expected(8, issues, phases, (4,), waits=(2,))
    return HandTimeline("sum_goes_under_the_name_of_its_lowest_channel", chip.build(), expected)


def sum_grows_on_its_way() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("far", "mid", "near", "sink")
    for link in ("east 0", "east 1", "eject"):
        chip.link(link)
    chip.channel("far", "far", "sink", flits=2, route=("east 0", "east 1", "eject"))
    chip.channel("mid", "mid", "sink", flits=2, route=("east 1", "eject"))
    chip.channel("near", "near", "sink", flits=2, route=("eject",))
    chip.sum("far", "mid", "near")
    for unit in ("far", "mid", "near"):
        with chip.on(unit):
            chip.fixed(1, signal=unit)
    with chip.on("sink"):
        chip.fixed(1, waits=("far",))
    # far: s = 1 on east 0, in front of east 1 in 2, where mid is held since 1: enters in 3, s = 3, in front of eject in
    # 4, where near is held since 1: enters in 5, arrives 5 + 1 + 1 = 7. Each link carries two flits, once.
    issues = {unit: [(0, 0, 1, 1)] for unit in ("far", "mid", "near")} | {"sink": [(0, 7, 8, 8)]}
    phases = {unit: {"forward": 1} for unit in ("far", "mid", "near", "sink")}
    return HandTimeline("sum_grows_on_its_way", chip.build(), Expected(8, issues, phases, (2, 2, 2), waits=(0, 0, 0)))


def a_fast_link_waits_for_the_flits_of_a_slow_one() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("src", "sink")
    chip.link("border", hop=5, flit_cycles=4)
    chip.link("inside")
    chip.channel("y", "src", "sink", depth=2, flits=3, route=("border", "inside"))
    with chip.on("src"), chip.loop(2):
        chip.fixed(1, signal="y")
    with chip.on("sink"), chip.loop(2):
        chip.fixed(1, waits=("y",))
    # e = 1 and 2. border: s = 1, busy [1, 13); the last flit has crossed in 1 + 5 + 2 · 4 = 14. It is the third on the
    # link inside, so that one starts in 12 = 1 + 5 + 2 · (4 - 1); arrives 12 + 1 + 2 = 15. Second: s = 13, 24, 27.
    issues = {"src": [(0, 0, 1, 1), (0, 1, 2, 2)], "sink": [(0, 15, 16, 16), (0, 27, 28, 28)]}
    phases = {"src": {"forward": 2}, "sink": {"forward": 2}}
    expected = Expected(28, issues, phases, (24, 6), waits=(11, 0))
    return HandTimeline("a_fast_link_waits_for_the_flits_of_a_slow_one", chip.build(), expected)


def a_slow_link_takes_the_head_at_once() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("src", "sink")
    chip.link("inside")
    chip.link("border", hop=5, flit_cycles=4)
    chip.channel("y", "src", "sink", flits=3, route=("inside", "border"))
    with chip.on("src"):
        chip.fixed(1, signal="y")
    with chip.on("sink"):
        chip.fixed(1, waits=("y",))
    # inside: s = 1. border: s = 2, busy [2, 14), the last flit is there in 2 + 5 + 2 · 4 = 15.
    issues = {"src": [(0, 0, 1, 1)], "sink": [(0, 15, 16, 16)]}
    expected = Expected(16, issues, {"src": {"forward": 1}, "sink": {"forward": 1}}, (3, 12))
    return HandTimeline("a_slow_link_takes_the_head_at_once", chip.build(), expected)


def sum_that_lacks_a_branch() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("p", "q", "sink")
    chip.link("out")
    chip.channel("p", "p", "sink", route=("out",))
    chip.channel("q", "q", "sink", route=("out",))
    chip.sum("p", "q")
    with chip.on("p"):
        chip.fixed(1, signal="p")
    with chip.on("q"):
        chip.fixed(1)
    with chip.on("sink"):
        chip.fixed(1, waits=("p",))
    return HandTimeline("sum_that_lacks_a_branch", chip.build(), ExpectedDeadlock({"sink": 0}))


def multicast_that_one_end_does_not_consume() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("src", "a", "b")
    chip.channel("a", "src", "a")
    chip.channel("b", "src", "b")
    chip.multicast("a", "b")
    with chip.on("src"):
        chip.fixed(1, signal="a")
    with chip.on("a"):
        chip.fixed(1, waits=("a",))
    return HandTimeline("multicast_that_one_end_does_not_consume", chip.build(), ExpectedLeftOver(("src", "b")))


CASES = (
    multicast_takes_the_shared_link_once,
    multicast_needs_a_credit_of_every_end,
    a_copy_that_waits_does_not_delay_the_other,
    sum_waits_for_the_last_branch,
    sum_adds_message_by_message,
    sum_goes_under_the_name_of_its_lowest_channel,
    sum_grows_on_its_way,
    a_fast_link_waits_for_the_flits_of_a_slow_one,
    a_slow_link_takes_the_head_at_once,
    sum_that_lacks_a_branch,
    multicast_that_one_end_does_not_consume,
)
