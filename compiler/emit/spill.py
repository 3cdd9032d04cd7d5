"""Moving what units keep to DRAM and back: stores behind what makes it, loads before what needs it.

Every move is a loop of the streams of its own (`Trip.SPILL`), which runs only where the plan of the batch has put the
thing into DRAM (`ohmflow.compiler.program.kept`), so one program is for all batches. A move has two ends: the unit
sends and the channel of DRAM stores, or the channel fetches and the unit receives. Both stand at the same place of the
one order in which streams are written, so that waits can not form a cycle. The accesses of a move are interleaved among
the channels. A channel's stream runs ahead of its readers, and so loads the next pieces while one is in use; where a
trip or an address comes from data it waits to be asked. Sizes and loops are those of the instruction for which the data
are: a row of an image, a position's new elements.
"""

from collections.abc import Sequence
from math import prod

from xdsl.ir import Block, BlockArgument, Operation, OpResult, SSAValue

from ohmflow.compiler.emit.costing import Costing
from ohmflow.compiler.emit.dataflow import Dataflow, Need, Unit
from ohmflow.compiler.emit.dram import DramPlan
from ohmflow.compiler.emit.kept_thing import KeptThing
from ohmflow.compiler.emit.operations import EmittedOperations
from ohmflow.compiler.emit.origins import elements, origin, repeats
from ohmflow.compiler.emit.stream_writer import StreamWriter
from ohmflow.compiler.program.schedule import FIXED, MAX_DEPTH
from ohmflow.compiler.program.tables import Mnemonic, Op, Trip
from ohmflow.compiler.tile.entry import EntryOp
from ohmflow.compiler.tile.stash import SplitOp, UnstashOp
from ohmflow.compiler.tile.state import StateOp
from ohmflow.compiler.tile.symbols import find
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp
from ohmflow.compiler.tile.windows import WindowOp

_SHARE = 16
"""A value of which all pieces are loaded at once takes this part of the memory at most."""


class Spiller:
    """Writes the moves of an entry's kept things.

    Args:
        writer: of the streams.
        flow: homes and needs of values.
        emitted: the value side; loops of moves are added to it.
        costing: cycles and bytes on the target.
        dram: the target's channels, or None: then nothing moves, and things are only listed.
    """

    def __init__(
        self,
        writer: StreamWriter,
        flow: Dataflow,
        emitted: EmittedOperations,
        costing: Costing,
        dram: DramPlan | None,
    ) -> None:
        self._write, self._flow, self._emitted, self._costing, self._dram = writer, flow, emitted, costing, dram
        self._things: dict[tuple[object, Unit], int] = {}
        self._states: dict[str, int] = {}
        self._readers: dict[tuple[Operation, Unit], list[SSAValue]] = {}
        self._asked: dict[Operation, list[int]] = {}
        self._loaded: set[tuple[Block | None, Unit, SSAValue]] = set()
        self._buffers: dict[Unit, dict[int, int]] = {}
        self._seen: set[tuple[Operation, Unit, SSAValue]] = set()
        for value, needs in flow.needs.items():
            for unit, need in needs.items():
                for op in need.readers:
                    self._readers.setdefault((op, unit), []).append(value)

    # What is kept -----------------------------------------------------------------------------------------------

    def keep(self, value: SSAValue, unit: Unit, need: Need, size: int) -> None:
        """A unit keeps a value from here on; `size` bytes of it for each sample."""
        row = self._emitted.rows.get(value.owner, -1) if isinstance(value, OpResult) else -1
        thing = KeptThing(
            _name(value),
            unit,
            row,
            per_sample=size,
            made=self._written(),
            unread=len(need.readers),
        )
        self._add(value, thing)

    def hold(self, op: StateGetOp) -> None:
        """Set memory aside for a state, once; of a line that is read, for the whole state.

        It can go to DRAM if only single lines of it are used.
        """
        name, unit = op.state_name, self._flow.home[op.value]
        if name in self._states:
            return
        state = find(op, name, (StateOp,), "a state")
        assert state is not None, "verified"
        size = state.type.size * self._costing.word
        fixed = self._write.out.fixed
        fixed[unit] = fixed.get(unit, 0) + size
        whole = [use for use in _uses(name, op) if use.index is None]
        thing = KeptThing(name, unit, state=name, fixed=size, made=self._written(), unread=len(whole))
        self._states[name] = self._add(name, thing)

    def _add(self, key: object, thing: KeptThing) -> int:
        things = self._write.out.things
        number = self._things[key, thing.unit] = len(things)
        if self._dram is not None:
            thing.channel = self._dram.choose(thing.unit, thing.per_sample)
        things.append(thing)
        return number

    def _written(self) -> int:
        return sum(len(stream.rows) for stream in self._write.out.streams.values())

    def arrived(self, value: SSAValue, op: Operation, path: tuple[int, ...], parts: int) -> None:
        """Store one of `parts` parts of a value on every unit that keeps it."""
        for unit, need in sorted(self._flow.needs[value].items()):
            number = self._things.get((value, unit))
            if number is None or self._dram is None:
                continue
            placed = self._placed(path, value)
            if placed is None:
                self._write.out.things[number].unread += 1
                continue
            around, times = placed
            size = -(-need.elements // parts) * self._costing.word
            self._store(number, op, around, size * times, need.phase)

    def _placed(self, path: tuple[int, ...], value: SSAValue) -> tuple[tuple[int, ...], int] | None:
        """Loops around a store, and for how many parts it stands; None where loops are too deep for one more."""
        if len(path) < MAX_DEPTH:
            return path, 1
        # A map over positions ends with its result, so behind its loop all of a row can be stored at once.
        last = self._emitted.loops[path[-1]]
        inside = self._emitted.paths.get(value.owner) if isinstance(value, OpResult) else None
        if last["trip_kind"] == Trip.CONST and inside != path:
            return path[:-1], last["trip"]
        return None

    # Loads ------------------------------------------------------------------------------------------------------

    def before(
        self, op: Operation, unit: Unit, phase: int, path: tuple[int, ...] | None = None, steps: int = 1
    ) -> None:
        """Load what an operation needs on a unit and what was kept for it.

        Args:
            op: the reader.
            unit: where.
            phase: its phase.
            path: loops around its instruction, those of the operation by default.
            steps: in how many steps it works; then this is called for each.
        """
        if self._dram is None:
            return
        inside = self._emitted.paths[op] if path is None else path
        for value in self._readers.get((op, unit), ()):
            number = self._things.get((value, unit))
            if number is None or len(inside) >= MAX_DEPTH:
                continue
            thing, path = self._write.out.things[number], inside
            pieces, halo = self._pieces(op, value, path, steps)
            if self._is_new(op, unit, value, steps):
                size = -(-thing.per_sample // pieces)
                if self._better_whole(thing, path, size, pieces):
                    path, size, pieces, halo = path[:-1], thing.per_sample, 1, 1
                self._load(number, op, path, size, phase, halo=halo, asking=self._from_data(path))
                thing.loaded += size * pieces
            if (op, unit, value) not in self._seen:
                self._seen.add((op, unit, value))
                thing.unread -= 1
            if thing.used < 0:
                thing.used = self._written()

    def _is_new(self, op: Operation, unit: Unit, value: SSAValue, steps: int) -> bool:
        """Whether an operation of the same block has not loaded it for this one too."""
        key = (op.parent_block(), unit, value)
        if steps == 1 and key in self._loaded:
            return False
        self._loaded.add(key)
        return True

    def _pieces(self, op: Operation, value: SSAValue, path: tuple[int, ...], steps: int) -> tuple[int, int]:
        """In how many pieces a sample's value is loaded, and how many of them stay for later ones."""
        if steps > 1:
            return steps, 0
        inner = [self._emitted.loops[k] for k in path[1:]]
        times = prod(int(row["trip"]) for row in inner if row["trip_kind"] == Trip.CONST)
        for operand in op.operands:
            if origin(operand) is value and isinstance(operand.owner, UnstashOp):
                taken = operand.owner.stash.owner
                if isinstance(taken, WindowOp):
                    window = taken.window
                    return times, -(-times * window.kernel[0] // window.image[1])
                if isinstance(taken, SplitOp):
                    return times, 0
        return (times, 0) if repeats(value) > 1 else (1, 0)

    def _better_whole(self, thing: KeptThing, path: tuple[int, ...], size: int, pieces: int) -> bool:
        """Whether pieces are smaller than a burst, and all of them fit a small share of the memory at once.

        Then they are loaded before the loop over them, if neither stream is inside of it yet.
        """
        channel, dram = self._ends(thing)
        if pieces == 1 or len(path) < 2 or size >= dram.burst or _SHARE * thing.per_sample > dram.room(thing.unit[0]):
            return False
        streams = [self._write.out.streams.get(unit) for unit in (thing.unit, channel)]
        return all(s is None or not s.paths or s.paths[-1][: len(path)] != path for s in streams)

    def _from_data(self, path: Sequence[int]) -> bool:
        """Whether how often loops run is known only while they run."""
        return any(self._emitted.loops[k]["trip_kind"] == Trip.DATA for k in path)

    # States -----------------------------------------------------------------------------------------------------

    def ask_lines(self, block: Block, phase: int) -> None:
        """Ask for the lines that a block reads whose numbers are known before it, as early as can be."""
        for op in block.ops:
            if isinstance(op, StateGetOp) and op.index is not None and not _is_in(op.index, block):
                self._ask_line(op, phase)

    def _ask_line(self, op: StateGetOp, phase: int) -> None:
        number = self._states.get(op.state_name)
        path = self._emitted.paths[op]
        if self._dram is None or number is None or len(path) >= MAX_DEPTH:
            return
        rounds, lanes, _ = self._cut(elements(op.value) * self._costing.word)
        if rounds == 1:
            self._asked[op] = self._ask(number, op, self._loop(number, path, 1), lanes, phase)

    def get_line(self, op: StateGetOp, size: int, phase: int) -> None:
        """Load a line of a state, which is asked for by its number."""
        number = self._states.get(op.state_name)
        if self._dram is None or number is None or op.index is None:
            return
        path, thing = self._emitted.paths[op], self._write.out.things[number]
        if len(path) >= MAX_DEPTH:
            thing.unread += 1
            return
        asks = self._asked.get(op, ())
        self._load(number, op, path, size, phase, asks=asks, asking=not asks)
        thing.loaded += size * self._times(path)

    def set_line(self, op: StateSetOp, size: int, phase: int) -> None:
        """Store a line of a state."""
        number = self._states.get(op.state_name)
        if self._dram is None or number is None or op.index is None:
            return
        path = self._emitted.paths[op]
        if len(path) >= MAX_DEPTH:
            self._write.out.things[number].unread += 1
            return
        self._store(number, op, path, size, phase)

    # Moves ------------------------------------------------------------------------------------------------------

    def _times(self, path: Sequence[int]) -> int:
        """How often loops inside the one over samples run, as far as that is constant."""
        rows = [self._emitted.loops[k] for k in path[1:]]
        return prod(int(row["trip"]) for row in rows if row["trip_kind"] == Trip.CONST)

    def _cut(self, size: int) -> tuple[int, int, int]:
        """Rounds of a move, channels that take an access each round, and bytes of an access, in whole bursts."""
        assert self._dram is not None, "asked only where there is DRAM"
        accesses = -(-size // self._dram.page)
        lanes = min(accesses, self._dram.channels)
        rounds = -(-accesses // lanes)
        return rounds, lanes, self._dram.moved(-(-size // (rounds * lanes)))

    def _loop(self, number: int, path: tuple[int, ...], count: int) -> tuple[int, ...]:
        return (*path, self._emitted.add_loop(Op.MAP, path, Trip.SPILL, count, -1, 0, number))

    def _store(self, number: int, op: Operation, path: tuple[int, ...], size: int, phase: int) -> None:
        thing = self._write.out.things[number]
        rounds, lanes, each = self._cut(size)
        inside = self._loop(number, path, rounds)
        for channel, dram in self._channels(thing, lanes):
            message = self._write.channel(thing.unit, channel, each, ("store", thing.unit))
            self._write.out.depths[message] = dram.queue
            self._write.send(thing.unit, op, message, each, phase, inside)
            busy, done = dram.access(each)
            self._write.add(
                channel,
                op,
                inside,
                mnemonic=Mnemonic.STORE,
                kind=FIXED,
                phase=phase,
                wait0=message,
                t0=busy,
                t1=done,
                buffer_write=each,
            )
        thing.stored += rounds * lanes * each * self._times(path)

    def _load(
        self,
        number: int,
        op: Operation,
        path: tuple[int, ...],
        size: int,
        phase: int,
        halo: int = 0,
        asks: Sequence[int] = (),
        asking: bool = False,
    ) -> None:
        """Load: behind the messages `asks` that were sent before, or behind some that are sent now (`asking`)."""
        thing = self._write.out.things[number]
        rounds, lanes, each = self._cut(size)
        inside = self._loop(number, path, rounds)
        if asking:
            asks = self._ask(number, op, inside, lanes, phase)
        waits = asks or [-1] * lanes
        for (channel, dram), wait in zip(self._channels(thing, lanes), waits, strict=True):
            message = self._write.channel(channel, thing.unit, each, ("load", channel))
            self._write.out.depths[message] = dram.queue
            self._buffers.setdefault(thing.unit, {})[message] = dram.queue * each
            busy, done = dram.access(each)
            self._write.add(
                channel,
                op,
                inside,
                mnemonic=Mnemonic.FETCH,
                kind=FIXED,
                phase=phase,
                signal=message,
                t0=busy,
                t1=done,
                buffer_read=dram.moved(each),
                wait0=wait,
            )
            self._write.receive(thing.unit, op, message, each, phase, inside)
        self._write.out.buffers[thing.unit] = sum(self._buffers[thing.unit].values())
        thing.staging = max(thing.staging, halo * size)

    def _ask(self, number: int, op: Operation, path: tuple[int, ...], lanes: int, phase: int) -> list[int]:
        """Ask channels of DRAM for an access each; returns the channels of the messages."""
        thing, messages = self._write.out.things[number], []
        for channel, dram in self._channels(thing, lanes):
            message = self._write.channel(thing.unit, channel, self._costing.word, ("ask", number, op))
            self._write.out.depths[message] = dram.queue
            self._write.send(thing.unit, op, message, self._costing.word, phase, path)
            messages.append(message)
        return messages

    def _ends(self, thing: KeptThing) -> tuple[Unit, DramPlan]:
        """The first channel of a thing."""
        assert self._dram is not None and thing.channel is not None, "asked only where there is DRAM"
        return ("dram", thing.channel), self._dram

    def _channels(self, thing: KeptThing, lanes: int) -> list[tuple[Unit, DramPlan]]:
        """The channels among which a thing is interleaved, from its first on."""
        (_, first), dram = self._ends(thing)
        return [(("dram", (first + lane) % dram.channels), dram) for lane in range(lanes)]


def _name(value: SSAValue) -> str:
    if value.name_hint:
        return value.name_hint
    if isinstance(value, BlockArgument):
        return f"argument {value.index}"
    return "value"


def _uses(state: str, op: Operation) -> list[StateGetOp | StateSetOp]:
    """All uses of a state in the entry of an operation."""
    above: Operation = op
    while not isinstance(above, EntryOp):
        parent = above.parent_op()
        assert parent is not None, "operations stand in entries"
        above = parent
    return [o for o in above.walk() if isinstance(o, StateGetOp | StateSetOp) and o.state_name == state]


def _is_in(value: SSAValue, block: Block) -> bool:
    return value in block.args or (isinstance(value.owner, Operation) and value.owner.parent_block() is block)
