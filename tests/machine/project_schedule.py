"""Writes one common sequence of operations as one stream per unit.

Each unit keeps its own operations and the loops around them. How it writes a loop is drawn: the trip as a constant or
as counts; counts in its own layout; a constant loop split into two that share their begin and end; an item wrapped in a
loop of one trip; a loop that is never entered, full of instructions that could never issue.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import MAX_DEPTH, PHASES, Schedule
from tests.machine.timeline_builder import Common, ScheduleBuilder


@dataclass
class Channel:
    """One channel; `route` are link numbers."""

    number: int
    src: int
    dst: int
    depth: int
    flits: int
    route: tuple[int, ...]

    @property
    def name(self) -> str:
        """Its name for the builder."""
        return f"c{self.number}"


@dataclass(frozen=True)
class Group:
    """Channels that are a multicast or, with an adder, a sum; they stand together in the list of all channels."""

    members: tuple[Channel, ...]
    adder: int = 0

    @property
    def room(self) -> int:
        """Messages that may be sent on it before any is consumed."""
        return min(channel.depth for channel in self.members)


@dataclass(frozen=True)
class Table:
    """Counts by the ordinals of the enclosing loops of the common sequence; an axis of 1 is for every ordinal."""

    values: NDArray[np.int64]


@dataclass
class Op:
    """One operation of one unit."""

    unit: int
    waits: list[Channel]
    signal: Channel | None
    kind: str = "fixed"
    t: tuple[int, ...] = (1, 1)
    bank: int = 0
    double: bool = False
    later: int = 0
    phase: int = 0
    count: Table | None = None


@dataclass
class Loop:
    """A loop of the common sequence."""

    trip: int | Table
    body: "Tree" = field(default_factory=list)


Tree = list[Op | Loop]

Frames = tuple[tuple[int, int] | None, ...]
"""For each loop around, outermost first: (common loop, how many of its iterations one iteration here is), or None for
a loop of the unit's own, whose ordinal is always 0."""


def project(
    tree: Tree,
    units: int,
    hops: list[int],
    channels: list[Channel],
    rng: np.random.Generator,
    groups: Sequence[Group] = (),
    flit_cycles: Sequence[int] = (),
) -> Schedule:
    """Make the schedule of a common sequence; units are named u0, u1, ….

    Args:
        tree: the sequence.
        units: number of units.
        hops: hop of every link.
        channels: all channels that operations of the tree name.
        rng: draws how loops are written.
        groups: multicasts and sums.
        flit_cycles: of every link; 1 if none are given.

    Returns:
        The schedule.
    """
    chip = ScheduleBuilder()
    chip.units(*(f"u{unit}" for unit in range(units)))
    for link, hop in enumerate(hops):
        chip.link(f"l{link}", hop, flit_cycles[link] if flit_cycles else 1)
    for channel in channels:
        route = tuple(f"l{link}" for link in channel.route)
        chip.channel(channel.name, f"u{channel.src}", f"u{channel.dst}", channel.depth, channel.flits, route)
    for group in groups:
        names = [channel.name for channel in group.members]
        if group.adder:
            chip.sum(*names, adder=group.adder)
        else:
            chip.multicast(*names)
    for unit in range(units):
        with chip.on(f"u{unit}"):
            _Projection(chip, unit, channels, rng, groups).items(tree, 0, ())
    return chip.build()


def has(item: Op | Loop, unit: int) -> bool:
    """Whether the unit takes part in an item."""
    return item.unit == unit if isinstance(item, Op) else any(has(inner, unit) for inner in item.body)


def height(item: Op | Loop, unit: int) -> int:
    """Loops of the common sequence around the deepest operation of the unit, within an item."""
    if isinstance(item, Op):
        return 0
    return 1 + max(height(inner, unit) for inner in item.body if has(inner, unit))


class _Projection:
    """Writes the stream of one unit."""

    def __init__(
        self,
        chip: ScheduleBuilder,
        unit: int,
        channels: list[Channel],
        rng: np.random.Generator,
        groups: Sequence[Group],
    ) -> None:
        self.chip, self.unit, self.rng = chip, unit, rng
        later = {c.number for group in groups for c in group.members[1:]}
        plain = [channel for channel in channels if channel.number not in later]
        self.incoming = [channel for channel in plain if channel.dst == unit]
        self.outgoing = [channel for channel in plain if channel.src == unit]
        self.tables = 0

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def items(self, tree: Tree, level: int, frames: Frames) -> None:
        """Write the unit's items, with `level` common loops around them and `frames` loops of the unit."""
        for item in tree:
            if not has(item, self.unit):
                continue
            if len(frames) < MAX_DEPTH and self.chance(0.04):
                self.never(frames)
            with ExitStack() as around:
                inside = frames
                if len(frames) + 1 + height(item, self.unit) <= MAX_DEPTH and self.chance(0.08):
                    around.enter_context(self.counted_loop(Table(np.ones((1,) * level, np.int64)), frames))
                    inside = (*frames, None)
                if isinstance(item, Op):
                    self.op(item, inside)
                else:
                    self.loop(item, level, inside)

    def loop(self, loop: Loop, level: int, frames: Frames) -> None:
        """Write a common loop in one of several ways."""
        trip = loop.trip
        if isinstance(trip, Table):
            with self.counted_loop(trip, frames):
                self.items(loop.body, level + 1, (*frames, (level, 1)))
            return
        inner = next((factor for factor in (2, 3) if trip and trip % factor == 0), None)
        if inner and len(frames) + 1 + height(loop, self.unit) <= MAX_DEPTH and self.chance(0.4):
            with self.chip.loop(trip // inner), self.chip.loop(inner):
                self.items(loop.body, level + 1, (*frames, (level, inner), (level, 1)))
            return
        as_counts = self.chance(0.3)
        same = Table(np.full((1,) * level, trip, np.int64))
        with self.counted_loop(same, frames) if as_counts else self.chip.loop(trip):
            self.items(loop.body, level + 1, (*frames, (level, 1)))

    def never(self, frames: Frames) -> None:
        """Write a loop that is never entered, whose instructions have every reason not to issue."""
        waits = tuple(c.name for c in self.incoming[:2])
        signal = self.outgoing[0].name if self.outgoing else None
        as_counts = self.chance(0.5)
        with self.counted_loop(Table(np.zeros((), np.int64)), frames) if as_counts else self.chip.loop(0):
            self.chip.fixed(1000, waits=waits, signal=signal)

    def counted_loop(self, table: Table, frames: Frames) -> AbstractContextManager[None]:
        """A loop whose trip is a count."""
        name, strides = self.place(table, frames)
        return self.chip.loop(name, strides)

    def op(self, op: Op, frames: Frames) -> None:
        """Write an operation."""
        waits: list[str | None] = [channel.name for channel in op.waits]
        if len(waits) == 1 and self.chance(0.3):
            waits = [None, *waits]
        elif self.chance(0.5):
            waits.reverse()
        common = Common(waits=tuple(waits), signal=op.signal.name if op.signal else None, phase=PHASES[op.phase])
        if op.count is not None:
            common["count"], common["strides"] = self.place(op.count, frames)
        match op.kind:
            case "fixed":
                self.chip.fixed(op.t[0], op.t[1], **common)
            case "counted":
                self.chip.counted(op.t[0], op.t[1], **common)
            case _:
                self.chip.read(op.t[0], op.t[1], op.t[2], op.bank, op.double, op.later, **common)

    def place(self, table: Table, frames: Frames) -> tuple[str, tuple[int, ...]]:
        """Put a table into the counts in a layout of its own; return its name and the strides of the loops around."""
        axes = self.rng.permutation(table.values.ndim)
        laid_out = table.values.transpose(axes)
        name = f"u{self.unit}.{self.tables}"
        self.tables += 1
        self.chip.count(name, laid_out.ravel())
        by_axis = {
            int(axis): int(np.prod(laid_out.shape[k + 1 :], dtype=int)) if laid_out.shape[k] > 1 else 0
            for k, axis in enumerate(axes)
        }
        # A loop of the unit's own is at ordinal 0 always, so that any stride will do.
        strides = (self.rng.integers(0, 9) if f is None else by_axis.get(f[0], 0) * f[1] for f in frames)
        return name, tuple(int(stride) for stride in strides)
