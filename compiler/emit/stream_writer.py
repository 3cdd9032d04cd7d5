"""Writing single instructions into the streams of an entry's units, and the channels between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from xdsl.ir import Operation, SSAValue

from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.dataflow import Dataflow, Need, Unit
from ohmflow.compiler.emit.kept_thing import KeptThing
from ohmflow.compiler.emit.operations import EmittedOperations
from ohmflow.compiler.emit.origins import repeats
from ohmflow.compiler.emit.unit_stream import UnitStream
from ohmflow.compiler.program.schedule import FIXED, MULTICAST, SUM
from ohmflow.compiler.program.tables import Mnemonic


@dataclass
class EmittedStreams:
    """Streams and channels of one entry.

    Attributes:
        streams: by unit.
        channels: (source, target, flits) of each channel.
        trees: (kind, first channel, one past the last, cycles of the adder) of multicasts and sums.
        kept: bytes per sample that each unit keeps between loops.
        fixed: bytes of the states that live in each unit, whatever the batch.
        depths: of channels that hold another number of messages than the target's buffers of vectors.
        things: what `kept` and `fixed` consist of.
        buffers: bytes of each unit's memory into which DRAM loads.
    """

    streams: dict[Unit, UnitStream] = field(default_factory=dict)
    channels: list[tuple[Unit, Unit, int]] = field(default_factory=list)
    trees: list[tuple[int, int, int, int]] = field(default_factory=list)
    kept: dict[Unit, int] = field(default_factory=dict)
    fixed: dict[Unit, int] = field(default_factory=dict)
    depths: dict[int, int] = field(default_factory=dict)
    things: list[KeptThing] = field(default_factory=list)
    buffers: dict[Unit, int] = field(default_factory=dict)


class Keeper(Protocol):
    """Is told of values that units keep, as they arrive there."""

    def keep(self, value: SSAValue, unit: Unit, need: Need, size: int) -> None:
        """A unit keeps a value from here on; `size` bytes of it for each sample."""
        ...

    def arrived(self, value: SSAValue, op: Operation, path: tuple[int, ...], parts: int) -> None:
        """One of `parts` parts of a value is where it is needed."""
        ...


@dataclass(frozen=True)
class Place:
    """Where an instruction of a part stands: its loops, and how they walk the positions.

    Attributes:
        path: loops around it, outermost first.
        first: first row of the part, of all rows of its operation.
        rows: for each loop of the path, rows of the operation that one iteration stands for; 0 for loops around all.
    """

    path: tuple[int, ...]
    first: int = 0
    rows: tuple[int, ...] = ()


class StreamWriter:
    """Adds instructions to an entry's streams.

    Args:
        flow: homes and needs of values.
        emitted: the value side of the entry.
        costing: cycles and bytes on the target.

    Attributes:
        out: what was written.
        keeper: is told what units keep.
    """

    def __init__(self, flow: Dataflow, emitted: EmittedOperations, costing: Costing) -> None:
        self.out = EmittedStreams()
        self.keeper: Keeper | None = None
        self._flow, self._emitted, self._costing = flow, emitted, costing
        self._delivered: set[SSAValue] = set()
        self._channels: dict[tuple[object, Unit, int], int] = {}
        self._trees: dict[tuple[object, tuple[tuple[Unit, Unit], ...], int], int] = {}

    def add(
        self,
        unit: Unit,
        op: Operation,
        path: tuple[int, ...] | None = None,
        steps: tuple[int, ...] = (),
        **row: int,
    ) -> None:
        """Append an instruction.

        Args:
            unit: whose stream.
            op: the operation that it is a part of.
            path: loops around it, those of `op` by default.
            steps: how its loops walk the positions of its counts, see INSTRUCTIONS.
            **row: columns of INSTRUCTIONS.
        """
        full = dict.fromkeys(("wait0", "wait1", "signal", "group", "array", "block"), -1)
        full["operation"] = self._emitted.rows.get(op, -1)
        full.update(row)
        stream = self.out.streams.setdefault(unit, UnitStream())
        stream.add(self._emitted.paths[op] if path is None else path, full, steps)

    def move(self, unit: Unit, op: Operation, what: Mnemonic, phase: int, write: int = 0, read: int = 0) -> None:
        """A load from or a store to the unit's memory."""
        cycles = self._costing.move_cycles(unit[0], max(write, read))
        self.add(
            unit, op, mnemonic=what, kind=FIXED, phase=phase, t0=cycles, t1=cycles, buffer_write=write, buffer_read=read
        )

    def channel(self, source: Unit, target: Unit, size: int, key: object = None) -> int:
        """A channel between two units.

        Args:
            source: who sends.
            target: who receives.
            size: bytes of a message.
            key: what is sent; the parts of one thing share a channel.
        """
        known = (key, target, size)
        if key is not None and known in self._channels:
            return self._channels[known]
        self.out.channels.append((source, target, self._costing.flits(size)))
        number = len(self.out.channels) - 1
        if key is not None:
            self._channels[known] = number
        return number

    def tree(self, kind: int, ends: Sequence[tuple[Unit, Unit]], size: int, key: object = None) -> int:
        """The channels of a multicast or a sum; of one end it is a plain channel.

        Args:
            kind: MULTICAST or SUM.
            ends: source and target of each channel.
            size: bytes of a message.
            key: what is sent; the parts of one thing share their channels.

        Returns:
            The first channel; the others follow it in order.
        """
        if len(ends) == 1:
            return self.channel(*ends[0], size, key)
        known = (key, tuple(ends), size)
        if key is not None and known in self._trees:
            return self._trees[known]
        first = len(self.out.channels)
        for source, target in ends:
            self.channel(source, target, size)
        self.out.trees.append((kind, first, first + len(ends), self._costing.adder if kind == SUM else 0))
        if key is not None:
            self._trees[known] = first
        return first

    def send(
        self, unit: Unit, op: Operation, channel: int, size: int, phase: int, path: tuple[int, ...] | None = None
    ) -> None:
        """Send `size` bytes from the unit's memory, once, on a channel or on all of its multicast."""
        self.add(
            unit,
            op,
            path,
            mnemonic=Mnemonic.SEND,
            kind=FIXED,
            phase=phase,
            signal=channel,
            t0=1,
            t1=1,
            buffer_read=0 if unit[0] == "host" else size,
            host_bytes=size if unit[0] == "host" else 0,
        )

    def receive(
        self, unit: Unit, op: Operation, channel: int, size: int, phase: int, path: tuple[int, ...] | None = None
    ) -> None:
        """Take a message of `size` bytes from a channel."""
        at_host = unit[0] == "host"
        cycles = 1 if at_host else self._costing.move_cycles(unit[0], size)
        self.add(
            unit,
            op,
            path,
            mnemonic=Mnemonic.RECV,
            kind=FIXED,
            phase=phase,
            wait0=channel,
            t0=cycles,
            t1=cycles,
            buffer_write=0 if at_host else size,
            host_bytes=size if at_host else 0,
        )

    def deliver(self, value: SSAValue, op: Operation, path: tuple[int, ...] | None = None, parts: int = 1) -> None:
        """Send a value, where it is made, to every other unit that needs it.

        Args:
            value: an origin.
            op: the operation that makes it.
            path: loops around the messages, those of `op` by default.
            parts: in how many parts it leaves; then this sends one, and is called for each.
        """
        if value not in self._flow.needs or (value in self._delivered and parts == 1):
            return
        home = self._flow.home[value]
        for ends in self._ends(self._flow.needs[value]):
            for unit, need in ends:
                if need.kept and unit[0] != "host" and value not in self._delivered:
                    kept = need.elements * self._costing.word * repeats(value)
                    self.out.kept[unit] = self.out.kept.get(unit, 0) + kept
                    if self.keeper is not None:
                        self.keeper.keep(value, unit, need, kept)
            away = [(unit, need) for unit, need in ends if unit != home and not unit[0] == home[0] == "host"]
            if not away:
                continue
            size = -(-away[0][1].elements // parts) * self._costing.word
            key = None if parts == 1 else value
            channel = self.tree(MULTICAST, [(home, unit) for unit, _ in away], size, key)
            self.send(home, op, channel, size, min(need.phase for _, need in away), path)
            for number, (unit, need) in enumerate(away):
                self.receive(unit, op, channel + number, size, need.phase, path)
        self._delivered.add(value)
        if self.keeper is not None:
            self.keeper.arrived(value, op, self._emitted.paths[op] if path is None else path, parts)

    def _ends(self, needs: Mapping[Unit, Need]) -> list[list[tuple[Unit, Need]]]:
        """Units in order, each by itself; where messages branch, together with those that need the same elements."""
        if not self._costing.branching:
            return [[end] for end in sorted(needs.items())]
        together: dict[frozenset[tuple[int, int]], list[tuple[Unit, Need]]] = {}
        for unit, need in sorted(needs.items()):
            together.setdefault(frozenset(need.spans), []).append((unit, need))
        return list(together.values())

    def vector(
        self,
        unit: Unit,
        op: Operation,
        phase: int,
        work: list[tuple[str, int]],
        read: int,
        write: int,
        path: tuple[int, ...] | None = None,
    ) -> None:
        """Work on a vector unit, with what it reads from and writes to its scratchpad, in bytes."""
        occupancy, latency = self._costing.vector(work)
        self.add(
            unit,
            op,
            path,
            mnemonic=Mnemonic.VEC,
            kind=FIXED,
            phase=phase,
            t0=occupancy,
            t1=latency,
            simple=sum(n for kind, n in work if kind == "simple"),
            special=sum(n for kind, n in work if kind == "special"),
            buffer_read=read,
            buffer_write=write,
        )
