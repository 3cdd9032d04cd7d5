"""Timelines worked out by hand: the timing rules of one unit."""

from tests.machine.hand_cases import Expected, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def single_fixed() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("host")
    with chip.on("host"):
        chip.fixed(3, phase="evaluation")
    # Issues in cycle 0; r = 0 + 3, e = 0 + 3; nothing else, so the entry ends in cycle 3.
    expected = Expected(3, {"host": [(0, 0, 3, 3)]}, {"host": {"evaluation": 3}})
    return HandTimeline("single_fixed", chip.build(), expected)


def latency_beyond_occupancy() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector")
    with chip.on("vector"), chip.loop(3):
        chip.fixed(2, 5)
    # A pipeline: one vector every 2 cycles (initiation interval), each through after 5 (latency).
    #   t = 0, 2, 4; r = t + 2; e = t + 5 = 5, 7, 9. End 9.
    # Charged: 5 - 0, then 7 - max(2, 5) = 2, then 9 - max(4, 7) = 2: together 9.
    issues = [(0, 0, 2, 5), (0, 2, 4, 7), (0, 4, 6, 9)]
    return HandTimeline(
        "latency_beyond_occupancy", chip.build(), Expected(9, {"vector": issues}, {"vector": {"forward": 9}})
    )


def pipeline_hand_over() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("vector", "next")
    chip.channel("y", "vector", "next", depth=2)
    with chip.on("vector"):
        chip.fixed(2, 6, signal="y")
        chip.fixed(1)
    with chip.on("next"):
        chip.fixed(4, waits=("y",))
    # vector 0: t = 0, r = 2, e = 6. vector 1: t = 2 (the release, not the completion), r = e = 3.
    # The message enters the network at the completion 6; empty route, so it arrives in 6.
    # next: t = 6, r = e = 10. End 10.
    # vector is charged 6 - 0 for the first and max(0, 3 - max(2, 6)) = 0 for the second; idle 4.
    issues = {"vector": [(0, 0, 2, 6), (1, 2, 3, 3)], "next": [(0, 6, 10, 10)]}
    phases = {"vector": {"forward": 6, "idle": 4}, "next": {"forward": 4, "idle": 6}}
    return HandTimeline("pipeline_hand_over", chip.build(), Expected(10, issues, phases))


def one_read() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile", "twin")
    with chip.on("tile"):
        chip.read(10, 4, 3, double=True)
    with chip.on("twin"):
        chip.read(10, 4, 3, double=False)
    # A 10, C 4, L 3: c = 0 + 10, e = 10 + 4 + 3 = 17. Release: c = 10 double-buffered, e = 17 not.
    issues = {"tile": [(0, 0, 10, 17)], "twin": [(0, 0, 17, 17)]}
    return HandTimeline(
        "one_read", chip.build(), Expected(17, issues, {"tile": {"forward": 17}, "twin": {"forward": 17}})
    )


def _two_reads(double: bool, array: int, conversion: int, latency: int) -> ScheduleBuilder:
    chip = ScheduleBuilder()
    chip.units("tile")
    with chip.on("tile"), chip.loop(3):
        chip.read(array, conversion, latency, double=double)
    return chip


def double_buffered_array_bound() -> HandTimeline:
    chip = _two_reads(True, array=10, conversion=4, latency=3)
    # A > C: the array is the bottleneck. c = t + 10, the bank is free 4 later, long before the next c.
    #   t = 0:  c = 10, r = 10, e = 17
    #   t = 10: c = max(20, 14) = 20, r = 20, e = 27
    #   t = 20: c = max(30, 24) = 30, r = 30, e = 37. Initiation interval 10 = max(A, C), latency 17 = A + C + L.
    issues = [(0, 0, 10, 17), (0, 10, 20, 27), (0, 20, 30, 37)]
    return HandTimeline(
        "double_buffered_array_bound", chip.build(), Expected(37, {"tile": issues}, {"tile": {"forward": 37}})
    )


def double_buffered_converter_bound() -> HandTimeline:
    chip = _two_reads(True, array=4, conversion=10, latency=3)
    # C > A: the converters are the bottleneck.
    #   t = 0:  c = 4, free = 14, r = 4, e = 17
    #   t = 4:  c = max(8, 14) = 14, free = 24, r = 14, e = 27
    #   t = 14: c = max(18, 24) = 24, r = 24, e = 37. Completions 10 apart = max(A, C).
    issues = [(0, 0, 4, 17), (0, 4, 14, 27), (0, 14, 24, 37)]
    return HandTimeline(
        "double_buffered_converter_bound", chip.build(), Expected(37, {"tile": issues}, {"tile": {"forward": 37}})
    )


def double_buffered_array_equals_converter() -> HandTimeline:
    chip = _two_reads(True, array=5, conversion=5, latency=0)
    # A = C = 5: c = 5, 10, 15 (bank free in exactly that cycle), e = 10, 15, 20.
    issues = [(0, 0, 5, 10), (0, 5, 10, 15), (0, 10, 15, 20)]
    return HandTimeline(
        "double_buffered_array_equals_converter",
        chip.build(),
        Expected(20, {"tile": issues}, {"tile": {"forward": 20}}),
    )


def single_buffered() -> HandTimeline:
    chip = _two_reads(False, array=10, conversion=4, latency=3)
    # No sample-and-hold: the next read starts when the last code is out. t = 0, 17, 34; r = e = t + 17.
    issues = [(0, 0, 17, 17), (0, 17, 34, 34), (0, 34, 51, 51)]
    return HandTimeline("single_buffered", chip.build(), Expected(51, {"tile": issues}, {"tile": {"forward": 51}}))


def shared_converters() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("by1", "by4", "by8")
    # 8 lines, A 4, one conversion takes 2 cycles. Converters shared by 1, 4, 8 lines: C = 1·2, 4·2, 8·2 = 2, 8, 16.
    for unit, conversion in (("by1", 2), ("by4", 8), ("by8", 16)):
        with chip.on(unit), chip.loop(2):
            chip.read(4, conversion, double=True)
    issues = {
        "by1": [(0, 0, 4, 6), (0, 4, 8, 10)],  # c = 4, max(8, 6) = 8; e = c + 2
        "by4": [(0, 0, 4, 12), (0, 4, 12, 20)],  # c = 4, max(8, 12) = 12; e = c + 8
        "by8": [(0, 0, 4, 20), (0, 4, 20, 36)],  # c = 4, max(8, 20) = 20; e = c + 16
    }
    phases = {
        "by1": {"forward": 10, "idle": 26},
        "by4": {"forward": 20, "idle": 16},
        "by8": {"forward": 36},
    }
    return HandTimeline("shared_converters", chip.build(), Expected(36, issues, phases))


def retries_then_another_read() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("retries", [2, 0])
    with chip.on("tile"), chip.loop(2):
        chip.read(5, 4, 1, double=True, count="retries")
    # First read, 2 retries: a = 0, c = 5, e = 10; a = 10, c = 15, e = 20; a = 20, c = 25, e = 30. r = last c = 25.
    # Second, none: t = 25, bank free in 25 + 4 = 29: c = max(30, 29) = 30, r = 30, e = 35.
    issues = [(0, 0, 25, 30), (0, 25, 30, 35)]
    return HandTimeline(
        "retries_then_another_read", chip.build(), Expected(35, {"tile": issues}, {"tile": {"forward": 35}})
    )


def retries_meet_a_busy_bank() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("retries", [0, 1])
    with chip.on("tile"), chip.loop(2):
        chip.read(2, 9, 1, double=True, count="retries")
    # First: c = 2, free 11, r = 2, e = 12.
    # Second, t = 2, 1 retry: c_0 = max(4, 11) = 11, e_0 = 21; a_1 = 21, c_1 = max(23, 20) = 23, r = 23, e = 33.
    issues = [(0, 0, 2, 12), (0, 2, 23, 33)]
    # It waits for the bank from 4 to 11; 14 of its 21 cycles are work, with the first one's 2 that makes 16.
    expected = Expected(33, {"tile": issues}, {"tile": {"forward": 33}}, activity={"tile": [(16, 0, 0, 7)]})
    return HandTimeline("retries_meet_a_busy_bank", chip.build(), expected)


def retry_keeps_the_bank_from_the_next_read() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("retries", [1, 0])
    with chip.on("tile"), chip.loop(2):
        chip.read(2, 9, 1, double=True, count="retries")
    # First, 1 retry: c_0 = 2, e_0 = 12; a_1 = 12, c_1 = max(14, 11) = 14, free 23, r = 14, e = 24.
    # Second: t = 14, c = max(16, 23) = 23, r = 23, e = 33.
    issues = [(0, 0, 14, 24), (0, 14, 23, 33)]
    expected = Expected(33, {"tile": issues}, {"tile": {"forward": 33}})
    return HandTimeline("retry_keeps_the_bank_from_the_next_read", chip.build(), expected)


def retries_without_sample_and_hold() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("retries", 3)
    with chip.on("tile"):
        chip.read(5, 4, 1, count="retries")
        chip.fixed(1)
    # 4 attempts of 5 + 4 + 1 = 10 cycles: r = e = 40. Then t = 40, e = 41.
    issues = [(0, 0, 40, 40), (1, 40, 41, 41)]
    return HandTimeline(
        "retries_without_sample_and_hold", chip.build(), Expected(41, {"tile": issues}, {"tile": {"forward": 41}})
    )


def two_banks_against_one() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("two", "one")
    for unit, bank in (("two", 1), ("one", 0)):
        with chip.on(unit):
            chip.read(3, 10, 2, bank=0, double=True, phase="forward")
            chip.read(3, 8, 2, bank=bank, double=True, phase="backward")
    # Forward: c = 3, free[0] = 13, r = 3, e = 15.
    # Transposed, t = 3, on its own bank 1: c = 6, r = 6, e = 6 + 8 + 2 = 16: charged 16 - 15 = 1.
    # On bank 0: c = max(6, 13) = 13, r = 13, e = 13 + 8 + 2 = 23: charged 23 - 15 = 8.
    issues = {"two": [(0, 0, 3, 15), (1, 3, 6, 16)], "one": [(0, 0, 3, 15), (1, 3, 13, 23)]}
    phases = {
        "two": {"forward": 15, "backward": 1, "idle": 7},
        "one": {"forward": 15, "backward": 8},
    }
    # On bank 0 the second read waits from 6 to 13.
    activity = {"two": [(3, 0, 0, 0), (3, 0, 0, 0)], "one": [(3, 0, 0, 0), (3, 0, 0, 7)]}
    return HandTimeline("two_banks_against_one", chip.build(), Expected(23, issues, phases, activity=activity))


def two_blocks_take_turns() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    with chip.on("tile"), chip.loop(2):
        chip.read(4, 3, double=True)
        chip.read(4, 6, double=True)
    # Block P: C 3. Block Q: C 6. Same bank.
    #   P t = 0:  c = 4, free 7, r = 4, e = 7
    #   Q t = 4:  c = max(8, 7) = 8, free 14, r = 8, e = 14
    #   P t = 8:  c = max(12, 14) = 14, free 17, r = 14, e = 17
    #   Q t = 14: c = max(18, 17) = 18, r = 18, e = 24
    issues = [(0, 0, 4, 7), (1, 4, 8, 14), (0, 8, 14, 17), (1, 14, 18, 24)]
    return HandTimeline(
        "two_blocks_take_turns", chip.build(), Expected(24, {"tile": issues}, {"tile": {"forward": 24}})
    )


def update_behind_a_read() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("double", "single")
    chip.count("train", 7)
    for unit in ("double", "single"):
        with chip.on(unit):
            chip.read(5, 4, 2, double=unit == "double")
            chip.counted(2, 3, count="train", phase="update")
    # double: r = 5, e = 11. Update t = 5, r = e = 5 + 2 + 3·7 = 28: charged 28 - max(5, 11) = 17.
    # single: r = e = 11. Update t = 11, r = e = 34: charged 23.
    issues = {"double": [(0, 0, 5, 11), (1, 5, 28, 28)], "single": [(0, 0, 11, 11), (1, 11, 34, 34)]}
    phases = {
        "double": {"forward": 11, "update": 17, "idle": 6},
        "single": {"forward": 11, "update": 23},
    }
    return HandTimeline("update_behind_a_read", chip.build(), Expected(34, issues, phases))


def update_with_count_zero() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("train", [4, 0, 1])
    with chip.on("tile"):
        with chip.loop(3):
            chip.counted(2, 3, count="train", phase="update")
        chip.counted(1, 9, phase="program")
    # 2 + 3·4 = 14, 2 + 0 = 2, 2 + 3 = 5: t = 0, 14, 16, then 21. No count at all is count 0: 1 cycle. End 22.
    issues = [(0, 0, 14, 14), (0, 14, 16, 16), (0, 16, 21, 21), (1, 21, 22, 22)]
    expected = Expected(22, {"tile": issues}, {"tile": {"update": 21, "program": 1}})
    return HandTimeline("update_with_count_zero", chip.build(), expected)


def read_behind_an_update() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("train", 5)
    with chip.on("tile"):
        chip.read(2, 20, double=True)
        chip.counted(1, 1, count="train", phase="update")
        chip.read(2, 20, double=True)
    # Read: c = 2, free 22, r = 2, e = 22. Update in the array while the converters work: t = 2, r = e = 2 + 1 + 5 = 8.
    # Read: t = 8, c = max(10, 22) = 22, r = 22, e = 42.
    # Charged: forward 22, update max(0, 8 - 22) = 0, forward 42 - 22 = 20.
    issues = [(0, 0, 2, 22), (1, 2, 8, 8), (2, 8, 22, 42)]
    return HandTimeline(
        "read_behind_an_update", chip.build(), Expected(42, {"tile": issues}, {"tile": {"forward": 42}})
    )


def bit_serial_reads() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("converter bound", "array bound", "held")
    for unit, array, conversion, double, later in (
        ("converter bound", 3, 5, True, 10),
        ("array bound", 5, 2, True, 10),
        ("held", 3, 2, False, 12),
    ):
        with chip.on(unit), chip.loop(2):
            chip.read(array, conversion, 1, double=double, later=later)
    # Three passes of each read; L 1. A later pass adds max(A, C) = 5 where sample-and-hold frees the array, and
    # A + C + L = 6 where it does not: H = 10, 10, 12.
    #   converter bound: passes are converted in 3, 8, 13; r = 13, e = 13 + 5 + 1 = 19; the bank is free in 18.
    #     Second: charged in 16, waits for the bank until 18: 18, 23, 28; r = 28, e = 34. Interval 15 = 3·5.
    #   array bound: 5, 10, 15; r = 15, e = 18, free 17. Second: 20, 25, 30; r = 30, e = 33.
    #   held: 3, 9, 15; r = e = 15 + 2 + 1 = 18. Second: 21, 27, 33; r = e = 36.
    issues = {
        "converter bound": [(0, 0, 13, 19), (0, 13, 28, 34)],
        "array bound": [(0, 0, 15, 18), (0, 15, 30, 33)],
        "held": [(0, 0, 18, 18), (0, 18, 36, 36)],
    }
    phases = {
        "converter bound": {"forward": 34, "idle": 2},
        "array bound": {"forward": 33, "idle": 3},
        "held": {"forward": 36},
    }
    activity = {"converter bound": [(26, 0, 0, 2)], "array bound": [(30, 0, 0, 0)], "held": [(36, 0, 0, 0)]}
    return HandTimeline("bit_serial_reads", chip.build(), Expected(36, issues, phases, activity=activity))


def bit_serial_read_is_repeated_whole() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("retries", 1)
    with chip.on("tile"):
        chip.read(2, 4, 1, double=True, later=8, count="retries")
    # Three passes of max(2, 4) = 4: H 8. Attempt 0: 2, 6, 10; e = 15. Attempt 1: 17, 21, 25; r = 25, e = 30.
    expected = Expected(30, {"tile": [(0, 0, 25, 30)]}, {"tile": {"forward": 30}})
    return HandTimeline("bit_serial_read_is_repeated_whole", chip.build(), expected)


CASES = (
    single_fixed,
    latency_beyond_occupancy,
    pipeline_hand_over,
    one_read,
    double_buffered_array_bound,
    double_buffered_converter_bound,
    double_buffered_array_equals_converter,
    single_buffered,
    shared_converters,
    retries_then_another_read,
    retries_meet_a_busy_bank,
    retry_keeps_the_bank_from_the_next_read,
    retries_without_sample_and_hold,
    two_banks_against_one,
    two_blocks_take_turns,
    update_behind_a_read,
    update_with_count_zero,
    read_behind_an_update,
    bit_serial_reads,
    bit_serial_read_is_repeated_whole,
)
