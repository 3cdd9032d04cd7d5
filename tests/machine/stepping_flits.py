"""The network of flits, cycle by cycle: "Flit by flit" of `docs/microarchitecture.md` as plain Python.

It takes the place of the mesh's links in the stepping model; links inside a node stay. Flits and credits on their ways
count down the cycles that are left. A router looks at all of its lines in every cycle; nothing is kept as a mask, a
pool or a wheel, and nothing is shared with the compiled network.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.schedule import Schedule, Timeline
from tests.machine.stepping_model import Machine
from tests.machine.stepping_network import Channel, Packet, enter

PORTS = ("east", "west", "south", "north", "node")
BACK = {"east": "west", "west": "east", "south": "north", "north": "south"}
STEP = {"east": (1, 0), "west": (-1, 0), "south": (0, 1), "north": (0, -1)}
Place = tuple[int, int]
T = TypeVar("T")


@dataclass(frozen=True)
class Mesh:
    """What the network is: the mesh, its routers, and the numbers of its links by name, such as `east(0,1)`."""

    columns: int
    rows: int
    vcs: int
    buffer: int
    stages: int
    credit: int
    hop: int
    local_hop: int
    links: dict[str, int]

    @property
    def allocation(self) -> int:
        """Cycles from a head getting its channel to its asking for the switch: one where that is a stage."""
        return 1 if self.stages == 3 else 0

    @property
    def crossing(self) -> int:
        """Cycles from a flit getting the switch to its leaving the router."""
        return 1 if self.stages == 1 else 2

    @property
    def wire(self) -> int:
        """Cycles between routers."""
        return self.hop - self.stages


@dataclass
class Message:
    """One message in the network."""

    channel: Channel
    target: Place
    number: int
    flits: int
    asks_from: int = 0  # the first cycle in which its head could leave the place where it is


@dataclass
class Flit:
    """One flit of a message."""

    message: Message
    is_head: bool
    is_tail: bool


@dataclass
class Line:
    """A virtual channel of an input."""

    flits: deque[Flit] = field(default_factory=deque)
    asks: bool = False  # for a channel of an output
    output: str = ""
    given: int = -1  # the channel that its front packet has there, or -1
    given_at: int = 0


@dataclass
class Output:
    """A router's output: for each channel, free places behind it and whether a packet holds it; and pointers."""

    credits: list[int]
    held: list[bool]
    channel_pointer: list[int]
    switch_pointer: int = 0


class Router:
    """A router with its source."""

    def __init__(self, mesh: Mesh, place: Place) -> None:
        """Everything empty."""
        self.place = place
        vcs = range(mesh.vcs)
        self.lines = {(port, vc): Line() for port in PORTS for vc in vcs}
        self.order = list(self.lines)
        self.outputs = {port: Output([mesh.buffer] * mesh.vcs, [False] * mesh.vcs, [0] * mesh.vcs) for port in PORTS}
        self.accept_pointer = dict.fromkeys(PORTS, 0)  # of inputs, over outputs
        self.turn = dict.fromkeys(PORTS, 0)  # of inputs, over their lines
        self.source_credits = [mesh.buffer] * mesh.vcs
        self.source_channel = 0
        self.sent = 0
        self.queue: list[tuple[tuple[int, int, int], Message]] = []


class FlitMesh:
    """The whole network; what is on its way is a list of [cycles left, what to do then]."""

    def __init__(self, schedule: Schedule, mesh: Mesh) -> None:
        """Everything empty."""
        self.mesh = mesh
        places = [(x, y) for y in range(mesh.rows) for x in range(mesh.columns)]
        self.routers = {place: Router(mesh, place) for place in places}
        self.flits_under_way: list[list[object]] = []
        self.credits_under_way: list[list[object]] = []
        self.sent = [0] * len(schedule.channels)
        self.early: list[set[int]] = [set() for _ in schedule.channels]
        self.delivered = [0] * len(schedule.channels)
        self.busy = dict.fromkeys(mesh.links.values(), 0)
        self.waited = dict.fromkeys(mesh.links.values(), 0)
        self.grants: list[tuple[int, int, int, int]] = []  # (link, channel, entry, grant)
        ends = {number: name for name, number in mesh.links.items()}
        self.ends: list[tuple[Place, Place] | None] = []
        for row in schedule.channels:
            names = [ends[int(link)] for link in schedule.route[int(row["route_begin"]) : int(row["route_end"])]]
            outside = bool(names) and names[0].startswith("inject")
            self.ends.append((place_of(names[0]), place_of(names[-1])) if outside else None)

    def enter(self, packet: Packet, cycle: int) -> bool:
        """Put a unit's message into the queue of its source; False if it does not leave the node."""
        channel = packet.lowest
        ends = self.ends[channel.index]
        if ends is None:
            return False
        message = Message(channel, ends[1], self.sent[channel.index], channel.flits, cycle)
        self.routers[ends[0]].queue.append(((cycle, packet.source, packet.number), message))
        return True

    def number(self, cycle: int) -> None:
        """Number what entered in this cycle, in the order of the queues."""
        for router in self.routers.values():
            router.queue.sort(key=lambda waiting: waiting[0])
            for (entered, _, _), message in router.queue:
                if entered == cycle:
                    message.number = self.sent[message.channel.index]
                    self.sent[message.channel.index] += 1

    @property
    def is_empty(self) -> bool:
        """Whether no flit is left."""
        lines = (line for router in self.routers.values() for line in router.lines.values())
        queues = any(router.queue for router in self.routers.values())
        return not (queues or self.flits_under_way or any(line.flits for line in lines))

    def advance(self, cycle: int) -> None:
        """Let one cycle pass for what is on its way; flits arrive at routers and nodes, credits come back."""
        for under_way in (self.flits_under_way, self.credits_under_way):
            for item in under_way:
                assert isinstance(item[0], int)
                item[0] -= 1
        for item in [item for item in self.credits_under_way if item[0] == 0]:
            self.credits_under_way.remove(item)
            credits, vc = item[1], item[2]
            assert isinstance(credits, list) and isinstance(vc, int)
            credits[vc] += 1
        for item in [item for item in self.flits_under_way if item[0] == 0]:
            self.flits_under_way.remove(item)
            flit, where, line_name = item[1], item[2], item[3]
            assert isinstance(flit, Flit)
            if line_name is None:
                if flit.is_tail:
                    self.arrive(flit.message)
                continue
            assert isinstance(where, Router) and isinstance(line_name, tuple)
            line = where.lines[line_name]
            line.flits.append(flit)
            assert len(line.flits) <= self.mesh.buffer, "credits keep buffers from overflowing"
            if flit.is_head:
                flit.message.asks_from = cycle + self.mesh.allocation
            if line.given < 0 and not line.asks:
                self.ask(where, line)

    def arrive(self, message: Message) -> None:
        """Deliver messages of a channel in the order in which they were sent."""
        index = message.channel.index
        self.early[index].add(message.number)
        while self.delivered[index] in self.early[index]:
            self.early[index].remove(self.delivered[index])
            self.delivered[index] += 1
            message.channel.arrived += 1

    def ask(self, router: Router, line: Line) -> None:
        """Route the packet at the front of a line: X first, then Y."""
        line.asks = True
        (x, y), (to_x, to_y) = router.place, line.flits[0].message.target
        if to_x != x:
            line.output = "east" if to_x > x else "west"
        elif to_y != y:
            line.output = "south" if to_y > y else "north"
        else:
            line.output = "node"

    def cycle(self, cycle: int) -> None:
        """Let sources send and routers allocate and move, from what held when the cycle began."""
        for router in self.routers.values():
            self.send(router, cycle)
        for router in self.routers.values():
            self.give_channels(router, cycle)
            chosen = self.match_switch(router, cycle)
            for name in chosen:
                self.move(router, name, cycle)

    def send(self, router: Router, cycle: int) -> None:
        """Send one flit of the first message of a source."""
        if not router.queue:
            return
        message = router.queue[0][1]
        if router.sent == 0:
            router.source_channel = emptiest(list(range(self.mesh.vcs)), router.source_credits)
            if not router.source_credits[router.source_channel]:
                return
            self.note("inject", router, message, cycle)
        vc = router.source_channel
        if not router.source_credits[vc]:
            return
        router.source_credits[vc] -= 1
        flit = Flit(message, router.sent == 0, router.sent == message.flits - 1)
        router.sent += 1
        self.busy[self.link("inject", router)] += 1
        self.flits_under_way.append([self.mesh.local_hop, flit, router, ("node", vc)])
        if flit.is_tail:
            router.sent = 0
            router.queue.pop(0)

    def give_channels(self, router: Router, cycle: int) -> None:
        """One round of offers: each free channel to a line that asks, each line takes one."""
        asking = [name for name in router.order if router.lines[name].asks]
        offers: dict[tuple[str, int], list[int]] = {name: [] for name in asking}
        for port in PORTS:
            output = router.outputs[port]
            wanting = [name for name in asking if router.lines[name].output == port]
            for vc in range(self.mesh.vcs):
                if wanting and not output.held[vc]:
                    offers[first_from(wanting, router.order, output.channel_pointer[vc])].append(vc)
        for name, channels in offers.items():
            if not channels:
                continue
            output = router.outputs[router.lines[name].output]
            vc = emptiest(channels, output.credits)
            output.held[vc] = True
            output.channel_pointer[vc] = (router.order.index(name) + 1) % len(router.order)
            line = router.lines[name]
            line.asks, line.given, line.given_at = False, vc, cycle

    def match_switch(self, router: Router, cycle: int) -> list[tuple[str, int]]:
        """One round of offers: each output to an input that asks, each input takes one."""
        vcs = range(self.mesh.vcs)
        stands_for: dict[tuple[str, str], int] = {}
        for port in PORTS:
            for vc in [(router.turn[port] + k) % self.mesh.vcs for k in vcs]:
                line = router.lines[port, vc]
                may_ask = line.given >= 0 and line.given_at + self.mesh.allocation <= cycle and bool(line.flits)
                if may_ask and router.outputs[line.output].credits[line.given]:
                    stands_for.setdefault((port, line.output), vc)
        offers: dict[str, list[str]] = {}
        for output in PORTS:
            wanting = [port for port in PORTS if (port, output) in stands_for]
            if wanting:
                best = first_from(wanting, PORTS, router.outputs[output].switch_pointer)
                offers.setdefault(best, []).append(output)
        chosen = []
        for port, outputs in offers.items():
            taken = first_from(outputs, PORTS, router.accept_pointer[port])
            vc = stands_for[port, taken]
            router.outputs[taken].switch_pointer = (PORTS.index(port) + 1) % len(PORTS)
            router.accept_pointer[port] = (PORTS.index(taken) + 1) % len(PORTS)
            router.turn[port] = (vc + 1) % self.mesh.vcs
            chosen.append((port, vc))
        return chosen

    def move(self, router: Router, name: tuple[str, int], cycle: int) -> None:
        """Take a flit through the switch and send its credit back."""
        mesh, line, (port, vc) = self.mesh, router.lines[name], name
        flit, output = line.flits.popleft(), router.outputs[line.output]
        output.credits[line.given] -= 1
        if flit.is_head:
            self.note("eject" if line.output == "node" else line.output, router, flit.message, cycle)
        self.busy[self.link("eject" if line.output == "node" else line.output, router)] += 1
        if port == "node":
            self.credits_under_way.append([1 + mesh.local_hop + mesh.credit, router.source_credits, vc])
        else:
            credits = self.beside(router, port).outputs[BACK[port]].credits
            self.credits_under_way.append([1 + mesh.wire + mesh.credit, credits, vc])
        if line.output == "node":
            there = mesh.crossing + mesh.local_hop
            self.flits_under_way.append([there, flit, None, None])
            self.credits_under_way.append([there + 1 + mesh.local_hop + mesh.credit, output.credits, line.given])
        else:
            to, into = self.beside(router, line.output), (BACK[line.output], line.given)
            self.flits_under_way.append([mesh.crossing + mesh.wire, flit, to, into])
        if flit.is_tail:
            output.held[line.given] = False
            line.given = -1
            if line.flits:
                self.ask(router, line)

    def beside(self, router: Router, port: str) -> Router:
        """The router behind a port."""
        (x, y), (dx, dy) = router.place, STEP[port]
        return self.routers[x + dx, y + dy]

    def link(self, kind: str, router: Router) -> int:
        """Number of a link of a node."""
        x, y = router.place
        return self.mesh.links[f"{kind}({x},{y})"]

    def note(self, kind: str, router: Router, message: Message, cycle: int) -> None:
        """Record that a head has a link."""
        link = self.link(kind, router)
        self.waited[link] += cycle - message.asks_from
        self.grants.append((link, message.channel.index, message.asks_from, cycle))


def first_from(some: Sequence[T], every: Sequence[T], pointer: int) -> T:
    """The first of some, in the order of every, from a place on and around the end."""
    order = list(every)
    return next(item for item in order[pointer:] + order[:pointer] if item in some)


def emptiest(channels: list[int], credits: list[int]) -> int:
    """The channel with most free places, the lowest of equals."""
    return min(channels, key=lambda vc: (-credits[vc], vc))


def place_of(link: str) -> Place:
    """(x, y) of a link's name."""
    x, y = link[link.index("(") + 1 : -1].split(",")
    return int(x), int(y)


class FlitMachine(Machine):
    """The stepping model with a network of flits."""

    def __init__(self, schedule: Schedule, mesh: Mesh) -> None:
        """Everything idle and empty."""
        super().__init__(schedule)
        self.network = FlitMesh(schedule, mesh)

    def step(self) -> bool:
        """As `Machine.step`, with messages between nodes handed to the network."""
        for unit in self.units:
            for packet in unit.advance(self.cycle):
                if not self.network.enter(packet, self.cycle):
                    enter(packet, self.cycle)
        self.network.number(self.cycle)
        for link in self.links:
            for packet in link.advance():
                enter(packet, self.cycle)
        self.network.advance(self.cycle)

        self.network.cycle(self.cycle)
        for link in self.links:
            link.grant(self.cycle)
            link.wait()
        for unit in self.units:
            unit.issue(self.cycle)

        under_way = any(unit.in_flight for unit in self.units) or any(
            link.travelling or link.queue for link in self.links
        )
        if not under_way and self.network.is_empty:
            return False
        for unit in self.units:
            unit.charge()
            unit.account()
        self.cycle += 1
        return True

    def timeline(self) -> Timeline:
        """What was recorded, links of the network included."""
        plain = super().timeline()
        for link, flits in self.network.busy.items():
            plain.link_busy[link] += flits
            plain.link_wait[link] += self.network.waited[link]
        grants: NDArray[np.int64] = np.array(self.network.grants, np.int64).reshape(-1, 4)
        every = np.concatenate([plain.grants, grants])
        order = np.lexsort((every[:, 3], every[:, 0]))
        return Timeline(
            plain.cycles,
            plain.phase_cycles,
            plain.executed,
            plain.link_busy,
            plain.activity,
            plain.link_wait,
            plain.issues,
            every[order],
        )


def step_flits(schedule: Schedule, mesh: Mesh, max_cycles: int = 1_000_000) -> Timeline:
    """Walk through a schedule cycle by cycle with a network of flits; see `stepping_model.step_through`."""
    return FlitMachine(schedule, mesh).run(max_cycles)
