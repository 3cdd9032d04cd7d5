"""The instruction set: what each mnemonic does, where, on what, and by which timing rule.

The table of `docs/microarchitecture.md` says the same, and a test compares them; the verifier of stored programs
refuses what is not in it.
"""

from dataclasses import dataclass

from ohmflow.compiler.program.schedule import COUNTED, FIXED, READ
from ohmflow.compiler.program.tables import Mnemonic

RULES = {FIXED: "FIXED", READ: "READ", COUNTED: "COUNTED"}
"""Names of the timing rules."""

TIMING = {FIXED: ("occupancy", "latency"), READ: ("A", "C", "L", "mode"), COUNTED: ("set-up", "each")}
"""What t0, t1, t2, t3 are, by timing rule."""


@dataclass(frozen=True)
class Form:
    """An instruction of the set.

    Attributes:
        mnemonic: what it is.
        units: kinds of unit that have it.
        kind: its timing rule.
        operands: as the disassembly writes them.
        meaning: what it does, in a sentence.
    """

    mnemonic: Mnemonic
    units: tuple[str, ...]
    kind: int
    operands: tuple[str, ...]
    meaning: str

    @property
    def name(self) -> str:
        """The mnemonic as text."""
        return self.mnemonic.name.lower()

    @property
    def on_block(self) -> bool:
        """Whether it works on a block of an array."""
        return "block" in self.operands


FORMS = {
    form.mnemonic: form
    for form in (
        Form(
            Mnemonic.RECV,
            ("tile", "vector", "host"),
            FIXED,
            ("<- channel",),
            "takes one message from a channel and writes it to the unit's memory",
        ),
        Form(
            Mnemonic.SEND,
            ("tile", "vector", "host"),
            FIXED,
            ("-> channel",),
            "reads one vector from the unit's memory and sends it",
        ),
        Form(Mnemonic.LOAD, ("tile",), FIXED, (), "reads the two vectors of an update from the tile's buffer"),
        Form(
            Mnemonic.VEC,
            ("vector",),
            FIXED,
            (),
            "works on elements in the scratchpad: a digital segment, or a sum of partial results and its scale",
        ),
        Form(
            Mnemonic.MVM,
            ("tile",),
            READ,
            ("block", "n", "-> channel"),
            "drives the block's rows, converts its columns, n times again, and sends the codes",
        ),
        Form(
            Mnemonic.MVM_T,
            ("tile",),
            READ,
            ("block", "n", "-> channel"),
            "drives the block's columns, converts its rows, n times again, and sends the codes",
        ),
        Form(
            Mnemonic.UPDATE,
            ("tile",),
            COUNTED,
            ("block", "n"),
            "fires a train of n slots on the block's rows and columns: an outer product, in place",
        ),
        Form(
            Mnemonic.PROGRAM,
            ("tile",),
            COUNTED,
            ("block", "n"),
            "writes and verifies the block's rows in n rounds",
        ),
        Form(
            Mnemonic.REFRESH,
            ("tile",),
            COUNTED,
            ("block", "n"),
            "refreshes the rows of the block that need it, in n rounds of a pulse and a read",
        ),
        Form(
            Mnemonic.STORE,
            ("dram",),
            FIXED,
            ("<- channel",),
            "takes one message from a channel and writes it to DRAM",
        ),
        Form(
            Mnemonic.FETCH,
            ("dram",),
            FIXED,
            ("<- channel", "-> channel"),
            "reads one access from DRAM and sends it, where it is asked for after a message that asks",
        ),
    )
}
"""The instruction set, by mnemonic."""


def isa_table() -> str:
    """The instruction set as a table in Markdown, as `docs/microarchitecture.md` has it."""
    lines = ["| mnemonic | units | rule | operands | does |", "|---|---|---|---|---|"]
    for form in FORMS.values():
        units = ", ".join({"vector": "vector unit", "dram": "DRAM channel"}.get(unit, unit) for unit in form.units)
        operands = ", ".join(f"`{operand}`" for operand in form.operands) or "none"
        lines.append(f"| `{form.name}` | {units} | {RULES[form.kind]} | {operands} | {form.meaning} |")
    return "\n".join(lines)
