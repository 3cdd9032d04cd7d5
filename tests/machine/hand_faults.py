"""Schedules that can not end well, and who is to be named."""

from tests.machine.hand_cases import ExpectedDeadlock, ExpectedLeftOver, HandTimeline
from tests.machine.timeline_builder import ScheduleBuilder


def cyclic_wait() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("left", "right", "bystander")
    chip.channel("to right", "left", "right")
    chip.channel("to left", "right", "left")
    with chip.on("left"):
        chip.fixed(5)
        chip.fixed(1, waits=("to left",))
        chip.fixed(1, signal="to right")
    with chip.on("right"):
        chip.fixed(1, waits=("to right",), signal="to left")
    with chip.on("bystander"), chip.loop(4):
        chip.fixed(1)
    # Each waits for what the other sends only afterwards. bystander comes to its end.
    return HandTimeline("cyclic_wait", chip.build(), ExpectedDeadlock({"left": 1, "right": 0}))


def never_sent() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("source", "sink")
    chip.link("wire")
    chip.channel("x", "source", "sink", route=("wire",))
    with chip.on("source"), chip.loop(2):
        chip.fixed(1, signal="x")
    with chip.on("sink"), chip.loop(3):
        chip.fixed(1, waits=("x",))
    # Two are sent, three are waited for.
    return HandTimeline("never_sent", chip.build(), ExpectedDeadlock({"sink": 0}))


def no_credit() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("source", "sink")
    chip.channel("m", "source", "sink", depth=1)
    chip.channel("n", "source", "sink", depth=1)
    with chip.on("source"):
        chip.fixed(1, signal="m")
        chip.fixed(1, signal="m")
        chip.fixed(1, signal="n")
    with chip.on("sink"):
        chip.fixed(1, waits=("n",))
        chip.fixed(1, waits=("m",))
        chip.fixed(1, waits=("m",))
    # source can not send its second m before sink consumes the first, and sink wants n first.
    return HandTimeline("no_credit", chip.build(), ExpectedDeadlock({"source": 1, "sink": 0}))


def two_messages_through_depth_1() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("source", "sink")
    chip.channel("m", "source", "sink", depth=1)
    with chip.on("source"), chip.loop(2):
        chip.fixed(1, signal="m")
    with chip.on("sink"):
        chip.fixed(1, waits=("m", "m"))
    # wait0 = wait1 needs two messages at once; there is room for one.
    return HandTimeline("two_messages_through_depth_1", chip.build(), ExpectedDeadlock({"source": 0, "sink": 0}))


def own_credit_is_still_taken() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("alone")
    chip.channel("own", "alone", "alone", depth=1)
    with chip.on("alone"):
        chip.fixed(1, signal="own")
        chip.fixed(1, waits=("own",), signal="own")
    # The credit of the awaited message comes back at the release of the very instruction that needs one to issue.
    return HandTimeline("own_credit_is_still_taken", chip.build(), ExpectedDeadlock({"alone": 1}))


def left_over() -> HandTimeline:
    chip = ScheduleBuilder()
    chip.units("source", "sink")
    chip.link("wire", hop=9)
    chip.channel("x", "source", "sink", depth=4, route=("wire",))
    with chip.on("source"), chip.loop(3):
        chip.fixed(1, signal="x")
    with chip.on("sink"), chip.loop(2):
        chip.fixed(1, waits=("x",))
    # Three are sent, two are consumed.
    return HandTimeline("left_over", chip.build(), ExpectedLeftOver(("source", "sink")))


CASES = (cyclic_wait, never_sent, no_credit, two_messages_through_depth_1, own_credit_is_still_taken, left_over)
