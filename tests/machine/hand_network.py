"""Timelines worked out by hand: routes, and links that arbitrate."""

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
    return HandTimeline("tie_goes_to_the_lower_unit", chip.build(), Expected(9, issues, phases, (6,), waits=(3,)))


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
    return HandTimeline(
        "first_come_first_served", chip.build(), Expected(10, issues, phases, (8,), waits=(7 - 3 + 8 - 4,))
    )


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


def order_is_that_of_the_queue_not_of_the_source() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("far", "near", "long", "sink")
    chip.link("slow", hop=6)
    chip.link("bus", hop=1)
    for unit, cycles, flits, route in (
        ("far", 1, 1, ("slow", "bus")),
        ("near", 3, 1, ("bus",)),
        ("long", 2, 8, ("bus",)),
    ):
        chip.channel(f"from {unit}", unit, "sink", flits=flits, route=route)
        with chip.on(unit):
            chip.fixed(cycles, signal=f"from {unit}")
    with chip.on("sink"):
        for unit in ("long", "near", "far"):
            chip.fixed(1, waits=(f"from {unit}",))
    # far: slow s = 1, at bus in 7. near: at bus in 3. long: bus s = 2, busy [2, 10), arrives 2 + 1 + 7 = 10.
    # In 10, near has been in this queue since 3, far since 7, though far left its unit first (and is the lower unit):
    # near s = 10, arrives 11; far s = 11, arrives 12. sink: t = 10, 11, 12. End 13. bus: 8 + 1 + 1.
    issues = {
        "far": [(0, 0, 1, 1)],
        "near": [(0, 0, 3, 3)],
        "long": [(0, 0, 2, 2)],
        "sink": [(0, 10, 11, 11), (1, 11, 12, 12), (2, 12, 13, 13)],
    }
    phases = {"far": {"forward": 1}, "near": {"forward": 3}, "long": {"forward": 2}, "sink": {"forward": 3}}
    expected = Expected(13, issues, phases, (1, 10))
    return HandTimeline("order_is_that_of_the_queue_not_of_the_source", chip.build(), expected)


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


CASES = (
    tie_goes_to_the_lower_unit,
    tie_of_one_unit_goes_to_the_earlier_issue,
    first_come_first_served,
    several_hops_several_flits,
    flows_meet_inside_the_mesh,
    order_is_that_of_the_queue_not_of_the_source,
    local_link_contended,
    long_wire_is_a_pipeline,
    empty_route_takes_no_time,
)
