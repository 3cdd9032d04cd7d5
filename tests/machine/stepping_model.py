"""The stepping model: `docs/microarchitecture.md` as a program that walks the chip cycle by cycle.

It is the executable form of that page, slow on purpose, and shares no code with the event engine. Nothing is skipped
and nothing is computed ahead: an instruction in flight is a Python generator in which *one `yield` is one cycle*, a
converter bank and a link count down the cycles for which they are busy, a packet counts down its way to the far end of
a link. Only integers that the page names occur.

Units are in `stepping_unit`, links and channels in `stepping_network`, multicast and sums in `stepping_trees`, loops in
`stepping_sequencer`; the cycle is here. It has three parts (`Machine.step`):

1. what earlier cycles caused becomes visible: releases give credits back, completions hand packets to the network,
   heads enter the next link's queue, tails arrive;
2. every free link grants itself to one waiting packet, every unit that can issue does so;
3. the cycle is charged to one phase of every unit, and to what its front did in it.

What part 2 decides is visible in the next cycle at the earliest, so the order inside part 2 can not matter.
"""

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import ACTIVITIES, PHASES, Schedule, Timeline
from tests.machine.stepping_network import Channel, Link, channel_name, enter, queue
from tests.machine.stepping_seen import Seen
from tests.machine.stepping_sequencer import Sequencer, read_loops
from tests.machine.stepping_trees import read_trees
from tests.machine.stepping_unit import Instruction, Unit


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


class Machine:
    """The whole chip: units, channels, links and the clock."""

    def __init__(self, schedule: Schedule) -> None:
        """Everything idle, in front of cycle 0."""
        self.schedule = schedule
        self.seen = Seen()
        self.cycle = 0
        counts: list[int] = schedule.counts.tolist()
        self.links = [
            Link(hop, pace) for hop, pace in zip(schedule.hop.tolist(), schedule.flit_cycles.tolist(), strict=True)
        ]
        self.channels = [Channel(schedule, index, self.links) for index in range(len(schedule.channels))]
        self.trees = read_trees(schedule, self.channels)
        instructions = [self.read_instruction(row) for row in schedule.instructions]
        loops = read_loops(schedule)
        self.units = []
        for unit, (begin, end) in enumerate(
            zip(schedule.stream[:-1].tolist(), schedule.stream[1:].tolist(), strict=True)
        ):
            sequencer = Sequencer(begin, end, loops, counts, self.seen)
            self.units.append(Unit(unit, schedule.unit_name(unit), sequencer, instructions, self.seen))

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
        for tree in self.trees:
            for packet in tree.advance():
                assert packet.next is not None
                queue(packet, packet.next, self.cycle)
        for unit in self.units:
            for packet in unit.advance(self.cycle):
                enter(packet, self.cycle)
        for link in self.links:
            for packet in link.advance():
                enter(packet, self.cycle)

        for link in self.links:
            link.grant(self.cycle)
            link.wait()
            self.seen.packet_waits += len(link.queue)
        for unit in self.units:
            unit.issue(self.cycle)

        if (
            not any(unit.in_flight for unit in self.units)
            and not any(link.travelling or link.queue for link in self.links)
            and not any(tree.adding for tree in self.trees)
        ):
            return False
        for unit in self.units:
            unit.charge()
            unit.account()
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
        left = [(index, c.credits_taken) for index, c in enumerate(self.channels) if c.credits_taken]
        if left:
            raise LeftOver(self.schedule, left)

    def timeline(self) -> Timeline:
        """What was recorded, as arrays."""
        executed: NDArray[np.int64] = np.zeros(len(self.schedule.instructions), np.int64)
        issues = [(e.index, e.issue, e.release, e.completion) for unit in self.units for e in unit.history]
        for index, *_ in issues:
            executed[index] += 1
        activity: NDArray[np.int64] = np.zeros((len(self.schedule.instructions), len(ACTIVITIES)), np.int64)
        for unit in self.units:
            for (index, what), times in unit.activity.items():
                activity[index, ACTIVITIES.index(what)] = times
        grants = [(number, *grant) for number, link in enumerate(self.links) for grant in link.grants]
        return Timeline(
            cycles=self.cycle,
            phase_cycles=np.array([unit.phase_cycles for unit in self.units], np.int64).reshape(-1, len(PHASES)),
            executed=executed,
            link_busy=np.array([link.busy_total for link in self.links], np.int64),
            activity=activity,
            link_wait=np.array([link.waited for link in self.links], np.int64),
            issues=np.array(issues, np.int64).reshape(-1, 4),
            grants=np.array(grants, np.int64).reshape(-1, 4),
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
