"""The network of the stepping model: channels with credits, packets, links that arbitrate.

See `docs/microarchitecture.md`, "The network". A link counts down the cycles for which it is busy, a packet the cycles
until it is at the link's far end. Trees are in `stepping_trees`.
"""

from dataclasses import dataclass

from ohmflow.compiler.program.schedule import Schedule
from tests.machine.stepping_trees import Tree


def channel_name(schedule: Schedule, channel: int) -> str:
    """Say which channel it is and between which units."""
    src, dst = (schedule.unit_name(int(schedule.channels[channel][end])) for end in ("src", "dst"))
    return f"channel {channel} ({src} to {dst})"


class Channel:
    """One channel: its credits, and the messages that have arrived."""

    def __init__(self, schedule: Schedule, index: int, links: list["Link"]) -> None:
        """Read row `index`."""
        row = schedule.channels[index]
        self.name = channel_name(schedule, index)
        self.depth = int(row["depth"])
        self.flits = int(row["flits"])
        self.route = [links[link] for link in schedule.route[row["route_begin"] : row["route_end"]]]
        self.index = index
        self.credits_taken = 0
        self.arrived = 0  # and not consumed yet
        self.tree: Tree | None = None

    @property
    def sent_with(self) -> "list[Channel]":
        """The channels on which a message goes out when this is an instruction's signal."""
        return self.tree.channels if self.tree is not None and not self.tree.is_sum else [self]

    @property
    def consumed_with(self) -> "list[Channel]":
        """The channels of which a message is consumed when an instruction waits for this one."""
        return self.tree.channels if self.tree is not None and self.tree.is_sum else [self]

    @property
    def has_credit(self) -> bool:
        """Whether one more message may be under way or waiting."""
        return all(channel.credits_taken < channel.depth for channel in self.sent_with)


@dataclass
class Packet:
    """A message on its way, or several that were added up: what is left of the route of each of its channels."""

    ways: list[tuple[Channel, list["Link"]]]
    source: int
    number: int
    came_from: "Link | None" = None
    entered: int = 0  # the cycle in which it entered the queue where it is, or was last
    cycles_to_go: int = 0  # until it is at the far end of the link that was granted to it, or through the adder

    def precedence(self) -> tuple[int, int, int]:
        """Who goes first: the smallest of these."""
        return (self.entered, self.source, self.number)

    @property
    def next(self) -> "Link | None":
        """The next link, the same on all ways."""
        return self.ways[0][1][0] if self.ways[0][1] else None

    @property
    def lowest(self) -> Channel:
        """The lowest of its channels."""
        return min((channel for channel, _ in self.ways), key=lambda channel: channel.index)

    def branch(self) -> "list[Packet]":
        """One packet for each link that comes next, and one for each channel at its end."""
        groups: dict[object, list[tuple[Channel, list[Link]]]] = {}
        for channel, links in self.ways:
            ends = not links and not (channel.tree is not None and channel.tree.is_sum)
            groups.setdefault(channel if ends else id(links[0]) if links else None, []).append((channel, links))
        return [Packet(ways, self.source, self.number, self.came_from) for ways in groups.values()]


def send(channel: Channel, source: int, number: int) -> list[Packet]:
    """The packets of a completed instruction, in front of their first links."""
    return Packet([(member, list(member.route)) for member in channel.sent_with], source, number).branch()


class Link:
    """One link: who waits for it, for how long it is busy, who travels on it."""

    def __init__(self, hop: int, flit_cycles: int = 1) -> None:
        """An idle link."""
        self.hop = hop
        self.flit_cycles = flit_cycles
        self.queue: list[Packet] = []
        self.cycles_busy = 0  # that are left
        self.travelling: list[Packet] = []
        self.busy_total = 0
        self.waited = 0  # cycles, summed over packets
        self.grants: list[tuple[int, int, int]] = []  # (channel, entry, grant)

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

    def wait(self) -> None:
        """Count this cycle for every packet that is still in the queue."""
        self.waited += len(self.queue)

    def grant(self, cycle: int) -> None:
        """If free, take the waiting packet that goes first."""
        if self.cycles_busy or not self.queue:
            return
        packet = min(self.queue, key=Packet.precedence)
        self.queue.remove(packet)
        self.grants.append((packet.lowest.index, packet.entered, cycle))
        flits = packet.lowest.flits
        self.cycles_busy = flits * self.flit_cycles
        self.busy_total += flits * self.flit_cycles
        packet.ways = [(channel, links[1:]) for channel, links in packet.ways]
        packet.came_from = self
        for copy in packet.branch():
            # Flit k has crossed after hop + k · flit_cycles. A message has arrived with its last one; into a link that
            # is as fast or slower it goes on with its first, into a faster one when none of the others will be late.
            following = copy.next
            if following is None:
                copy.cycles_to_go = self.hop + (flits - 1) * self.flit_cycles
            else:
                late = [k * self.flit_cycles - k * following.flit_cycles for k in range(flits)]
                copy.cycles_to_go = self.hop + max(late)
            self.travelling.append(copy)


def enter(packet: Packet, cycle: int) -> None:
    """Put a packet into the queue of the next link of its route, hold it for a sum, or let it arrive."""
    link = packet.next
    tree = packet.lowest.tree
    if link is None:
        for channel in {
            channel.consumed_with[0].index: channel.consumed_with[0] for channel, _ in packet.ways
        }.values():
            channel.arrived += 1
    elif tree is not None and tree.joins(link):
        tree.hold(packet, link)
    else:
        queue(packet, link, cycle)


def queue(packet: Packet, link: Link, cycle: int) -> None:
    """Put a packet into a link's queue."""
    packet.entered = cycle
    link.queue.append(packet)
