"""Random valid schedules on a mesh, and the network that both models take for them."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ohmflow.compiler.emit.topology import Topology
from ohmflow.compiler.program.schedule import Schedule
from ohmflow.runtime.machine.clock_flits import FlitNetwork, RouterSpec, mesh_links
from tests.machine.generate_schedules import Generator, Size, _Body, random_size
from tests.machine.project_schedule import Channel
from tests.machine.stepping_flits import Mesh


@dataclass(frozen=True)
class Case:
    """A schedule, and the mesh on which it runs, as each model takes it."""

    schedule: Schedule
    network: FlitNetwork
    mesh: Mesh


class MeshGenerator(Generator):
    """Draws schedules whose units sit at nodes of a mesh, several at some, and whose routes are the mesh's."""

    def __init__(self, rng: np.random.Generator, size: Size, topology: Topology) -> None:
        """Place the units."""
        super().__init__(rng, size)
        self.topology = topology
        self.hops = topology.hops().tolist()
        xs, ys = rng.integers(0, topology.columns, size.units), rng.integers(0, topology.rows, size.units)
        self.places = list(zip(xs.tolist(), ys.tolist(), strict=True))

    def channel(self, body: _Body, src: int | None = None) -> Channel:
        """A channel on the mesh's route."""
        channel = super().channel(body, src)
        channel.route = tuple(self.topology.route(self.places[channel.src], self.places[channel.dst]))
        return channel


def flit_case(seed: int, size: Size | None = None) -> Case:
    """The case of this seed.

    Args:
        seed: any integer ≥ 0.
        size: of the schedule; drawn when not given.
    """
    rng = np.random.default_rng(seed)
    columns, rows = int(rng.integers(1, 5)), int(rng.integers(1, 4))
    stages = int(rng.integers(1, 4))
    hop, local_hop = stages + int(rng.integers(0, 3)), int(rng.integers(1, 3))
    router = RouterSpec(
        vcs=int(rng.choice([1, 1, 2, 3, 4])),
        buffer=int(rng.integers(1, 7)),
        stages=stages,
        credit=int(rng.integers(0, 3)),
    )
    topology = Topology(columns, rows, hop, local_hop)
    generator = MeshGenerator(rng, size or random_size(rng), topology)
    schedule = generator.schedule(generator.draw())
    return case_of(schedule, topology, router)


def case_of(schedule: Schedule, topology: Topology, router: RouterSpec) -> Case:
    """Join a schedule with a mesh."""
    names = topology.names()
    shape = (topology.columns, topology.rows)
    network = FlitNetwork(shape, router, topology.hop, topology.local_hop, mesh_links(shape, names))
    numbers = {name: number for number, name in enumerate(names)}
    mesh = Mesh(
        *shape, router.vcs, router.buffer, router.stages, router.credit, topology.hop, topology.local_hop, numbers
    )
    return Case(schedule, network, mesh)


@st.composite
def flit_cases(draw: st.DrawFn) -> Case:
    """Hypothesis strategy; it shrinks towards few units, loops and operations."""
    size = Size(
        units=draw(st.integers(1, 8)),
        links=0,
        items=draw(st.integers(1, 7)),
        loops=draw(st.integers(0, 3)),
        operations=draw(st.integers(1, 100)),
    )
    return flit_case(draw(st.integers(0, 2**32 - 1)), size)
