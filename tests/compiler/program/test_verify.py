"""A stored program whose hashes are right and whose tables are not is refused in a sentence, or runs; nothing hangs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.compiler.program.verify import verify_program
from ohmflow.compiler.program.verify_streams import stream_executions
from ohmflow.runtime.crossbar.errors import CrossbarError
from ohmflow.runtime.machine.errors import MachineError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load
from tests.compiler.emit.perceptrons import perceptron
from tests.compiler.program.corruption import damage, rewrite, rewrite_tables, tables_of
from tests.runtime.machine.hand_target import hand_target

Tables = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = perceptron((20, 9, 4), ("Tanh",), biased=True)
    folder = tmp_path_factory.mktemp("stored") / "P"
    save_program(compile_model(model, hand_target(), CompileOptions()), folder)
    return folder


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "P"))


def refusal(folder: Path) -> str:
    with pytest.raises(ProgramError) as caught:
        load_program(folder)
    text = str(caught.value)
    assert "\n" not in text and text.endswith("; compile again")
    return text.replace(str(folder), "PROGRAM")


def edited(folder: Path, change: Callable[[Tables], Any]) -> Path:
    tables = tables_of(folder)
    change(tables)
    rewrite_tables(folder, tables)
    return folder


def column(table: str, name: str, row: int, value: int) -> Callable[[Tables], None]:
    def change(tables: Tables) -> None:
        tables[table][name][row] = value

    return change


@pytest.mark.parametrize("rule", ["sgd", "tiki-taka", "c-ttv2", "mixed-precision", "residual"])
@pytest.mark.parametrize(("packing", "optimizer"), [("share", "sgd"), ("spread", "adam")])
def test_compiled_programs_have_no_fault(rule: str, packing: str, optimizer: str) -> None:
    model = perceptron((20, 9, 4), ("Tanh",), biased=True)
    options = CompileOptions(rule=rule, packing=packing, optimizer=optimizer)
    verify_program(compile_model(model, load("rpu-2016"), options))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (column("infer/instructions", "wait0", 2, 99), "instruction 2: wait0 must name one of 7 channels, not 99"),
        (column("infer/instructions", "mnemonic", 0, 77), "instruction 0: mnemonic must be one of the set, not 77"),
        (
            column("infer/instructions", "kind", 0, 2),
            "instruction 0 (send of host): timing rule must be FIXED, not COUNTED",
        ),
        (column("infer/instructions", "t0", 0, 0), "instruction 0 (send of host): times must be 0 to"),
        (
            column("infer/instructions", "t1", 0, 0),
            "instruction 0 (send of host): latency must be at least the occupancy",
        ),
        (column("infer/instructions", "unit", 0, 1), "instruction 0: must name the unit in whose stream it stands"),
        (column("infer/instructions", "array", 3, 7), "instruction 3: array must be one of 2, not 7"),
        (column("infer/channels", "dst", 0, 40), "channel 0: dst must be one of"),
        (column("infer/channels", "dst", 0, 0), "wait0 must be a channel that arrives at its unit"),
        (column("infer/channels", "depth", 0, 2**30), "channel 0: depth must be 1 to"),
        (column("infer/channels", "route_end", 0, 9999), "channel 0: route must lie in the"),
        (column("infer/stream_loops", "end", 0, 9999), "stream loop 0: must enclose at least one of"),
        (column("infer/stream_loops", "end", 0, 4), "stream loop 0: must lie in the stream of one unit"),
        (column("infer/stream_loops", "parent", 1, 0), "stream loop 1: must lie inside its parent, loop 0"),
        (
            column("infer/loops", "trip", 0, 77),
            "loop 0: trip must be one of the entry's whole scalars, not argument 77",
        ),
        (column("infer/operations", "code", 0, 55), "operation 0: code must be one of 19, not 55"),
        (column("infer/operations", "body_end", 2, 9999), "operation 2: its body must end inside the region around it"),
        (column("infer/groups", "width", 0, 2**30), "count group 0: must hold at most"),
        (column("infer/groups", "width", 0, 3), "mvm must have a count group of width 2, not 3"),
        (column("infer/loops", "trip_kind", 0, 0), "map must have 0 operands as its trip is a constant, not 1"),
        (column("infer/loops", "trip_kind", 0, 3), "loop 0:"),
        (column("infer/values", "kind", 0, 9), "value 0: kind must be one of 4"),
    ],
)
def test_a_number_that_points_nowhere_is_refused(folder: Path, change: Callable[[Tables], Any], words: str) -> None:
    assert words in refusal(edited(folder, change))


def test_a_table_of_another_type_is_refused(folder: Path) -> None:
    edited(folder, lambda tables: tables.update({"infer/route": tables["infer/route"].astype(float)}))
    assert refusal(folder) == (
        "PROGRAM/streams.npz: infer/route: must be one list with int32, not 1 dimensions of float64; compile again"
    )


def test_a_cut_table_is_refused(folder: Path) -> None:
    edited(folder, lambda tables: tables.update({"infer/instructions": tables["infer/instructions"][:-1]}))
    assert "stream must divide" in refusal(folder)


def test_a_missing_table_is_refused(folder: Path) -> None:
    edited(folder, lambda tables: tables.pop("infer/route"))
    assert "must hold files of one program" in refusal(folder)


@pytest.mark.parametrize("name", ["streams.npz", "mapping.json", "weights.safetensors"])
@pytest.mark.parametrize("data", [b"", b"{}", b"PK\x03\x04 and nothing more"])
def test_a_file_of_another_kind_is_refused(folder: Path, name: str, data: bytes) -> None:
    if (name, data) == ("weights.safetensors", b"{}"):
        data = b"x"
    rewrite(folder, name, data)
    assert refusal(folder).startswith("PROGRAM")


def test_loops_that_overlap_are_refused(stored: Path, tmp_path: Path) -> None:
    program = load_program(stored)
    loops = program.entries["train_step"].stream_loops
    inner = next((k for k, row in enumerate(loops) if row["parent"] < 0 and row["end"] - row["begin"] > 2), None)
    assert inner is not None
    folder = Path(shutil.copytree(stored, tmp_path / "P"))

    def overlap(tables: Tables) -> None:
        table = tables["train_step/stream_loops"]
        extra = table[inner : inner + 1].copy()
        extra["begin"] += 1
        extra["parent"] = -1
        tables["train_step/stream_loops"] = np.concatenate([table, extra])

    assert "loops must nest" in refusal(edited(folder, overlap))


def run(program: Program, entries: tuple[str, ...] = ("program", "infer", "train_step")) -> None:
    """Run every entry once with a batch of 3."""
    machine = Machine(program, hand_target(), 5)
    rows = {"x": np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32), "label": np.zeros(3, np.int64)}
    scalars = {"lr": 0.1, "inv_batch": 1 / 3, "batch": 3}
    for name in entries:
        known = {a.name for a in program.entries[name].arguments}
        machine.execute(
            name,
            {k: v for k, v in rows.items() if k in known},
            {k: v for k, v in scalars.items() if k in known},
            0,
        )


def is_bounded(program: Program, like: Program) -> bool:
    """Whether a damaged program is about as long as the whole one; others would only take long."""
    return all(
        stream_executions(entry) <= 20 * stream_executions(like.entries[name]) and (entry.loops["trip"] < 1000).all()
        for name, entry in program.entries.items()
    )


@pytest.mark.parametrize("chunk", range(4))
def test_a_damaged_program_is_refused_or_diagnosed_or_runs(chunk: int, stored: Path, tmp_path: Path) -> None:
    whole = load_program(stored)
    folder = Path(shutil.copytree(stored, tmp_path / "P"))
    for seed in range(25 * chunk, 25 * (chunk + 1)):
        tables = tables_of(stored)
        what = damage(np.random.default_rng(seed), tables)
        rewrite_tables(folder, tables)
        try:
            program = load_program(folder)
        except ProgramError as error:
            assert "\n" not in str(error)
            continue
        if is_bounded(program, whole):
            try:
                run(program)
            except (ProgramError, MachineError, CrossbarError) as error:
                assert "\n" not in str(error), what
