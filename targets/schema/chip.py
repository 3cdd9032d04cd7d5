"""`chip:` the mesh, its links, vector units and host port."""

from pydantic import Field

from ohmflow.targets.schema.dram import Dram
from ohmflow.targets.schema.figure import Area, Bits, Bytes, Energy, Frequency, Power
from ohmflow.targets.schema.leaves import BusyCycles, Count, Cycles, MeshSize, Place
from ohmflow.targets.schema.model import SectionModel
from ohmflow.targets.schema.network import Network, Package


class Link(SectionModel):
    """`chip.link:` one direction of one wire bundle.

    Attributes:
        flit: data of one flit, in whole bits.
        hop: cycles from grant to the head at the far end of a mesh, inject or eject link.
        local_hop: the same of a link inside a node.
        hop_energy: J per flit and hop.
        local_energy: J per flit inside a node.
        area: m² of the wires of one direction between neighbours, beyond what runs over other things.
    """

    flit: Bits
    hop: BusyCycles
    local_hop: BusyCycles
    hop_energy: Energy | None = None
    local_energy: Energy | None = None
    area: Area | None = None

    @property
    def flit_bits(self) -> int:
        """Bits of one flit."""
        return int(self.flit.value.exact("bit"))


class Scratchpad(SectionModel):
    """`chip.vector_unit.scratchpad:` memory of a vector unit.

    Attributes:
        size: data, in whole bytes.
        port: data moved in one cycle, in whole bytes.
        read_energy: J per byte read.
        write_energy: J per byte written.
        area: m² of the whole memory.
    """

    size: Bytes
    port: Bytes
    read_energy: Energy | None = None
    write_energy: Energy | None = None
    area: Area | None = None

    @property
    def size_bytes(self) -> int:
        """Size in bytes."""
        return int(self.size.value.exact("B"))

    @property
    def port_bytes(self) -> int:
        """Bytes moved in one cycle."""
        return int(self.port.value.exact("B"))


class VectorUnit(SectionModel):
    """`chip.vector_unit:` the digital unit of a node.

    Attributes:
        lanes: elements worked on side by side.
        latency: cycles of the pipeline.
        ii: initiation interval, cycles a group of lanes, of simple operators.
        special_ii: the same of exp, log, tanh, sigmoid and division.
        word: data of one element, as stored and sent; a multiple of 8 bit.
        op_energy: J per element of a simple operator.
        special_op_energy: J per element of a special one.
        scratchpad: its memory.
        leakage: W, scratchpad included.
        area: m², without the scratchpad.
    """

    lanes: Count
    latency: Cycles
    ii: BusyCycles
    special_ii: BusyCycles
    word: Bits
    op_energy: Energy | None = None
    special_op_energy: Energy | None = None
    scratchpad: Scratchpad
    leakage: Power | None = None
    area: Area | None = None

    @property
    def word_bits(self) -> int:
        """Bits of one element."""
        return int(self.word.value.exact("bit"))

    @property
    def word_bytes(self) -> int:
        """Bytes of one element."""
        return self.word_bits // 8


class Router(SectionModel):
    """`chip.router:` one router; what a flit costs is the link's.

    The first four act at the level of flits (`chip.network.level`), which needs all of them; links alone need none.

    Attributes:
        vcs: virtual channels of each of its inputs.
        buffer: flits that each of them holds.
        stages: cycles of a head in a router that meets nobody, 1 to 3; they are a part of `chip.link.hop`.
        credit: cycles from a credit's receipt to its use.
        leakage: W.
        area: m².
    """

    vcs: Count | None = None
    buffer: Count | None = None
    stages: Count | None = None
    credit: Cycles | None = None
    leakage: Power | None = None
    area: Area | None = None


class Host(SectionModel):
    """`chip.host:` the port by which samples come in.

    Attributes:
        node: (x, y) on the mesh.
        energy: J per byte sent.
        leakage: W.
        area: m².
    """

    node: Place
    energy: Energy | None = None
    leakage: Power | None = None
    area: Area | None = None


class Chip(SectionModel):
    """`chip:` everything around the tiles.

    Attributes:
        clock: Hz, the one clock of the chip.
        mesh: (columns, rows) of nodes.
        tiles_per_node: tiles at each node.
        network: messages with several ends; without it each has one.
        package: the mesh as several chips; without it it is one.
        dram: memory beside the chip, or None where there is none.
    """

    clock: Frequency
    mesh: MeshSize
    tiles_per_node: Count = 1
    link: Link
    vector_unit: VectorUnit
    router: Router = Field(default_factory=Router)
    host: Host
    network: Network | None = None
    package: Package | None = None
    dram: Dram | None = None

    @property
    def nodes(self) -> int:
        """Nodes of the mesh."""
        return self.mesh[0] * self.mesh[1]

    @property
    def network_level(self) -> str:
        """How finely the network is simulated: `links` or `flits`."""
        return "links" if self.network is None else self.network.level

    @property
    def tiles(self) -> int:
        """Tiles of the whole chip."""
        return self.mesh[0] * self.mesh[1] * self.tiles_per_node
