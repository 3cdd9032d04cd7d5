"""Queues of the clock against a general simulator of processes (simpy), and against closed forms of queueing theory."""

import heapq
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import pytest
import simpy
from scipy import stats

from ohmflow.compiler.program.schedule import Timeline
from ohmflow.runtime.machine.clock import simulate
from tests.machine.timeline_builder import ScheduleBuilder

LATE = 2
"""Priority of what happens last in a cycle: simpy's own are 0 (urgent) and 1."""

Process = Generator[simpy.Event, object, None]


@dataclass(frozen=True)
class Flow:
    """A source that sends to its own sink: cycles of each message at both, flits, credits, links of the way."""

    made: tuple[int, ...]
    taken: tuple[int, ...]
    flits: int
    depth: int
    route: tuple[int, ...]


def flows_of(seed: int) -> tuple[tuple[Flow, ...], tuple[int, ...]]:
    """Draw flows over a line of shared links, so that queues form and fill, and the links' hops."""
    rng = np.random.default_rng(seed)
    hops = tuple(int(hop) for hop in rng.integers(1, 4, rng.integers(1, 5)))
    flows = []
    for _ in range(rng.integers(2, 7)):
        number = int(rng.integers(5, 40))
        first = int(rng.integers(0, len(hops)))
        last = int(rng.integers(first, len(hops)))
        slow = rng.integers(1, 12, 2)
        flows.append(
            Flow(
                made=tuple(rng.integers(1, 2 * slow[0], number).tolist()),
                taken=tuple(rng.integers(1, 2 * slow[1], number).tolist()),
                flits=int(rng.integers(1, 6)),
                depth=int(rng.integers(1, 5)),
                route=tuple(range(first, last + 1)),
            )
        )
    return tuple(flows), hops


def clocked(flows: tuple[Flow, ...], hops: tuple[int, ...]) -> Timeline:
    """Give the flows to the clock: counted instructions in loops."""
    chip = ScheduleBuilder()
    for number in range(len(flows)):
        chip.units(f"source {number}", f"sink {number}")
    for number, hop in enumerate(hops):
        chip.link(f"link {number}", hop)
    for number, flow in enumerate(flows):
        route = tuple(f"link {link}" for link in flow.route)
        chip.channel(f"flow {number}", f"source {number}", f"sink {number}", flow.depth, flow.flits, route)
        chip.count(f"made {number}", [cycles - 1 for cycles in flow.made])
        chip.count(f"taken {number}", [cycles - 1 for cycles in flow.taken])
        with chip.on(f"source {number}"), chip.loop(len(flow.made)):
            chip.counted(1, 1, signal=f"flow {number}", count=f"made {number}")
        with chip.on(f"sink {number}"), chip.loop(len(flow.taken)):
            chip.counted(1, 1, waits=(f"flow {number}",), count=f"taken {number}")
    return simulate(chip.build())


@dataclass
class Link:
    """A server of one queue: first come, first served; of those that come together the lowest source."""

    env: simpy.Environment
    hop: int
    queue: list[tuple[int, int, int, Flow, simpy.Event]] = field(default_factory=list)
    free: int = 0
    waited: int = 0
    carried: int = 0


class Queues:
    """The flows as processes of simpy."""

    def __init__(self, flows: tuple[Flow, ...], hops: tuple[int, ...]) -> None:
        """Start a process for every source and sink."""
        self.env = simpy.Environment()
        self.links = [Link(self.env, hop) for hop in hops]
        self.last = 0
        for number, flow in enumerate(flows):
            credit = simpy.Container(self.env, flow.depth, flow.depth)
            arrived = simpy.Store(self.env)
            self.env.process(self.source(number, flow, credit, arrived))
            self.env.process(self.sink(flow, credit, arrived))
        self.env.run()

    def source(self, number: int, flow: Flow, credit: simpy.Container, arrived: simpy.Store) -> Process:
        """Make one message after the other, each with a credit."""
        for packet, cycles in enumerate(flow.made):
            yield credit.get(1)
            yield self.env.timeout(cycles)
            self.env.process(self.travel(number, packet, flow, arrived))

    def travel(self, number: int, packet: int, flow: Flow, arrived: simpy.Store) -> Process:
        """Queue at each link of the way, then arrive."""
        for link in (self.links[link] for link in flow.route):
            granted = self.env.event()
            heapq.heappush(link.queue, (int(self.env.now), 2 * number, packet, flow, granted))
            self.env.process(self.serve(link, max(link.free - int(self.env.now), 0)))
            yield granted
            yield self.env.timeout(link.hop)
        yield self.env.timeout(flow.flits - 1)
        self.last = max(self.last, int(self.env.now))
        yield arrived.put(packet)

    def serve(self, link: Link, wait: int) -> Process:
        """Grant the link once it is free, when all that come in this cycle are there."""
        yield self.env.timeout(wait)
        while link.queue:
            if link.free > self.env.now:
                yield self.env.timeout(link.free - self.env.now)
            late = self.env.event()
            late._ok, late._value = True, None  # succeeds at the end of the cycle: `succeed` would not be late
            self.env.schedule(late, LATE)  # type: ignore[arg-type]
            yield late
            if link.queue and link.free <= self.env.now:
                entered, _, _, flow, granted = heapq.heappop(link.queue)
                now = int(self.env.now)
                link.waited += now - entered
                link.carried += flow.flits
                link.free = now + flow.flits
                granted.succeed()

    def sink(self, flow: Flow, credit: simpy.Container, arrived: simpy.Store) -> Process:
        """Take one message after the other; its credit goes back when it is done with."""
        for cycles in flow.taken:
            yield arrived.get()
            yield self.env.timeout(cycles)
            self.last = max(self.last, int(self.env.now))
            yield credit.put(1)


@pytest.mark.parametrize("chunk", range(4))
def test_the_clock_equals_processes_that_queue(chunk: int) -> None:
    waited = 0
    for seed in range(chunk * 25, (chunk + 1) * 25):
        flows, hops = flows_of(seed)
        timeline, queues = clocked(flows, hops), Queues(flows, hops)
        assert timeline.cycles == queues.last, seed
        assert timeline.link_busy.tolist() == [link.carried for link in queues.links], seed
        assert timeline.link_wait.tolist() == [link.waited for link in queues.links], seed
        waited += int(timeline.link_wait.sum())
    assert waited > 1000, "queues must form, or nothing is compared"


@pytest.mark.parametrize(("chance", "service"), [(0.1, 4), (0.1, 8), (0.2, 4), (0.05, 18), (0.3, 3)])
def test_the_mean_wait_of_random_arrivals_is_that_of_pollaczek_and_khinchine(chance: float, service: int) -> None:
    # One packet a cycle with probability p, service s: E[W] = p s (s - 1) / (2 (1 - p s)), the discrete form for a
    # service that does not vary. 20 independent runs; a two-sided t interval of level 1e-3.
    number, runs = 4000, 20
    means = []
    for seed in range(runs):
        gaps = np.random.default_rng([seed, service]).geometric(chance, number)
        flow = Flow(tuple(gaps.tolist()), (1,) * number, service, number, (0,))
        means.append(float(clocked((flow,), (1,)).link_wait[0]) / number)
    expected = chance * service * (service - 1) / (2 * (1 - chance * service))
    low, high = stats.t.interval(0.999, runs - 1, np.mean(means), stats.sem(means))
    assert low <= expected <= high
    assert high - low < 0.4 * expected, "an interval as wide as that shows nothing"
