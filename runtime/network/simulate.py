"""Run a network and say what it did."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np

from ohmflow.runtime.network.kernel import advance
from ohmflow.runtime.network.pipeline import alone
from ohmflow.runtime.network.spec import NetworkSpec, Watch
from ohmflow.runtime.network.state import (
    ARRIVED,
    CLOCK,
    CLOSED,
    CYCLE,
    HOPS,
    NETWORK,
    OPEN,
    PACKET,
    TRAVERSED,
    Ints,
    NetworkState,
    make_room,
    make_state,
)
from ohmflow.runtime.network.traffic import destinations

SCHEMA_VERSION = 1

_DRAIN_STEP = 256
"""Cycles between two looks at whether all measured packets have arrived."""

_PIECE = 10_000
"""Cycles between two looks at whether somebody wants to stop: compiled code does not notice."""


@dataclass(frozen=True)
class NetworkResult:
    """What was measured. Times are cycles.

    Attributes:
        packets: measured packets that arrived.
        network_latency: mean, from a packet's first flit leaving the source to its last one reaching the node.
        packet_latency: mean of the same, from the packet's creation.
        hops: mean of the routers visited.
        offered_rate: flits per node and cycle that sources would send, as asked for.
        accepted_rate: flits per node and cycle that reached nodes in the window.
        saturated: whether the mean packet latency would be above `Watch.latency_limit` in the next window.
        flit_hops: flits moved through routers, warm-up and drain included.
        cycles: that were run, warm-up and drain included.
        level: flits, or links of the fast mode.
    """

    packets: int
    network_latency: float | None
    packet_latency: float | None
    hops: float | None
    offered_rate: float
    accepted_rate: float
    saturated: bool
    flit_hops: int
    cycles: int
    level: str


def coin_limit(spec: NetworkSpec) -> np.uint64:
    """Return what the upper 53 bits of a source's draw must be below for a packet in a cycle."""
    return np.uint64(round(spec.rate / spec.packet_flits * 2**53))


def run_cycles(state: NetworkState, spec: NetworkSpec, cycles: int, measured: bool = False) -> None:
    """Run a network on.

    Args:
        state: of `make_state`; changed in place.
        spec: the network.
        cycles: how many.
        measured: whether packets that come to the head of their source's queue meanwhile are measured.
    """
    pattern = destinations(spec.traffic, spec.mesh)
    advance(
        state,
        alone(spec.vcs, spec.link_cycles, spec.credit_cycles),
        make_room(spec.vcs),
        cycles,
        spec.packet_flits,
        coin_limit(spec),
        pattern.hot,
        np.uint64(pattern.hot_limit),
        measured,
    )


class Watched(Protocol):
    """What is measured of a network's state, whatever its level of detail; see `state`."""

    @property
    def counters(self) -> Ints:
        """[COUNTERS]."""

    @property
    def packets(self) -> Ints:
        """[pool, 5]."""

    @property
    def sources(self) -> Ints:
        """[nodes, 4]."""


def simulate(spec: NetworkSpec, watch: Watch | None = None) -> NetworkResult:
    """Run a network flit by flit: warm-up, window, and on until all packets of the window have arrived.

    Args:
        spec: the network and its traffic.
        watch: how long.

    Returns:
        What was measured; the same for the same arguments, always.
    """
    state = make_state(spec)
    return measure(spec, watch or Watch(), state, lambda cycles, measured: run_cycles(state, spec, cycles, measured))


def measure(
    spec: NetworkSpec, watch: Watch, state: Watched, run: Callable[[int, bool], None], level: str = "flits"
) -> NetworkResult:
    """Run a network and measure.

    Args:
        spec: the network and its traffic.
        watch: how long.
        state: what `run` changes, before the first cycle.
        run: runs some cycles; packets that come to the head of their source's queue are measured or not.
        level: of detail.

    Returns:
        What was measured.
    """
    counters = state.counters
    _in_pieces(run, watch.warmup, False)
    behind, arrived = _mean_backlog(state), int(counters[ARRIVED])
    _in_pieces(run, watch.cycles, True)
    accepted = (int(counters[ARRIVED]) - arrived) / (spec.nodes * watch.cycles)
    # Beyond saturation latency grows with time without end, so a limit alone would mean the more the longer one waits:
    # what sources have fallen behind in this window, the packets of the next one would wait besides.
    growth = max(_mean_backlog(state) - behind, 0.0)
    saturated = _mean_age(state) + growth > watch.latency_limit
    while counters[OPEN]:
        run(_DRAIN_STEP, False)
    packets = int(counters[CLOSED])

    def mean(counter: int) -> float | None:
        return int(counters[counter]) / packets if packets else None

    return NetworkResult(
        packets=packets,
        network_latency=mean(NETWORK),
        packet_latency=mean(PACKET),
        hops=mean(HOPS),
        offered_rate=spec.rate,
        accepted_rate=accepted,
        saturated=saturated,
        flit_hops=int(counters[TRAVERSED]),
        cycles=int(counters[CYCLE]),
        level=level,
    )


def _in_pieces(run: Callable[[int, bool], None], cycles: int, measured: bool) -> None:
    for done in range(0, cycles, _PIECE):
        run(min(_PIECE, cycles - done), measured)


def _mean_age(state: Watched) -> float:
    """The mean packet latency at the end of the window; packets on their way count with their age.

    Without those, a network would look the better the more it holds back.
    """
    counters, packets = state.counters, state.packets
    on_way = packets[:, 4] != 0
    ages = int(counters[PACKET]) + int(np.sum(counters[CYCLE] - packets[on_way, 2]))
    number = int(counters[CLOSED]) + int(counters[OPEN])
    return ages / number if number else 0.0


def _mean_backlog(state: Watched) -> float:
    """Cycles that a source's draws are behind the clock, on average: what is offered less what is taken, exactly."""
    return float(np.mean(state.counters[CYCLE] - state.sources[:, CLOCK]))


def result_json(spec: NetworkSpec, watch: Watch, result: NetworkResult) -> dict[str, Any]:
    """Make what `ohmflow network --json` prints.

    Args:
        spec: the network.
        watch: how long it was watched.
        result: what was measured.

    Returns:
        Values for JSON.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "network": {**asdict(spec), "mesh": list(spec.mesh)},
        "watch": asdict(watch),
        "result": asdict(result),
    }
