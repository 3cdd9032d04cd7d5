"""The chip's links and routes, as `docs/microarchitecture.md` ("The chip") numbers them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ohmflow.targets.schema.network import Package

_PER_NODE = ("local", "inject", "eject", "east", "west", "south", "north")
"""Links that start at (or, for `eject`, end at) every node, in order of their number."""

_STEPS = {"east": (1, 0), "west": (-1, 0), "south": (0, 1), "north": (0, -1)}
"""Where the links between routers lead."""


@dataclass(frozen=True)
class Topology:
    """A mesh of columns × rows nodes; link number = node · 7 + kind.

    Attributes:
        columns, rows: of the mesh.
        hop: cycles from router to router.
        local_hop: cycles inside a node, into it and out of it.
        package: the chips that it is split into, or None for one.
    """

    columns: int
    rows: int
    hop: int
    local_hop: int
    package: Package | None = None

    def node(self, x: int, y: int) -> int:
        """Number of node (x, y)."""
        return y * self.columns + x

    def link(self, kind: str, x: int, y: int) -> int:
        """Number of a link of node (x, y)."""
        return self.node(x, y) * len(_PER_NODE) + _PER_NODE.index(kind)

    def route(self, source: tuple[int, int], target: tuple[int, int], by_router: bool = False) -> list[int]:
        """Links from a unit of one node to a unit of another: X first, then Y.

        Args:
            source: node (x, y).
            target: node (x, y).
            by_router: whether messages inside a node go through its router, too, and not over its local link.
        """
        (x, y), (tx, ty) = source, target
        if source == target and not by_router:
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
        """Cycles of every link from grant to the head at its far end."""
        kinds = [self.hop if kind in _STEPS else self.local_hop for kind in _PER_NODE]
        hops = np.tile(np.array(kinds, np.int32), self.columns * self.rows)
        return hops if self.package is None else np.where(self.crossing(), np.int32(self.package.link.hop), hops)

    def flit_cycles(self) -> NDArray[np.int32]:
        """Cycles that each flit takes every link."""
        between = 1 if self.package is None else self.package.link.flit_cycles
        return np.where(self.crossing(), between, 1).astype(np.int32)

    def crossing(self) -> NDArray[np.bool_]:
        """Whether each link leads from one chip to another."""
        crosses = np.zeros(self.columns * self.rows * len(_PER_NODE), bool)
        if self.package is None:
            return crosses
        mesh = (self.columns, self.rows)
        for y in range(self.rows):
            for x in range(self.columns):
                for kind, (dx, dy) in _STEPS.items():
                    there = (x + dx, y + dy)
                    if 0 <= there[0] < self.columns and 0 <= there[1] < self.rows:
                        crosses[self.link(kind, x, y)] = self.package.crosses(mesh, (x, y), there)
        return crosses
