"""What goes to DRAM: nothing of the values changes, every byte comes back, and any batch fits."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.entry import CountLayout, resolve
from ohmflow.compiler.program.kept import KEPT, needs, spilled
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Mnemonic, Trip
from ohmflow.runtime.machine.clock import simulate
from ohmflow.runtime.machine.errors import ScratchpadError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.memory_fit import shortages
from ohmflow.targets.schema.chip import Scratchpad
from ohmflow.targets.schema.dram import Dram
from ohmflow.targets.schema.target import Target
from tests.compiler.emit.conv_networks import ConvCase, conv_cases
from tests.compiler.emit.perceptrons import Case, cases, perceptron
from tests.runtime.machine.both_clocks import Bench, same_timeline
from tests.runtime.machine.hand_target import hand_target

few = settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
some = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

DRAM: dict[str, Any] = {
    "channels": 2,
    "node": [1, 0],
    "bandwidth": "8 GB/s",
    "latency": "20 ns",
    "burst": "4 B",
    "page": "64 B",
    "queue": 2,
    "capacity": "1 MiB",
}


def with_dram(target: Target, scratchpad: str = "", **changes: Any) -> Target:
    """The target with DRAM, and with another size of its scratchpads if given."""
    return with_chip(target, Dram.model_validate({**DRAM, **changes}), scratchpad)


def with_chip(target: Target, dram: Dram | None, scratchpad: str = "") -> Target:
    """The target with other memories."""
    assert target.chip is not None
    unit = target.chip.vector_unit
    if scratchpad:
        size = Scratchpad.model_validate({"size": scratchpad, "port": "32 B"})
        unit = unit.model_copy(update={"scratchpad": size})
    made = target.model_copy(update={"chip": target.chip.model_copy(update={"dram": dram, "vector_unit": unit})})
    made.__dict__.pop("content_hash", None)  # what was copied is that of the other target
    return made


def all_away(program: Program, batch: int) -> Program:
    """The program with memories of a byte, so that all that gains anything by it is in DRAM."""
    entries = {}
    for name, entry in program.entries.items():
        kept = entry.kept.copy()
        kept["room"] = 1
        kept["staging"] = np.minimum(kept["staging"], 1)  # so that things of a byte or two go, too
        entries[name] = replace(entry, kept=kept)
    found = replace(program, entries=entries)
    kept = found.entries["train_step"].kept
    assert spilled(kept, batch)[(kept["channel"] >= 0) & (kept["per_sample"] > 1)].all()
    return found


def check_step(case: Case | ConvCase, rows: dict[str, np.ndarray], lr: float = 0.05) -> None:
    """A step with all in DRAM: both clocks agree, and results are those of the same chip without DRAM."""
    scalars = {"lr": lr, "inv_batch": 1 / case.batch, "batch": case.batch}
    target = with_dram(case.target)
    program = all_away(compile_model(case.model, target, case.options), case.batch)
    bench, plain = (
        Bench(program, target, case.seed),
        Machine(compile_model(case.model, case.target, case.options), case.target, case.seed),
    )
    for array, record in zip(plain.values.arrays, plain.program.arrays, strict=True):
        array.program(plain.program.weights[record.name])
    results, timeline, _ = bench.run("train_step", rows, scalars)
    expected, _ = plain.values.run("train_step", rows, scalars, 0)
    assert results.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(results[name], expected[name])
    for array, other in zip(bench.machine.values.arrays, plain.values.arrays, strict=True):
        np.testing.assert_array_equal(array.weights(), other.weights())
    moves = np.isin(program.entries["train_step"].instructions["mnemonic"], (Mnemonic.STORE, Mnemonic.FETCH))
    assert timeline.executed[moves].any()


def rows_of(case: Case) -> dict[str, np.ndarray]:
    """Inputs and labels of a perceptron."""
    rng = np.random.default_rng(case.seed)
    made: dict[str, np.ndarray] = {}
    for argument in compile_model(case.model, case.target, case.options).entries["train_step"].arguments:
        if argument.kind == "rows":
            shape = (case.batch, *argument.shape)
            is_class = argument.dtype == "int64"
            made[argument.name] = (
                rng.integers(0, 2, shape) if is_class else rng.standard_normal(shape).astype(np.float32)
            )
    return made


@given(cases())
@some
def test_a_step_with_all_in_dram_has_the_same_values_and_both_clocks_agree(case: Case) -> None:
    check_step(case, rows_of(case))


@given(conv_cases(layers=2, largest=4))
@few
def test_a_step_of_a_convolution_with_all_in_dram_has_the_same_values(case: ConvCase) -> None:
    check_step(case, case.rows())


@pytest.mark.slow
@given(conv_cases(layers=3, largest=6, most=3))
@many
def test_many_steps_with_all_in_dram_have_the_same_values(case: ConvCase) -> None:
    check_step(case, case.rows())


def moved(program: Program, batch: int) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes that a step stores and fetches, by thing, as the streams' loops say; sizes are of whole bursts."""
    entry = program.entries["train_step"]
    layout = CountLayout.of(entry, {"batch": batch})
    timeline = simulate(resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units]))
    found: dict[Mnemonic, dict[str, int]] = {Mnemonic.STORE: {}, Mnemonic.FETCH: {}}
    for loop in entry.stream_loops:
        row = entry.loops[loop["loop"]]
        if row["trip_kind"] != Trip.SPILL:
            continue
        name = entry.kept_names[row["kept"]] + str(program.chip.units[entry.kept["unit"][row["kept"]]].name)
        for i in range(loop["begin"], loop["end"]):
            instruction = entry.instructions[i]
            mnemonic = Mnemonic(int(instruction["mnemonic"]))
            if mnemonic in found:
                size = int(instruction["buffer_write"] + instruction["buffer_read"])
                table = found[mnemonic]
                table[name] = table.get(name, 0) + size * int(timeline.executed[i])
    return found[Mnemonic.STORE], found[Mnemonic.FETCH]


def test_every_byte_that_is_stored_is_fetched_as_often_as_it_is_used() -> None:
    target = with_dram(hand_target())
    program = all_away(
        compile_model(perceptron((12, 10, 6), ("Relu", ""), True), target, CompileOptions(loss="mse")), 3
    )
    kept = program.entries["train_step"].kept
    stored, fetched = moved(program, 3)
    assert stored.keys() == fetched.keys()
    assert sum(stored.values()) == 3 * int(kept["stored"][spilled(kept, 3)].sum())
    assert sum(fetched.values()) == 3 * int(kept["loaded"][spilled(kept, 3)].sum())
    for name, size in stored.items():
        assert size > 0
        assert fetched[name] % size == 0, name


def test_nothing_moves_where_all_fits_and_time_is_that_of_a_chip_without() -> None:
    plain = hand_target()
    model, options = perceptron((12, 10, 6), ("Relu", ""), True), CompileOptions(loss="mse")
    timelines = []
    for target in (plain, with_dram(plain)):
        program = compile_model(model, target, options)
        entry = program.entries["train_step"]
        layout = CountLayout.of(entry, {"batch": 4})
        names = [u.name for u in program.chip.units]
        timelines.append(same_timeline(resolve(entry, layout, program.chip.hop, names)))
        assert not spilled(entry.kept, 4).any()
    assert timelines[0].cycles == timelines[1].cycles


def test_moving_costs_time() -> None:
    target = with_dram(hand_target(), bandwidth="100 MB/s")
    program = compile_model(perceptron((12, 10, 6), ("Relu", ""), True), target, CompileOptions(loss="mse"))
    cycles = []
    for one in (program, all_away(program, 4)):
        entry = one.entries["train_step"]
        layout = CountLayout.of(entry, {"batch": 4})
        cycles.append(simulate(resolve(entry, layout, one.chip.hop, [])).cycles)
    assert cycles[1] > 2 * cycles[0]


@given(cases())
@some
def test_any_batch_fits_with_dram(case: Case) -> None:
    target = with_dram(case.target, "4 KiB", capacity="1000 GiB")
    program = compile_model(case.model, target, case.options)
    for batch in (1, 100, 10**6):
        assert shortages(program, "train_step", batch) == ()
    without = compile_model(case.model, with_dram(case.target, "4 KiB"), case.options)
    assert {s.unit.split("(")[0] for s in shortages(without, "train_step", 10**6)} <= {"dram"}


def test_a_batch_that_was_refused_runs_and_without_dram_the_refusal_names_it() -> None:
    small = {"scratchpad": "256 B"}
    model, options = perceptron((12, 10, 6), ("Relu", ""), False), CompileOptions(loss="mse")
    target = with_dram(hand_target(), **small)
    rows = {"x": np.ones((20, 12), np.float32)}
    scalars = {"lr": 0.1, "inv_batch": 1 / 20, "batch": 20}
    program = compile_model(model, target, options)
    label = next(a for a in program.entries["train_step"].arguments if a.kind == "rows" and a.name != "x")
    rows[label.name] = np.zeros((20, *label.shape), np.float32)
    machine = Machine(program, target, 1)
    machine.execute("train_step", rows, scalars, 0)
    machine.close_epoch(1)
    kinds = {(key[2], key[3]) for key in machine.book.counts[1] if key[0].startswith("dram")}
    assert {("dram", "dram_write_byte"), ("dram", "dram_read_byte"), ("leakage", "leak_cycle")} <= kinds
    phases = {key[1] for key in machine.book.counts[1] if key[3] == "dram_read_byte"}
    assert phases <= {PHASES[1], PHASES[2]}, "loads are for the way back and for updates"
    bare = with_chip(target, None)
    with pytest.raises(ScratchpadError, match=r"must fit its memory of 256 bytes, .* give the chip DRAM \(chip.dram"):
        Machine(compile_model(model, bare, options), bare, 1).execute("train_step", rows, scalars, 0)


def test_full_dram_is_refused_by_name() -> None:
    target = with_dram(hand_target(), "1 KiB", capacity="2 KiB")
    program = compile_model(perceptron((12, 10, 6), ("Relu", ""), True), target, CompileOptions(loss="mse"))
    full = shortages(program, "train_step", 1000)
    assert [short.unit for short in full] == ["dram(1,0)"], "channels are one memory"
    assert full[0].size == 2 * 2048
    most = full[0].most
    assert shortages(program, "train_step", most) == () != shortages(program, "train_step", most + 1)


@pytest.mark.parametrize("rule", ["tiki-taka-v2", "agad"])
def test_matrices_of_a_rule_go_line_by_line(rule: str) -> None:
    target = with_dram(hand_target(), "1 KiB")
    options = CompileOptions(loss="mse", rule=rule, rule_options={"memory": 10})
    program = compile_model(perceptron((12, 10, 6), ("Relu", ""), False), target, options)
    entry = program.entries["train_step"]
    hidden = [k for k, name in enumerate(entry.kept_names) if name.endswith(".H")]
    away = spilled(entry.kept, 2)
    assert away[hidden].any()
    assert not shortages(program, "train_step", 50)
    bench = Bench(program, target, 3)
    label = next(a for a in entry.arguments if a.kind == "rows" and a.name != "x")
    rng = np.random.default_rng(0)
    rows = {"x": rng.standard_normal((2, 12)), label.name: rng.standard_normal((2, *label.shape))}
    rows = {name: value.astype(np.float32) for name, value in rows.items()}
    _, timeline, _ = bench.run("train_step", rows, {"lr": 0.1, "inv_batch": 0.5, "batch": 2})
    fetches = entry.instructions["mnemonic"] == Mnemonic.FETCH
    lines = entry.instructions[fetches & (timeline.executed > 0)]
    assert (lines["wait0"] >= 0).any(), "a line is asked for by its number"


def test_a_table_of_a_program_without_dram_lists_what_it_keeps_and_nothing_goes() -> None:
    program = compile_model(perceptron((12, 10, 6), ("Relu", ""), True), hand_target(), CompileOptions(loss="mse"))
    for entry in program.entries.values():
        assert entry.kept.dtype == KEPT
        assert (entry.kept["channel"] == -1).all()
        memory = program.manifest["memory"][entry.name]
        for unit, (need, _) in needs(entry.kept, 7).items():
            fixed, per_sample, _ = memory[program.chip.units[unit].name]
            assert need == fixed + 7 * per_sample
