"""Causes: for every execution and packet of a recorded timeline, who caused it.

A timeline says when instructions issued, released and completed, and when links were granted. Who waited for whom
follows from the order of messages: a channel delivers in the order in which its messages entered, its receiver consumes
in the order of its stream, and the k-th consumption gives back the credit of message k + depth
(`docs/microarchitecture.md`). So every cause is found by counting, none by comparing cycles.
"""

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import READ, Schedule, Timeline

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
        self._route = schedule.route
        self.instruction, self.issue, self.release, self.complete = (timeline.issues[:, k] for k in range(4))
        self.link, self.channel, self.entry, self.grant = (timeline.grants[:, k] for k in range(4))
        self.unit: Ints = np.searchsorted(schedule.stream, self.instruction, side="right") - 1
        n, channels = len(self.instruction), len(schedule.channels)
        rows = self._table[self.instruction]
        waits = np.stack([rows["wait0"], rows["wait1"]], axis=1).astype(np.int64).ravel()
        signals = rows["signal"].astype(np.int64)
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
        """The execution that sent a message."""
        return self._sent.at(channel, number)

    def route(self, channel: int) -> list[int]:
        """Links of a channel's route."""
        row = self._channels[channel]
        links: list[int] = self._route[int(row["route_begin"]) : int(row["route_end"])].tolist()
        return links

    def packet(self, channel: int, link: int, number: int) -> int:
        """Row of the grants: a message on a link."""
        return self._hops.at(channel * len(self._hop) + link, number)

    def number(self, packet: int) -> int:
        """Number of the message that a row of the grants is about, on its channel."""
        return int(self._hops.rank[packet])

    def flits(self, packet: int) -> int:
        """Flits of a packet."""
        return int(self._channels["flits"][self.channel[packet]])

    def hop(self, link: int) -> int:
        """Cycles that a head takes over a link."""
        return int(self._hop[link])

    def arrival(self, channel: int, number: int) -> int:
        """Cycle in which a message arrives."""
        route = self.route(channel)
        if not route:
            return int(self.complete[self.sender(channel, number)])
        packet = self.packet(channel, route[-1], number)
        return int(self.grant[packet]) + self.hop(route[-1]) + self.flits(packet) - 1

    def creditor(self, row: int) -> int:
        """The execution whose release gave back the credit that an execution's signal takes; -1 for none."""
        channel = int(self._table["signal"][self.instruction[row]])
        if channel < 0:
            return -1
        number = int(self._taken.rank[row]) - int(self._channels["depth"][channel])
        return self._consumed.at(channel, number) // 2 if number >= 0 else -1


_WAITS = ("wait0", "wait1")
