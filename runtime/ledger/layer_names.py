"""Which layer an instruction works for: an array, a digital segment, or none."""

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.ledger.activity import array_numbers

NO_LAYER = "-"
"""What belongs to no layer: leakage, the host's bytes, windows and folds between layers."""


def layer_names(program: Program, entry: Entry) -> tuple[str, ...]:
    """Name the layer of every instruction of an entry.

    Args:
        program: whose arrays and segments.
        entry: one of its entries.

    Returns:
        The array that the instruction reads, updates, programs, or whose results it gathers; the digital segment that
        it computes; else `NO_LAYER`.
    """
    names = []
    for row, array in zip(entry.instructions, array_numbers(entry).tolist(), strict=True):
        operation = int(row["operation"])
        if array >= 0:
            names.append(program.arrays[array].name)
        elif operation >= 0 and entry.operations["code"][operation] == Op.CALL:
            names.append(program.segments[int(entry.operations["symbol"][operation])].name)
        else:
            names.append(NO_LAYER)
    return tuple(names)
