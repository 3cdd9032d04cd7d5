"""Who sends to whom: patterns of destinations.

A pattern is a table of one destination a node, or a draw. Source of the patterns: Dally and Towles, Principles and
Practices of Interconnection Networks (2004), section 3.2.
"""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.network.errors import NetworkError

PATTERNS = {
    "uniform": "every node with equal probability, the sender included",
    "transpose": "(x, y) sends to (y, x); the mesh must be square",
    "bit-complement": "(x, y) sends to (X − 1 − x, Y − 1 − y)",
    "neighbour": "(x, y) sends to (x + 1, y + 1), around the edges",
    "hotspot": "a tenth of all packets go to the node (X / 2, Y / 2), the others are uniform",
}
"""Name to what it is."""

HOT_SHARE = 0.1


@dataclass(frozen=True)
class Destinations:
    """A pattern for one mesh.

    Attributes:
        fixed: [nodes] destination of each node, or −1 where it is drawn.
        hot: the node that gets more than its share.
        hot_limit: a packet goes there if the lower 32 bits of its draw are below; 0 for never.
    """

    fixed: NDArray[np.int64]
    hot: int = 0
    hot_limit: int = 0


def check_pattern(name: str, mesh: tuple[int, int]) -> None:
    """Check that a pattern is known and fits a mesh.

    Args:
        name: of the pattern.
        mesh: (columns, rows).

    Raises:
        NetworkError: it is not known, or the mesh is not square where it has to be.
    """
    if name not in PATTERNS:
        near = get_close_matches(name, PATTERNS, 1)
        advice = f"did you mean '{near[0]}'?" if near else "try uniform"
        raise NetworkError(f"--traffic: must be one of {', '.join(PATTERNS)}, not '{name}'; {advice}")
    if name == "transpose" and mesh[0] != mesh[1]:
        raise NetworkError(f"--mesh: must be square for transpose, not {mesh[0]}x{mesh[1]}; try bit-complement")


def destinations(name: str, mesh: tuple[int, int]) -> Destinations:
    """Make a pattern's table.

    Args:
        name: of the pattern.
        mesh: (columns, rows); node number = x + columns · y.

    Returns:
        The table.

    Raises:
        NetworkError: as `check_pattern`.
    """
    check_pattern(name, mesh)
    columns, rows = mesh
    node = np.arange(columns * rows, dtype=np.int64)
    x, y = node % columns, node // columns
    match name:
        case "transpose":
            return Destinations(y + columns * x)
        case "bit-complement":
            return Destinations(node[::-1].copy())
        case "neighbour":
            return Destinations((x + 1) % columns + columns * ((y + 1) % rows))
        case "hotspot":
            return Destinations(np.full_like(node, -1), columns // 2 + columns * (rows // 2), int(HOT_SHARE * 2**32))
    return Destinations(np.full_like(node, -1))
