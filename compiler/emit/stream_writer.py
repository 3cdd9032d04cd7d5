"""Writing single instructions into the streams of an entry's units, and the channels between them."""

from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.dataflow import HOST, Dataflow, Unit
from ohmflow.compiler.emit.operations import EmittedOperations
from ohmflow.compiler.emit.origins import repeats
from ohmflow.compiler.emit.unit_stream import UnitStream
from ohmflow.compiler.program.schedule import FIXED
from ohmflow.compiler.program.tables import Mnemonic


@dataclass
class EmittedStreams:
    """Streams and channels of one entry.

    Attributes:
        streams: by unit.
        channels: (source, target, flits) of each channel.
        kept: bytes per sample that each unit keeps between loops.
        fixed: bytes of the states that live in each unit, whatever the batch.
    """

    streams: dict[Unit, UnitStream] = field(default_factory=dict)
    channels: list[tuple[Unit, Unit, int]] = field(default_factory=list)
    kept: dict[Unit, int] = field(default_factory=dict)
    fixed: dict[Unit, int] = field(default_factory=dict)


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
    """

    def __init__(self, flow: Dataflow, emitted: EmittedOperations, costing: Costing) -> None:
        self.out = EmittedStreams()
        self._flow, self._emitted, self._costing = flow, emitted, costing
        self._delivered: set[SSAValue] = set()
        self._channels: dict[tuple[object, Unit, int], int] = {}

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
        for unit, need in sorted(self._flow.needs[value].items()):
            size = -(-need.elements // parts) * self._costing.word
            if need.kept and unit[0] != "host" and value not in self._delivered:
                kept = need.elements * self._costing.word * repeats(value)
                self.out.kept[unit] = self.out.kept.get(unit, 0) + kept
            if unit == home or unit[0] == home[0] == "host":
                continue
            channel = self.channel(home, unit, size, None if parts == 1 else value)
            self.add(
                home,
                op,
                path,
                mnemonic=Mnemonic.SEND,
                kind=FIXED,
                phase=need.phase,
                signal=channel,
                t0=1,
                t1=1,
                buffer_read=0 if home == HOST else size,
                host_bytes=size if home == HOST else 0,
            )
            self.receive(unit, op, channel, size, need.phase, path)
        self._delivered.add(value)

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
