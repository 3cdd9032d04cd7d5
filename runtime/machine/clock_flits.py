"""The network of flits behind the clock engine: what it is, and how a schedule's channels lie on it.

`docs/microarchitecture.md` ("The network", "Flit by flit") is the definition; `clock_flits_kernel` runs it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Chip
from ohmflow.compiler.program.schedule import Schedule
from ohmflow.compiler.program.ways import Ways
from ohmflow.runtime.machine.clock_flits_kernel import Flits
from ohmflow.runtime.machine.errors import NetworkLevelError
from ohmflow.runtime.network.pipeline import Pipeline
from ohmflow.runtime.network.state import OUTPUTS, empty_network, make_room, neighbours, places
from ohmflow.targets.schema.target import Target

Ints = NDArray[np.int64]

EAST, WEST, SOUTH, NORTH, EJECT, INJECT = range(OUTPUTS)
"""Columns of `FlitNetwork.links`: ports in the numbers of the network, then the source."""

MOST_STAGES = 3


@dataclass(frozen=True)
class RouterSpec:
    """A router's micro-architecture, as `chip.router` of a target gives it.

    Attributes:
        vcs: virtual channels of every input.
        buffer: flits that each of them holds.
        stages: cycles of a head in a router that meets nobody, 1 to 3.
        credit: cycles from a credit's receipt to its use.
    """

    vcs: int
    buffer: int
    stages: int
    credit: int


@dataclass(frozen=True)
class FlitNetwork:
    """The mesh of routers of a chip.

    Attributes:
        mesh: (columns, rows) of nodes.
        router: each of them.
        hop: cycles of a head from router to router, `stages` of them in the router and the rest on the wire.
        local_hop: cycles of a flit between a node and its router.
        links: [nodes, 6] numbers of the links that leave each node's router to the east, west, south and north and to
            the node, and of the one from the node to the router.

    Raises:
        NetworkLevelError: a hop is shorter than the router's stages.
    """

    mesh: tuple[int, int]
    router: RouterSpec
    hop: int
    local_hop: int
    links: Ints

    def __post_init__(self) -> None:
        """Check that there is time for the stages."""
        if self.hop < self.router.stages:
            raise NetworkLevelError(
                f"chip.router.stages: must be at most chip.link.hop ({self.hop}), which includes them, not "
                f"{self.router.stages}; take fewer stages or a longer hop"
            )

    @property
    def pipeline(self) -> Pipeline:
        """The timing: `stages` cycles in a router, then the wire, of `local_hop` cycles to and from a node."""
        router = self.router
        wire = self.hop - router.stages
        split = int(router.stages == MOST_STAGES)
        cross = min(router.stages, MOST_STAGES - 1)  # the switch, and the crossbar where that is a stage of its own
        eject = cross + self.local_hop
        return Pipeline(
            vcs=router.vcs,
            emptiest=1,
            split=split,
            inject=self.local_hop,
            forward=cross + wire,
            eject=eject,
            back=1 + wire + router.credit,
            back_source=1 + self.local_hop + router.credit,
            back_sink=eject + 1 + self.local_hop + router.credit,
        )


def mesh_links(mesh: tuple[int, int], names: Sequence[str]) -> Ints:
    """Find the links of a mesh by their names, such as `east(0,1)`.

    Args:
        mesh: (columns, rows).
        names: of all links, in the order of their numbers.

    Returns:
        [nodes, 6] as `FlitNetwork.links`; -1 where there is none.
    """
    number = {name: k for k, name in enumerate(names)}
    kinds = ("east", "west", "south", "north", "eject", "inject")
    places = [(x, y) for y in range(mesh[1]) for x in range(mesh[0])]
    return np.array([[number.get(f"{kind}({x},{y})", -1) for kind in kinds] for x, y in places], np.int64)


def network_of(chip: Chip, target: Target) -> FlitNetwork | None:
    """The network that a target asks for.

    Args:
        chip: of a program.
        target: for which it was compiled.

    Returns:
        The mesh of routers, or None where links are reserved (`chip.network.level: links`), or there is no time.

    Raises:
        NetworkLevelError: a hop is shorter than the router's stages.
    """
    if target.chip is None or chip.mesh is None or target.chip.network_level == "links":
        return None
    given = target.chip.router
    assert given.vcs and given.buffer and given.stages and given.credit is not None, "checked when a target is loaded"
    router = RouterSpec(given.vcs, given.buffer, given.stages, given.credit)
    link = target.chip.link
    return FlitNetwork(chip.mesh, router, link.hop, link.local_hop, mesh_links(chip.mesh, chip.links))


def make_flits(network: FlitNetwork, entries: Ints, channels: int, pool: int, log_rows: int) -> Flits:
    """Make an empty network for one run of a schedule.

    Args:
        network: the mesh.
        entries: of `entries_of`.
        channels: how many there are.
        pool: messages that all channels may hold.
        log_rows: rows of the log of heads.
    """
    nets = [
        empty_network(network.mesh, network.pipeline, network.router.buffer, pool + 1, rows) for rows in (log_rows, 0)
    ]
    sent, there = (np.zeros((2, n), np.int64) for n in (channels, pool))
    return Flits(
        nets[0],
        nets[1],
        network.pipeline,
        make_room(network.router.vcs),
        entries,
        sent[0],
        there[0],
        sent[1],
        there[1],
    )


def entries_of(network: FlitNetwork, schedule: Schedule, ways: Ways) -> Ints:
    """Find what becomes a packet of flits.

    Args:
        network: the mesh.
        schedule: what runs.
        ways: of its channels.

    Returns:
        [S, 3] source node, destination node and flits of what enters each step, or -1; at least one row.

    Raises:
        NetworkLevelError: channels form a tree, a link is slower than a flit a cycle, or a route is another than the
            routers take.
    """
    if len(schedule.trees):
        raise NetworkLevelError(
            "network: multicast and sums in the network must be off at the level of flits, not on; use --network links"
        )
    used = np.unique(schedule.route)
    if (schedule.flit_cycles[used] != 1).any():
        raise NetworkLevelError(
            "network: every link must take a flit a cycle at the level of flits, not fewer as links between chips do; "
            "use --network links"
        )
    entries = np.full((max(len(ways.link), 1), 3), -1, np.int64)
    source = {int(link): node for node, link in enumerate(network.links[:, INJECT])}
    target = {int(link): node for node, link in enumerate(network.links[:, EJECT])}
    routes = _Routes(network)
    for c, row in enumerate(schedule.channels):
        links = schedule.route[int(row["route_begin"]) : int(row["route_end"])].tolist()
        if not links or links[0] not in source:
            if any(link in source or link in target for link in links):
                raise _other_route(schedule, c)
            continue
        if links[-1] not in target or routes.between(source[links[0]], target[links[-1]]) != links:
            raise _other_route(schedule, c)
        step = int(ways.to[int(ways.start[c])])
        entries[step] = source[links[0]], target[links[-1]], int(row["flits"])
    return entries


class _Routes:
    """Dimension order, as links."""

    def __init__(self, network: FlitNetwork) -> None:
        self._links, self._place = network.links, places(network.mesh)
        self._beside = neighbours(network.mesh)

    def between(self, source: int, target: int) -> list[int]:
        path, at = [int(self._links[source, INJECT])], source
        while at != target:
            dx, dy = (self._place[target] - self._place[at]).tolist()
            port = (EAST if dx > 0 else WEST) if dx else (SOUTH if dy > 0 else NORTH)
            path.append(int(self._links[at, port]))
            at = int(self._beside[at, port])
        return [*path, int(self._links[target, EJECT])]


def _other_route(schedule: Schedule, channel: int) -> NetworkLevelError:
    ends = [schedule.unit_name(int(schedule.channels[channel][end])) for end in ("src", "dst")]
    return NetworkLevelError(
        f"network: the route of channel {channel} ({ends[0]} to {ends[1]}) must be X first, then Y, at the level of "
        "flits, not another; use --network links"
    )


def link_sums(flits: Flits, network: FlitNetwork, links: int) -> tuple[Ints, Ints]:
    """Add up what a network did.

    Args:
        flits: after a run.
        network: the mesh.
        links: how many there are.

    Returns:
        [links] flits of each, and cycles that heads waited for it.
    """
    there = network.links >= 0
    busy, waited = np.zeros(links, np.int64), np.zeros(links, np.int64)
    np.add.at(busy, network.links[there], flits.net.passed[there])
    np.add.at(waited, network.links[there], flits.net.waited[there])
    return busy, waited


def head_grants(flits: Flits, network: FlitNetwork, rows: int) -> Ints:
    """The grants of links: of each packet's head (link, channel, entry, grant).

    Args:
        flits: after a run that was recorded.
        network: the mesh.
        rows: of the log.
    """
    heads = flits.net.heads[:rows]
    return np.column_stack((network.links[heads[:, 0], heads[:, 1]], heads[:, 2], heads[:, 3], heads[:, 4]))
