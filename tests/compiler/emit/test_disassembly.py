"""The program of the digits perceptron as text: a golden that shows every change of the emitter."""

from pathlib import Path

import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.disassembly import disassemble
from ohmflow.compiler.program.program import Program
from tests.compiler.program.golden import check_golden
from tests.runtime.machine.hand_target import hand_target

MODEL = Path(__file__).parents[3] / "examples" / "models" / "digits_mlp.onnx"


@pytest.fixture(scope="module")
def program() -> Program:
    target = hand_target(tile__crossbar={"rows": 256, "cols": 128, "cell": "single-with-reference"}, chip__mesh="2 x 2")
    return compile_model(MODEL, target, CompileOptions())


def test_digits_program_is_as_its_golden_says(program: Program) -> None:
    check_golden("program/digits_mlp.txt", disassemble(program))


def test_every_instruction_is_a_line_and_every_loop_too(program: Program) -> None:
    lines = [line.strip() for line in disassemble(program).splitlines()]
    for entry in program.entries.values():
        assert len(entry.instructions) > 0
    assert sum(line[:1].isdigit() for line in lines) == sum(len(e.instructions) for e in program.entries.values())
    assert sum(line.startswith("loop ") for line in lines) == sum(len(e.stream_loops) for e in program.entries.values())
