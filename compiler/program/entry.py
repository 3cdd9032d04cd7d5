"""One entry of a program (`program`, `infer` or `train_step`) and how its counts are laid out.

A *count group* holds the counts of one operation: one per iteration of its enclosing loops and per part (block). Where
a group starts, and how far apart its counts are, depends on the batch and on data-dependent trips, so addresses are
resolved per execution: `CountLayout` does it, for both engines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.addresses import check_addresses
from ohmflow.compiler.program.beats import BEATS, beats_of, is_pipelined
from ohmflow.compiler.program.kept import KEPT, spilled
from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.schedule import CHANNEL, INSTRUCTION, LOOP, MAX_DEPTH, TREE, Schedule
from ohmflow.compiler.program.tables import Trip
from ohmflow.compiler.program.windows import WINDOW


@dataclass(frozen=True)
class Argument:
    """An argument or result of an entry.

    Attributes:
        name: the graph's name for it, or `lr`, `inv_batch`, `batch`.
        kind: `rows` (one element per sample), `scalar` or `value`.
        dtype: numpy name of the element type.
        shape: shape of one row, or of the value.
        keep: of a random argument: each element is 1 with this probability, else 0, drawn by the machine in every
            execution; None for data.
    """

    name: str
    kind: str
    dtype: str
    shape: tuple[int, ...]
    keep: float | None = None


@dataclass(frozen=True)
class Entry:
    """The tables of one entry; the columns are those of `ohmflow.compiler.program.tables`.

    Attributes:
        name: `program`, `infer` or `train_step`.
        arguments: in the order of the first values.
        results: what `RETURN` gives.
        operations: [O] OPERATION.
        operands: flat value numbers.
        values: [V] VALUES.
        loops: [K] LOOPS.
        groups: [G] GROUPS.
        instructions: [I] INSTRUCTIONS, or none on a target without time.
        stream: [U + 1] first instruction of each unit.
        stream_loops: [S] STREAM_LOOPS, parents first.
        channels: [C] CHANNEL.
        route: flat link numbers.
        trees: [T] TREE: multicasts, and sums in the network.
        windows: geometries of the windows that operations take or fold.
        marks: what rules say about loops that they wrote, by row of LOOPS.
        kept: [N] KEPT: what units keep from one loop for a later one.
        kept_names: for each row of it, the name of its value or state, for people.
    """

    name: str
    arguments: tuple[Argument, ...]
    results: tuple[Argument, ...]
    operations: NDArray[np.void]
    operands: NDArray[np.int32]
    values: NDArray[np.void]
    loops: NDArray[np.void]
    groups: NDArray[np.void]
    instructions: NDArray[np.void]
    stream: NDArray[np.int32]
    stream_loops: NDArray[np.void]
    channels: NDArray[np.void]
    route: NDArray[np.int32]
    trees: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, TREE))
    windows: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, WINDOW))
    marks: Mapping[int, LoopMark] = field(default_factory=dict)
    kept: NDArray[np.void] = field(default_factory=lambda: np.zeros(0, KEPT))
    kept_names: tuple[str, ...] = ()

    def argument(self, name: str) -> int:
        """Number of the argument called `name`."""
        return [a.name for a in self.arguments].index(name)


@dataclass(frozen=True)
class CountLayout:
    """Where the counts of one execution stand.

    Attributes:
        trips: [K] trip of each loop, the largest one where it depends on data.
        base: [G] address of each group's first count.
        shapes: shape of each group: trips of its loops, then its width.
        size: how many counts there are.
    """

    trips: tuple[int, ...]
    base: tuple[int, ...]
    shapes: tuple[tuple[int, ...], ...]
    size: int
    _strides: tuple[tuple[int, ...], ...] = field(repr=False)

    @classmethod
    def of(cls, entry: Entry, scalars: Mapping[str, int], data_trips: Mapping[int, int] | None = None) -> "CountLayout":
        """Lay out the counts of `entry`.

        Args:
            entry: whose groups.
            scalars: value of each scalar argument that is a trip, by name.
            data_trips: for each loop with a data-dependent trip, the largest trip of this execution.
        """
        trips = []
        away = spilled(entry.kept, int(scalars.get("batch", 0)))
        for number, loop in enumerate(entry.loops):
            if loop["trip_kind"] == Trip.CONST:
                trips.append(int(loop["trip"]))
            elif loop["trip_kind"] == Trip.ARGUMENT:
                trips.append(int(scalars[entry.arguments[int(loop["trip"])].name]))
            elif loop["trip_kind"] in BEATS:
                trips.append(1)
            elif loop["trip_kind"] == Trip.SPILL:
                trips.append(int(loop["trip"]) if away[int(loop["kept"])] else 0)
            else:
                trips.append(int((data_trips or {}).get(number, 1)))
        base, shapes, strides, at = [], [], [], 0
        for group in entry.groups:
            loops = group["loops"][: int(group["depth"])]
            shape = (*(trips[int(k)] for k in loops), int(group["width"]))
            step, stride = int(group["width"]), []
            for extent in reversed(shape[:-1]):
                stride.append(step)
                step *= extent
            base.append(at)
            shapes.append(shape)
            strides.append(tuple(reversed(stride)))
            at += step
        return cls(tuple(trips), tuple(base), tuple(shapes), at, tuple(strides))

    def strides(self, group: int) -> tuple[int, ...]:
        """Address step of each of the group's loops, outermost first."""
        return self._strides[group]

    def view(self, counts: NDArray[np.int64], group: int) -> NDArray[np.int64]:
        """A group's counts inside the flat array, in its shape."""
        shape = self.shapes[group]
        size = int(np.prod(shape))
        return counts[self.base[group] : self.base[group] + size].reshape(shape)


def resolve(
    entry: Entry,
    layout: CountLayout,
    hop: NDArray[np.int32],
    unit_names: Sequence[str],
    flit_cycles: NDArray[np.int32] | None = None,
    executions: int = 1,
) -> Schedule:
    """Turn an entry's streams into a schedule for one execution; its `counts` are zero, to be filled.

    Args:
        entry: a program's entry.
        layout: trips and addresses of this execution.
        hop: [L] the chip's links.
        unit_names: names of the units, for messages.
        flit_cycles: [L] cycles of a flit on each of the chip's links; 1 if None.
        executions: how many a schedule of a pipelined entry holds; their counts stand one after the other.

    Raises:
        ProgramError: an instruction would look up a count that is not there, as a damaged program's may.
    """
    table = entry.instructions
    rows = np.zeros(len(table), INSTRUCTION)
    for name in ("kind", "phase", "wait0", "wait1", "signal", "t0", "t1", "t2", "t3"):
        rows[name] = table[name]
    rows["count"] = -1
    for i in np.flatnonzero(table["group"] >= 0):
        group = int(table["group"][i])
        rows["count"][i] = layout.base[group] + int(table["offset"][i])
        stride = layout.strides(group)
        steps = table["steps"][i].tolist()
        if any(steps):
            # Loops that walk the group's last one in pieces: their strides are multiples of that one's.
            own = stride[:-1]
            stride = tuple(n * stride[-1] if n else own[k] if k < len(own) else 0 for k, n in enumerate(steps))
        rows["stride"][i, : len(stride)] = stride
    loops = np.zeros(len(entry.stream_loops), LOOP)
    loops["count"] = -1
    for k, row in enumerate(entry.stream_loops):
        source = int(row["loop"])
        loops["begin"][k], loops["end"][k], loops["parent"][k] = row["begin"], row["end"], row["parent"]
        loops["trip"][k] = layout.trips[source]
        group = int(entry.loops["group"][source])
        if group >= 0:
            loops["count"][k] = layout.base[group]
            stride = layout.strides(group)
            loops["stride"][k, : len(stride)] = stride
    if is_pipelined(entry.loops):
        over_executions(entry, layout.size, executions, rows, loops)
    size = layout.size * executions
    check_addresses(f"entry {entry.name}", rows, loops, loops["trip"].tolist(), size)
    assert all(len(layout.strides(g)) <= MAX_DEPTH for g in range(len(entry.groups)))
    return Schedule(
        stream=entry.stream,
        instructions=rows,
        loops=loops,
        channels=entry.channels.astype(CHANNEL),
        route=entry.route,
        hop=hop,
        counts=np.zeros(size, np.int64),
        unit_names=tuple(unit_names),
        trees=entry.trees.astype(TREE),
        flit_cycles=np.zeros(0, np.int32) if flit_cycles is None else flit_cycles,
    )


def over_executions(entry: Entry, size: int, executions: int, rows: NDArray[np.void], loops: NDArray[np.void]) -> None:
    """Let a pipelined entry's schedule run over executions: trips of their loops, and where their counts stand.

    Args:
        entry: whose streams.
        size: counts of one execution.
        executions: how many.
        rows: [I] INSTRUCTION, for one execution; changed.
        loops: [K] LOOP, for one execution; changed.
    """
    table, around = entry.instructions, np.full(len(rows), -1, np.int64)
    beat = np.zeros(len(loops), np.int64)
    outer = np.zeros(len(loops), np.int64)
    for k, row in enumerate(entry.stream_loops):
        source, parent = entry.loops[int(row["loop"])], int(row["parent"])
        outer[k] = k if parent < 0 else outer[parent]
        if parent < 0:
            beat[k], loops["trip"][k] = beats_of(
                int(source["trip_kind"]), int(source["since"]), int(source["trip"]), executions
            )
            around[int(row["begin"]) : int(row["end"])] = k
    lags = np.minimum(np.where(table["operation"] >= 0, entry.operations["lag"][table["operation"]], 0), executions)

    def shift(where: NDArray[np.void], k: int, group: int, first: int) -> None:
        """Count from execution `first` on; the loop over samples, if there is one, has become that over executions."""
        strides = where["stride"][k].tolist()
        over_samples = (
            entry.groups["depth"][group] > 0
            and entry.loops["trip_kind"][int(entry.groups["loops"][group][0])] == Trip.ARGUMENT
        )
        where["count"][k] += max(first, 0) * size
        where["stride"][k] = (size, *(strides[1:] if over_samples else strides[:-1]))

    for i in np.flatnonzero(rows["count"] >= 0).tolist():
        shift(rows, i, int(table["group"][i]), int(beat[around[i]] - lags[i]))
    for k, row in enumerate(entry.stream_loops):
        if loops["count"][k] >= 0:
            i = int(row["begin"])
            shift(loops, k, int(entry.loops["group"][int(row["loop"])]), int(beat[outer[k]] - lags[i]))
