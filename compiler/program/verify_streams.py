"""Faults of an entry's streams: instructions, hardware loops, channels, routes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.isa import FORMS, RULES
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import COUNTED, FIXED, MAX_DEPTH, MULTICAST, PHASES, READ, SUM
from ohmflow.compiler.program.tables import Mnemonic, Trip
from ohmflow.compiler.program.ways import way_faults

MOST_DEPTH = 1 << 20
"""Messages that a channel may hold; the clock keeps a cycle for each."""

MOST_EXECUTIONS = 1 << 33
"""Instructions that a stream may execute for one sample, as far as its constants tell."""

LONGEST = 1 << 30
"""Cycles of a part of an instruction."""

_IDLE = PHASES.index("idle")
_COUNTS = ("buffer_write", "buffer_read", "simple", "special", "host_bytes")
_MOST_COUNT = 1 << 48


def stream_faults(program: Program, entry: Entry) -> Iterator[str]:
    """What is wrong with an entry's streams, one sentence each; stops where going on would mislead."""
    table, stream = entry.instructions, entry.stream
    if not len(table) and not len(entry.stream_loops):
        return
    for fault in (*_channels(program, entry), *_ranges(program, entry)):
        yield fault
        return
    units = len(program.chip.units)
    if len(stream) != units + 1 or stream[0] != 0 or stream[-1] != len(table) or (np.diff(stream) < 0).any():
        yield f"stream must divide {len(table)} instructions among {units} units in order, and does not"
        return
    own = np.repeat(np.arange(units), np.diff(stream))
    if (table["unit"] != own).any():
        yield _of("instruction", table["unit"] != own, "must name the unit in whose stream it stands, and does not")
        return
    for fault in (*_forms(program, entry), *_ends(entry), *_loops(entry)):
        yield fault
        return
    yield from _work(program, entry)


def _channels(program: Program, entry: Entry) -> Iterator[str]:
    channels, route, units, links = entry.channels, entry.route, len(program.chip.units), len(program.chip.links)
    for name in ("src", "dst"):
        yield from _outside("channel", channels[name], 0, units, f"{name} must be one of {units} units")
    yield from _outside("channel", channels["depth"], 1, MOST_DEPTH + 1, f"depth must be 1 to {MOST_DEPTH}")
    yield from _outside("channel", channels["flits"], 1, LONGEST, f"flits must be 1 to {LONGEST}")
    for fault in way_faults(channels, route, entry.trees, links):
        yield fault
        return
    begin, end = channels["route_begin"].astype(np.int64), channels["route_end"].astype(np.int64)
    for number, (b, e) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        if len(set(route[b:e].tolist())) < e - b:
            yield f"channel {number}: its route must take each link once, and does not"
            return


def _ranges(program: Program, entry: Entry) -> Iterator[str]:
    table, channels = entry.instructions, len(entry.channels)
    yield from _outside("instruction", table["mnemonic"], 0, len(Mnemonic), "mnemonic must be one of the set")
    yield from _outside("instruction", table["kind"], 0, len(RULES), "timing rule must be FIXED, READ or COUNTED")
    yield from _outside("instruction", table["phase"], 0, _IDLE, f"phase must be one of {', '.join(PHASES[:-1])}")
    for name in ("wait0", "wait1", "signal"):
        yield from _outside("instruction", table[name], -1, channels, f"{name} must name one of {channels} channels")
    operations, arrays = len(entry.operations), len(program.arrays)
    yield from _outside("instruction", table["operation"], -1, operations, f"operation must be one of {operations}")
    yield from _outside("instruction", table["array"], -1, arrays, f"array must be one of {arrays}")
    for name in _COUNTS:
        yield from _outside("instruction", table[name], 0, _MOST_COUNT, f"{name} must be 0 to {_MOST_COUNT}")
    groups = len(entry.groups)
    yield from _outside("instruction", table["group"], -1, groups, f"group must be one of {groups}")


def _forms(program: Program, entry: Entry) -> Iterator[str]:
    """Each instruction is one of the set, on a unit that has it, with times that its rule allows."""
    kinds = [unit.kind for unit in program.chip.units]
    for i, row in enumerate(entry.instructions):
        form = FORMS[Mnemonic(int(row["mnemonic"]))]
        unit = program.chip.units[int(row["unit"])].name
        where = f"instruction {i} ({form.name} of {unit})"
        if kinds[int(row["unit"])] not in form.units:
            yield f"{where}: must be on a {' or '.join(form.units)}, not on a {kinds[int(row['unit'])]}"
        if row["kind"] != form.kind:
            yield f"{where}: timing rule must be {RULES[form.kind]}, not {RULES[int(row['kind'])]}"
        if form.on_block:
            array = program.arrays[int(row["array"])] if row["array"] >= 0 else None
            if array is None or not 0 <= row["block"] < len(array.blocks):
                yield f"{where}: must work on a block of an array, not on block {int(row['block'])}"
                return
            tile = program.chip.units[int(row["unit"])].index
            if array.blocks[int(row["block"])].tile != tile:
                yield f"{where}: its block must be on this tile, not on tile {array.blocks[int(row['block'])].tile}"
        t0, t1, t2, t3 = (int(row[name]) for name in ("t0", "t1", "t2", "t3"))
        if max(t0, t1, t2, t3 >> 2) >= LONGEST or min(t0, t1, t2, t3) < 0 or t0 < 1:
            yield f"{where}: times must be 0 to {LONGEST}, the first at least 1, not {t0}/{t1}/{t2}/{t3}"
        elif row["kind"] == FIXED and t1 < t0:
            yield f"{where}: latency must be at least the occupancy, {t0}, not {t1}"
        elif row["kind"] == READ and t1 < 1:
            yield f"{where}: conversion must take at least 1 cycle, not {t1}"
        yield from _count(entry, row, where)


def _count(entry: Entry, row: np.void, where: str) -> Iterator[str]:
    """An instruction's count lies in its group, whatever the loops' ordinals are."""
    if row["group"] < 0:
        return
    if row["kind"] not in (READ, COUNTED):
        yield f"{where}: must have no count, not one of group {int(row['group'])}"
        return
    group = entry.groups[int(row["group"])]
    if row["offset"] < 0 or (row["steps"] < 0).any():
        yield f"{where}: offset and steps of its count must be at least 0, not {int(row['offset'])}"
    elif row["steps"].any() and group["depth"] < 1:
        yield f"{where}: steps must walk a loop of its group, which has none"
    elif not row["steps"].any() and row["offset"] >= group["width"]:
        yield f"{where}: its count must be one of {int(group['width'])} of its group, not number {int(row['offset'])}"


def _ends(entry: Entry) -> Iterator[str]:
    """A channel's messages are sent by its source's unit and consumed by its destination's."""
    table, channels = entry.instructions, entry.channels
    for name, end, what in (
        ("wait0", "dst", "arrives at"),
        ("wait1", "dst", "arrives at"),
        ("signal", "src", "leaves"),
    ):
        used = table[name] >= 0
        wrong = np.zeros(len(table), bool)
        wrong[used] = channels[end][table[name][used]] != table["unit"][used]
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            yield f"instruction {i}: {name} must be a channel that {what} its unit, not channel {int(table[name][i])}"
    stands_in = np.zeros(len(channels), bool)
    for name, kinds in (("signal", (MULTICAST,)), ("wait0", (SUM,)), ("wait1", (SUM,))):
        stands_in[:] = False
        for tree in entry.trees:
            if int(tree["kind"]) in kinds:
                stands_in[int(tree["begin"]) + 1 : int(tree["end"])] = True
        wrong = (table[name] >= 0) & stands_in[np.maximum(table[name], 0)] if len(channels) else np.zeros(0, bool)
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            yield f"instruction {i}: {name} must name the first channel of a tree, not channel {int(table[name][i])}"


def _loops(entry: Entry) -> Iterator[str]:
    """Hardware loops lie in one stream, nest, come after their parents, and are at most four deep."""
    loops, stream, table = entry.stream_loops, entry.stream, entry.instructions
    yield from _outside("stream loop", loops["loop"], 0, len(entry.loops), f"must run one of {len(entry.loops)} loops")
    depth: list[int] = []
    for k, row in enumerate(loops):
        begin, end, parent = int(row["begin"]), int(row["end"]), int(row["parent"])
        where = f"stream loop {k}"
        if not 0 <= begin < end <= len(table):
            yield f"{where}: must enclose at least one of {len(table)} instructions, not {begin} to {end}"
            return
        if np.searchsorted(stream, begin, side="right") != np.searchsorted(stream, end - 1, side="right"):
            yield f"{where}: must lie in the stream of one unit, not reach over several"
            return
        if not -1 <= parent < k:
            yield f"{where}: its parent must come before it, not be loop {parent}"
            return
        if parent >= 0 and not loops["begin"][parent] <= begin < end <= loops["end"][parent]:
            yield f"{where}: must lie inside its parent, loop {parent}, and does not"
            return
        depth.append(1 + (depth[parent] if parent >= 0 else 0))
        if depth[k] > MAX_DEPTH:
            yield f"{where}: must be at most {MAX_DEPTH} loops deep, not {depth[k]}"
            return
    yield from _nesting(loops)


def _nesting(loops: NDArray[np.void]) -> Iterator[str]:
    """Loops with one parent do not overlap, so whoever walks a stream knows which one it is in."""
    order = sorted(range(len(loops)), key=lambda k: (int(loops["begin"][k]), -int(loops["end"][k]), k))
    open_loops: list[int] = []
    for k in order:
        while open_loops and loops["end"][open_loops[-1]] <= loops["begin"][k]:
            open_loops.pop()
        around = open_loops[-1] if open_loops else -1
        if loops["parent"][k] != around:
            yield f"stream loop {k}: loops must nest, its parent be loop {around}, not {int(loops['parent'][k])}"
            return
        open_loops.append(k)


def _work(program: Program, entry: Entry) -> Iterator[str]:
    """The work of a sample, and the memory of the clock, are bounded."""
    if int(entry.channels["depth"].sum(dtype=np.int64)) > 16 * MOST_DEPTH:
        yield f"channels must hold at most {16 * MOST_DEPTH:,} messages together, and hold more"
    executions = stream_executions(entry)
    if executions > MOST_EXECUTIONS:
        yield f"streams must execute at most {MOST_EXECUTIONS:,} instructions a sample, not {executions:,}"


def stream_executions(entry: Entry) -> int:
    """How many instructions an entry executes for one sample, data-dependent loops counted once."""
    trips = [int(r["trip"]) if r["trip_kind"] in (Trip.CONST, Trip.SPILL) else 1 for r in entry.loops]
    total = 0
    times: list[int] = []
    for row in entry.stream_loops:
        around = times[int(row["parent"])] if row["parent"] >= 0 else 1
        times.append(around * max(trips[int(row["loop"])], 0))
    inner: NDArray[np.int64] = np.full(len(entry.instructions), -1, np.int64)
    for k, row in enumerate(entry.stream_loops):  # parents come first, so the innermost one wins
        inner[int(row["begin"]) : int(row["end"])] = k
    for k, number in zip(*np.unique(inner, return_counts=True), strict=True):
        total += int(number) * (times[int(k)] if k >= 0 else 1)
    return total


def _outside(what: str, column: NDArray[np.signedinteger], low: int, high: int, rule: str) -> Iterator[str]:
    wrong = (column < low) | (column >= high)
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        yield f"{what} {i}: {rule}, not {int(column[i])}"


def _of(what: str, wrong: NDArray[np.bool_], rule: str) -> str:
    return f"{what} {int(np.flatnonzero(wrong)[0])}: {rule}"
