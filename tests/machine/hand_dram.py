"""Timelines worked out by hand: channels of DRAM, whose accesses take a share of the bandwidth and a latency."""

from tests.machine.hand_cases import Expected, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def loads_overlap_with_their_use() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("dram", "tile")
    chip.channel("x", "dram", "tile", depth=2)
    with chip.on("dram"), chip.loop(4):
        chip.fixed(2, 8, signal="x", phase="update")
    with chip.on("tile"), chip.loop(4):
        chip.fixed(1, waits=("x",), phase="update")
        chip.fixed(4, phase="update")
    # dram t = 0, 2 (two credits): done in 8 and 10, one behind the other by the bandwidth, not by the latency.
    # tile receives in 8 (r = 9, credit back) and works 9 to 13; receives the second in 13 (r = 14), works 14 to 18.
    # dram t = 9, done 17; t = 14, done 22. tile receives in 18 (there since 17), works 19 to 23; in 23, works 24 to 28:
    # after the first load it never waits again.
    issues = {
        "dram": [(0, 0, 2, 8), (0, 2, 4, 10), (0, 9, 11, 17), (0, 14, 16, 22)],
        "tile": [
            *((0, 8, 9, 9), (1, 9, 13, 13), (0, 13, 14, 14), (1, 14, 18, 18)),
            *((0, 18, 19, 19), (1, 19, 23, 23), (0, 23, 24, 24), (1, 24, 28, 28)),
        ],
    }
    # dram is charged 0 to 10 and 9 to 22, so 0 to 22.
    phases = {"dram": {"update": 22}, "tile": {"update": 20}}
    # dram: 8 cycles busy; before its third access 5 without a credit (4 to 9), before its fourth 3 (11 to 14).
    activity = {"dram": [(8, 0, 8, 0)], "tile": [(4, 8, 0, 0), (16, 0, 0, 0)]}
    return HandTimeline("loads_overlap_with_their_use", chip.build(), Expected(28, issues, phases, activity=activity))


def stores_queue_for_the_bandwidth() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("left", "right", "dram")
    chip.channel("a", "left", "dram", depth=2)
    chip.channel("b", "right", "dram", depth=2)
    with chip.on("left"), chip.loop(3):
        chip.fixed(1, signal="a")
    with chip.on("right"), chip.loop(3):
        chip.fixed(1, signal="b")
    with chip.on("dram"), chip.loop(3):
        chip.fixed(3, 7, waits=("a",))
        chip.fixed(3, 7, waits=("b",))
    # left and right t = 0, 1 (a queue of two each). dram takes a in 1 (r = 4, e = 8), b in 4 (r = 7), a in 7 (r = 10),
    # … left's third: credit of 4, t = 4. right's third: credit of 7, t = 7. dram: 1, 4, 7, 10, 13, 16; the last is done
    # in 16 + 7 = 23.
    issues = {
        "left": [(0, 0, 1, 1), (0, 1, 2, 2), (0, 4, 5, 5)],
        "right": [(0, 0, 1, 1), (0, 1, 2, 2), (0, 7, 8, 8)],
        "dram": [(0, 1, 4, 8), (1, 4, 7, 11), (0, 7, 10, 14), (1, 10, 13, 17), (0, 13, 16, 20), (1, 16, 19, 23)],
    }
    phases = {"left": {"forward": 3}, "right": {"forward": 3}, "dram": {"forward": 22}}
    activity = {"left": [(3, 0, 2, 0)], "right": [(3, 0, 5, 0)], "dram": [(9, 1, 0, 0), (9, 0, 0, 0)]}
    return HandTimeline("stores_queue_for_the_bandwidth", chip.build(), Expected(23, issues, phases, activity=activity))


def a_load_waits_for_its_request() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector", "dram")
    chip.channel("ask", "vector", "dram")
    chip.channel("line", "dram", "vector", depth=2)
    chip.channel("back", "vector", "dram", depth=2)
    with chip.on("vector"), chip.loop(2):
        chip.fixed(1, signal="ask", phase="update")
        chip.fixed(5, phase="transfer")
        chip.fixed(1, waits=("line",), phase="update")
        chip.fixed(1, signal="back", phase="update")
    with chip.on("dram"), chip.loop(2):
        chip.fixed(2, 9, waits=("ask",), signal="line", phase="update")
        chip.fixed(2, 9, waits=("back",), phase="update")
    # vector asks in 0, works 1 to 6 meanwhile. dram reads in 1 (r = 3, e = 10). vector takes the line in 10, sends it
    # back in 11 (e = 12) and asks again in 12 (e = 13), works 13 to 18. dram writes in 12 (r = 14, e = 21), and reads
    # in 14, behind the write that it has just taken: e = 23. vector 23, 24; dram writes in 25, done in 34.
    issues = {
        "vector": [
            *((0, 0, 1, 1), (1, 1, 6, 6), (2, 10, 11, 11), (3, 11, 12, 12)),
            *((0, 12, 13, 13), (1, 13, 18, 18), (2, 23, 24, 24), (3, 24, 25, 25)),
        ],
        "dram": [(0, 1, 3, 10), (1, 12, 14, 21), (0, 14, 16, 23), (1, 25, 27, 34)],
    }
    phases = {"vector": {"update": 6, "transfer": 10}, "dram": {"update": 9 + 11 + 9}}
    activity = {
        "vector": [(2, 0, 0, 0), (10, 0, 0, 0), (2, 4 + 5, 0, 0), (2, 0, 0, 0)],
        "dram": [(4, 1, 0, 0), (4, 9 + 9, 0, 0)],
    }
    return HandTimeline("a_load_waits_for_its_request", chip.build(), Expected(34, issues, phases, activity=activity))


def a_unit_that_stays_behind_holds_up_the_queue() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("quick", "slow", "dram")
    chip.channel("a", "dram", "quick", depth=1)
    chip.channel("b", "dram", "slow", depth=1)
    with chip.on("quick"), chip.loop(3):
        chip.fixed(1, waits=("a",))
    with chip.on("slow"), chip.loop(3):
        chip.fixed(10, waits=("b",))
    with chip.on("dram"), chip.loop(3):
        chip.fixed(1, 4, signal="b")
        chip.fixed(1, 4, signal="a")
    # Accesses are in order: dram b in 0 (e = 4), a in 1 (e = 5). slow 4 to 14, quick 5 to 6. The next b has its credit
    # in 14 (e = 18), so a, whose credit is there since 6, goes in 15 only (e = 19). slow 18 to 28, quick 19; b in 28
    # (e = 32), a in 29 (e = 33); slow 32 to 42. End 42.
    issues = {
        "quick": [(0, 5, 6, 6), (0, 19, 20, 20), (0, 33, 34, 34)],
        "slow": [(0, 4, 14, 14), (0, 18, 28, 28), (0, 32, 42, 42)],
        "dram": [(0, 0, 1, 4), (1, 1, 2, 5), (0, 14, 15, 18), (1, 15, 16, 19), (0, 28, 29, 32), (1, 29, 30, 33)],
    }
    phases = {"quick": {"forward": 3}, "slow": {"forward": 30}, "dram": {"forward": 15}}
    activity = {"quick": [(3, 5 + 13 + 13, 0, 0)], "slow": [(30, 12, 0, 0)], "dram": [(3, 0, 24, 0), (3, 0, 0, 0)]}
    name = "a_unit_that_stays_behind_holds_up_the_queue"
    return HandTimeline(name, chip.build(), Expected(42, issues, phases, activity=activity))


CASES = (
    loads_overlap_with_their_use,
    stores_queue_for_the_bandwidth,
    a_load_waits_for_its_request,
    a_unit_that_stays_behind_holds_up_the_queue,
)
