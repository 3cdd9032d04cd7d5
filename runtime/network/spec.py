"""What a network is, how long it is watched, and what is sent over it.

`docs/network.md` is the definition. Not modelled here: multicast, sums in the network, several nodes at one router.
"""

import re
from dataclasses import dataclass

from ohmflow.runtime.network.errors import NetworkError
from ohmflow.runtime.network.traffic import check_pattern

MOST_VCS = 64
"""Virtual channels of a port are bits of one word."""

MOST_NODES = 4096
_MOST_BUFFERED = 1 << 22
_MOST_CYCLES = 10**9


@dataclass(frozen=True)
class NetworkSpec:
    """A mesh of routers and its traffic.

    Attributes:
        mesh: (columns, rows) of nodes; one router a node.
        vcs: virtual channels of every input.
        buffer_flits: flits that each virtual channel can hold.
        packet_flits: flits of every packet.
        rate: flits that a node offers in a cycle, on average.
        traffic: name of the pattern of destinations (`traffic.PATTERNS`).
        seed: of all draws.
        link_cycles: of a link between two routers; the links to and from a node take 1.
        credit_cycles: from a router's receipt of a credit to its use.

    Raises:
        NetworkError: a value is out of range.
    """

    mesh: tuple[int, int] = (8, 8)
    vcs: int = 8
    buffer_flits: int = 8
    packet_flits: int = 4
    rate: float = 0.1
    traffic: str = "uniform"
    seed: int = 0
    link_cycles: int = 1
    credit_cycles: int = 1

    def __post_init__(self) -> None:
        """Check every value."""
        columns, rows = self.mesh
        if columns < 1 or rows < 1 or self.nodes > MOST_NODES:
            raise NetworkError(f"--mesh: must have 1 to {MOST_NODES} nodes, not {columns}x{rows}; try 8x8")
        _within("--vcs", self.vcs, 1, MOST_VCS)
        _within("--buffer", self.buffer_flits, 1, 4096)
        _within("--packet-flits", self.packet_flits, 1, 4096)
        _within("--link-cycles", self.link_cycles, 1, 64)
        _within("--credit-cycles", self.credit_cycles, 0, 64)
        _within("--seed", self.seed, 0, 2**63 - 1)
        if not 0 < self.rate <= 1:
            raise NetworkError(
                f"--rate: must be above 0 and at most 1 flit per node and cycle, not {self.rate}; try 0.1"
            )
        if 6 * self.nodes * self.vcs * self.buffer_flits > _MOST_BUFFERED:
            raise NetworkError(
                f"--buffer: must be such that all buffers hold at most {_MOST_BUFFERED} flits, "
                f"not {self.buffer_flits}; take smaller buffers, fewer channels or a smaller mesh"
            )
        check_pattern(self.traffic, self.mesh)

    @property
    def nodes(self) -> int:
        """Nodes of the mesh."""
        return self.mesh[0] * self.mesh[1]


@dataclass(frozen=True)
class Watch:
    """How long a network runs.

    Attributes:
        warmup: cycles before the window.
        cycles: cycles of the window, in which packets and flits are counted.
        latency_limit: cycles; the network is saturated if the mean packet latency would be above in a next window.

    Raises:
        NetworkError: a value is out of range.
    """

    warmup: int = 20_000
    cycles: int = 10_000
    latency_limit: float = 500.0

    def __post_init__(self) -> None:
        """Check every value."""
        _within("--warmup", self.warmup, 0, _MOST_CYCLES)
        _within("--cycles", self.cycles, 1, _MOST_CYCLES)


def parse_mesh(text: str) -> tuple[int, int]:
    """Read a mesh such as 8x8.

    Args:
        text: columns, x, rows.

    Returns:
        (columns, rows).

    Raises:
        NetworkError: the text is not that.
    """
    found = re.fullmatch(r"\s*(\d{1,6})\s*[x×X]\s*(\d{1,6})\s*", text)
    if found is None:
        raise NetworkError(f"--mesh: must be columns x rows, not '{text}'; try 8x8")
    return int(found[1]), int(found[2])


def _within(where: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise NetworkError(f"{where}: must be from {least} to {most}, not {value}; take a value in that range")
