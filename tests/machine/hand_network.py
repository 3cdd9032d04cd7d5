"""Timelines worked out by hand: channels, credits and links."""

from tests.machine.hand_cases import Expected, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def tie_goes_to_the_lower_unit() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a", "b", "sink")
    chip.link("local")
    chip.channel("from b", "b", "sink", flits=3, route=("local",))
    chip.channel("from a", "a", "sink", flits=3, route=("local",))
    for unit in ("b", "a"):
        with chip.on(unit):
            chip.fixed(2, signal=f"from {unit}")
    with chip.on("sink"):
        chip.fixed(1, waits=("from a",))
        chip.fixed(1, waits=("from b",))
    # Both packets enter the queue in cycle 2. a is the lower unit: s = 2, link busy [2, 5), arrives 2 + 1 + 3 - 1 = 5.
    # b: s = 5, arrives 8. sink: t = 5 and 8, end 9. Link: 3 + 3 flits.
    issues = {"a": [(0, 0, 2, 2)], "b": [(0, 0, 2, 2)], "sink": [(0, 5, 6, 6), (1, 8, 9, 9)]}
    phases = {"a": {"forward": 2}, "b": {"forward": 2}, "sink": {"forward": 2}}
    return HandTimeline("tie_goes_to_the_lower_unit", chip.build(), Expected(9, issues, phases, (6,)))


def tie_of_one_unit_goes_to_the_earlier_issue() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector", "p", "q")
    chip.link("inject")
    chip.channel("to q", "vector", "q", flits=2, route=("inject",))
    chip.channel("to p", "vector", "p", flits=2, route=("inject",))
    with chip.on("vector"):
        chip.fixed(1, 5, signal="to p")
        chip.fixed(4, signal="to q")
    for unit in ("p", "q"):
        with chip.on(unit):
            chip.fixed(1, waits=(f"to {unit}",))
    # Instruction 0: t = 0, e = 5. Instruction 1: t = 1, e = 5. Both packets enter in cycle 5; 0 was issued first.
    # p's: s = 5, arrives 5 + 1 + 1 = 7. q's: s = 7, arrives 9. End 10.
    issues = {"vector": [(0, 0, 1, 5), (1, 1, 5, 5)], "p": [(0, 7, 8, 8)], "q": [(0, 9, 10, 10)]}
    phases = {"vector": {"forward": 5}, "p": {"forward": 1}, "q": {"forward": 1}}
    return HandTimeline("tie_of_one_unit_goes_to_the_earlier_issue", chip.build(), Expected(10, issues, phases, (4,)))


def first_come_first_served() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("late", "early", "long", "sink")
    chip.link("wire")
    for unit, flits, cycles in (("late", 1, 4), ("early", 1, 3), ("long", 6, 1)):
        chip.channel(f"from {unit}", unit, "sink", flits=flits, route=("wire",))
        with chip.on(unit):
            chip.fixed(cycles, signal=f"from {unit}")
    with chip.on("sink"):
        for unit in ("long", "early", "late"):
            chip.fixed(1, waits=(f"from {unit}",))
    # long: enters 1, s = 1, busy [1, 7), arrives 1 + 1 + 5 = 7. early enters in 3, late in 4, both wait for cycle 7.
    # early goes first though late is the lower unit: s = 7, arrives 8; late: s = 8, arrives 9. End 10.
    issues = {
        "late": [(0, 0, 4, 4)],
        "early": [(0, 0, 3, 3)],
        "long": [(0, 0, 1, 1)],
        "sink": [(0, 7, 8, 8), (1, 8, 9, 9), (2, 9, 10, 10)],
    }
    phases = {"late": {"forward": 4}, "early": {"forward": 3}, "long": {"forward": 1}, "sink": {"forward": 3}}
    return HandTimeline("first_come_first_served", chip.build(), Expected(10, issues, phases, (8,)))


def several_hops_several_flits() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile", "vector")
    chip.link("inject", hop=1)
    chip.link("east", hop=3)
    chip.link("eject", hop=2)
    chip.channel("y", "tile", "vector", flits=5, route=("inject", "east", "eject"))
    with chip.on("tile"):
        chip.fixed(2, signal="y")
    with chip.on("vector"):
        chip.fixed(4, waits=("y",), phase="backward")
    # The head: inject s = 2, at east in 3, s = 3, at eject in 6, s = 6. Arrives 6 + 2 + 5 - 1 = 12
    # (= e + Σ hop + flits - 1 = 2 + 6 + 4). vector: t = 12, e = 16. Each link carries 5 flits.
    issues = {"tile": [(0, 0, 2, 2)], "vector": [(0, 12, 16, 16)]}
    phases = {"tile": {"forward": 2}, "vector": {"backward": 4}}
    return HandTimeline("several_hops_several_flits", chip.build(), Expected(16, issues, phases, (5, 5, 5)))


def flows_meet_inside_the_mesh() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("far", "near", "far sink", "near sink")
    chip.link("inject0", hop=1)
    chip.link("east0", hop=2)
    chip.link("inject1", hop=1)
    chip.link("south1", hop=2)
    chip.link("eject3", hop=1)
    chip.channel("from near", "near", "near sink", flits=2, route=("inject1", "south1", "eject3"))
    chip.channel("from far", "far", "far sink", flits=4, route=("inject0", "east0", "south1", "eject3"))
    with chip.on("far"):
        chip.fixed(1, signal="from far")
    with chip.on("near"):
        chip.fixed(3, signal="from near")
    for unit in ("far", "near"):
        with chip.on(f"{unit} sink"):
            chip.fixed(1, waits=(f"from {unit}",))
    # far: inject0 s = 1, at east0 in 2, s = 2, at south1 in 4. near: inject1 s = 3, at south1 in 4: a tie; far is
    # the lower unit.
    # far: south1 s = 4, busy [4, 8); at eject3 in 6, s = 6, busy [6, 10); arrives 6 + 1 + 3 = 10.
    # near: south1 s = 8; at eject3 in 10, s = 10; arrives 10 + 1 + 1 = 12. End 13.
    issues = {
        "far": [(0, 0, 1, 1)],
        "near": [(0, 0, 3, 3)],
        "far sink": [(0, 10, 11, 11)],
        "near sink": [(0, 12, 13, 13)],
    }
    phases = {
        "far": {"forward": 1},
        "near": {"forward": 3},
        "far sink": {"forward": 1},
        "near sink": {"forward": 1},
    }
    return HandTimeline("flows_meet_inside_the_mesh", chip.build(), Expected(13, issues, phases, (4, 4, 2, 6, 6)))


def local_link_contended() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile", "vector")
    chip.link("local", hop=1)
    chip.channel("y", "tile", "vector", depth=3, flits=4, route=("local",))
    with chip.on("tile"), chip.loop(3):
        chip.fixed(1, signal="y")
    with chip.on("vector"), chip.loop(3):
        chip.fixed(1, waits=("y",))
    # Three credits: t = 0, 1, 2, e = 1, 2, 3. The link takes 4 cycles each: s = 1, 5, 9, arrival s + 1 + 3 = 5, 9, 13.
    issues = {
        "tile": [(0, 0, 1, 1), (0, 1, 2, 2), (0, 2, 3, 3)],
        "vector": [(0, 5, 6, 6), (0, 9, 10, 10), (0, 13, 14, 14)],
    }
    phases = {"tile": {"forward": 3}, "vector": {"forward": 3}}
    return HandTimeline("local_link_contended", chip.build(), Expected(14, issues, phases, (12,)))


def long_wire_is_a_pipeline() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a", "b")
    chip.link("wire", hop=4)
    chip.channel("y", "a", "b", depth=3, flits=1, route=("wire",))
    with chip.on("a"), chip.loop(3):
        chip.fixed(1, signal="y")
    with chip.on("b"), chip.loop(3):
        chip.fixed(1, waits=("y",))
    # One flit a cycle, 4 cycles on the way: s = 1, 2, 3, arrival 5, 6, 7. End 8. Busy 3 cycles, not 12.
    issues = {
        "a": [(0, 0, 1, 1), (0, 1, 2, 2), (0, 2, 3, 3)],
        "b": [(0, 5, 6, 6), (0, 6, 7, 7), (0, 7, 8, 8)],
    }
    return HandTimeline(
        "long_wire_is_a_pipeline", chip.build(), Expected(8, issues, {"a": {"forward": 3}, "b": {"forward": 3}}, (3,))
    )


def empty_route_takes_no_time() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("b", "a")
    chip.channel("y", "a", "b", flits=9)
    with chip.on("a"):
        chip.fixed(3, signal="y")
    with chip.on("b"):
        chip.fixed(1, waits=("y",))
    # Completion 3, arrival 3 whatever the flits; b issues in 3 though it is looked at before a. End 4.
    issues = {"a": [(0, 0, 3, 3)], "b": [(0, 3, 4, 4)]}
    phases = {"a": {"forward": 3}, "b": {"forward": 1}}
    return HandTimeline("empty_route_takes_no_time", chip.build(), Expected(4, issues, phases))


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
    return HandTimeline("back_pressure_depth_1", chip.build(), Expected(24, issues, phases))


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
    return HandTimeline("two_waits_on_two_channels", chip.build(), Expected(20, issues, phases))


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


CASES = (
    tie_goes_to_the_lower_unit,
    tie_of_one_unit_goes_to_the_earlier_issue,
    first_come_first_served,
    several_hops_several_flits,
    flows_meet_inside_the_mesh,
    local_link_contended,
    long_wire_is_a_pipeline,
    empty_route_takes_no_time,
    back_pressure_depth_1,
    back_pressure_depth_2,
    credit_comes_back_at_release,
    credit_is_taken_at_issue,
    two_waits_on_two_channels,
    two_waits_on_one_channel,
    second_wait_alone,
    later_issue_overtakes,
)
