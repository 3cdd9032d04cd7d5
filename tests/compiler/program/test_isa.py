"""The instruction set of the page is the one of the code, and compiled programs use nothing else."""

from pathlib import Path

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.isa import FORMS, RULES, TIMING, isa_table
from ohmflow.compiler.program.tables import Mnemonic
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.machine.hand_target import hand_target

PAGE = Path(__file__).parents[3] / "docs" / "microarchitecture.md"


def test_every_mnemonic_has_a_form() -> None:
    assert set(FORMS) == set(Mnemonic)
    assert set(RULES) == set(TIMING)


def test_the_page_has_the_table() -> None:
    assert isa_table() in PAGE.read_text(), "print it with: ohmflow disasm --isa"


@pytest.mark.parametrize("packing", ["share", "spread"])
def test_compiled_instructions_are_of_their_forms(packing: str) -> None:
    model = perceptron((20, 9, 4), ("Tanh",), biased=True)
    program = compile_model(model, hand_target(), CompileOptions(packing=packing))
    kinds = np.array([u.kind for u in program.chip.units])
    for entry in program.entries.values():
        for row in entry.instructions:
            form = FORMS[Mnemonic(int(row["mnemonic"]))]
            assert kinds[row["unit"]] in form.units
            assert row["kind"] == form.kind
            assert (row["array"] >= 0) == form.on_block
            assert (row["group"] >= 0) <= ("n" in form.operands)
            assert (row["wait0"] >= 0) == ("<- channel" in form.operands)
            assert (row["signal"] >= 0) <= ("-> channel" in form.operands)
