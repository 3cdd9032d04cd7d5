"""Faults of an entry's operations: codes, operands, values, regions, loops, count groups, windows."""

import math
from collections.abc import Iterator

import numpy as np

from ohmflow.compiler.program.beats import BEATS
from ohmflow.compiler.program.entry import Entry
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import MAX_DEPTH, PHASES
from ohmflow.compiler.program.tables import ELEMENTS, Op, Trip, ValueKind
from ohmflow.compiler.program.windows import Window
from ohmflow.targets.timing import SIGN_PHASES

MOST_TRIPS = 1 << 32
"""Iterations of a loop with a constant trip."""

MOST_COUNTS = 1 << 28
"""Counts that a group may hold for one sample."""

REGIONS = (Op.MAP, Op.FOR, Op.WHEN)
"""Operations with a body."""

_SYMBOLS = {
    **dict.fromkeys((Op.MVM, Op.MVM_T, Op.UPDATE, Op.READ, Op.TRANSFER, Op.PROGRAM), "array"),
    Op.CALL: "segment",
    Op.STATE_GET: "state",
    Op.STATE_SET: "state",
}

_ENDS = {
    Op.MVM: (1, 1),
    Op.MVM_T: (1, 1),
    Op.UPDATE: (3, 0),
    Op.READ: (1, 1),
    Op.TRANSFER: (2, 0),
    Op.UNSTASH: (2, 1),
    Op.STATE_GET: (0, 1),
    Op.STATE_SET: (1, 0),
    Op.SPLIT: (1, 1),
    Op.STACK: (1, 1),
    Op.WINDOW: (1, 1),
    Op.FOLD: (1, 1),
    Op.FOR: (0, 0),
}
"""Operands and results that an operation has at least."""


def operation_faults(program: Program, entry: Entry) -> Iterator[str]:
    """What is wrong with an entry's operations, one sentence each; stops where going on would mislead."""
    for fault in (*_values(entry), *_loops(entry), *_groups(entry), *_windows(entry)):
        yield fault
        return
    for row in range(len(entry.operations)):
        for fault in _columns(program, entry, row):
            yield f"operation {row}: {fault}"
            return
    yield from _Scopes(program, entry).faults()


def _values(entry: Entry) -> Iterator[str]:
    values = entry.values
    if len(values) < len(entry.arguments):
        yield f"values must begin with its {len(entry.arguments)} arguments, not be {len(values)}"
    for name, most in (("kind", len(ValueKind)), ("element", len(ELEMENTS))):
        wrong = (values[name] < 0) | (values[name] >= most)
        if wrong.any():
            yield f"value {int(np.flatnonzero(wrong)[0])}: {name} must be one of {most}, and is not"
    wrong = (values["elements"] < 0) | (values["rank"] < 0) | (values["depth"] < 0)
    if wrong.any():
        yield f"value {int(np.flatnonzero(wrong)[0])}: elements, rank and depth must be at least 0, and are not"


def _loops(entry: Entry) -> Iterator[str]:
    for k, row in enumerate(entry.loops):
        where = f"loop {k}"
        if row["code"] not in REGIONS:
            yield f"{where}: code must be that of map, for or when, not {int(row['code'])}"
        elif not -1 <= row["parent"] < k:
            yield f"{where}: its parent must come before it, not be {int(row['parent'])}"
        elif not -1 <= row["group"] < len(entry.groups):
            yield f"{where}: group must be one of {len(entry.groups)}, not {int(row['group'])}"
        elif row["trip_kind"] in (Trip.CONST, Trip.SPILL) and not 0 <= row["trip"] <= MOST_TRIPS:
            yield f"{where}: trip must be 0 to {MOST_TRIPS}, not {int(row['trip'])}"
        elif row["trip_kind"] == Trip.ARGUMENT and not _is_whole_scalar(entry, int(row["trip"])):
            yield f"{where}: trip must be one of the entry's whole scalars, not argument {int(row['trip'])}"
        elif row["trip_kind"] == Trip.DATA and row["group"] < 0:
            yield f"{where}: a trip from data must have a group, and has none"
        elif row["trip_kind"] == Trip.SPILL and not 0 <= row["kept"] < len(entry.kept):
            yield f"{where}: must move one of {len(entry.kept)} kept things, not number {int(row['kept'])}"
        elif row["trip_kind"] in BEATS and not 0 <= row["since"] <= row["trip"] <= MOST_TRIPS:
            yield f"{where}: lags must be at least 0, the later at most {MOST_TRIPS}, not {int(row['since'])}"
        elif row["trip_kind"] not in tuple(Trip):
            yield f"{where}: trip_kind must be one of {len(Trip)}, not {int(row['trip_kind'])}"
    for k in entry.marks:
        if not 0 <= k < len(entry.loops):
            yield f"mark of loop {k}: must be of one of {len(entry.loops)} loops"


def _is_whole_scalar(entry: Entry, number: int) -> bool:
    if not 0 <= number < len(entry.arguments):
        return False
    argument = entry.arguments[number]
    return argument.kind == "scalar" and argument.dtype == "int64"


def _groups(entry: Entry) -> Iterator[str]:
    for g, row in enumerate(entry.groups):
        depth = int(row["depth"])
        loops = row["loops"][: max(depth, 0)].tolist()
        if not 0 <= depth <= MAX_DEPTH or row["width"] < 1:
            yield f"count group {g}: must have at most {MAX_DEPTH} loops, and a width, not {depth} loops"
        elif not all(0 <= k < len(entry.loops) for k in loops):
            yield f"count group {g}: loops must be some of {len(entry.loops)}, not {loops}"
        elif _counts(entry, loops) * int(row["width"]) > MOST_COUNTS:
            yield f"count group {g}: must hold at most {MOST_COUNTS:,} counts a sample, and holds more"


def _counts(entry: Entry, loops: list[int]) -> int:
    rows = (entry.loops[k] for k in loops)
    return math.prod(int(row["trip"]) if row["trip_kind"] == Trip.CONST else 1 for row in rows)


def _windows(entry: Entry) -> Iterator[str]:
    for k, row in enumerate(entry.windows):
        window = Window.of(row)
        sizes = (*window.image, window.channels, *window.kernel, *window.strides, *window.dilations)
        if min(sizes) < 1 or min(*window.pads, window.channel0) < 0 or max(sizes) > 1 << 20:
            yield f"window {k}: sizes must be positive and pads at least 0, and are not"
        elif window.channel0 + window.channels > window.image[0] or min(window.out) < 1:
            yield f"window {k}: must lie in its image of {window.image[0]} channels, and does not"


def _columns(program: Program, entry: Entry, number: int) -> Iterator[str]:
    """One operation's own numbers."""
    row = entry.operations[number]
    if not 0 <= row["code"] < len(Op):
        yield f"code must be one of {len(Op)}, not {int(row['code'])}"
        return
    code = Op(int(row["code"]))
    if not 0 <= row["phase"] < len(PHASES):
        yield f"phase must be one of {len(PHASES)}, not {int(row['phase'])}"
    sizes = {"array": len(program.arrays), "segment": len(program.segments), "state": len(program.states)}
    kind = _SYMBOLS.get(code)
    if kind is not None and not 0 <= row["symbol"] < sizes[kind]:
        yield f"{code.name.lower()} must name one of {sizes[kind]} {kind}s, not {int(row['symbol'])}"
    if code is Op.TRANSFER and not 0 <= row["symbol2"] < sizes["array"]:
        yield f"transfer must write one of {sizes['array']} arrays, not {int(row['symbol2'])}"
    if not -1 <= row["group"] < len(entry.groups):
        yield f"group must be one of {len(entry.groups)}, not {int(row['group'])}"
    if (code in REGIONS) != (0 <= row["loop"] < len(entry.loops)):
        yield f"{code.name.lower()} must {'have' if code in REGIONS else 'not have'} a loop, not {int(row['loop'])}"
    elif code in REGIONS and entry.loops["code"][int(row["loop"])] != code:
        yield f"{code.name.lower()} must have a loop of its kind, and has not"
    if code in (Op.WINDOW, Op.FOLD) and not 0 <= row["attr"] < len(entry.windows):
        yield f"{code.name.lower()} must take one of {len(entry.windows)} windows, not {int(row['attr'])}"
    if code in (Op.READ, Op.TRANSFER) and row["attr"] not in (0, 1):
        yield f"{code.name.lower()} must be along axis 0 or 1, not {int(row['attr'])}"
    for name in ("in", "out", "arg"):
        begin, end = int(row[f"{name}_begin"]), int(row[f"{name}_end"])
        if not 0 <= begin <= end <= len(entry.operands):
            yield f"{name} operands must lie in the table of {len(entry.operands)}, not at {begin} to {end}"
            return
        used = entry.operands[begin:end]
        if len(used) and not 0 <= used.min() <= used.max() < len(entry.values):
            yield f"{name} operands must be some of {len(entry.values)} values, and are not"
    least_in, least_out = _ENDS.get(code, (0, 0))
    if row["in_end"] - row["in_begin"] < least_in or row["out_end"] - row["out_begin"] < least_out:
        yield f"{code.name.lower()} must have {least_in} operands and {least_out} results at least, and has fewer"
    if code is Op.CALL and kind == "segment":
        segment = program.segments[int(row["symbol"])]
        ends = (int(row["in_end"] - row["in_begin"]), int(row["out_end"] - row["out_begin"]))
        if ends != (len(segment.inputs), len(segment.outputs)):
            yield f"call must have the inputs and outputs of its segment {segment.name}, and has others"
    if code in (Op.MAP, Op.FOR) and row["arg_end"] == row["arg_begin"]:
        yield f"{code.name.lower()} must have an index, and has none"


class _Scopes:
    """Walks regions: bodies nest, values are made once, before they are used and where the use can see them."""

    def __init__(self, program: Program, entry: Entry) -> None:
        self._program, self._entry = program, entry
        self._made: set[int] = set(range(len(entry.arguments)))

    def faults(self) -> Iterator[str]:
        table = self._entry.operations
        yield from self._region(0, len(table), set(self._made), Op.RETURN, len(self._entry.results), ())

    def _count_group(self, row: np.void, code: Op, loops: tuple[int, ...]) -> Iterator[str]:
        """An operation that counts does so once in every iteration of the loops around it."""
        if row["group"] < 0:
            return
        group = self._entry.groups[int(row["group"])]
        own = tuple(group["loops"][: int(group["depth"])].tolist())
        if own != loops:
            yield f"{code.name.lower()} must count in the loops around it, {list(loops)}, not in {list(own)}"
        widths = _widths(self._program, row, code)
        if int(group["width"]) not in widths:
            told = " or ".join(str(n) for n in dict.fromkeys(widths))
            yield f"{code.name.lower()} must have a count group of width {told}, not {int(group['width'])}"

    def _operands(self, row: np.void, name: str) -> list[int]:
        values: list[int] = self._entry.operands[int(row[f"{name}_begin"]) : int(row[f"{name}_end"])].tolist()
        return values

    def _region(
        self, begin: int, end: int, seen: set[int], last: Op, results: int, loops: tuple[int, ...]
    ) -> Iterator[str]:
        table, at, given = self._entry.operations, begin, 0
        if len(loops) > 32:
            yield f"operation {begin}: regions must be at most 32 deep, and are deeper"
            return
        while at < end:
            row = table[at]
            code = Op(int(row["code"]))
            for value in self._operands(row, "in"):
                if value not in seen:
                    yield f"operation {at}: value {value} must be made before {code.name.lower()} uses it, and is not"
                    return
            own = (*self._count_group(row, code, loops), *_trip_operand(self._entry, row, code))
            for fault in (*own, *_types(self._program, self._entry, row, code)):
                yield f"operation {at}: {fault}"
                return
            if code in (Op.YIELD, Op.RETURN):
                if code is not last or at != end - 1:
                    yield f"operation {at}: {code.name.lower()} must end its region, and does not"
                    return
                given = int(row["in_end"] - row["in_begin"])
            made = [*self._operands(row, "out"), *self._operands(row, "arg")]
            again = next((v for k, v in enumerate(made) if v in self._made or v in made[:k]), None)
            if again is not None:
                yield f"operation {at}: value {again} must be made once, and is made again"
                return
            self._made.update(made)
            if code in REGIONS:
                stop = int(row["body_end"])
                if not at < stop <= end:
                    yield f"operation {at}: its body must end inside the region around it, not at {stop}"
                    return
                inside = seen | set(self._operands(row, "arg"))
                count = int(row["out_end"] - row["out_begin"])
                faults = list(self._region(at + 1, stop, inside, Op.YIELD, count, (*loops, int(row["loop"]))))
                if faults:
                    yield faults[0]
                    return
                at = stop
            else:
                at += 1
            seen |= set(self._operands(row, "out"))
        if given != results:
            yield f"operations {begin} to {end}: must give {results} values at the end, not {given}"


def _widths(program: Program, row: np.void, code: Op) -> tuple[int, ...]:
    """Counts that an operation may have at each place: one a block, and a train; refreshes count one a block, too."""
    blocks = [
        len(program.arrays[int(row[name])].blocks) if 0 <= row[name] < len(program.arrays) else 0
        for name in ("symbol", "symbol2")
    ]
    if code is Op.UPDATE:
        return 1, 1 + blocks[0]
    if code is Op.TRANSFER:
        return blocks[0] + 1, blocks[0] + 1 + blocks[1]
    return (1,) if code in REGIONS else (blocks[0],)


def _trip_operand(entry: Entry, row: np.void, code: Op) -> Iterator[str]:
    """A loop whose trip is not a constant takes it as its first operand, an argument as that argument."""
    if code not in (Op.MAP, Op.FOR):
        return
    loop = entry.loops[int(row["loop"])]
    ins = entry.operands[int(row["in_begin"]) : int(row["in_end"])].tolist()
    carried = int(row["arg_end"] - row["arg_begin"]) - 1 if code is Op.FOR else 0
    takes = 0 if loop["trip_kind"] == Trip.CONST else 1
    if len(ins) != carried + takes:
        kind = "a constant" if not takes else "an argument" if loop["trip_kind"] == Trip.ARGUMENT else "one from data"
        yield f"{code.name.lower()} must have {carried + takes} operands as its trip is {kind}, not {len(ins)}"
    elif loop["trip_kind"] == Trip.ARGUMENT and ins[0] != loop["trip"]:
        yield f"{code.name.lower()} must take its trip, argument {int(loop['trip'])}, and takes value {ins[0]}"
    elif loop["trip_kind"] == Trip.DATA and _is_whole_scalar(entry, ins[0]):
        yield f"{code.name.lower()} must take its trip from data, not from argument {ins[0]}"


_KINDS = {
    Op.MVM: (ValueKind.VEC,),
    Op.MVM_T: (ValueKind.VEC,),
    Op.UPDATE: (ValueKind.VEC, ValueKind.VEC),
    Op.UNSTASH: (ValueKind.STASH, ValueKind.INDEX),
}
"""Kinds of the first operands."""

_NUMPY = {"float32": "f32", "int64": "i64", "bool": "i1"}


def _types(program: Program, entry: Entry, row: np.void, code: Op) -> Iterator[str]:
    """Operands are of the kind, the size and the type that an operation works on."""
    ins = entry.operands[int(row["in_begin"]) : int(row["in_end"])]
    values = entry.values
    for number, (value, kind) in enumerate(zip(ins.tolist(), _KINDS.get(code, ()), strict=False)):
        if values["kind"][value] != kind:
            yield f"operand {number} of {code.name.lower()} must be a {kind.name.lower()}, and is not"
            return
    if code in (Op.MVM, Op.MVM_T, Op.UPDATE):
        array = program.arrays[int(row["symbol"])]
        sizes = {Op.MVM: (array.rows,), Op.MVM_T: (array.cols,), Op.UPDATE: (array.rows, array.cols, 1)}[code]
        for value, size in zip(ins.tolist(), sizes, strict=False):
            given = int(values["elements"][value])
            if given != size:
                yield f"{code.name.lower()} of {array.name} must take {size} elements, not {given}"
    if code is Op.CALL:
        segment = program.segments[int(row["symbol"])]
        for value, port in zip(ins.tolist(), segment.inputs, strict=True):
            known = ELEMENTS[int(values["element"][value])]
            if _NUMPY.get(port.dtype, known) != known:
                yield f"{segment.name} must take {port.name} as {port.dtype}, not as {known}"
            size = math.prod(n for n in port.shape if isinstance(n, int))
            if values["elements"][value] != size:
                yield f"{segment.name} must take {size} elements of {port.name}, not {int(values['elements'][value])}"
    if code in (Op.FOR, Op.STATE_GET, Op.STATE_SET, Op.UPDATE, Op.WHEN):
        low, high = _ATTRIBUTES[code]
        if not low <= row["attr"] <= high:
            yield f"attribute of {code.name.lower()} must be {low} to {high}, not {int(row['attr'])}"


_ATTRIBUTES = {
    Op.FOR: (0, 1),
    Op.STATE_GET: (0, 2),
    Op.STATE_SET: (0, 2),
    Op.UPDATE: (0, len(SIGN_PHASES)),
    Op.WHEN: (1, (1 << 31) - 1),
}
"""Least and largest attribute: reverse or not; which part of a state; scheme of an update; modulus."""
