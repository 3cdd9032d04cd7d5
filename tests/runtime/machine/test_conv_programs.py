"""Convolutional networks on small chips: both clocks agree, and streaming pays."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.emit.parts import PartsPlan
from ohmflow.compiler.program.entry import CountLayout, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Schedule
from ohmflow.runtime.machine.clock import simulate
from tests.compiler.emit.conv_networks import ConvCase, NetworkWriter, conv_cases
from tests.runtime.machine.both_clocks import Bench, same_timeline
from tests.runtime.machine.hand_target import hand_target

few = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
some = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def check_training_step(case: ConvCase) -> None:
    """One step and one inference, values first, then both clocks; neither may stick or leave messages."""
    program = compile_model(case.model, case.target, case.options)
    bench = Bench(program, case.target, case.seed)
    _, timeline, counts = bench.run(
        "train_step", case.rows(), {"lr": 0.05, "inv_batch": 1 / case.batch, "batch": case.batch}
    )
    assert (timeline.phase_cycles.sum(axis=1) == timeline.cycles).all()
    assert counts


@given(conv_cases(layers=2, largest=4))
@few
def test_both_clocks_agree_on_a_training_step(case: ConvCase) -> None:
    check_training_step(case)


@pytest.mark.slow
@given(conv_cases(layers=3, largest=6, most=3))
@many
def test_both_clocks_agree_on_many_training_steps(case: ConvCase) -> None:
    check_training_step(case)


def schedules(program: Program, batch: int, seed: int) -> list[Schedule]:
    """All entries, with counts from 0 to 3, which are the same for the same program."""
    found = []
    for name in ("infer", "train_step"):
        entry = program.entries[name]
        layout = CountLayout.of(entry, {"batch": batch})
        schedule = resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units])
        schedule.counts[:] = np.random.default_rng(seed).integers(0, 4, layout.size)
        found.append(schedule)
    return found


def whole(case: ConvCase) -> Program:
    """The same network, no operation of which works in parts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PartsPlan, "in_parts", property(lambda _: False))
        return compile_model(case.model, case.target, case.options)


@given(conv_cases(layers=4, largest=10))
@some
def test_entries_with_any_counts_run_to_their_end(case: ConvCase) -> None:
    for schedule in schedules(compile_model(case.model, case.target, case.options), case.batch, case.seed):
        simulate(schedule)


@given(conv_cases(layers=3, largest=14, smallest=10))
@settings(some, max_examples=6)
def test_streaming_is_never_slower(case: ConvCase) -> None:
    check_not_slower(case)


def check_not_slower(case: ConvCase) -> None:
    streamed, plain = (
        [simulate(s).cycles for s in schedules(program, case.batch, case.seed)]
        for program in (compile_model(case.model, case.target, case.options), whole(case))
    )
    for fast, slow in zip(streamed, plain, strict=True):
        # Parts of messages each have a head flit, and parts of vector work are rounded up to whole cycles; images of a
        # few pixels can lose more by it.
        assert fast <= slow * 1.02


@pytest.mark.slow
@given(conv_cases(layers=4, largest=18, smallest=10, most=3))
@settings(many, max_examples=60)
def test_streaming_is_never_slower_in_many_networks(case: ConvCase) -> None:
    check_not_slower(case)


def deep(vectors: int = 2, packing: str = "spread", size: int = 14) -> ConvCase:
    """Three convolutions of 3 x 3, each with pads, on tiles of their own."""
    writer = NetworkWriter()
    x = writer.start((1, size, size))
    for _ in range(3):
        x = writer.conv(x, 4, (3, 3), pads=(1, 1, 1, 1))
        x = writer.node("Relu", [x], writer.shapes[x])
    target = hand_target(
        tile__crossbar={"rows": 64, "cols": 16, "cell": "single-with-reference"},
        tile__buffer={"size": "1 MiB", "port": "32 B", "vectors": vectors},
        chip__vector_unit__scratchpad={"size": "1 MiB", "port": "32 B"},
        chip__mesh="8 x 8",
    )
    return ConvCase(writer.model(writer.dense(x, 3)), target, CompileOptions(loss="mse", packing=packing), 1, 0)


@pytest.mark.parametrize("vectors", [1, 2])
def test_layers_on_different_tiles_overlap(vectors: int) -> None:
    case = deep(vectors)
    streamed, plain = (
        [simulate(s).cycles for s in schedules(program, 1, 0)]
        for program in (compile_model(case.model, case.target, case.options), whole(case))
    )
    for fast, slow in zip(streamed, plain, strict=True):
        assert fast < 0.75 * slow


@pytest.mark.parametrize("packing", ["share", "spread"])
def test_both_clocks_agree_on_overlapping_layers(packing: str) -> None:
    case = deep(1, packing, 6)
    program = compile_model(case.model, case.target, case.options)
    same_timeline(schedules(program, 1, 3)[0])
