"""Faults that a program may have are refused or diagnosed in a sentence that names units and cycle; nothing hangs."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import CHANNEL, FIXED, INSTRUCTION, LOOP, Schedule
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.errors import DeadlockError, EndlessError, ScratchpadError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load
from tests.compiler.emit.perceptrons import perceptron
from tests.compiler.program.corruption import rewrite_tables, tables_of
from tests.runtime.machine.hand_target import hand_target


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stored") / "P"
    save_program(compile_model(perceptron((20, 9, 4), ("Tanh",), biased=True), hand_target(), CompileOptions()), folder)
    return folder


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / "P"))


def infer(program: Program, samples: int = 3) -> None:
    machine = Machine(program, hand_target(), 5)
    machine.execute("program", {}, {}, 0)
    rows = np.random.default_rng(0).standard_normal((samples, 20)).astype(np.float32)
    machine.execute("infer", {"x": rows}, {"batch": samples}, 0)


def place_of(program: Program, unit: str, mnemonic: str, number: int = 0) -> int:
    """Row of an instruction of `infer`: the one of this kind with this number on this unit."""
    from ohmflow.compiler.program.tables import Mnemonic

    table = program.entries["infer"].instructions
    index = [u.name for u in program.chip.units].index(unit)
    found = np.flatnonzero((table["unit"] == index) & (table["mnemonic"] == Mnemonic[mnemonic]))
    return int(found[number])


def test_a_program_for_another_target_is_refused(stored: Path) -> None:
    program, other = load_program(stored), load("rpu-2016")
    own = program.manifest["target_hash"][:12]
    with pytest.raises(ProgramError) as caught:
        Machine(program, other, 0)
    assert str(caught.value) == (
        f"program: the target must be {program.manifest['target']} ({own}), for which it was compiled, not rpu-2016 "
        f"({other.content_hash[:12]}); compile the model for this target"
    )


def test_a_stream_with_a_flipped_bit_is_refused_by_its_hash(folder: Path) -> None:
    file = folder / "streams.npz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ProgramError) as caught:
        load_program(folder)
    assert str(caught.value) == (
        f"{file}: must have the sha256 that manifest.json lists, but was changed; compile again"
    )


def test_a_corrupted_stream_with_a_right_hash_is_refused_with_its_instruction_and_unit(folder: Path) -> None:
    tables = tables_of(folder)
    at = place_of(load_program(folder), "tile(0,0)", "MVM")
    tables["infer/instructions"]["t1"][at] = 0
    rewrite_tables(folder, tables)
    with pytest.raises(ProgramError) as caught:
        load_program(folder)
    assert str(caught.value) == (
        f"{folder}: entry infer: instruction {at} (mvm of tile(0,0)): conversion must take at least 1 cycle, not 0; "
        "compile again"
    )


def test_a_dependency_cycle_is_diagnosed_with_units_instructions_layers_and_cycle(folder: Path) -> None:
    """The tile waits for the second layer's input before it reads the first, of which that input is made."""
    program = load_program(folder)
    first, second = (place_of(program, "tile(0,0)", "RECV", k) for k in (0, 1))
    tables = tables_of(folder)
    table = tables["infer/instructions"]
    table[[first, second]] = table[[second, first]]
    rewrite_tables(folder, tables)
    with pytest.raises(DeadlockError) as caught:
        infer(load_program(folder))
    assert str(caught.value) == GOLDEN_CYCLE


GOLDEN_CYCLE = (
    "clock: every unit must reach the end of its stream, but no event is left after cycle 57: "
    "host at instruction 0 (send) waits for a credit of channel 0 to tile(0,0); "
    "host.results at instruction 2 (recv of infer_1) waits for a message on channel 6 from vector(0,0); "
    "tile(0,0) at instruction 3 (recv of infer_0) waits for a message on channel 4 from vector(0,0); "
    "vector(0,0) at instruction 7 (recv of w0) waits for a message on channel 2 from tile(0,0); "
    "tile(1,0) at instruction 16 (recv) waits for a message on channel 1 from host"
)


def test_a_buffer_that_overflows_is_refused_with_its_unit_and_what_would_fit(stored: Path) -> None:
    machine = Machine(load_program(stored), hand_target(), 5)
    with pytest.raises(ScratchpadError) as caught:
        machine.check_memory("train_step", 10**9)
    assert str(caught.value) == GOLDEN_OVERFLOW


GOLDEN_OVERFLOW = (
    "train_step: what tile(0,0) keeps for a batch of 1000000000 must fit its memory of 65,536 bytes, not "
    "128,000,000,000; use a batch of at most 512, spread the arrays over the chip (--packing spread), give the chip "
    "DRAM (chip.dram, as protonic-psg-hbm2 has), or take a target with more memory there"
)


def endless(trip: int) -> Schedule:
    """A unit that does one thing again and again, and another that waits for it."""
    instructions = np.zeros(2, INSTRUCTION)
    instructions["kind"] = FIXED
    for name in ("wait0", "wait1", "signal", "count"):
        instructions[name] = -1
    instructions["t0"] = instructions["t1"] = 3
    instructions["wait0"][1] = 0
    loops = np.zeros(1, LOOP)
    loops["end"], loops["parent"], loops["trip"], loops["count"] = 1, -1, 1, 0
    channels = np.array([(0, 1, 2, 1, 0, 0)], CHANNEL)
    return Schedule(
        stream=np.array([0, 1, 2], np.int32),
        instructions=instructions,
        loops=loops,
        channels=channels,
        route=np.zeros(0, np.int32),
        hop=np.zeros(0, np.int32),
        counts=np.array([trip], np.int64),
        unit_names=("vector(0,0)", "host"),
    )


def test_a_loop_whose_trip_no_machine_ends_is_given_up_with_units_and_cycle() -> None:
    schedule = endless(1 << 62)
    with pytest.raises(EndlessError) as caught:
        Clock(schedule, lambda at: ("vec of softmax", "recv")[at]).run(schedule.counts, most=1000)
    assert str(caught.value) == (
        "clock: an entry must end within 1,000 instructions and messages, not go on in cycle 3000: vector(0,0) ran "
        "instruction 0 (vec of softmax) 1,000 times; host ran instruction 1 (recv) 0 times"
    )


def test_a_schedule_that_ends_within_the_bound_is_not_given_up() -> None:
    schedule = endless(999)
    with pytest.raises(DeadlockError, match=r"no event is left after cycle 2997: host at instruction 1 waits for"):
        Clock(schedule).run(schedule.counts, most=1000)
