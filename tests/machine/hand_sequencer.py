"""Timelines worked out by hand: loops, counts, recurrences and pipelines."""

from tests.machine.hand_cases import Expected, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def constant_trip() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("host")
    with chip.on("host"):
        with chip.loop(3):
            chip.fixed(2)
            chip.fixed(1, phase="backward")
        chip.fixed(4)
    # Loop control takes no cycles: 2 + 1 three times, then 4. Starts 0 2, 3 5, 6 8, then 9. End 13.
    issues = [(0, 0, 2, 2), (1, 2, 3, 3), (0, 3, 5, 5), (1, 5, 6, 6), (0, 6, 8, 8), (1, 8, 9, 9), (2, 9, 13, 13)]
    expected = Expected(13, {"host": issues}, {"host": {"forward": 10, "backward": 3}})
    return HandTimeline("constant_trip", chip.build(), expected)


def counts_by_strides() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("rows", "columns", "inner only")
    chip.count("first", [9, 9])  # so that no base address is 0
    chip.count("n", [[1, 2, 3], [4, 5, 6]])
    for unit, strides in (("rows", None), ("columns", (1, 2)), ("inner only", (0, 1))):
        with chip.on(unit), chip.loop(2), chip.loop(3):
            chip.counted(1, 1, count="n", strides=strides)
    # Flat n = 1 2 3 4 5 6; every instruction takes 1 + n.
    # rows, strides 3, 1: n = 1 2 3 4 5 6: takes 2 3 4 5 6 7, starts 0 2 5 9 14 20, end 27.
    # columns, strides 1, 2: addresses 0 2 4, 1 3 5: n = 1 3 5 2 4 6: takes 2 4 6 3 5 7, starts 0 2 6 12 15 20, end 27.
    # inner only, strides 0, 1: n = 1 2 3 1 2 3: takes 2 3 4 2 3 4, starts 0 2 5 9 11 14, end 18.
    issues = {
        "rows": [(0, t, e, e) for t, e in ((0, 2), (2, 5), (5, 9), (9, 14), (14, 20), (20, 27))],
        "columns": [(0, t, e, e) for t, e in ((0, 2), (2, 6), (6, 12), (12, 15), (15, 20), (20, 27))],
        "inner only": [(0, t, e, e) for t, e in ((0, 2), (2, 5), (5, 9), (9, 11), (11, 14), (14, 18))],
    }
    phases = {"rows": {"forward": 27}, "columns": {"forward": 27}, "inner only": {"forward": 18, "idle": 9}}
    return HandTimeline("counts_by_strides", chip.build(), Expected(27, issues, phases))


def when() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector")
    chip.count("due", [1, 0, 1])
    with chip.on("vector"), chip.loop(3):
        chip.fixed(1)
        with chip.loop("due"):
            chip.fixed(4, phase="transfer")
    # 0: 1 then 4; 1: 1; 2: 1 then 4. Starts 0 1, 5, 6 7. End 11.
    issues = [(0, 0, 1, 1), (1, 1, 5, 5), (0, 5, 6, 6), (0, 6, 7, 7), (1, 7, 11, 11)]
    expected = Expected(11, {"vector": issues}, {"vector": {"forward": 3, "transfer": 8}})
    return HandTimeline("when", chip.build(), expected)


def trip_by_outer_ordinals() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("trips", [[0, 2], [1, 3]])
    chip.count("n", [[[a + 2 * b + 3 * c for c in range(3)] for b in range(2)] for a in range(2)])
    with chip.on("tile"), chip.loop(2), chip.loop(2), chip.loop("trips"):
        chip.counted(1, 1, count="n")
    # (a, b, c) that run, n = a + 2b + 3c:  (0,0) not at all
    #   (0,1,0) 2   (0,1,1) 5   (1,0,0) 1   (1,1,0) 3   (1,1,1) 6   (1,1,2) 9: takes n + 1 = 3 6 2 4 7 10.
    issues = [(0, t, e, e) for t, e in ((0, 3), (3, 9), (9, 11), (11, 15), (15, 22), (22, 32))]
    return HandTimeline(
        "trip_by_outer_ordinals", chip.build(), Expected(32, {"tile": issues}, {"tile": {"forward": 32}})
    )


def shared_begin_and_end() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("both", "begin", "end")
    with chip.on("both"), chip.loop(2), chip.loop(3):
        chip.fixed(1)
    with chip.on("begin"), chip.loop(2):
        with chip.loop(2):
            chip.fixed(1)
        chip.fixed(2)
    with chip.on("end"), chip.loop(2):
        chip.fixed(2)
        with chip.loop(2):
            chip.fixed(1)
    # both: 6 times 1. begin: 1 1 2, 1 1 2. end: 2 1 1, 2 1 1.
    issues = {
        "both": [(0, t, t + 1, t + 1) for t in range(6)],
        "begin": [(0, 0, 1, 1), (0, 1, 2, 2), (1, 2, 4, 4), (0, 4, 5, 5), (0, 5, 6, 6), (1, 6, 8, 8)],
        "end": [(0, 0, 2, 2), (1, 2, 3, 3), (1, 3, 4, 4), (0, 4, 6, 6), (1, 6, 7, 7), (1, 7, 8, 8)],
    }
    phases = {"both": {"forward": 6, "idle": 2}, "begin": {"forward": 8}, "end": {"forward": 8}}
    return HandTimeline("shared_begin_and_end", chip.build(), Expected(8, issues, phases))


def adjacent_loops_one_of_them_never_entered() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("host", "tile")
    chip.channel("never", "tile", "host")
    chip.count("zero", 0)
    with chip.on("host"):
        with chip.loop(2):
            chip.fixed(1)
        with chip.loop("zero"):
            chip.fixed(100, waits=("never",))
            with chip.loop(5):
                chip.fixed(100)
        with chip.loop(2):
            chip.fixed(3)
    with chip.on("tile"), chip.loop(0):
        chip.fixed(7, signal="never")
    # host: 1 1, nothing, 3 3. tile: nothing at all.
    issues = {"host": [(0, 0, 1, 1), (0, 1, 2, 2), (3, 2, 5, 5), (3, 5, 8, 8)], "tile": []}
    phases = {"host": {"forward": 8}, "tile": {"idle": 8}}
    return HandTimeline("adjacent_loops_one_of_them_never_entered", chip.build(), Expected(8, issues, phases))


def nothing_to_do() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("host", "tile")
    with chip.on("tile"), chip.loop(0):
        chip.fixed(7)
    # No completion and no arrival: cycle 0 is the first that is not before any.
    return HandTimeline("nothing_to_do", chip.build(), Expected(0, {"host": [], "tile": []}, {"host": {}, "tile": {}}))


def ping_pong() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a", "b")
    chip.link("there", hop=2)
    chip.link("back", hop=2)
    chip.channel("ab", "a", "b", route=("there",))
    chip.channel("ba", "b", "a", route=("back",))
    with chip.on("a"), chip.loop(3):
        chip.fixed(2, signal="ab")
        chip.fixed(1, waits=("ba",))
    with chip.on("b"), chip.loop(3):
        chip.fixed(3, waits=("ab",), signal="ba", phase="backward")
    # a t = 0, e = 2; on the wire 2 cycles, arrives 4; b t = 4, e = 7; arrives 9; a t = 9, e = 10. Period 10.
    issues = {
        "a": [(0, 0, 2, 2), (1, 9, 10, 10), (0, 10, 12, 12), (1, 19, 20, 20), (0, 20, 22, 22), (1, 29, 30, 30)],
        "b": [(0, 4, 7, 7), (0, 14, 17, 17), (0, 24, 27, 27)],
    }
    phases = {"a": {"forward": 9, "idle": 21}, "b": {"backward": 9, "idle": 21}}
    return HandTimeline("ping_pong", chip.build(), Expected(30, issues, phases, (3, 3)))


def carried_value() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("a", "b")
    chip.channel("ab", "a", "b")
    chip.channel("ba", "b", "a")
    with chip.on("b"):
        chip.fixed(1, signal="ba")
        with chip.loop(3):
            chip.fixed(3, waits=("ab",), signal="ba")
    with chip.on("a"):
        with chip.loop(3):
            chip.fixed(2, waits=("ba",), signal="ab")
        chip.fixed(1, waits=("ba",))
    # b starts the recurrence: t = 0, e = 1. a t = 1, r = e = 3: the credit of ba is back in 3, ab arrives in 3.
    # b t = 3 (message and credit, both of this very cycle), e = 6; a t = 6, e = 8; b t = 8, e = 11; a t = 11, e = 13;
    # b t = 13, e = 16; a's last: t = 16, e = 17.
    issues = {
        "a": [(0, 1, 3, 3), (0, 6, 8, 8), (0, 11, 13, 13), (1, 16, 17, 17)],
        "b": [(0, 0, 1, 1), (1, 3, 6, 6), (1, 8, 11, 11), (1, 13, 16, 16)],
    }
    phases = {"a": {"forward": 7}, "b": {"forward": 10}}
    return HandTimeline("carried_value", chip.build(), Expected(17, issues, phases))


def pipeline_over_samples() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("host", "tile 1", "tile 2", "tile 3", "sink")
    for k, (src, dst) in enumerate(
        (("host", "tile 1"), ("tile 1", "tile 2"), ("tile 2", "tile 3"), ("tile 3", "sink"))
    ):
        chip.link(f"l{k}")
        chip.channel(f"x{k}", src, dst, depth=4, flits=2, route=(f"l{k}",))
    with chip.on("host"), chip.loop(4):
        chip.fixed(1, signal="x0")
    for k in (1, 2, 3):
        with chip.on(f"tile {k}"), chip.loop(4):
            chip.read(4, 6, 1, double=True, waits=(f"x{k - 1}",), signal=f"x{k}")
    with chip.on("sink"), chip.loop(4):
        chip.fixed(1, waits=("x3",), phase="evaluation")
    # A 4, C 6, L 1, 2 flits, hop 1, 4 samples, credits enough. Closed form of the end: host 1 + four messages of
    # hop + flits - 1 = 2 + three reads of A + C + L = 11 + sink 1 + 3 further samples at max(A, C) = 6:
    # 1 + 8 + 33 + 1 + 18 = 61.
    # host: t = 0 1 2 3, e = 1 2 3 4; link 0: s = 1 3 5 7, arrivals 3 5 7 9.
    # tile 1: t = 3: c = 7, free 13; t = 7: c = max(11, 13) = 13; t = 13: c = 19; t = 19: c = 25; e = c + 7.
    # e = 14 20 26 32, arrivals 16 22 28 34.
    # tile 2: t = 16: c = 20, free 26; t = 22: c = 26; t = 28: c = 32; t = 34: c = 38. e = 27 33 39 45.
    # Arrivals 29 35 41 47. tile 3: c = 33 39 45 51, e = 40 46 52 58. Arrivals 42 48 54 60. sink: e = 43 49 55 61.
    issues = {
        "host": [(0, t, t + 1, t + 1) for t in range(4)],
        "tile 1": [(0, 3, 7, 14), (0, 7, 13, 20), (0, 13, 19, 26), (0, 19, 25, 32)],
        "tile 2": [(0, 16, 20, 27), (0, 22, 26, 33), (0, 28, 32, 39), (0, 34, 38, 45)],
        "tile 3": [(0, 29, 33, 40), (0, 35, 39, 46), (0, 41, 45, 52), (0, 47, 51, 58)],
        "sink": [(0, t, t + 1, t + 1) for t in (42, 48, 54, 60)],
    }
    # Each tile is covered without a gap from its first issue to its last completion: 32 - 3, 45 - 16, 58 - 29.
    phases = {
        "host": {"forward": 4},
        **{f"tile {k}": {"forward": 29} for k in (1, 2, 3)},
        "sink": {"evaluation": 4},
    }
    return HandTimeline("pipeline_over_samples", chip.build(), Expected(61, issues, phases, (8, 8, 8, 8)))


def phases_with_overlap() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector", "host")
    chip.channel("go", "host", "vector")
    with chip.on("vector"):
        chip.fixed(1, 10, phase="forward")
        chip.fixed(1, 4, phase="backward")
        chip.fixed(2, 12, phase="update")
        chip.fixed(3, phase="transfer", waits=("go",))
    with chip.on("host"):
        chip.fixed(20, phase="program", signal="go")
    # forward   [0, 10): 10, covered 10
    # backward  [1, 5):  max(0, 5 - max(1, 10)) = 0, covered 10
    # update    [2, 14): 14 - max(2, 10) = 4, covered 14
    # transfer  [20, 23): 23 - max(20, 14) = 3. End 23; idle 23 - 17 = 6. host: program 20, idle 3.
    issues = {"vector": [(0, 0, 1, 10), (1, 1, 2, 5), (2, 2, 4, 14), (3, 20, 23, 23)], "host": [(0, 0, 20, 20)]}
    phases = {
        "vector": {"forward": 10, "update": 4, "transfer": 3, "idle": 6},
        "host": {"program": 20, "idle": 3},
    }
    return HandTimeline("phases_with_overlap", chip.build(), Expected(23, issues, phases))


CASES = (
    constant_trip,
    counts_by_strides,
    when,
    trip_by_outer_ordinals,
    shared_begin_and_end,
    adjacent_loops_one_of_them_never_entered,
    nothing_to_do,
    ping_pong,
    carried_value,
    pipeline_over_samples,
    phases_with_overlap,
)
