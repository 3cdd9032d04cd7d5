"""`chip.network:` how messages travel; `chip.package:` a mesh that is split into chips."""

from typing import Annotated, Literal

from ohmflow.targets.schema.figure import Area, Energy
from ohmflow.targets.schema.leaves import BusyCycles, Choice, MeshSize
from ohmflow.targets.schema.model import SectionModel


class Adder(SectionModel):
    """`chip.network.adder:` what a router adds flits of one sum with.

    Attributes:
        latency: cycles of its pipeline; it takes a flit of every branch in each cycle.
        energy: J per flit added to another.
        area: m² of a router's adders, with the buffer for what waits.
    """

    latency: BusyCycles
    energy: Energy | None = None
    area: Area | None = None


class Network(SectionModel):
    """`chip.network:` how messages travel.

    Attributes:
        level: how finely it is simulated: `links`, each reserved for a whole message, or `flits`, with the virtual
            channels, buffers, stages and credits of `chip.router`. It changes no program, so it is not in the hash.
        multicast: `unicast`, a message for each unit that needs a vector; or `tree`, one that branches in the routers.
        sum: where partial results are added: in `nodes`, by the vector unit that gathers them all; or in `routers`, on
            their way to it.
        adder: of a router, where it adds.
    """

    level: Annotated[Literal["links", "flits"], Choice()] = "links"
    multicast: Annotated[Literal["unicast", "tree"], Choice()] = "unicast"
    sum: Annotated[Literal["nodes", "routers"], Choice()] = "nodes"
    adder: Adder | None = None


class PackageLink(SectionModel):
    """`chip.package.link:` one direction of a connection between two neighbouring nodes of different chips.

    Attributes:
        flit_cycles: cycles that each flit takes it.
        hop: cycles from grant to the head at the far end.
        energy: J per bit, beyond what the flit costs in routers.
        area: m² of both ends together, of one direction.
    """

    flit_cycles: BusyCycles
    hop: BusyCycles
    energy: Energy | None = None
    area: Area | None = None


class Package(SectionModel):
    """`chip.package:` the mesh as several equal chips in one package.

    Attributes:
        chips: (columns, rows) of chips; each divides the mesh's.
        link: between neighbouring chips.
    """

    chips: MeshSize
    link: PackageLink

    def crosses(self, mesh: tuple[int, int], a: tuple[int, int], b: tuple[int, int]) -> bool:
        """Whether two nodes (x, y) of a mesh are on different chips."""
        return self.chip_of(mesh, a) != self.chip_of(mesh, b)

    def chip_of(self, mesh: tuple[int, int], node: tuple[int, int]) -> tuple[int, int]:
        """(column, row) of the chip on which a node (x, y) of a mesh is."""
        return node[0] * self.chips[0] // mesh[0], node[1] * self.chips[1] // mesh[1]
