"""Writes schedules by hand, with names instead of numbers.

```
chip = ScheduleBuilder()
chip.units("host", "tile")
chip.link("wire", hop=2)
chip.channel("x", "host", "tile", depth=2, flits=3, route=("wire",))
chip.count("retries", [[0, 1], [2, 0]])
with chip.on("host"), chip.loop(4):
    chip.fixed(1, signal="x")
with chip.on("tile"), chip.loop(2), chip.loop(2):
    chip.read(5, 3, waits=("x",), count="retries")
schedule = chip.build()
```
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

import numpy as np

from ohmflow.compiler.program.schedule import (
    CHANNEL,
    COUNTED,
    FIXED,
    INSTRUCTION,
    LOOP,
    MAX_DEPTH,
    MULTICAST,
    PHASES,
    READ,
    SUM,
    TREE,
    Schedule,
)

Strides = tuple[int, ...]


class Common(TypedDict, total=False):
    """What any instruction may have: names of channels, of a phase, of a table of counts."""

    waits: tuple[str | None, ...]
    signal: str | None
    phase: str
    count: str | None
    strides: Strides | None


@dataclass
class _Loop:
    """A row of `LOOP`."""

    begin: int
    end: int
    parent: int
    trip: int
    count: int
    stride: Strides


@dataclass
class _Unit:
    """The stream of one unit; instructions are rows of `INSTRUCTION`; loops count from the unit's own first."""

    instructions: list[tuple[int | Strides, ...]] = field(default_factory=list)
    loops: list[_Loop] = field(default_factory=list)


class ScheduleBuilder:
    """Collects units, links, channels, counts and streams; `build` makes the arrays."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._units: dict[str, _Unit] = {}
        self._links: dict[str, tuple[int, int]] = {}
        self._channels: dict[str, int] = {}
        self._channel_rows: list[tuple[str, str, int, int, tuple[str, ...]]] = []
        self._trees: list[tuple[int, int, int, int]] = []
        self._counts: list[int] = []
        self._tables: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._current: _Unit | None = None
        self._open: list[int] = []  # loop rows of the current unit that are open, outermost first

    # What there is.

    def units(self, *names: str) -> None:
        """Add units; their numbers follow the order of adding."""
        for name in names:
            assert name not in self._units, f"unit {name} exists"
            self._units[name] = _Unit()

    def link(self, name: str, hop: int = 1, flit_cycles: int = 1) -> None:
        """Add a link."""
        self._links[name] = (hop, flit_cycles)

    def channel(
        self, name: str, src: str, dst: str, depth: int = 1, flits: int = 1, route: tuple[str, ...] = ()
    ) -> None:
        """Add a channel over the named links."""
        self._channels[name] = len(self._channel_rows)
        self._channel_rows.append((src, dst, depth, flits, route))

    def multicast(self, *channels: str) -> None:
        """Make a multicast of channels that were added one after the other."""
        self._trees.append((MULTICAST, self._channels[channels[0]], self._channels[channels[-1]] + 1, 0))

    def sum(self, *channels: str, adder: int = 1) -> None:
        """Make a sum of channels that were added one after the other."""
        self._trees.append((SUM, self._channels[channels[0]], self._channels[channels[-1]] + 1, adder))

    def count(self, name: str, values: object) -> None:
        """Add a table of counts: a number, or nested lists with the outermost loop's ordinal as the first index."""
        table = np.asarray(values, np.int64)
        self._tables[name] = (len(self._counts), table.shape)
        self._counts += table.ravel().tolist()

    # Streams.

    @contextmanager
    def on(self, unit: str) -> Iterator[None]:
        """Append to the stream of this unit."""
        assert self._current is None, "finish the other unit first"
        self._current = self._units[unit]
        yield
        self._current = None

    @contextmanager
    def loop(self, trip: int | str, strides: Strides | None = None) -> Iterator[None]:
        """Repeat what is inside: so often, or as the named table of counts says."""
        unit = self._unit()
        count, stride = self._address(trip if isinstance(trip, str) else None, strides)
        loop = _Loop(
            begin=len(unit.instructions),
            end=-1,
            parent=self._open[-1] if self._open else -1,
            trip=0 if isinstance(trip, str) else trip,
            count=count,
            stride=stride,
        )
        self._open.append(len(unit.loops))
        unit.loops.append(loop)
        yield
        loop.end = len(unit.instructions)
        assert loop.end > loop.begin, "a loop must hold an instruction"
        self._open.pop()

    def fixed(
        self, occupancy: int, latency: int | None = None, barrier: bool = False, **common: Unpack[Common]
    ) -> None:
        """Append a FIXED instruction; the latency is the occupancy unless given; `barrier`: it stands behind one."""
        self._append(FIXED, (occupancy, occupancy if latency is None else latency, int(barrier), 0), **common)

    def counted(self, setup: int, each: int, **common: Unpack[Common]) -> None:
        """Append a COUNTED instruction."""
        self._append(COUNTED, (setup, each, 0, 0), **common)

    def read(
        self,
        array: int,
        conversion: int,
        latency: int = 0,
        bank: int = 0,
        double: bool = False,
        later: int = 0,
        **common: Unpack[Common],
    ) -> None:
        """Append a READ instruction; `double` is double-buffered, `later` what its passes after the first add."""
        self._append(READ, (array, conversion, latency, bank + 2 * double + 4 * later), **common)

    def _append(self, kind: int, t: tuple[int, int, int, int], **common: Unpack[Common]) -> None:
        """Append an instruction; a named count is addressed by the enclosing loops, see `_address`."""
        wait0, wait1 = [self._channel(name) for name in (*common.get("waits", ()), None, None)][:2]
        signal = self._channel(common.get("signal"))
        phase = PHASES.index(common.get("phase", "forward"))
        base, stride = self._address(common.get("count"), common.get("strides"))
        self._unit().instructions.append((kind, phase, wait0, wait1, signal, *t, base, stride))

    def _channel(self, name: str | None) -> int:
        return -1 if name is None else self._channels[name]

    def _address(self, table: str | None, strides: Strides | None) -> tuple[int, Strides]:
        """Base and strides: given, or those of the table's own shape, its first index being the outermost loop's."""
        if table is None:
            return -1, (0,) * MAX_DEPTH
        base, shape = self._tables[table]
        if strides is None:
            assert len(shape) <= len(self._open), f"table {table} has more dimensions than there are loops around"
            strides = tuple(int(np.prod(shape[k + 1 :])) for k in range(len(shape)))
        return base, (*strides, *(0,) * (MAX_DEPTH - len(strides)))

    def _unit(self) -> _Unit:
        assert self._current is not None, "say on which unit"
        return self._current

    # The arrays.

    def build(self) -> Schedule:
        """Number everything and make the arrays."""
        unit_number = {name: number for number, name in enumerate(self._units)}
        link_number = {name: number for number, name in enumerate(self._links)}
        stream = [0]
        instructions: list[tuple[int | Strides, ...]] = []
        loops: list[tuple[int | Strides, ...]] = []
        for unit in self._units.values():
            at, first = len(instructions), len(loops)
            instructions += unit.instructions
            for loop in unit.loops:
                parent = loop.parent + first if loop.parent >= 0 else -1
                loops.append((loop.begin + at, loop.end + at, parent, loop.trip, loop.count, loop.stride))
            stream.append(len(instructions))
        route: list[int] = []
        channels = []
        for src, dst, depth, flits, links in self._channel_rows:
            begin = len(route)
            route += [link_number[link] for link in links]
            channels.append((unit_number[src], unit_number[dst], depth, flits, begin, len(route)))
        return Schedule(
            stream=np.array(stream, np.int32),
            instructions=np.array(instructions, INSTRUCTION),
            loops=np.array(loops, LOOP),
            channels=np.array(channels, CHANNEL),
            route=np.array(route, np.int32),
            hop=np.array([hop for hop, _ in self._links.values()], np.int32),
            counts=np.array(self._counts, np.int64),
            unit_names=tuple(self._units),
            trees=np.array(self._trees, TREE),
            flit_cycles=np.array([cycles for _, cycles in self._links.values()], np.int32),
        )
