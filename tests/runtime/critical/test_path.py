"""The critical path accounts for every cycle, and the microarchitecture justifies each of its spans."""

import numpy as np
import pytest
from hypothesis import given, settings

from ohmflow.compiler.program.schedule import Schedule
from ohmflow.runtime.critical.path import Span, critical_path
from ohmflow.runtime.machine.clock import Clock
from tests.machine.generate_schedules import grouped_schedule_of, schedule_of, schedules
from tests.machine.timeline_builder import ScheduleBuilder
from tests.runtime.critical.justified import assert_justified


def path_of(schedule: Schedule) -> tuple[Span, ...]:
    timeline = Clock(schedule).run(schedule.counts.astype(np.int64), record=True)
    path = critical_path(schedule, timeline)
    assert_justified(schedule, timeline, path)
    return path


def told(schedule: Schedule, links: tuple[str, ...] = ()) -> list[tuple[str, int, int, str]]:
    """(unit or link, instruction, cycles, reason) of each span."""
    return [
        (links[s.place] if s.on_link else schedule.unit_name(s.place), s.instruction, s.cycles, s.reason)
        for s in path_of(schedule)
    ]


@pytest.mark.parametrize("chunk", range(8))
def test_every_span_of_random_schedules_is_justified(chunk: int) -> None:
    for seed in range(100 * chunk, 100 * (chunk + 1)):
        path_of(schedule_of(seed))


@pytest.mark.parametrize("chunk", range(3))
def test_every_span_of_schedules_with_multicasts_and_sums_is_justified(chunk: int) -> None:
    for seed in range(100 * chunk, 100 * (chunk + 1)):
        path_of(grouped_schedule_of(seed))


@given(schedules())
@settings(max_examples=100, deadline=None)
def test_every_span_of_what_hypothesis_draws_is_justified(schedule: Schedule) -> None:
    path_of(schedule)


def test_instructions_of_one_unit_are_a_chain() -> None:
    chip = ScheduleBuilder()
    chip.units("a")
    with chip.on("a"):
        chip.fixed(3)
        chip.fixed(4, 9)
    assert told(chip.build()) == [("a", 0, 3, "order"), ("a", 1, 9, "end")]


def test_a_short_unit_that_is_waited_for_by_nobody_is_not_on_the_path() -> None:
    chip = ScheduleBuilder()
    chip.units("long", "short")
    with chip.on("long"):
        chip.fixed(10)
    with chip.on("short"):
        chip.fixed(9)
    assert told(chip.build()) == [("long", 0, 10, "end")]


def test_a_message_leads_to_its_links_and_its_sender() -> None:
    chip = ScheduleBuilder()
    chip.units("a", "b")
    chip.link("first", hop=2)
    chip.link("second", hop=3)
    chip.channel("x", "a", "b", depth=1, flits=4, route=("first", "second"))
    with chip.on("a"):
        chip.fixed(5, signal="x")
    with chip.on("b"):
        chip.fixed(1, waits=("x",))
    # Sent in 5; first granted in 5, head at 7; second granted in 7; arrives in 7 + 3 + 4 - 1 = 13.
    assert told(chip.build(), ("first", "second")) == [
        ("a", 0, 5, "message"),
        ("first", 0, 2, "message"),
        ("second", 0, 6, "message"),
        ("b", 1, 1, "end"),
    ]


def test_a_packet_that_waits_for_a_link_leads_to_the_packet_before() -> None:
    chip = ScheduleBuilder()
    chip.units("a", "b", "c")
    chip.link("wire", hop=1)
    chip.channel("x", "a", "c", depth=1, flits=8, route=("wire",))
    chip.channel("y", "b", "c", depth=1, flits=2, route=("wire",))
    with chip.on("a"):
        chip.fixed(2, signal="x")
    with chip.on("b"):
        chip.fixed(3, signal="y")
    with chip.on("c"):
        chip.fixed(1, waits=("y",))
        chip.fixed(1, waits=("x",))
    # x holds the wire during [2, 10); y enters in 3, goes in 10 and arrives in 12; x arrived in 10.
    assert told(chip.build(), ("wire",)) == [
        ("a", 0, 2, "message"),
        ("wire", 0, 8, "link"),
        ("wire", 1, 2, "message"),
        ("c", 2, 1, "order"),
        ("c", 3, 1, "end"),
    ]


def test_a_full_buffer_leads_to_the_receiver() -> None:
    chip = ScheduleBuilder()
    chip.units("fast", "slow")
    chip.channel("x", "fast", "slow", depth=1, flits=1)
    with chip.on("fast"):
        chip.fixed(1, signal="x")
        chip.fixed(1, 40, signal="x")
    with chip.on("slow"):
        chip.fixed(7, waits=("x",))
        chip.fixed(7, waits=("x",))
    # The second send takes the credit in 8, when the first message is let go; it completes in 48.
    assert told(chip.build()) == [
        ("fast", 0, 1, "message"),
        ("slow", 2, 7, "credit"),
        ("fast", 1, 40, "message"),
        ("slow", 3, 7, "end"),
    ]


def test_a_bank_that_is_taken_leads_to_the_read_before() -> None:
    chip = ScheduleBuilder()
    chip.units("tile")
    with chip.on("tile"):
        chip.read(10, 16, 4, double=True)
        chip.read(10, 16, 4, double=True)
    # The example of docs/microarchitecture.md: the first converts during [10, 26), the second from 26 to 46.
    assert told(chip.build()) == [("tile", 0, 26, "converter"), ("tile", 1, 20, "end")]


def test_a_read_whose_array_is_slower_than_its_bank_waits_for_nobody() -> None:
    chip = ScheduleBuilder()
    chip.units("tile")
    with chip.on("tile"):
        chip.read(16, 10, 4, double=True)
        chip.read(16, 10, 4, double=True)
    assert told(chip.build()) == [("tile", 0, 16, "order"), ("tile", 1, 30, "end")]


def test_retries_and_loops_are_spans_of_one_instruction() -> None:
    chip = ScheduleBuilder()
    chip.units("tile")
    chip.count("retries", [0, 2])
    with chip.on("tile"), chip.loop(2):
        chip.read(5, 3, 1, count="retries")
    assert told(chip.build()) == [("tile", 0, 9, "order"), ("tile", 0, 27, "end")]


def test_nothing_takes_no_cycle() -> None:
    chip = ScheduleBuilder()
    chip.units("idle")
    assert path_of(chip.build()) == ()
