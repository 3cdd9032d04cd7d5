"""A program's streams as text: one line per instruction, loops indented, channels named by where they go.

```
   3 mvm forward fc1[0:64, 0:128] A=12 C=8 L=4 bank 0 double n=group 0[0] -> ch1 vector(0,0) (65 flits); reads 64 B
```
Number, mnemonic, phase; the block of an array (rows, columns) or the digital segment that it works for; the integers of
its timing rule; where its count stands; channels with the unit at their other end; after the semicolon, what the bill
counts each time it runs. `docs/microarchitecture.md` ("The instruction set") says what they mean.
"""

from collections.abc import Iterator

import numpy as np

from ohmflow.compiler.program.beats import BEATS, reads_behind
from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import COUNTED, FIXED, MULTICAST, PHASES, SUM
from ohmflow.compiler.program.tables import Mnemonic, Op, Trip

_COSTS = (
    ("buffer_read", "reads {:,} B"),
    ("buffer_write", "writes {:,} B"),
    ("simple", "{:,} simple"),
    ("special", "{:,} special"),
    ("host_bytes", "{:,} B at the host"),
)


def disassemble(program: Program, entry: str | None = None, unit: str | None = None) -> str:
    """Write streams as text.

    Args:
        program: whose.
        entry: name of one entry; all of them if None.
        unit: name of one unit; all that have a stream if None.

    Raises:
        ProgramError: the program has no such entry or unit.
    """
    if entry is not None and entry not in program.entries:
        raise ProgramError(
            f"--entry {entry}: must be one of the program's ({', '.join(sorted(program.entries))}); choose one of them"
        )
    names = [u.name for u in program.chip.units]
    if unit is not None and unit not in names:
        raise ProgramError(f"--unit {unit}: must be one of {_some(names)}; choose one of them")
    lines: list[str] = []
    for name in sorted(program.entries) if entry is None else [entry]:
        lines.extend(_entry(program, program.entries[name], unit))
    return "\n".join(lines) + "\n"


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:12])}, … ({len(names)} units)"


def _entry(program: Program, entry: Entry, only: str | None) -> Iterator[str]:
    arguments = ", ".join(f"{a.name}: {a.kind} {a.dtype}{list(a.shape) if a.shape else ''}" for a in entry.arguments)
    yield f"entry {entry.name} ({arguments})"
    for number, unit in enumerate(program.chip.units):
        begin, end = int(entry.stream[number]), int(entry.stream[number + 1])
        if begin == end or only not in (None, unit.name):
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
    if row["trip_kind"] in BEATS:
        since, to = int(row["since"]), int(row["trip"])
        if row["trip_kind"] == Trip.FILL:
            return f"beats {since} to {to}, filling"
        if row["trip_kind"] == Trip.STEADY:
            return f"beats {to} to n{f'+{since}' if since else ''}"
        return f"beats n{f'+{since}' if since else ''} to n+{to}, draining"
    if row["trip_kind"] == Trip.SPILL:
        return f"{int(row['trip'])} if {entry.kept_names[int(row['kept'])]} is in DRAM"
    return f"count group {int(row['group'])}"


def _instruction(program: Program, entry: Entry, i: int) -> str:
    row = entry.instructions[i]
    parts = [f"{i:>4} {Mnemonic(int(row['mnemonic'])).name.lower():<8} {PHASES[int(row['phase'])]:<10}"]
    parts += [part for part in (_works_for(program, entry, row), _timing(row)) if part]
    if row["group"] >= 0:
        parts.append(f"n=group {int(row['group'])}[{int(row['offset'])}]")
    for field, word in (("wait0", "<-"), ("wait1", "<-"), ("signal", "->")):
        if row[field] >= 0:
            channel = entry.channels[int(row[field])]
            others, how = _others(program, entry, int(row[field]), word == "<-")
            parts.append(f"{word} ch{int(row[field])} {how}{others} ({int(channel['flits'])} flits)")
    if entry.operations["lag"].any() and row["operation"] >= 0:
        parts.append(f"lag {int(entry.operations['lag'][int(row['operation'])])}")
        behind = reads_behind(entry.operations).get(int(row["operation"]))
        if behind is not None and row["mnemonic"] in (Mnemonic.MVM, Mnemonic.MVM_T):
            parts.append(f"version {behind} behind")
    costs = [text.format(int(row[name])) for name, text in _COSTS if row[name]]
    return " ".join(parts) + (f"; {', '.join(costs)}" if costs else "")


def _others(program: Program, entry: Entry, channel: int, awaited: bool) -> tuple[str, str]:
    """The units at the other end of a channel, all of them where it stands for a tree, and what they are together."""
    side, kind, name = ("src", SUM, "sum of ") if awaited else ("dst", MULTICAST, "all of ")
    for tree in entry.trees[entry.trees["kind"] == kind]:
        if tree["begin"] == channel:
            members = entry.channels[side][int(tree["begin"]) : int(tree["end"])].tolist()
            return _some([program.chip.units[unit].name for unit in members]), name
    return program.chip.units[int(entry.channels[side][channel])].name, ""


def _works_for(program: Program, entry: Entry, row: np.void) -> str:
    """The block of an array, or the digital segment."""
    if row["array"] >= 0:
        array = program.arrays[int(row["array"])]
        block = array.blocks[int(row["block"])]
        return f"{array.name}[{block.row0}:{block.row0 + block.rows}, {block.col0}:{block.col0 + block.cols}]"
    operation = int(row["operation"])
    if row["mnemonic"] == Mnemonic.VEC and operation >= 0 and entry.operations["code"][operation] == Op.CALL:
        return program.segments[int(entry.operations["symbol"][operation])].name
    return ""


def _timing(row: np.void) -> str:
    t0, t1, t2, t3 = (int(row[name]) for name in ("t0", "t1", "t2", "t3"))
    if row["kind"] == FIXED:
        barrier = " behind a barrier" if t2 else ""
        return f"{t0} cycles{barrier}" if t0 == t1 else f"{t0} cycles latency {t1}{barrier}"
    if row["kind"] == COUNTED:
        return f"{t0}+n*{t1}"
    later = f" H={t3 >> 2}" if t3 >> 2 else ""
    return f"A={t0} C={t1} L={t2}{later} bank {t3 & 1}{' double' if t3 & 2 else ''}"
