"""Whether what a program keeps between its loops fits the memories of the chip, and its DRAM where it has any."""

from collections.abc import Iterator
from dataclasses import dataclass

from ohmflow.compiler.program.kept import in_dram, needs
from ohmflow.compiler.program.program import Program


@dataclass(frozen=True)
class Shortage:
    """A memory that is too small.

    Attributes:
        entry: what is executed.
        unit: whose memory.
        batch: samples of an execution.
        need, size: bytes that it must hold, and that there are.
        most: largest batch that would fit, 0 if none.
    """

    entry: str
    unit: str
    batch: int
    need: int
    size: int
    most: int


def shortages(program: Program, entry: str, batch: int) -> tuple[Shortage, ...]:
    """Memories that are too small for a batch, in the order of the program's units.

    Args:
        program: whose.
        entry: `program`, `infer` or `train_step`.
        batch: samples of an execution.
    """
    if program.chip.clock_hz is None or entry not in program.entries:
        return ()
    found = []
    for unit, (need, size) in _held(program, entry, batch):
        if need > size:
            most = _most(program, entry, unit, batch)
            found.append(Shortage(entry, program.chip.units[unit].name, batch, need, size, most))
    return tuple(found)


def _held(program: Program, entry: str, batch: int) -> Iterator[tuple[int, tuple[int, int]]]:
    kept = program.entries[entry].kept
    yield from sorted({**needs(kept, batch), **in_dram(kept, batch)}.items())


def _most(program: Program, entry: str, unit: int, batch: int) -> int:
    """A batch with which a unit's memory is large enough while one more is too many, below one that is too many."""

    def fits(samples: int) -> bool:
        need, size = dict(_held(program, entry, samples)).get(unit, (0, 0))
        return need <= size

    if not fits(1):
        return 0
    low, high = 1, batch
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
