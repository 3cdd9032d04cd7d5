"""Skipping periods that repeat changes nothing of a timeline: against the engine without, and the stepping model."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.schedule import MAX_DEPTH, Schedule, Timeline
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.machine.clock import Clock
from ohmflow.targets.registry import load
from tests.machine.generate_schedules import grouped_schedule_of, schedule_of
from tests.machine.stepping_model import step_through

SUMS = ("cycles", "phase_cycles", "executed", "link_busy", "activity", "link_wait")


def repeated(schedule: Schedule, times: int, counts: NDArray[np.int64]) -> Schedule | None:
    """The schedule with every stream in a loop, one iteration looking up the next row of `counts`.

    Args:
        schedule: drawn; its messages are all consumed at its end, so it may begin again.
        times: iterations.
        counts: [times, counts of the schedule].

    Returns:
        The schedule, or None if it is nested too deeply to add a loop.
    """
    instructions, inner = schedule.instructions.copy(), schedule.loops.copy()
    for table in (instructions, inner):
        if len(table) and table["stride"][:, MAX_DEPTH - 1].any():
            return None
        table["stride"][:, 1:] = table["stride"][:, :-1].copy()
        table["stride"][:, 0] = np.where(table["count"] >= 0, counts.shape[1], 0)
    deepest = [0] * len(inner)
    for k, parent in enumerate(inner["parent"].tolist()):
        deepest[k] = 1 + (deepest[parent] if parent >= 0 else 0)
    if max(deepest, default=0) >= MAX_DEPTH:
        return None
    spans = [(b, e) for b, e in zip(schedule.stream[:-1].tolist(), schedule.stream[1:].tolist(), strict=True) if e > b]
    outer = np.zeros(len(spans), inner.dtype)
    outer["begin"], outer["end"] = np.array(spans).T if spans else (0, 0)
    outer["parent"], outer["count"], outer["trip"] = -1, -1, times
    for k, (begin, parent) in enumerate(zip(inner["begin"].tolist(), inner["parent"].tolist(), strict=True)):
        own = next(n for n, (b, e) in enumerate(spans) if b <= begin < e)
        inner["parent"][k] = own if parent < 0 else parent + len(spans)
    loops = np.concatenate([outer, inner])
    return replace(schedule, instructions=instructions, loops=loops, counts=counts.reshape(-1))


def drawn(seed: int, times: int, draw: Callable[[int], Schedule] = schedule_of) -> Schedule | None:
    """A random schedule, repeated: its counts all equal, alternating, or with one that differs somewhere."""
    rng = np.random.default_rng(seed)
    schedule = draw(seed)
    counts = np.tile(schedule.counts.astype(np.int64), (times, 1))
    where = [int(a) for a in schedule.instructions["count"][schedule.instructions["kind"] > 0] if a >= 0]
    if where and seed % 3:
        rows = np.arange(1, times, 2) if seed % 3 == 1 else rng.integers(0, times, 1)
        counts[rows, where[int(rng.integers(len(where)))]] += 1
    return repeated(schedule, times, counts)


def both(schedule: Schedule) -> tuple[Timeline, Timeline]:
    """The timeline with and without reuse."""
    clock = Clock(schedule)
    return clock.run(schedule.counts), clock.run(schedule.counts, reuse=False)


def assert_same(one: Timeline, other: Timeline, where: str) -> None:
    """All sums are equal."""
    for name in SUMS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=f"{where}: {name}")


@pytest.mark.parametrize("draw", [schedule_of, grouped_schedule_of])
@pytest.mark.parametrize("chunk", range(6))
def test_reuse_changes_nothing_on_random_schedules_in_a_loop(chunk: int, draw: Callable[[int], Schedule]) -> None:
    reused = steps = 0
    for seed in range(chunk * 100, chunk * 100 + 100):
        schedule = drawn(seed, 60, draw)
        if schedule is None:
            continue
        with_reuse, without = both(schedule)
        assert_same(with_reuse, without, f"drawn({seed}, 60, {draw.__name__})")
        assert without.reused == 0
        reused += with_reuse.reused > 0
        steps += 1
    assert reused > steps // 8, "units that no message ties together have no common period, but many are"


@pytest.mark.parametrize("draw", [schedule_of, grouped_schedule_of])
@pytest.mark.parametrize("chunk", range(4))
def test_reuse_equals_the_stepping_model(chunk: int, draw: Callable[[int], Schedule]) -> None:
    for seed in range(chunk * 8, chunk * 8 + 8):
        schedule = drawn(seed, 14, draw)
        if schedule is not None:
            assert_same(Clock(schedule).run(schedule.counts), step_through(schedule), f"drawn({seed}, 14)")


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**31), st.integers(5, 200), st.data())
def test_reuse_changes_nothing_whatever_the_counts_are(seed: int, times: int, data: st.DataObject) -> None:
    schedule = schedule_of(seed)
    counts = np.tile(schedule.counts.astype(np.int64), (times, 1))
    where = [int(a) for a in schedule.instructions["count"][schedule.instructions["kind"] > 0] if a >= 0]
    if where:
        period = data.draw(st.integers(1, 5))
        pattern = np.array(data.draw(st.lists(st.integers(0, 4), min_size=period, max_size=period)))
        counts[:, data.draw(st.sampled_from(where))] = np.resize(pattern, times)
        counts[data.draw(st.integers(0, times - 1)), data.draw(st.sampled_from(where))] += data.draw(st.integers(0, 2))
    looped = repeated(schedule, times, counts)
    if looped is not None:
        assert_same(*both(looped), f"seed {seed}, {times} times")


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(20))
def test_reuse_changes_nothing_on_20000_random_schedules(chunk: int) -> None:
    for seed in range(10_000 + chunk * 1000, 11_000 + chunk * 1000):
        schedule = drawn(seed, 12 + seed % 90, grouped_schedule_of if seed % 2 else schedule_of)
        if schedule is not None:
            assert_same(*both(schedule), f"drawn({seed}, {12 + seed % 90})")


@pytest.mark.parametrize(("model", "training"), [("digits_mlp", True), ("lenet5", False), ("resnet_small", True)])
def test_reuse_changes_nothing_of_a_compiled_program_and_skips_most_of_it(model: str, training: bool) -> None:
    target = load("rpu-2016")
    program = compile_model(f"examples/models/{model}.onnx", target, CompileOptions(packing="spread"))
    entry = program.entries["train_step" if training else "infer"]
    counter = Counter(program, entry, Profile(program, target), 64)
    clock = Clock(resolve(entry, counter.layout, program.chip.hop, ()))
    with_reuse, without = clock.run(counter.flat()), clock.run(counter.flat(), reuse=False)
    assert_same(with_reuse, without, model)
    assert with_reuse.reused > 0.3 * with_reuse.cycles


def test_a_record_has_every_issue() -> None:
    schedule = drawn(0, 60)
    assert schedule is not None
    timeline = Clock(schedule).run(schedule.counts, record=True)
    assert timeline.reused == 0
    assert len(timeline.issues) == timeline.executed.sum()
