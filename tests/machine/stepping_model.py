"""The stepping model: `docs/microarchitecture.md` as a program that walks the chip cycle by cycle.

It is the executable form of that page, slow on purpose, and shares no code with the event engine. Nothing is skipped
and nothing is computed ahead: an instruction in flight is a Python generator in which *one `yield` is one cycle*, a
converter bank and a link count down the cycles for which they are busy, a packet counts down its way to the far end of
a link. Only integers that the page names occur.

Every cycle has three parts (`Machine.step`):

1. what earlier cycles caused becomes visible: releases give credits back, completions hand packets to the network,
   heads enter the next link's queue, tails arrive;
2. every free link grants itself to one waiting packet, every unit that can issue does so;
3. the cycle is charged to one phase of every unit.

What part 2 decides is visible in the next cycle at the earliest, so the order inside part 2 can not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import COUNTED, FIXED, PHASES, READ, Schedule, Timeline

IDLE = PHASES.index("idle")


class Deadlock(Exception):
    """Nothing can ever happen again, and some unit has not come to the end of its stream.

    Attributes:
        stuck: (unit name, instruction, what it waits for) of every stuck unit.
    """

    def __init__(self, cycle: int, stuck: list[tuple[str, int, str]]) -> None:
        """Keep `stuck` and say it in one sentence."""
        self.stuck = stuck
        units = "; ".join(f"{unit} at instruction {instruction} waits for {what}" for unit, instruction, what in stuck)
        super().__init__(f"cycle {cycle}: the schedule is in deadlock: {units}")


class LeftOver(Exception):
    """A channel still holds an unconsumed message at the end.

    Attributes:
        channels: (channel, messages left) of every such channel.
    """

    def __init__(self, schedule: Schedule, channels: list[tuple[int, int]]) -> None:
        """Keep `channels` and say it in one sentence."""
        self.channels = channels
        names = (f"{left} on {channel_name(schedule, channel)}" for channel, left in channels)
        super().__init__(f"end: messages left unconsumed: {'; '.join(names)}")


class TooLong(Exception):
    """The schedule has not ended after `max_cycles`."""


def channel_name(schedule: Schedule, channel: int) -> str:
    """Say which channel it is and between which units."""
    src, dst = (schedule.unit_name(int(schedule.channels[channel][end])) for end in ("src", "dst"))
    return f"channel {channel} ({src} to {dst})"


@dataclass
class Seen:
    """How often something interesting happened: says what a schedule exercises, and has no effect on the timeline."""

    packet_waits: int = 0
    """Cycles that packets waited in queues of links."""
    credit_stalls: int = 0
    """Cycles in which only the missing credit held an instruction back."""
    message_stalls: int = 0
    """Cycles in which a missing message held an instruction back."""
    converter_stalls: int = 0
    """Cycles that a read waited for its converter bank."""
    retries: int = 0
    """Attempts of reads beyond the first."""
    skipped_loops: int = 0
    """Loops that were reached with a trip of 0."""
    repeated_loops: int = 0
    """Loops that were reached with a trip of 2 or more."""


# --- the network ------------------------------------------------------------------------------------------------------


class Channel:
    """One channel: its credits, and the messages that have arrived."""

    def __init__(self, schedule: Schedule, index: int, links: list["Link"]) -> None:
        """Read row `index`."""
        row = schedule.channels[index]
        self.name = channel_name(schedule, index)
        self.depth = int(row["depth"])
        self.flits = int(row["flits"])
        self.route = [links[link] for link in schedule.route[row["route_begin"] : row["route_end"]]]
        self.credits_taken = 0
        self.arrived = 0  # and not consumed yet

    @property
    def has_credit(self) -> bool:
        """Whether one more message may be under way or waiting."""
        return self.credits_taken < self.depth


class Packet:
    """A message on its way."""

    def __init__(self, channel: Channel, source: int, number: int) -> None:
        """A packet that has not entered any queue."""
        self.channel = channel
        self.hops_done = 0
        self.entered = 0  # the cycle in which it entered the queue where it is, or was last
        self.source = source
        self.number = number
        self.cycles_to_go = 0  # until it is at the far end of the link that was granted to it

    def precedence(self) -> tuple[int, int, int]:
        """Who goes first: the smallest of these."""
        return (self.entered, self.source, self.number)


class Link:
    """One link: who waits for it, for how long it is busy, who travels on it."""

    def __init__(self, hop: int) -> None:
        """An idle link."""
        self.hop = hop
        self.queue: list[Packet] = []
        self.cycles_busy = 0  # that are left
        self.travelling: list[Packet] = []
        self.busy_total = 0

    def advance(self) -> list[Packet]:
        """Let one cycle pass; return the packets that are now at the far end."""
        if self.cycles_busy:
            self.cycles_busy -= 1
        there = []
        for packet in self.travelling:
            packet.cycles_to_go -= 1
            if packet.cycles_to_go == 0:
                there.append(packet)
        for packet in there:
            self.travelling.remove(packet)
        return there

    def grant(self) -> None:
        """If free, take the waiting packet that goes first."""
        if self.cycles_busy or not self.queue:
            return
        packet = min(self.queue, key=Packet.precedence)
        self.queue.remove(packet)
        self.travelling.append(packet)
        flits = packet.channel.flits
        self.cycles_busy = flits
        self.busy_total += flits
        packet.hops_done += 1
        is_last = packet.hops_done == len(packet.channel.route)
        # The head is at the far end after `hop` cycles; a message has arrived with its tail, flits - 1 cycles later.
        packet.cycles_to_go = self.hop + (flits - 1 if is_last else 0)


def enter(packet: Packet, cycle: int) -> None:
    """Put the packet into the queue of the next link of its route, or let it arrive if none is left."""
    route = packet.channel.route
    if packet.hops_done == len(route):
        packet.channel.arrived += 1
        return
    packet.entered = cycle
    route[packet.hops_done].queue.append(packet)


# --- the units --------------------------------------------------------------------------------------------------------


class ConverterBank:
    """One bank of converters."""

    def __init__(self) -> None:
        """A free bank."""
        self.cycles_busy = 0  # that are left

    def advance(self) -> None:
        """Let one cycle pass."""
        if self.cycles_busy:
            self.cycles_busy -= 1


@dataclass(frozen=True)
class Instruction:
    """One row of the instruction table, with its channels looked up."""

    kind: int
    phase: int
    waits: tuple[Channel, ...]
    signal: Channel | None
    t: tuple[int, int, int, int]
    count: int
    stride: tuple[int, ...]


@dataclass
class Execution:
    """One issued instruction until its completion."""

    index: int
    instruction: Instruction
    n: int
    number: int
    issue: int
    release: int = -1
    completion: int = -1
    behaviour: Iterator[None] = field(default_factory=lambda: iter(()))

    @property
    def is_released(self) -> bool:
        """Whether the unit may go on."""
        return self.release >= 0


def cycles(number: int) -> Iterator[None]:
    """Let `number` cycles pass."""
    for _ in range(number):
        yield


class Unit:
    """A tile, a vector unit or the host: one in-order instruction stream, two converter banks."""

    def __init__(self, index: int, name: str, sequencer: "Sequencer", seen: Seen) -> None:
        """A unit in front of its first instruction."""
        self.index = index
        self.name = name
        self.banks = (ConverterBank(), ConverterBank())
        self.stream = sequencer.walk()
        self.instructions = sequencer.instructions
        self.next = next(self.stream, None)
        self.in_flight: list[Execution] = []  # in issue order
        self.history: list[Execution] = []  # in issue order
        self.now = 0
        self.phase_cycles = [0] * len(PHASES)
        self.seen = seen

    # Part 1: what becomes visible.

    def advance(self, cycle: int) -> list[Packet]:
        """Let the work in flight come to `cycle`; return the packets of what completed in this cycle."""
        self.now = cycle
        for bank in self.banks:
            bank.advance()
        packets = []
        for execution in tuple(self.in_flight):
            if next(execution.behaviour, "completed") != "completed":
                continue
            execution.completion = cycle
            self.in_flight.remove(execution)
            if (signal := execution.instruction.signal) is not None:
                packets.append(Packet(signal, self.index, execution.number))
        return packets

    def release(self, execution: Execution) -> None:
        """Let go of the operands: their credits go back, and the next instruction may issue."""
        execution.release = self.now
        for channel in execution.instruction.waits:
            channel.credits_taken -= 1

    # The timing rules. Each starts in the issue cycle; one yield is one cycle; its end is the completion.

    def fixed(self, execution: Execution) -> Iterator[None]:
        """FIXED: release after the occupancy, completion after the latency."""
        occupancy, latency, _, _ = execution.instruction.t
        yield from cycles(occupancy)
        self.release(execution)
        yield from cycles(latency - occupancy)

    def counted(self, execution: Execution) -> Iterator[None]:
        """COUNTED: the unit is busy for the set-up and for every count."""
        setup, each, _, _ = execution.instruction.t
        yield from cycles(setup + each * execution.n)
        self.release(execution)

    def read(self, execution: Execution) -> Iterator[None]:
        """READ: drive and integrate, wait for the bank, convert; again for every retry."""
        array, conversion, latency, flags = execution.instruction.t
        bank, double_buffered = self.banks[flags % 2], flags // 2 == 1
        for attempt in range(1 + execution.n):
            self.seen.retries += attempt > 0
            yield from cycles(array)
            while bank.cycles_busy:
                self.seen.converter_stalls += 1
                yield
            bank.cycles_busy = conversion
            if double_buffered and attempt == execution.n:
                self.release(execution)  # sample-and-hold has the charges: the array is free
            yield from cycles(conversion + latency)
        if not double_buffered:
            self.release(execution)

    # Part 2: what is decided.

    def obstacles(self, instruction: Instruction) -> tuple[list[Channel], list[Channel]]:
        """Return the channels whose messages are missing, and those whose credit is."""
        waits = instruction.waits
        no_message = [channel for channel in dict.fromkeys(waits) if channel.arrived < waits.count(channel)]
        no_credit = [] if instruction.signal is None or instruction.signal.has_credit else [instruction.signal]
        return no_message, no_credit

    def issue(self, cycle: int, counts: list[int]) -> None:
        """Issue the next instruction if it can be."""
        if self.next is None or (self.history and not self.history[-1].is_released):
            return
        index, ordinals = self.next
        instruction = self.instructions[index]
        no_message, no_credit = self.obstacles(instruction)
        if no_message or no_credit:
            self.seen.message_stalls += bool(no_message)
            self.seen.credit_stalls += not no_message
            return
        for channel in instruction.waits:
            channel.arrived -= 1
        if instruction.signal is not None:
            instruction.signal.credits_taken += 1
        n = 0 if instruction.count < 0 else counts[address(instruction.count, instruction.stride, ordinals)]
        execution = Execution(index, instruction, n, number=len(self.history), issue=cycle)
        rule = {FIXED: self.fixed, READ: self.read, COUNTED: self.counted}[instruction.kind]
        execution.behaviour = rule(execution)
        next(execution.behaviour)  # the issue cycle itself; no instruction is shorter than one cycle
        self.in_flight.append(execution)
        self.history.append(execution)
        self.next = next(self.stream, None)

    # Part 3: whose cycle it is.

    def charge(self) -> None:
        """Charge this cycle to the instruction in flight that issued first, or to `idle`.

        This is the page's `covered` rule, said of one cycle: an instruction is charged for those of its cycles that no
        earlier instruction covers.
        """
        phase = self.in_flight[0].instruction.phase if self.in_flight else IDLE
        self.phase_cycles[phase] += 1


# --- the sequencer ----------------------------------------------------------------------------------------------------


@dataclass
class Loop:
    """One row of the loop table, with the loops directly inside it by where they begin."""

    begin: int
    end: int
    trip: int
    count: int
    stride: tuple[int, ...]
    inner: dict[int, "Loop"] = field(default_factory=dict)


def address(base: int, stride: tuple[int, ...], ordinals: tuple[int, ...]) -> int:
    """Address of a count: base + Σ ordinal_k · stride_k over the enclosing loops, outermost first."""
    return base + sum(ordinal * step for ordinal, step in zip(ordinals, stride, strict=False))


class Sequencer:
    """Walks the stream of one unit."""

    def __init__(
        self,
        begin: int,
        end: int,
        loops: dict[int, Loop],
        instructions: list[Instruction],
        counts: list[int],
        seen: Seen,
    ) -> None:
        """Walk from `begin` to `end`, with `loops` the outermost loops by where they begin."""
        self.begin, self.end, self.loops = begin, end, loops
        self.instructions, self.counts, self.seen = instructions, counts, seen

    def walk(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield each instruction in the order of execution, with the ordinals of its loops, outermost first."""
        yield from self.walk_body(self.begin, self.end, self.loops, ())

    def walk_body(
        self, begin: int, end: int, loops: dict[int, Loop], ordinals: tuple[int, ...]
    ) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Walk once from `begin` to `end`; `loops` are those directly inside."""
        position = begin
        while position < end:
            loop = loops.get(position)
            if loop is None:
                yield position, ordinals
                position += 1
                continue
            trip = loop.trip if loop.count < 0 else self.counts[address(loop.count, loop.stride, ordinals)]
            self.seen.skipped_loops += trip == 0
            self.seen.repeated_loops += trip > 1
            for ordinal in range(trip):
                yield from self.walk_body(loop.begin, loop.end, loop.inner, (*ordinals, ordinal))
            position = loop.end


def read_loops(schedule: Schedule) -> dict[int, Loop]:
    """Return the outermost loops by where they begin, each holding those inside it."""
    loops: list[Loop] = []
    outermost: dict[int, Loop] = {}
    for row in schedule.loops:
        loop = Loop(
            int(row["begin"]), int(row["end"]), int(row["trip"]), int(row["count"]), tuple(row["stride"].tolist())
        )
        siblings = loops[row["parent"]].inner if row["parent"] >= 0 else outermost
        siblings[loop.begin] = loop
        loops.append(loop)
    return outermost


# --- the whole chip ---------------------------------------------------------------------------------------------------


class Machine:
    """The whole chip: units, channels, links and the clock."""

    def __init__(self, schedule: Schedule) -> None:
        """Everything idle, in front of cycle 0."""
        self.schedule = schedule
        self.seen = Seen()
        self.cycle = 0
        self.counts: list[int] = schedule.counts.tolist()
        self.links = [Link(hop) for hop in schedule.hop.tolist()]
        self.channels = [Channel(schedule, index, self.links) for index in range(len(schedule.channels))]
        instructions = [self.read_instruction(row) for row in schedule.instructions]
        loops = read_loops(schedule)
        self.units = []
        for unit, (begin, end) in enumerate(
            zip(schedule.stream[:-1].tolist(), schedule.stream[1:].tolist(), strict=True)
        ):
            sequencer = Sequencer(begin, end, loops, instructions, self.counts, self.seen)
            self.units.append(Unit(unit, schedule.unit_name(unit), sequencer, self.seen))

    def read_instruction(self, row: np.void) -> Instruction:
        """Look up the channels of one row."""
        waits = tuple(self.channels[row[name]] for name in ("wait0", "wait1") if row[name] >= 0)
        signal = self.channels[row["signal"]] if row["signal"] >= 0 else None
        t = (int(row["t0"]), int(row["t1"]), int(row["t2"]), int(row["t3"]))
        return Instruction(
            int(row["kind"]), int(row["phase"]), waits, signal, t, int(row["count"]), tuple(row["stride"].tolist())
        )

    def step(self) -> bool:
        """Do one cycle; return False, with the cycle left uncharged, if nothing is under way in it."""
        for unit in self.units:
            for packet in unit.advance(self.cycle):
                enter(packet, self.cycle)
        for link in self.links:
            for packet in link.advance():
                enter(packet, self.cycle)

        for link in self.links:
            link.grant()
            self.seen.packet_waits += len(link.queue)
        for unit in self.units:
            unit.issue(self.cycle, self.counts)

        if not any(unit.in_flight for unit in self.units) and not any(
            link.travelling or link.queue for link in self.links
        ):
            return False
        for unit in self.units:
            unit.charge()
        self.cycle += 1
        return True

    def run(self, max_cycles: int) -> Timeline:
        """Step until nothing is under way; see `step_through`."""
        while self.step():
            if self.cycle > max_cycles:
                raise TooLong(f"cycle {self.cycle}: the schedule must end within {max_cycles} cycles")
        self.check_end()
        return self.timeline()

    def check_end(self) -> None:
        """Refuse an end with units that are not through, or with messages that nobody consumed."""
        stuck = []
        for unit in self.units:
            if unit.next is None:
                continue
            index, _ = unit.next
            no_message, no_credit = unit.obstacles(unit.instructions[index])
            wanted = [f"a message on {c.name}" for c in no_message] + [f"a credit of {c.name}" for c in no_credit]
            stuck.append((unit.name, index, " and ".join(wanted)))
        if stuck:
            raise Deadlock(self.cycle, stuck)
        left = [(index, channel.arrived) for index, channel in enumerate(self.channels) if channel.arrived]
        if left:
            raise LeftOver(self.schedule, left)

    def timeline(self) -> Timeline:
        """What was recorded, as arrays."""
        executed: NDArray[np.int64] = np.zeros(len(self.schedule.instructions), np.int64)
        issues = [(e.index, e.issue, e.release, e.completion) for unit in self.units for e in unit.history]
        for index, *_ in issues:
            executed[index] += 1
        return Timeline(
            cycles=self.cycle,
            phase_cycles=np.array([unit.phase_cycles for unit in self.units], np.int64).reshape(-1, len(PHASES)),
            executed=executed,
            link_busy=np.array([link.busy_total for link in self.links], np.int64),
            issues=np.array(issues, np.int64).reshape(-1, 4),
        )


def step_through(schedule: Schedule, max_cycles: int = 1_000_000) -> Timeline:
    """Walk through a schedule cycle by cycle.

    Args:
        schedule: a valid schedule.
        max_cycles: cycles after which to give up.

    Returns:
        The timeline, issues recorded.

    Raises:
        Deadlock: nothing can happen any more, and some unit is not at its end.
        LeftOver: all units are through, but some message was not consumed.
        TooLong: the schedule did not end within `max_cycles`.
    """
    return Machine(schedule).run(max_cycles)
