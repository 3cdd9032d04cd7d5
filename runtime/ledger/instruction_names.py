"""What instructions are, in words for messages."""

from collections.abc import Callable
from functools import cache

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.runtime.ledger.layer_names import NO_LAYER, layer_names


def instruction_names(program: Program, entry: Entry) -> Callable[[int], str]:
    """Make a function that says what an instruction is: its mnemonic, and its layer if it has one.

    Args:
        program: whose arrays and segments.
        entry: one of its entries. Nothing is looked up before the function is called.

    Returns:
        Such as `mvm of fc1` for the number of an instruction.
    """

    @cache
    def layers() -> tuple[str, ...]:
        return layer_names(program, entry)

    def name_of(at: int) -> str:
        mnemonic = Mnemonic(int(entry.instructions["mnemonic"][at])).name.lower()
        return mnemonic if layers()[at] == NO_LAYER else f"{mnemonic} of {layers()[at]}"

    return name_of
