"""Gains are runs of the engine in tenths of a cycle: nothing changes without a change, and by hand they are right."""

from collections.abc import Callable

import numpy as np
import pytest

from ohmflow.compiler.program.schedule import Schedule
from ohmflow.runtime.critical.gains import Shortened, Stretched
from ohmflow.runtime.machine.clock import Clock
from tests.machine.generate_schedules import grouped_schedule_of, schedule_of
from tests.machine.timeline_builder import ScheduleBuilder


def rows(schedule: Schedule, *chosen: int) -> np.ndarray:
    mask = np.zeros(len(schedule.instructions), bool)
    mask[list(chosen)] = True
    return mask


@pytest.mark.parametrize("draw", [schedule_of, grouped_schedule_of])
def test_time_in_tenths_is_ten_times_the_time(draw: Callable[[int], Schedule]) -> None:
    for seed in range(200):
        schedule = draw(seed)
        assert Stretched(schedule).cycles(schedule.counts) == 10 * Clock(schedule).run(schedule.counts).cycles, seed


@pytest.mark.parametrize("draw", [schedule_of, grouped_schedule_of])
def test_shortening_everything_saves_a_tenth(draw: Callable[[int], Schedule]) -> None:
    for seed in range(200):
        schedule = draw(seed)
        every = np.ones(len(schedule.instructions), bool)
        cycles = Clock(schedule).run(schedule.counts).cycles
        assert Stretched(schedule).cycles(schedule.counts, Shortened(every, every, links=True)) == 9 * cycles, seed


def test_what_is_not_on_the_path_gains_nothing() -> None:
    chip = ScheduleBuilder()
    chip.units("long", "short")
    with chip.on("long"):
        chip.fixed(100)
    with chip.on("short"):
        chip.fixed(95)
    schedule = chip.build()
    none = rows(schedule)
    stretched = Stretched(schedule)
    assert stretched.cycles(schedule.counts, Shortened(rows(schedule, 1), none)) == 1000
    assert stretched.cycles(schedule.counts, Shortened(rows(schedule, 0), none)) == 950, "then the short one is longer"


def test_parts_of_a_read_are_shortened_by_themselves() -> None:
    chip = ScheduleBuilder()
    chip.units("tile")
    with chip.on("tile"):
        chip.read(10, 16, 4)
    schedule = chip.build()
    stretched, none, one = Stretched(schedule), rows(schedule), rows(schedule, 0)
    assert stretched.cycles(schedule.counts, Shortened(one, none)) == 300 - 10
    assert stretched.cycles(schedule.counts, Shortened(none, one)) == 300 - 20
    assert stretched.cycles(schedule.counts, Shortened(one, one)) == 270


@pytest.mark.parametrize(("array", "conversion"), [(10, 16), (16, 10), (8, 8)])
def test_later_passes_are_those_of_the_slower_part(array: int, conversion: int) -> None:
    chip = ScheduleBuilder()
    chip.units("tile")
    with chip.on("tile"):
        chip.read(array, conversion, 0, later=7)
    schedule = chip.build()
    stretched, none, one = Stretched(schedule), rows(schedule), rows(schedule, 0)
    assert stretched.cycles(schedule.counts, Shortened(one, none)) == 10 * (array + conversion + 7) - array - (
        7 if array >= conversion else 0
    )
    assert stretched.cycles(schedule.counts, Shortened(none, one)) == 10 * (array + conversion + 7) - conversion - (
        7 if conversion > array else 0
    )


def test_links_are_shortened_with_their_flits() -> None:
    chip = ScheduleBuilder()
    chip.units("a", "b")
    chip.link("first", hop=2)
    chip.link("second", hop=3)
    chip.channel("x", "a", "b", depth=1, flits=4, route=("first", "second"))
    with chip.on("a"):
        chip.fixed(5, signal="x")
    with chip.on("b"):
        chip.fixed(1, waits=("x",))
    schedule = chip.build()
    none = rows(schedule)
    # 5 on a, 2 + 3 + 4 - 1 = 8 on the way, 1 on b; a tenth of the 8 is saved.
    assert Stretched(schedule).cycles(schedule.counts, Shortened(none, none, links=True)) == 140 - 8


def test_a_long_time_does_not_overflow() -> None:
    chip = ScheduleBuilder()
    chip.units("slow")
    with chip.on("slow"):
        chip.fixed(2**31 - 1)
    schedule = chip.build()
    assert Stretched(schedule).cycles(schedule.counts) == 10 * (2**31 - 1)
