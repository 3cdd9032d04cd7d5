"""Skipping periods with a network of flits changes nothing, whatever is in the network meanwhile."""

import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.schedule import Schedule, Timeline
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.clock_flits import FlitNetwork, network_of
from ohmflow.targets.registry import load
from tests.machine.flit_schedules import flit_case
from tests.machine.stepping_flits import step_flits
from tests.machine.test_reuse import assert_same, drawn


def schedule_of_case(seed: int) -> Schedule:
    """The schedule of a case alone."""
    return flit_case(seed).schedule


def both(schedule: Schedule, network: FlitNetwork) -> tuple[Timeline, Timeline]:
    """The timeline with and without reuse."""
    clock = Clock(schedule, network=network)
    return clock.run(schedule.counts), clock.run(schedule.counts, reuse=False)


def assert_reuse_changes_nothing(first: int, number: int) -> tuple[int, int]:
    """Compare; returns how many schedules had something skipped, and how many there were."""
    reused = steps = 0
    for seed in range(first, first + number):
        schedule = drawn(seed, 40 + seed % 90, schedule_of_case)
        if schedule is None:
            continue
        with_reuse, without = both(schedule, flit_case(seed).network)
        assert_same(with_reuse, without, f"drawn({seed})")
        assert without.reused == 0
        reused += with_reuse.reused > 0
        steps += 1
    return reused, steps


@pytest.mark.parametrize("chunk", range(3))
def test_reuse_changes_nothing_on_random_schedules_with_flits(chunk: int) -> None:
    reused, steps = assert_reuse_changes_nothing(chunk * 60, 60)
    assert reused > steps // 10, "what repeats is found, with the pointers of the routers where they were"


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(20))
def test_reuse_changes_nothing_on_10000_random_schedules_with_flits(chunk: int) -> None:
    assert_reuse_changes_nothing(10_000 + chunk * 500, 500)


def test_reuse_with_flits_equals_the_stepping_model() -> None:
    for seed in range(8):
        schedule = drawn(seed, 14, schedule_of_case)
        case = flit_case(seed)
        if schedule is not None:
            timeline = Clock(schedule, network=case.network).run(schedule.counts)
            assert_same(timeline, step_flits(schedule, case.mesh), f"drawn({seed}, 14)")


def test_reuse_changes_nothing_of_a_compiled_program_and_skips_much_of_it() -> None:
    target = load("rpu-2016", {"chip.network.level": "flits"})
    program = compile_model("examples/models/digits_mlp.onnx", target, CompileOptions(packing="spread"))
    entry = program.entries["train_step"]
    counter = Counter(program, entry, Profile(program, target), 64)
    network = network_of(program.chip, target)
    assert network is not None
    clock = Clock(resolve(entry, counter.layout, program.chip.hop, ()), network=network)
    with_reuse, without = clock.run(counter.flat()), clock.run(counter.flat(), reuse=False)
    assert_same(with_reuse, without, "digits_mlp")
    assert with_reuse.reused > 0.3 * with_reuse.cycles
