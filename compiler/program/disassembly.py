"""A program's streams as text: one line per instruction, loops indented, channels named by where they go."""

from collections.abc import Iterator

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Mnemonic, Trip


def disassemble(program: Program) -> str:
    """Write every entry's streams as text."""
    lines: list[str] = []
    for name in sorted(program.entries):
        lines.extend(_entry(program, program.entries[name]))
    return "\n".join(lines) + "\n"


def _entry(program: Program, entry: Entry) -> Iterator[str]:
    arguments = ", ".join(f"{a.name}: {a.kind} {a.dtype}{list(a.shape) if a.shape else ''}" for a in entry.arguments)
    yield f"entry {entry.name} ({arguments})"
    for number, unit in enumerate(program.chip.units):
        begin, end = int(entry.stream[number]), int(entry.stream[number + 1])
        if begin == end:
            continue
        yield f"  {unit.name}"
        depth = 0
        for i in range(begin, end):
            for loop in entry.stream_loops[entry.stream_loops["begin"] == i]:
                yield f"    {'  ' * depth}loop {_trip(entry, int(loop['loop']))}"
                depth += 1
            yield f"    {'  ' * depth}{_instruction(program, entry, i)}"
            depth -= int((entry.stream_loops["end"] == i + 1).sum())


def _trip(entry: Entry, loop: int) -> str:
    row = entry.loops[loop]
    if row["trip_kind"] == Trip.CONST:
        return str(int(row["trip"]))
    if row["trip_kind"] == Trip.ARGUMENT:
        return entry.arguments[int(row["trip"])].name
    return f"count group {int(row['group'])}"


def _instruction(program: Program, entry: Entry, i: int) -> str:
    row = entry.instructions[i]
    text = f"{i:>4} {Mnemonic(int(row['mnemonic'])).name.lower():<8} {PHASES[int(row['phase'])]:<10}"
    if row["array"] >= 0:
        array = program.arrays[int(row["array"])]
        block = array.blocks[int(row["block"])]
        text += f" {array.name}[{block.row0}:{block.row0 + block.rows}, {block.col0}:{block.col0 + block.cols}]"
    timing = ("fixed {t0}/{t1}", "read A={t0} C={t1} L={t2} mode={t3}", "count {t0}+n*{t1}")[int(row["kind"])]
    text += " " + timing.format(**{k: int(row[k]) for k in ("t0", "t1", "t2", "t3")})
    if row["group"] >= 0:
        text += f" n=group {int(row['group'])}[{int(row['offset'])}]"
    for field, word in (("wait0", "<-"), ("wait1", "<-"), ("signal", "->")):
        if row[field] >= 0:
            channel = entry.channels[int(row[field])]
            other = program.chip.units[int(channel["src" if word == "<-" else "dst"])].name
            text += f" {word} ch{int(row[field])} {other} ({int(channel['flits'])} flits)"
    return text
