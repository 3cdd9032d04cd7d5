"""What a program keeps between its loops, against the memories of the chip.

A run refuses a batch whose kept values fit neither its unit's memory nor DRAM. An estimate by structure goes on as if
the memories were large enough, and says which are not and by how much.
"""

from collections.abc import Iterable

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.residence import UnitMemory, residence
from ohmflow.runtime.machine.errors import ScratchpadError
from ohmflow.runtime.machine.memory_fit import Shortage as Shortage
from ohmflow.runtime.machine.memory_fit import shortages as shortages
from ohmflow.runtime.machine.memory_ways import dram_ways


def memories(program: Program, executions: Iterable[tuple[str, int]]) -> list[UnitMemory]:
    """Where what units keep is, in each kind of execution.

    Args:
        program: whose.
        executions: entry and batch of each.
    """
    if program.chip.clock_hz is None:
        return []
    return [unit for entry, batch in dict.fromkeys(executions) for unit in residence(program, entry, batch)]


def check_memory(program: Program, entry: str, batch: int) -> None:
    """Refuse a batch whose kept values do not fit, as the machine does.

    Raises:
        ScratchpadError: a unit's memory is too small.
    """
    for short in shortages(program, entry, batch):
        ways = [f"use a batch of at most {short.most}"] if short.most else []
        ways += [*dram_ways(program), "take a target with more memory there"]
        ways += ["estimate by --structure, which says what does not fit"]
        raise ScratchpadError(
            f"{short.entry}: what {short.unit} keeps for a batch of {short.batch} must fit its memory of "
            f"{short.size:,} bytes, not {short.need:,}; {', '.join(ways[:-1])}, or {ways[-1]}"
        )
