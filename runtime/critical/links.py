"""Causes: for every execution and packet of a recorded timeline, who caused it.

A timeline says when instructions issued, released and completed, and when links were granted. Who waited for whom
follows from the order of messages: a channel delivers in the order in which its messages entered, its receiver consumes
in the order of its stream, and the k-th consumption gives back the credit of message k + depth
(`docs/microarchitecture.md`). So every cause is found by counting, none by comparing cycles, but one: which branch of a
sum came last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import MULTICAST, READ, SUM, Schedule, Timeline
from ohmflow.compiler.program.ways import edge_cycles, ways_of

Ints = NDArray[np.int64]


class Ranks:
    """Rows in groups, each group in an order: finds the k-th row of a group, and the rank of a row in its own.

    Args:
        group: [N] group of each row, -1 for none.
        number: of groups.
        order: [N] rows in the order inside groups; that of the rows themselves if None.
    """

    def __init__(self, group: Ints, number: int, order: Ints | None = None) -> None:
        rows = np.arange(len(group), dtype=np.int64) if order is None else order
        rows = rows[group[rows] >= 0]
        self._rows: Ints = rows[np.argsort(group[rows], kind="stable")]
        sizes = np.bincount(group[rows], minlength=number)
        self._first: Ints = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.rank: Ints = np.full(len(group), -1, np.int64)
        self.rank[self._rows] = np.arange(len(self._rows)) - self._first[group[self._rows]]

    def at(self, group: int, rank: int) -> int:
        """Row of that rank in the group."""
        assert 0 <= rank < self._first[group + 1] - self._first[group], "a message has both its ends"
        return int(self._rows[self._first[group] + rank])


@dataclass(frozen=True)
class Came:
    """How a message came in front of a link, or to its unit.

    Attributes:
        cycle: in which.
        on_link: whether over a link.
        row: of the grants, if over a link; else of the execution that sent it.
    """

    cycle: int
    on_link: bool
    row: int


class Causes:
    """What caused what in one execution of a schedule.

    Args:
        schedule: that was timed; no route takes a link twice.
        timeline: with issues and grants recorded.

    Attributes:
        instruction, issue, release, complete: [N] of each execution, in order of unit, then issue.
        unit: [N] number of its unit.
        link, channel, entry, grant: [M] of each packet on each link.
        converting: [N] cycle in which its bank is free again, of reads.
        bank_before: [N] the execution that used the bank before, of reads; -1 for none.
    """

    def __init__(self, schedule: Schedule, timeline: Timeline) -> None:
        self._table, self._channels, self._hop = schedule.instructions, schedule.channels, schedule.hop
        self.instruction, self.issue, self.release, self.complete = (timeline.issues[:, k] for k in range(4))
        self.link, self.channel, self.entry, self.grant = (timeline.grants[:, k] for k in range(4))
        self.unit: Ints = np.searchsorted(schedule.stream, self.instruction, side="right") - 1
        n, channels = len(self.instruction), len(schedule.channels)
        rows = self._table[self.instruction]
        waits = np.stack([rows["wait0"], rows["wait1"]], axis=1).astype(np.int64).ravel()
        signals = rows["signal"].astype(np.int64)
        self._follow(schedule)
        self._consumed = Ranks(waits, channels)
        self._taken = Ranks(signals, channels)
        self._sent = Ranks(signals, channels, np.lexsort((np.arange(n), self.complete)))
        self._hops = Ranks(self.channel * max(len(self._hop), 1) + self.link, channels * max(len(self._hop), 1))
        reads = rows["kind"] == READ
        banks = np.where(reads, 2 * self.unit + (rows["t3"] & 1), -1).astype(np.int64)
        self._banks = Ranks(banks, 2 * (len(schedule.stream) - 1))
        self.converting: Ints = np.where(reads, self.complete - rows["t2"], -1).astype(np.int64)
        ordered = self._banks.rank
        self.bank_before: Ints = np.full(n, -1, np.int64)
        for row in np.flatnonzero(ordered > 0).tolist():
            self.bank_before[row] = self._banks.at(int(banks[row]), int(ordered[row]) - 1)

    def _follow(self, schedule: Schedule) -> None:
        """Find where each channel's messages go, and which channels stand for others."""
        channels = schedule.channels
        ways = self._ways = ways_of(channels, schedule.route, schedule.trees)
        self._cycles = edge_cycles(schedule, ways)
        self._pace = schedule.flit_cycles
        self._leader = np.arange(len(channels))  # the channel that a sender names
        self._awaited = np.arange(len(channels))  # the channel that a receiver names
        self._members: dict[int, range] = {}  # of a multicast, by its first
        for tree in schedule.trees:
            members = range(int(tree["begin"]), int(tree["end"]))
            (self._awaited if tree["kind"] == SUM else self._leader)[members.start : members.stop] = members.start
            if tree["kind"] == MULTICAST:
                self._members[members.start] = members
        places = zip(ways.channel.tolist(), ways.link.tolist(), strict=True)
        self._step_of = {place: step for step, place in enumerate(places)}
        self._into: dict[int, list[int]] = {}  # edges that lead to a step, or to a channel's end at -1 - channel
        for edge, to in enumerate(ways.to.tolist()):
            self._into.setdefault(to, []).append(edge)

    def driven(self, row: int) -> int:
        """Cycle in which the first array phase of a read is over."""
        return int(self.issue[row]) + int(self._table["t0"][self.instruction[row]])

    def before(self, row: int) -> int:
        """The execution before, on the same unit; -1 for the first."""
        return row - 1 if row and self.unit[row - 1] == self.unit[row] else -1

    def awaited(self, row: int) -> list[tuple[int, int]]:
        """(channel, number) of the messages that an execution consumes."""
        instruction = self._table[self.instruction[row]]
        found = [(int(instruction[name]), int(self._consumed.rank[2 * row + k])) for k, name in enumerate(_WAITS)]
        return [(channel, number) for channel, number in found if channel >= 0]

    def sender(self, channel: int, number: int) -> int:
        """The execution that sent a message; of a sum, what it sent on this channel."""
        return self._sent.at(int(self._leader[channel]), number)

    def came(self, to: int, number: int) -> list[Came]:
        """How the message came to a step of the ways, each branch of it; or, below 0, to the end of channel -1 - to."""
        found = []
        for edge in self._into[to]:
            step = int(self._ways.behind[edge])
            if step < 0:
                channel = int(np.searchsorted(self._ways.start, edge, side="right")) - 1
                row = self.sender(channel, number)
                found.append(Came(int(self.complete[row]), False, row))
                continue
            row = self._hops.at(int(self._ways.channel[step]) * len(self._hop) + int(self._ways.link[step]), number)
            found.append(Came(int(self.grant[row]) + int(self._cycles[edge]), True, row))
        return found

    def before_link(self, packet: int) -> list[Came]:
        """How a row of the grants came in front of its link, each branch of it."""
        return self.came(self._step(packet), self.number(packet))

    def adder(self, packet: int) -> int:
        """Cycles of the adder in front of the link of a row of the grants, 0 where nothing joins."""
        return int(self._ways.adder[self._step(packet)])

    def _step(self, packet: int) -> int:
        return self._step_of[int(self.channel[packet]), int(self.link[packet])]

    def number(self, packet: int) -> int:
        """Number of the message that a row of the grants is about, on its channel."""
        return int(self._hops.rank[packet])

    def busy(self, packet: int) -> int:
        """Cycles for which a packet takes its link."""
        return int(self._channels["flits"][self.channel[packet]]) * int(self._pace[self.link[packet]])

    def arrival(self, channel: int, number: int) -> Came:
        """How and when a message, or a whole sum, arrives."""
        (last,) = self.came(-1 - channel, number)
        return last

    def creditors(self, row: int) -> list[int]:
        """The executions whose releases gave back the credits that an execution's signal takes."""
        signal = int(self._table["signal"][self.instruction[row]])
        if signal < 0:
            return []
        found = []
        for channel in self._members.get(signal, range(signal, signal + 1)):
            number = int(self._taken.rank[row]) - int(self._channels["depth"][channel])
            if number >= 0:
                found.append(self._consumed.at(int(self._awaited[channel]), number) // 2)
        return found


_WAITS = ("wait0", "wait1")
