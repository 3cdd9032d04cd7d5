"""A slow network, written from docs/network.md with dictionaries and lists, one step of a cycle after the other.

It shares nothing with the compiled one but the draws' definition, of which it uses the exact integer version.
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field

from ohmflow.runtime.crossbar.draws import GOLDEN, key_of, mix_int
from ohmflow.runtime.network.spec import NetworkSpec

STEPS = {0: (1, 0), 1: (-1, 0), 2: (0, 1), 3: (0, -1)}
FACING = {0: 1, 1: 0, 2: 3, 3: 2}
NODE = 4
Place = tuple[int, int]


@dataclass
class Packet:
    source: Place
    to: Place
    created: int
    injected: int = -1


@dataclass
class Flit:
    packet: Packet
    is_last: bool


@dataclass
class Line:
    """A channel of an input."""

    flits: deque[Flit] = field(default_factory=deque)
    state: str = "idle"
    output: int = -1
    channel: int = -1


@dataclass
class Source:
    key: int
    credits: list[int]
    clock: int = 0
    packet: Packet | None = None
    sent: int = 0
    channel: int = -1


class Router:
    def __init__(self, spec: NetworkSpec) -> None:
        v = spec.vcs
        self.lines = [Line() for _ in range(5 * v)]
        self.credits = [spec.buffer_flits] * (5 * v)
        self.held_by: list[int | None] = [None] * (5 * v)
        self.channel_offer, self.channel_take = [0] * (5 * v), [0] * (5 * v)
        self.switch_offer, self.switch_take, self.turn = [0] * 5, [0] * 5, [0] * 5


def cyclic(start: int, size: int) -> list[int]:
    return [(start + k) % size for k in range(size)]


def destination(spec: NetworkSpec, at: Place, draw: int) -> Place:
    columns, rows = spec.mesh
    x, y = at
    match spec.traffic:
        case "transpose":
            return y, x
        case "bit-complement":
            return columns - 1 - x, rows - 1 - y
        case "neighbour":
            return (x + 1) % columns, (y + 1) % rows
        case "hotspot" if draw % 2**32 < int(0.1 * 2**32):
            return columns // 2, rows // 2
    number = ((draw >> 32) * spec.nodes) >> 32
    return number % columns, number // columns


class SlowNetwork:
    """The whole of it; `grants` and `arrivals` list what the kernel's logs list."""

    def __init__(self, spec: NetworkSpec) -> None:
        self.spec, self.now = spec, 0
        columns, rows = spec.mesh
        self.places = [(x, y) for y in range(rows) for x in range(columns)]
        self.routers = {place: Router(spec) for place in self.places}
        self.sources = {
            place: Source(key_of(spec.seed, 64, n), [spec.buffer_flits] * spec.vcs)
            for n, place in enumerate(self.places)
        }
        self.at_nodes: dict[int, list[Flit]] = defaultdict(list)
        self.at_routers: dict[int, list[tuple[Place, int, int, Flit]]] = defaultdict(list)
        self.credits_back: dict[int, list[tuple[list[int], int]]] = defaultdict(list)
        self.grants: list[tuple[int, int, int, int]] = []
        self.arrivals: list[tuple[int, int, int, int, int]] = []

    def number(self, place: Place) -> int:
        return place[0] + self.spec.mesh[0] * place[1]

    def run(self, cycles: int) -> None:
        for _ in range(cycles):
            self.cycle()

    def cycle(self) -> None:
        self.take_at_nodes()
        for credits, index in self.credits_back.pop(self.now, []):
            credits[index] += 1
        for place in self.places:
            self.send(place)
        for place, port, channel, flit in self.at_routers.pop(self.now, []):
            self.queue(place, port, channel, flit)
        for place in self.places:
            chosen = self.match_switch(self.routers[place])
            given = self.match_channels(self.routers[place])
            for i, out in given:
                line = self.routers[place].lines[i]
                line.state, line.channel = "active", out
                self.routers[place].held_by[out] = i
            for i in chosen:
                self.move(place, i)
        self.now += 1

    def take_at_nodes(self) -> None:
        for flit in self.at_nodes.pop(self.now, []):
            if flit.is_last:
                p = flit.packet
                self.arrivals.append((self.number(p.source), self.number(p.to), p.created, p.injected, self.now))

    def send(self, place: Place) -> None:
        source, spec = self.sources[place], self.spec
        limit = round(spec.rate / spec.packet_flits * 2**53)
        while source.packet is None and source.clock <= self.now:
            q = source.clock
            source.clock += 1
            if mix_int((source.key + int(GOLDEN) * (1 + 2 * q)) % 2**64) >> 11 < limit:
                draw = mix_int((source.key + int(GOLDEN) * (2 + 2 * q)) % 2**64)
                source.packet, source.sent = Packet(place, destination(spec, place, draw), q), 0
        if source.packet is None:
            return
        if source.sent == 0:
            free = [v for v in cyclic(source.channel + 1, spec.vcs) if source.credits[v]]
            if not free:
                return
            source.channel, source.packet.injected = free[0], self.now
        if source.credits[source.channel] == 0:
            return
        source.credits[source.channel] -= 1
        source.sent += 1
        flit = Flit(source.packet, source.sent == spec.packet_flits)
        self.at_routers[self.now + 2].append((place, NODE, source.channel, flit))
        if flit.is_last:
            source.packet = None

    def queue(self, place: Place, port: int, channel: int, flit: Flit) -> None:
        line = self.routers[place].lines[port * self.spec.vcs + channel]
        line.flits.append(flit)
        assert len(line.flits) <= self.spec.buffer_flits
        if line.state == "idle":
            self.wait(place, line)

    def wait(self, place: Place, line: Line) -> None:
        (x, y), (to_x, to_y) = place, line.flits[0].packet.to
        line.state = "waiting"
        if to_x != x:
            line.output = 0 if to_x > x else 1
        elif to_y != y:
            line.output = 2 if to_y > y else 3
        else:
            line.output = NODE

    def match_channels(self, router: Router) -> list[tuple[int, int]]:
        v, lines = self.spec.vcs, 5 * self.spec.vcs
        offers: dict[int, set[int]] = defaultdict(set)
        for out in range(lines):
            if router.held_by[out] is None:
                for i in cyclic(router.channel_offer[out], lines):
                    if router.lines[i].state == "waiting" and router.lines[i].output == out // v:
                        offers[i].add(out)
                        break
        given = []
        for i, outs in offers.items():
            out = next(o for o in cyclic(router.channel_take[i], lines) if o in outs)
            router.channel_offer[out], router.channel_take[i] = (i + 1) % lines, (out + 1) % lines
            given.append((i, out))
        return given

    def match_switch(self, router: Router) -> list[int]:
        v = self.spec.vcs
        asks: dict[tuple[int, int], int] = {}
        for p in range(5):
            for channel in cyclic(router.turn[p], v):
                line = router.lines[p * v + channel]
                if line.state == "active" and line.flits and router.credits[line.channel]:
                    asks.setdefault((p, line.output), channel)
        offers: dict[int, set[int]] = defaultdict(set)
        for o in range(5):
            for p in cyclic(router.switch_offer[o], 5):
                if (p, o) in asks:
                    offers[p].add(o)
                    break
        chosen = []
        for p in sorted(offers):
            o = next(o for o in cyclic(router.switch_take[p], 5) if o in offers[p])
            router.switch_offer[o], router.switch_take[p] = (p + 1) % 5, (o + 1) % 5
            router.turn[p] = (asks[p, o] + 1) % v
            chosen.append(p * v + asks[p, o])
        return chosen

    def move(self, place: Place, i: int) -> None:
        spec, router = self.spec, self.routers[place]
        line, port, channel = router.lines[i], i // spec.vcs, i % spec.vcs
        flit, out, now = line.flits.popleft(), line.channel, self.now
        self.grants.append((now, self.number(place), i, out))
        router.credits[out] -= 1
        if port == NODE:
            self.credits_back[now + 2].append((self.sources[place].credits, channel))
        else:
            back = self.routers[place[0] + STEPS[port][0], place[1] + STEPS[port][1]].credits
            at = FACING[port] * spec.vcs + channel
            self.credits_back[now + 1 + spec.link_cycles + spec.credit_cycles].append((back, at))
        if line.output == NODE:
            self.at_nodes[now + 3].append(flit)
            self.credits_back[now + 5 + spec.credit_cycles].append((router.credits, out))
        else:
            step = STEPS[line.output]
            there = (place[0] + step[0], place[1] + step[1])
            due = now + 2 + spec.link_cycles
            self.at_routers[due].append((there, FACING[line.output], out % spec.vcs, flit))
        if flit.is_last:
            router.held_by[out] = None
            line.state = "idle"
            if line.flits:
                self.wait(place, line)
