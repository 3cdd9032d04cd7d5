"""Where counts stand: every count has an address of its own, and streams find it by their loops."""

from itertools import product

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.compiler.program.entry import Argument, CountLayout, Entry, resolve
from ohmflow.compiler.program.schedule import CHANNEL
from ohmflow.compiler.program.tables import GROUPS, INSTRUCTIONS, LOOPS, OPERATION, STREAM_LOOPS, VALUES, Op, Trip


def entry_of(loops: list[tuple[int, Trip, int, int]], groups: list[tuple[int, tuple[int, ...]]]) -> Entry:
    """An entry of loops (parent, kind, trip, group) and count groups (width, loops) alone."""
    table = np.zeros(len(loops), LOOPS)
    for k, (parent, kind, trip, group) in enumerate(loops):
        table[k] = (Op.FOR, parent, kind, trip, group, 0, -1, 0)
    grouped = np.zeros(len(groups), GROUPS)
    for k, (width, around) in enumerate(groups):
        grouped[k]["width"], grouped[k]["depth"] = width, len(around)
        grouped[k]["loops"][: len(around)] = around
    return Entry(
        name="train_step",
        arguments=(Argument("x", "rows", "float32", (3,)), Argument("batch", "scalar", "int64", ())),
        results=(),
        operations=np.zeros(0, OPERATION),
        operands=np.zeros(0, np.int32),
        values=np.zeros(0, VALUES),
        loops=table,
        groups=grouped,
        instructions=np.zeros(0, INSTRUCTIONS),
        stream=np.zeros(1, np.int32),
        stream_loops=np.zeros(0, STREAM_LOOPS),
        channels=np.zeros(0, CHANNEL),
        route=np.zeros(0, np.int32),
    )


@st.composite
def entries(draw: st.DrawFn) -> tuple[Entry, dict[str, int], dict[int, int]]:
    """A chain of nested loops with groups at every depth, a batch and the trips that depend on data."""
    depth = draw(st.integers(0, 4))
    loops, groups, data = [], [], {}
    for k in range(depth):
        kind = draw(st.sampled_from((Trip.CONST, Trip.ARGUMENT, Trip.DATA)))
        trip = {Trip.CONST: draw(st.integers(0, 4)), Trip.ARGUMENT: 1, Trip.DATA: 0}[kind]
        group = -1
        if kind is Trip.DATA:
            group = len(groups)
            groups.append((1, tuple(range(k))))
            data[k] = draw(st.integers(0, 5))
        loops.append((k - 1, kind, trip, group))
    for _ in range(draw(st.integers(1, 4))):
        groups.append((draw(st.integers(1, 3)), tuple(range(draw(st.integers(0, depth))))))
    return entry_of(loops, groups), {"batch": draw(st.integers(1, 4))}, data


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(entries())
def test_every_count_has_an_address_of_its_own_and_none_is_wasted(
    given_entry: tuple[Entry, dict[str, int], dict[int, int]],
) -> None:
    entry, scalars, data = given_entry
    layout = CountLayout.of(entry, scalars, data)
    seen: list[int] = []
    for number, group in enumerate(entry.groups):
        around = group["loops"][: int(group["depth"])].tolist()
        assert layout.shapes[number] == (*(layout.trips[k] for k in around), int(group["width"]))
        for ordinals in product(*(range(layout.trips[k]) for k in around)):
            start = layout.base[number] + sum(o * s for o, s in zip(ordinals, layout.strides(number), strict=True))
            seen += range(start, start + int(group["width"]))
    assert sorted(seen) == list(range(layout.size))


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(entries())
def test_a_view_and_the_addresses_say_the_same(given_entry: tuple[Entry, dict[str, int], dict[int, int]]) -> None:
    entry, scalars, data = given_entry
    layout = CountLayout.of(entry, scalars, data)
    flat = np.arange(layout.size, dtype=np.int64)
    for number in range(len(entry.groups)):
        view = layout.view(flat, number)
        for where in product(*(range(n) for n in view.shape)):
            *ordinals, part = where
            address = layout.base[number] + part
            address += sum(o * s for o, s in zip(ordinals, layout.strides(number), strict=True))
            assert view[where] == address


def test_trips_come_from_constants_arguments_and_data() -> None:
    entry = entry_of(
        [(-1, Trip.ARGUMENT, 1, -1), (0, Trip.CONST, 3, -1), (0, Trip.DATA, 0, 0)],
        [(1, (0,)), (2, (0, 1)), (1, (0, 2))],
    )
    layout = CountLayout.of(entry, {"batch": 5}, {2: 7})
    assert layout.trips == (5, 3, 7)
    assert layout.shapes == ((5, 1), (5, 3, 2), (5, 7, 1))
    assert [layout.strides(g) for g in range(3)] == [(1,), (6, 2), (7, 1)]
    assert layout.base == (0, 5, 35) and layout.size == 70


def test_a_condition_that_was_not_reached_has_one_place() -> None:
    entry = entry_of([(-1, Trip.DATA, 1, 0)], [(1, ()), (2, (0,))])
    assert CountLayout.of(entry, {}).shapes == ((1,), (1, 2))


def test_resolving_puts_addresses_and_trips_into_the_schedule() -> None:
    entry = entry_of([(-1, Trip.ARGUMENT, 1, -1), (0, Trip.DATA, 0, 0)], [(1, (0,)), (2, (0, 1))])
    instructions = np.zeros(2, INSTRUCTIONS)
    instructions["group"], instructions["offset"] = [-1, 1], [0, 1]
    for name in ("wait0", "wait1", "signal"):
        instructions[name] = -1
    instructions["t0"] = [3, 4]
    loops = np.array([(0, 2, -1, 0), (1, 2, 0, 1)], STREAM_LOOPS)
    full = Entry(**{**vars(entry), "instructions": instructions, "stream_loops": loops, "stream": np.array([0, 2])})
    layout = CountLayout.of(full, {"batch": 4}, {1: 6})
    schedule = resolve(full, layout, np.zeros(0, np.int32), ["tile(0,0)"])
    assert schedule.instructions["count"].tolist() == [-1, 4 + 1]
    assert schedule.instructions["stride"][1].tolist() == [12, 2, 0, 0]
    assert schedule.instructions["t0"].tolist() == [3, 4]
    assert schedule.loops["trip"].tolist() == [4, 6]
    assert schedule.loops["count"].tolist() == [-1, 0]
    assert schedule.loops["stride"][1].tolist() == [1, 0, 0, 0]
    assert schedule.loops["parent"].tolist() == [-1, 0]
    assert len(schedule.counts) == layout.size == 4 + 48 and not schedule.counts.any()
    assert schedule.unit_name(0) == "tile(0,0)"
