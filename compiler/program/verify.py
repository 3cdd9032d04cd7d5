"""Refuses a stored program whose tables contradict each other, before anything follows their numbers.

A folder whose files match the manifest's hashes is what a compiler wrote; a folder may also be edited, or written by
something else. Both engines index tables by numbers of other tables, in compiled code without bounds checks. So each
number is looked at here once: it lies in its table, ends of a channel are the units that use it, loops nest, values are
made before they are used, and the work of an execution is bounded, so that nothing runs for ever or takes all memory.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.kept import KEPT
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import CHANNEL, TREE
from ohmflow.compiler.program.tables import GROUPS, INSTRUCTIONS, LOOPS, OPERATION, STREAM_LOOPS, VALUES
from ohmflow.compiler.program.verify_kept import kept_faults
from ohmflow.compiler.program.verify_operations import operation_faults
from ohmflow.compiler.program.verify_streams import stream_faults
from ohmflow.compiler.program.windows import WINDOW

DTYPES: Mapping[str, np.dtype[np.generic]] = {
    "operations": OPERATION,
    "operands": np.dtype(np.int32),
    "values": VALUES,
    "loops": LOOPS,
    "groups": GROUPS,
    "instructions": INSTRUCTIONS,
    "stream": np.dtype(np.int32),
    "stream_loops": STREAM_LOOPS,
    "channels": CHANNEL,
    "route": np.dtype(np.int32),
    "trees": TREE,
    "windows": WINDOW,
    "kept": KEPT,
}
"""Element type of each table of an entry."""


def check_table(where: str, name: str, table: NDArray[np.generic]) -> None:
    """Refuse a table of another type or shape.

    Args:
        where: file and table, for the message.
        name: of the table.
        table: as it was read.

    Raises:
        ProgramError: it is not a list of rows of its type.
    """
    wanted = DTYPES[name]
    if table.dtype != wanted or table.ndim != 1:
        fields = "its columns" if wanted.names else str(wanted)
        raise ProgramError(
            f"{where}: must be one list with {fields}, not {table.ndim} dimensions of {_short(table.dtype)}; "
            "compile again"
        )


def verify_program(program: Program, where: str = "program") -> None:
    """Refuse a program whose tables contradict each other.

    Args:
        program: whose.
        where: its folder, for the message.

    Raises:
        ProgramError: the first contradiction.
    """
    fault = next(_faults(program), None)
    if fault is not None:
        raise ProgramError(f"{where}: {fault}; compile again")


def _faults(program: Program) -> Iterator[str]:
    chip = program.chip
    if len(chip.links) != len(chip.hop) or len(chip.links) != len(chip.link_router):
        yield f"links must have a name, a router and a hop each, not {len(chip.links)} names and {len(chip.hop)} hops"
    elif chip.hop.ndim != 1 or chip.hop.dtype.kind != "i" or (chip.hop < 1).any():
        yield "each link's hop must be at least 1 cycle, not less"
    for name, kind in (("flit_cycles", "i"), ("crossing", "b")):
        column = getattr(chip, name)
        if column.shape != (len(chip.links),) or column.dtype.kind != kind:
            yield f"{name} must be one list with an entry for each of {len(chip.links)} links, and is not"
            return
    if (chip.flit_cycles < 1).any():
        yield "each flit must take a link for at least 1 cycle, not less"
    for entry in program.entries.values():
        for fault in _entry_faults(program, entry):
            yield f"entry {entry.name}: {fault}"


def _entry_faults(program: Program, entry: Entry) -> Iterator[str]:
    yield from kept_faults(program, entry)
    yield from operation_faults(program, entry)
    yield from stream_faults(program, entry)


def _short(dtype: np.dtype[np.generic]) -> str:
    return "other columns" if dtype.names else str(dtype)
