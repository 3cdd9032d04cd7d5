"""The chip's links and routes, as `docs/microarchitecture.md` ("The chip") numbers them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PER_NODE = ("local", "inject", "eject", "east", "west", "south", "north")
"""Links that start at (or, for `eject`, end at) every node, in order of their number."""


@dataclass(frozen=True)
class Topology:
    """A mesh of columns × rows nodes; link number = node · 7 + kind.

    Attributes:
        columns, rows: of the mesh.
        hop: cycles from router to router.
        local_hop: cycles inside a node, into it and out of it.
    """

    columns: int
    rows: int
    hop: int
    local_hop: int

    def node(self, x: int, y: int) -> int:
        """Number of node (x, y)."""
        return y * self.columns + x

    def link(self, kind: str, x: int, y: int) -> int:
        """Number of a link of node (x, y)."""
        return self.node(x, y) * len(_PER_NODE) + _PER_NODE.index(kind)

    def route(self, source: tuple[int, int], target: tuple[int, int]) -> list[int]:
        """Links from a unit of one node to a unit of another: X first, then Y; one node uses its local link."""
        (x, y), (tx, ty) = source, target
        if source == target:
            return [self.link("local", x, y)]
        path = [self.link("inject", x, y)]
        while x != tx:
            path.append(self.link("east" if tx > x else "west", x, y))
            x += 1 if tx > x else -1
        while y != ty:
            path.append(self.link("south" if ty > y else "north", x, y))
            y += 1 if ty > y else -1
        path.append(self.link("eject", x, y))
        return path

    def names(self) -> tuple[str, ...]:
        """Name of every link, such as `east(2,0)`."""
        return tuple(f"{kind}({x},{y})" for y in range(self.rows) for x in range(self.columns) for kind in _PER_NODE)

    def routers(self) -> tuple[tuple[int, int], ...]:
        """Node whose router pays for each link: the one it leaves, or for `eject` the one it ends in."""
        return tuple((x, y) for y in range(self.rows) for x in range(self.columns) for _ in _PER_NODE)

    def hops(self) -> NDArray[np.int32]:
        """Cycles of every link."""
        kinds = [self.hop if kind in ("east", "west", "south", "north") else self.local_hop for kind in _PER_NODE]
        return np.tile(np.array(kinds, np.int32), self.columns * self.rows)
