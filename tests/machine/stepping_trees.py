"""Trees of the stepping model: what meets where, what is held, what is in an adder.

See `docs/microarchitecture.md`, "Multicast" and "Sums".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ohmflow.compiler.program.schedule import SUM, Schedule

if TYPE_CHECKING:
    from tests.machine.stepping_network import Channel, Link, Packet


class Tree:
    """A multicast, or a sum with its held messages and its adders."""

    def __init__(self, is_sum: bool, channels: list[Channel], adder: int) -> None:
        """Find what meets in front of which link."""
        self.is_sum, self.channels, self.adder = is_sum, channels, adder
        self.adding: list[Packet] = []
        self.held: dict[Link, dict[Link | Channel, list[Packet]]] = {}
        for channel in channels:
            channel.tree = self
            before: Link | Channel = channel
            for link in channel.route:
                self.held.setdefault(link, {}).setdefault(before, [])
                before = link

    def joins(self, link: Link) -> bool:
        """Whether messages meet in front of a link."""
        return self.is_sum and len(self.held[link]) > 1

    def hold(self, packet: Packet, link: Link) -> None:
        """Keep a message until those of all other branches are there, too; then they go into the adder."""
        branches = self.held[link]
        branches[packet.lowest if packet.came_from is None else packet.came_from].append(packet)
        if not all(branches.values()):
            return
        together = [waiting.pop(0) for waiting in branches.values()]
        total = min(together, key=lambda one: one.lowest.index)
        total.ways = [way for one in together for way in one.ways]
        total.cycles_to_go = self.adder
        self.adding.append(total)

    def advance(self) -> list[Packet]:
        """Let one cycle pass; return what comes out of the adders."""
        for packet in self.adding:
            packet.cycles_to_go -= 1
        out = [packet for packet in self.adding if packet.cycles_to_go == 0]
        self.adding = [packet for packet in self.adding if packet.cycles_to_go > 0]
        return out


def read_trees(schedule: Schedule, channels: list[Channel]) -> list[Tree]:
    """The trees of a schedule."""
    return [
        Tree(bool(row["kind"] == SUM), channels[int(row["begin"]) : int(row["end"])], int(row["adder"]))
        for row in schedule.trees
    ]
