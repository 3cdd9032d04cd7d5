"""What a program keeps between its loops, against the memories of the chip.

A run refuses a batch whose kept values do not fit. An estimate by structure goes on as if the memories were large
enough, and says which are not and by how much; moving values to other memories and back is not in its time.
"""

from dataclasses import dataclass

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.machine.errors import ScratchpadError


@dataclass(frozen=True)
class Shortage:
    """A memory that is too small.

    Attributes:
        entry: what is executed.
        unit: whose memory.
        batch: samples of an execution.
        need, size: bytes that are kept, and that there are.
        most: largest batch that would fit, 0 if none.
    """

    entry: str
    unit: str
    batch: int
    need: int
    size: int
    most: int


def shortages(program: Program, entry: str, batch: int) -> tuple[Shortage, ...]:
    """Memories that are too small for a batch, in the order of the program's units."""
    if program.chip.clock_hz is None:
        return ()
    found = []
    for unit, (fixed, per_sample, size) in program.manifest["memory"].get(entry, {}).items():
        need = fixed + per_sample * batch
        if need > size:
            most = max((size - fixed) // per_sample if per_sample else 0, 0)
            found.append(Shortage(entry, unit, batch, need, size, most))
    return tuple(found)


def check_memory(program: Program, entry: str, batch: int) -> None:
    """Refuse a batch whose kept values do not fit, as the machine does.

    Raises:
        ScratchpadError: a unit's memory is too small.
    """
    for short in shortages(program, entry, batch):
        ways = [f"use a batch of at most {short.most}"] if short.most else []
        ways += ["take a target with more memory there", "estimate by --structure, which says what does not fit"]
        raise ScratchpadError(
            f"{short.entry}: what {short.unit} keeps for a batch of {short.batch} must fit its memory of "
            f"{short.size:,} bytes, not {short.need:,}; {', '.join(ways[:-1])}, or {ways[-1]}"
        )
