"""A unit of the stepping model: issue, the three timing rules, converter banks, whose cycle it is.

See `docs/microarchitecture.md`, "The sequencer", "Timing rules" and "Whose cycles". An instruction in flight is a
generator in which one `yield` is one cycle; a converter bank counts down the cycles for which it is busy.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ohmflow.compiler.program.schedule import COUNTED, FIXED, PHASES, READ
from tests.machine.stepping_network import Channel, Packet, send
from tests.machine.stepping_seen import Seen
from tests.machine.stepping_sequencer import Sequencer, address

IDLE = PHASES.index("idle")


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
    waits_for_bank: bool = False  # in this cycle
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

    def __init__(
        self, index: int, name: str, sequencer: Sequencer, instructions: list[Instruction], seen: Seen
    ) -> None:
        """A unit in front of its first instruction."""
        self.index = index
        self.name = name
        self.banks = (ConverterBank(), ConverterBank())
        self.stream = sequencer.walk()
        self.counts = sequencer.counts
        self.instructions = instructions
        self.next = next(self.stream, None)
        self.in_flight: list[Execution] = []  # in issue order
        self.history: list[Execution] = []  # in issue order
        self.now = 0
        self.phase_cycles = [0] * len(PHASES)
        self.activity: Counter[tuple[int, str]] = Counter()  # cycles by instruction and what it did or waited for
        self.finished = 0
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
                packets += send(signal, self.index, execution.number)
        return packets

    def release(self, execution: Execution) -> None:
        """Let go of the operands: their credits go back, and the next instruction may issue."""
        execution.release = self.now
        for channel in execution.instruction.waits:
            for member in channel.consumed_with:
                member.credits_taken -= 1

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
        """READ: drive and integrate, wait for the bank, convert, pass by pass; again for every retry."""
        array, conversion, latency, flags = execution.instruction.t
        bank, double_buffered, later_passes = self.banks[flags % 2], flags // 2 % 2 == 1, flags // 4
        for attempt in range(1 + execution.n):
            self.seen.retries += attempt > 0
            yield from cycles(array)
            while bank.cycles_busy:
                self.seen.converter_stalls += 1
                execution.waits_for_bank = True
                yield
            execution.waits_for_bank = False
            bank.cycles_busy = later_passes + conversion
            yield from cycles(later_passes)
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

    def issue(self, cycle: int) -> None:
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
            for channel in instruction.signal.sent_with:
                channel.credits_taken += 1
        n = 0 if instruction.count < 0 else self.counts[address(instruction.count, instruction.stride, ordinals)]
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

    def account(self) -> None:
        """Say what the unit's front did in this cycle: the instruction that holds it, or else the one that is next."""
        if self.history and not self.history[-1].is_released:
            execution = self.history[-1]
            self.activity[execution.index, "converter" if execution.waits_for_bank else "busy"] += 1
        elif self.next is None:
            self.finished += 1
        else:
            index, _ = self.next
            no_message, _ = self.obstacles(self.instructions[index])
            instruction = self.instructions[index]
            first = all(execution.index != index for execution in self.history)
            behind_a_barrier = instruction.kind == FIXED and instruction.t[2] == 1
            stall = "barrier" if behind_a_barrier and first else "message"
            self.activity[index, stall if no_message else "credit"] += 1
