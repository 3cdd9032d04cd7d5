"""What people read of memories and of DRAM."""

import pytest
from rich.console import Console

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.residence import residence
from ohmflow.runtime.cli.show_memory import memory_lines, show_memory
from tests.compiler.emit.perceptrons import perceptron
from tests.compiler.program.golden import check_golden
from tests.runtime.machine.hand_target import hand_target

DRAM = {
    **{"channels": 2, "node": [1, 0], "bandwidth": "8 GB/s", "latency": "20 ns", "burst": "4 B", "page": "64 B"},
    **{"queue": 2, "capacity": "1 MiB"},
}


@pytest.fixture(scope="module")
def program() -> Program:
    model = perceptron((12, 10, 6), ("Relu", ""), True)
    return compile_model(model, hand_target(chip__dram=DRAM), CompileOptions(loss="mse"))


def test_what_stays_and_what_goes_first_is_told(program: Program) -> None:
    lines = memory_lines(residence(program, "train_step", 1), has_dram=True)
    check_golden("memory/explained.txt", "\n".join(lines))


def test_without_dram_only_what_fits_is_told() -> None:
    model = perceptron((12, 10, 6), ("Relu", ""), True)
    plain = compile_model(model, hand_target(), CompileOptions(loss="mse"))
    for line in memory_lines(residence(plain, "train_step", 1), has_dram=False):
        assert "a batch of up to" in line
        assert "DRAM" not in line


def test_what_is_in_dram_is_told_with_its_traffic(program: Program) -> None:
    screen = Console(width=200, record=True, file=None, quiet=False)
    with screen.capture() as captured:
        show_memory(screen, residence(program, "train_step", 4000), program)
    check_golden("memory/in_dram.txt", captured.get())


def test_nothing_is_told_where_all_fits(program: Program) -> None:
    screen = Console(width=200)
    with screen.capture() as captured:
        show_memory(screen, residence(program, "train_step", 2), program)
    assert captured.get() == ""


def test_what_is_moved_is_what_the_plan_says(program: Program) -> None:
    for unit in residence(program, "train_step", 4000):
        away = sum(moved.bytes for moved in unit.moved)
        assert unit.held <= unit.size
        assert unit.keeps - away <= unit.held
        assert all(moved.loaded >= moved.stored >= moved.bytes for moved in unit.moved)
