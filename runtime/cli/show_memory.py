"""What units keep between loops, and what of it goes to DRAM, as a person reads it."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.residence import UnitMemory
from ohmflow.runtime.cli.units import percent, scaled

_MOST = 4
"""Names in a list; --json has all."""


def show_memory(screen: Console, memories: Sequence[UnitMemory], program: Program) -> None:
    """Print what is in DRAM for the batches of an estimate, if anything is.

    Args:
        screen: where.
        memories: of the estimate.
        program: whose.
    """
    for entry in dict.fromkeys(memory.entry for memory in memories):
        away = [memory for memory in memories if memory.entry == entry and memory.moved]
        if not away:
            continue
        pairs = [(memory.unit, m) for memory in away for m in memory.moved]
        pairs.sort(key=lambda pair: (-pair[1].bytes, pair[1].name, pair[0]))
        moved = [m for _, m in pairs]
        names = [f"{m.name} of {unit} ({scaled(m.bytes, 'B')})" for unit, m in pairs]
        keeps = sum(memory.keeps for memory in memories if memory.entry == entry)
        total = sum(m.bytes for m in moved)
        units = len(away)
        traffic = scaled(sum(m.stored + m.loaded for m in moved), "B")
        screen.print(
            f"[bold]In DRAM[/] during {entry} of {away[0].batch}: {scaled(total, 'B')} of the {scaled(keeps, 'B')} "
            f"that units keep ({percent(total / keeps)}), of {units} unit{'s' if units != 1 else ''}; {traffic} are "
            f"stored and loaded for it. Largest: {_some(names)}.",
            soft_wrap=True,
        )


def memory_lines(memories: Sequence[UnitMemory], has_dram: bool) -> list[str]:
    """What the units of a program keep, a line for each of those with the least room for it.

    Args:
        memories: of an entry with a batch of 1.
        has_dram: whether the chip has DRAM.
    """
    lines = []
    tight = sorted((m for m in memories if m.largest is not None), key=lambda m: m.largest or 0)
    for memory in tight[:_MOST]:
        fits = "no batch" if not memory.largest else f"a batch of up to {memory.largest:,}"
        line = f"{memory.unit}: {fits} stays in its {scaled(memory.size, 'B')} during {memory.entry}"
        if memory.first:
            line += f"; of more, there go to DRAM first: {_some(list(memory.first))}"
        elif has_dram:
            line += "; nothing of it can go to DRAM"
        lines.append(f"{line}.")
    if len(tight) > _MOST:
        lines.append(f"{len(tight) - _MOST} more units keep less, or have more room for it.")
    return lines


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return escape(", ".join(names[:_MOST])) + more
