"""A pipelined step: samples overlap, and the timeline implies the version of each read that is written on it."""

from collections import Counter

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.beats import reads_behind
from ohmflow.compiler.program.entry import CountLayout, Entry, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import Schedule, Timeline
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.compiler.tile.dialect import parse_tile, print_tile
from tests.compiler.emit.perceptrons import perceptron
from tests.machine.stepping_model import step_through
from tests.runtime.machine.hand_target import hand_target

READS = (Mnemonic.MVM, Mnemonic.MVM_T)


def compiled(depth: int = 0, schedule: str = "pipelined", packing: str = "spread") -> Program:
    model = perceptron((20, 9, 6, 4), ("Tanh", "Relu"), biased=True)
    options = CompileOptions(packing=packing, schedule=schedule, pipeline_depth=depth)
    return compile_model(model, hand_target(), options)


def timed(program: Program, samples: int) -> tuple[Schedule, Timeline]:
    """Walk through a step with drawn counts, cycle by cycle."""
    entry = program.entries["train_step"]
    pipelined = bool(program.pipelined)
    layout = CountLayout.of(entry, {"batch": 1 if pipelined else samples})
    names = [u.name for u in program.chip.units]
    schedule = resolve(entry, layout, program.chip.hop, names, executions=samples if pipelined else 1)
    schedule.counts[:] = np.random.default_rng(samples).integers(0, 3, len(schedule.counts))
    return schedule, step_through(schedule)


def implied(entry: Entry, timeline: Timeline) -> list[tuple[int, int, int]]:
    """(operation, its execution, updates of the block before it) of each read, in the order of their issue."""
    seen: list[tuple[int, int, int]] = []
    updates: Counter[tuple[int, int]] = Counter()
    reads: Counter[tuple[int, int, int]] = Counter()
    for instruction, *_ in sorted(timeline.issues.tolist(), key=lambda issue: issue[1]):
        row = entry.instructions[instruction]
        block = (int(row["array"]), int(row["block"]))
        if row["mnemonic"] == Mnemonic.UPDATE:
            updates[block] += 1
        elif row["mnemonic"] in READS:
            operation = int(row["operation"])
            seen.append((operation, reads[*block, operation], updates[block]))
            reads[*block, operation] += 1
    return seen


@pytest.mark.parametrize("packing", ["spread", "share"])
@pytest.mark.parametrize("depth", [0, 1, 2, 5])
def test_the_timeline_implies_the_versions_that_the_program_tells(depth: int, packing: str) -> None:
    program = compiled(depth, packing=packing)
    entry = program.entries["train_step"]
    behind = reads_behind(entry.operations)
    for samples in (1, 2, 7):
        _, timeline = timed(program, samples)
        versions = implied(entry, timeline)
        assert len(versions) >= 5 * samples
        for operation, execution, version in versions:
            assert version == max(0, execution - behind[operation])


def test_earlier_layers_are_further_behind_and_transposed_reads_not_at_all() -> None:
    program = compiled()
    entry = program.entries["train_step"]
    told = {
        (int(entry.operations["symbol"][k]), int(entry.operations["code"][k])): n
        for k, n in reads_behind(entry.operations).items()
    }
    assert [n for _, n in sorted(told.items())] == [2, 1, 0, 0, 0]


def test_depth_one_is_one_sample_after_the_other() -> None:
    operations = compiled(depth=1).entries["train_step"].operations
    assert not operations["lag"].any() and set(reads_behind(operations).values()) == {0}


def test_a_pipelined_step_executes_what_as_many_steps_of_one_sample_do() -> None:
    pipelined, sequential = compiled(), compiled(schedule="sequential")
    (_, many), (_, one) = timed(pipelined, 6), timed(sequential, 1)

    def executed(program: Program, timeline: Timeline) -> Counter[tuple[int, int]]:
        rows = program.entries["train_step"].instructions
        found: Counter[tuple[int, int]] = Counter()
        for row, times in zip(rows, timeline.executed.tolist(), strict=True):
            found[int(row["unit"]), int(row["mnemonic"])] += times
        return found

    assert executed(pipelined, many) == Counter({key: 6 * n for key, n in executed(sequential, one).items()})


def test_deeper_pipelines_overlap_more() -> None:
    cycles = [timed(compiled(depth), 12)[1].cycles for depth in (1, 2, 3)]
    assert cycles[0] > cycles[1] > cycles[2]


def test_what_overlaps_survives_storage_and_text(tmp_path) -> None:  # type: ignore[no-untyped-def]
    program = compiled()
    save_program(program, tmp_path / "P")
    loaded = load_program(tmp_path / "P")
    assert loaded.pipelined == ("train_step",)
    np.testing.assert_array_equal(
        loaded.entries["train_step"].operations["lag"], program.entries["train_step"].operations["lag"]
    )
    assert "behind = 2" in program.tile_ir
    assert print_tile(parse_tile(program.tile_ir)) == program.tile_ir
