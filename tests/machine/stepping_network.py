"""The network of the stepping model: channels with credits, packets, links that arbitrate.

See `docs/microarchitecture.md`, "The network". A link counts down the cycles for which it is busy, a packet the cycles
until it is at the link's far end.
"""

from ohmflow.compiler.program.schedule import Schedule


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
        self.travelling.append(packet)
        self.grants.append((packet.channel.index, packet.entered, cycle))
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
