"""Random valid schedules from a seed.

A schedule is drawn as *one sequence for the whole chip*: a tree of loops and operations in which every message is sent
before it is consumed, in the same iteration of the same loop (or, for a carried value, in the iteration before), and in
which a channel never holds more than its depth. The tree is then projected on every unit, as `emit` does with the tile
IR. If operations are done one after another in the order of the sequence, each finds its messages and its credit; and
since a channel has one sender and one receiver, nothing that a unit may do can be taken from it by another, so no
order of progress ends in deadlock.

Each unit writes the loops that it shares with others in its own way (`project_schedule`): as a constant or as counts,
with its own layout and strides, one loop split into two, bodies wrapped in loops of one trip, loops never entered.
"""

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from ohmflow.compiler.program.schedule import Schedule
from tests.machine.project_schedule import Channel, Group, Loop, Op, Table, Tree, project

MAX_LOOPS = 3
"""Loops of the common sequence that may enclose an operation; a unit may add one of its own."""


@dataclass(frozen=True)
class Size:
    """How large a schedule is.

    Attributes:
        units: number of units, 1 … 8.
        links: number of links.
        items: most operations and loops drawn for one loop body.
        loops: deepest nesting, 0 … 3.
        operations: about how many instructions are executed on the whole chip.
        groups: how likely an item is to be a multicast or a sum, and a link to take several cycles a flit.
    """

    units: int = 4
    links: int = 3
    items: int = 5
    loops: int = 3
    operations: int = 100
    groups: float = 0.0


def random_size(rng: np.random.Generator) -> Size:
    """Draw a size."""
    return Size(
        units=int(rng.integers(1, 9)),
        links=int(rng.choice([0, 1, 1, 2, 2, 3, 4, 6])),
        items=int(rng.integers(2, 8)),
        loops=int(rng.integers(0, MAX_LOOPS + 1)),
        operations=int(rng.integers(10, 250)),
    )


@dataclass
class _Body:
    """A loop body while it is drawn: the units that may appear in it, and the messages sent and not yet consumed."""

    units: list[int]
    extents: tuple[int, ...]
    pending: list[Channel] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    @property
    def executions(self) -> int:
        """How often the body runs at most."""
        return int(np.prod(self.extents, dtype=int))


class Generator:
    """Draws the common sequence of one schedule."""

    def __init__(self, rng: np.random.Generator, size: Size) -> None:
        """Fix what is the same for the whole schedule: links, and how long things take."""
        self.rng, self.size = rng, size
        self.hops = rng.integers(1, 5, size.links).tolist()
        self.longest = int(rng.choice([2, 4, 8]))  # small times make many ties
        self.most_flits = int(rng.choice([1, 4, 8]))
        self.channels: list[Channel] = []
        self.groups: list[Group] = []
        self.flit_cycles = rng.integers(1, 4, size.links).tolist() if size.groups and rng.random() < 0.5 else []
        self.budget = size.operations

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return bool(self.rng.random() < probability)

    def between(self, low: int, high: int) -> int:
        """A number of low … high, both included."""
        return int(self.rng.integers(low, high + 1))

    def draw(self) -> Tree:
        """Draw the whole sequence."""
        tree: Tree = []
        top = _Body(list(range(self.size.units)), ())
        while not tree or (self.budget > 0 and len(tree) < 4 * self.size.items):
            tree += self.items(top)
        return tree + self.drain(top)

    def items(self, body: _Body) -> Tree:
        """Draw some operations and loops of a body; messages may stay pending."""
        items: Tree = []
        for _ in range(self.between(1, self.size.items)):
            if self.budget <= 0:
                break
            if len(body.extents) < self.size.loops and self.chance(0.4):
                items += self.loop(body)
            elif self.size.groups and self.chance(self.size.groups):
                items += self.grouped(body)
            else:
                items.append(self.operation(body))
        return items

    def loop(self, outer: _Body) -> Tree:
        """Draw a loop, perhaps with a carried value that is sent before it and consumed after it."""
        trip: int | Table
        affordable = max(1, min(6, self.budget // (4 * outer.executions)))
        if self.chance(0.5):
            trip = most = self.between(0 if self.chance(0.15) else 1, affordable)
        else:
            trip = self.table(outer.extents, 1 if self.chance(0.3) else self.between(1, affordable))
            most = int(trip.values.max())
        some = self.rng.random(len(outer.units)) < self.rng.choice([0.3, 0.7, 1.0])
        units = [unit for unit, chosen in zip(outer.units, some.tolist(), strict=True) if chosen]
        body = _Body(units or [int(self.rng.choice(outer.units))], (*outer.extents, max(most, 1)))
        before: Tree = []
        first: Tree = []
        last: Tree = []
        after: Tree = []
        if self.chance(0.35):
            carried = self.channel(body)
            before.append(self.operation(outer, unit=carried.src, extra_signal=carried))
            first.append(self.operation(body, unit=carried.dst, extra_wait=carried))
            after.append(self.operation(outer, unit=carried.dst, extra_wait=carried))
        middle = first + (self.items(body) or [self.operation(body)])
        if before:
            last.append(self.operation(body, unit=carried.src, extra_signal=carried))
        return [*before, Loop(trip, middle + last + self.drain(body)), *after]

    def grouped(self, body: _Body) -> Tree:
        """Draw one message of a multicast or a sum: one send to all its ends, or one of each unit that adds to it."""
        held = Counter(channel.number for channel in body.pending)
        known = [g for g in body.groups if max(held[c.number] for c in g.members) < g.room]
        if known and self.chance(0.5):
            group = known[self.between(0, len(known) - 1)]
        else:
            group = self.group(body)
            body.groups.append(group)
        senders = group.members if group.adder else group.members[:1]
        items: Tree = []
        for k in self.rng.permutation(len(senders)).tolist():
            if self.chance(0.3):
                items.append(self.operation(body, send=False))
            items.append(self.operation(body, unit=senders[k].src, extra_signal=senders[k]))
        body.pending += group.members[:1] if group.adder else group.members
        return items

    def group(self, body: _Body) -> Group:
        """New channels that are a multicast or a sum, on routes that only branch or only meet."""
        links = self.rng.permutation(len(self.hops)).tolist()
        adder = self.between(1, 3) if links and self.chance(0.5) else 0
        routes: list[tuple[int, ...]] = [(links.pop(),)] if adder else [()]
        for _ in range(self.between(2, 5)):
            known = routes[self.between(0, len(routes) - 1)]
            own = [links.pop() for _ in range(self.between(0, 2)) if links]
            routes.append((*known[: self.between(1 if adder else 0, len(known))], *own))
        one, flits = int(self.rng.choice(body.units)), self.between(1, self.most_flits)
        members = []
        for route in routes[1:]:
            other = int(self.rng.choice(body.units))
            depth = self.between(1, 3) if self.chance(0.5) else 1
            src, dst = (other, one) if adder else (one, other)
            number = len(self.channels)
            members.append(Channel(number, src, dst, depth, flits, route[::-1] if adder else route))
            self.channels.append(members[-1])
        self.groups.append(Group(tuple(members), adder))
        return self.groups[-1]

    def schedule(self, tree: Tree) -> Schedule:
        """Project a sequence of this generator's operations."""
        return project(tree, self.size.units, self.hops, self.channels, self.rng, self.groups, self.flit_cycles)

    def drain(self, body: _Body) -> Tree:
        """Consume whatever is pending."""
        items: Tree = []
        while body.pending:
            items.append(self.operation(body, unit=body.pending[0].dst, send=False, consume=1.0))
        return items

    def operation(
        self,
        body: _Body,
        unit: int | None = None,
        extra_wait: Channel | None = None,
        extra_signal: Channel | None = None,
        send: bool = True,
        consume: float = 0.7,
    ) -> Op:
        """Draw one operation that consumes what is pending for its unit, perhaps, and sends, perhaps."""
        if unit is None:
            unit = int(self.rng.choice(body.units))
        signal = extra_signal
        if signal is None and send and self.chance(0.75):
            signal = self.sendable(body, unit)  # before the waits are consumed: their credits come back later
        waits = [extra_wait] if extra_wait is not None else []
        for channel in [channel for channel in body.pending if channel.dst == unit]:
            if len(waits) < 2 and self.chance(consume):
                waits.append(channel)
                body.pending.remove(channel)
        if signal is not None and signal is not extra_signal:
            body.pending.append(signal)
        self.budget -= body.executions
        return self.timed(Op(unit, waits, signal), body)

    def sendable(self, body: _Body, unit: int) -> Channel:
        """A channel of this body from this unit with room for one more message."""
        full = Counter(channel.number for channel in body.pending)
        open_channels = [c for c in body.channels if c.src == unit and full[c.number] < c.depth]
        if open_channels and self.chance(0.5):
            return open_channels[self.between(0, len(open_channels) - 1)]
        channel = self.channel(body, unit)
        body.channels.append(channel)
        return channel

    def channel(self, body: _Body, src: int | None = None) -> Channel:
        """A new channel between units of this body, rarely from a unit to itself."""
        if src is None:
            src = int(self.rng.choice(body.units))
        others = [unit for unit in body.units if unit != src]
        dst = int(self.rng.choice(others)) if others and self.chance(0.95) else src
        hops = self.between(0 if self.chance(0.3) else 1, 4)
        channel = Channel(
            number=len(self.channels),
            src=src,
            dst=dst,
            depth=self.between(1, 4) if self.chance(0.5) else 1,
            flits=self.between(1, self.most_flits),
            route=tuple(self.rng.permutation(len(self.hops)).tolist()[:hops]),
        )
        self.channels.append(channel)
        return channel

    def timed(self, op: Op, body: _Body) -> Op:
        """Draw the timing rule, the phase, and the counts of an operation."""
        op.phase = self.between(0, 5)
        match self.rng.choice(["fixed", "read", "counted"], p=[0.45, 0.35, 0.2]):
            case "fixed":
                op.kind = "fixed"
                occupancy = self.between(1, self.longest)
                latency = occupancy + (self.between(0, 3 * self.longest) if self.chance(0.5) else 0)
                op.t = (occupancy, latency, int(self.chance(0.3)))
            case "read":
                op.kind = "read"
                op.t = (self.between(1, self.longest), self.between(1, 3 * self.longest), self.between(0, 3))
                op.bank, op.double = int(self.chance(0.3)), self.chance(0.8)
                op.later = self.between(1, 4 * self.longest) if self.chance(0.2) else 0
                op.count = self.table(body.extents, 2) if self.chance(0.4) else None
            case "counted":
                op.kind = "counted"
                op.t = (self.between(1, 3), self.between(0, 3))
                op.count = self.table(body.extents, 4) if self.chance(0.8) else None
        return op

    def table(self, extents: tuple[int, ...], most: int) -> Table:
        """Counts of 0 … most that depend on some of the enclosing loops."""
        shape = tuple(extent if self.chance(0.7) else 1 for extent in extents)
        return Table(self.rng.integers(0, most + 1, shape))


def schedule_of(seed: int, size: Size | None = None) -> Schedule:
    """The valid schedule of this seed.

    Args:
        seed: any integer ≥ 0.
        size: its size; drawn when not given.

    Returns:
        A schedule that ends, with no message left.
    """
    rng = np.random.default_rng(seed)
    generator = Generator(rng, size or random_size(rng))
    return generator.schedule(generator.draw())


def grouped_schedule_of(seed: int) -> Schedule:
    """The valid schedule of this seed with multicasts, sums, and links that take several cycles a flit."""
    rng = np.random.default_rng(seed)
    size = replace(random_size(rng), links=int(rng.integers(0, 9)), groups=0.3)
    generator = Generator(rng, size)
    return generator.schedule(generator.draw())


def deadlocking_schedule_of(seed: int) -> tuple[Schedule, set[str]]:
    """A schedule that ends in deadlock.

    Returns:
        The schedule, and names of units that are stuck for certain (others may be too).
    """
    rng = np.random.default_rng(seed)
    generator = Generator(rng, random_size(rng))
    tree = generator.draw()
    flaw = rng.choice(["cycle", "never sent", "no credit"])
    units = rng.permutation(generator.size.units)[: generator.between(1, 3) if flaw == "cycle" else 1].tolist()
    body = _Body(units, ())
    links = [generator.channel(_Body([unit], ()), unit) for unit in units]
    for channel, dst in zip(links, units[1:] + units[:1], strict=True):
        channel.dst, channel.depth = dst, 1
    for position, unit in enumerate(units):
        match flaw:
            case "cycle":  # each waits for the one before it, and only then sends to the one after it
                flawed = [([links[position - 1]], None), ([], links[position])]
            case "never sent":
                flawed = [([links[position]], None)]
            case _:  # two messages, one credit, no consumer
                flawed = [([], links[position])] * 2
        at = generator.between(0, len(tree))
        tree[at:at] = [generator.timed(Op(unit, list(waits), signal), body) for waits, signal in flawed]
    return generator.schedule(tree), {f"u{u}" for u in units}


def left_over_schedule_of(seed: int) -> tuple[Schedule, set[str]]:
    """A schedule that ends with one unconsumed message.

    Returns:
        The schedule, and the names of the units at both ends of its channel.
    """
    rng = np.random.default_rng(seed)
    generator = Generator(rng, random_size(rng))
    tree = generator.draw()
    body = _Body(list(range(generator.size.units)), ())
    channel = generator.channel(body)
    tree.insert(generator.between(0, len(tree)), generator.timed(Op(channel.src, [], channel), body))
    return generator.schedule(tree), {f"u{channel.src}", f"u{channel.dst}"}


def incomplete_schedule_of(seed: int) -> tuple[Schedule, set[str], bool]:
    """A schedule with a sum to which one unit adds nothing, or a multicast that one unit does not consume.

    Returns:
        The schedule; names of units that are stuck, or whose message is left; and whether it is a deadlock.
    """
    rng = np.random.default_rng(seed)
    generator = Generator(rng, replace(random_size(rng), links=int(rng.integers(1, 9)), groups=0.3))
    tree = generator.draw()
    body = _Body(list(range(generator.size.units)), ())
    group = generator.group(body)
    without = int(rng.integers(len(group.members)))
    senders = group.members if group.adder else group.members[:1]
    receivers = group.members[:1] if group.adder else group.members
    waited = bool(rng.random() < 0.5) if group.adder else True
    if group.adder:
        senders = group.members[:without] + group.members[without + 1 :]
        receivers = receivers if waited else ()
        names = {f"u{receivers[0].dst}"} if waited else {f"u{channel.src}" for channel in senders}
    else:
        receivers = group.members[:without] + group.members[without + 1 :]
        names = {f"u{group.members[without].dst}"}
    tree += [generator.timed(Op(channel.src, [], channel), body) for channel in senders]
    tree += [generator.timed(Op(channel.dst, [channel], None), body) for channel in receivers]
    return generator.schedule(tree), names, bool(group.adder) and waited


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Hypothesis strategy of valid schedules; it shrinks towards few units, links, loops and operations."""
    size = Size(
        units=draw(st.integers(1, 8)),
        links=draw(st.integers(0, 5)),
        items=draw(st.integers(1, 7)),
        loops=draw(st.integers(0, MAX_LOOPS)),
        operations=draw(st.integers(1, 160)),
    )
    return schedule_of(draw(st.integers(0, 2**32 - 1)), size)
