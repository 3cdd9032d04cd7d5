"""Links and the routers that they lead to: flits, priced per flit and hop; a router's leakage."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.package_link import package_links
from ohmflow.targets.components.protocol import Event, Untimed, leakage, priced
from ohmflow.targets.schema.target import Target


def _links(target: Target) -> int:
    """Directions of the mesh's edges inside chips."""
    assert target.chip is not None
    columns, rows = target.chip.mesh
    return 2 * ((columns - 1) * rows + columns * (rows - 1)) - package_links(target)


class Link(Untimed):
    """The links of the mesh, and the routers."""

    name = "link"

    def footprints(self) -> tuple[Footprint, ...]:
        """One router a node, and wires both ways between neighbours."""
        return (
            placed("router", "node", "chip", path="chip.router.area"),
            placed("link", "chip", "chip.link", _links),
        )

    def events(self) -> tuple[Event, ...]:
        """Flits over mesh and local links, and the leakage of a router in a cycle."""
        return (
            priced("link", "flit_hop", "chip.link.hop_energy", "chip"),
            priced("link", "flit_local", "chip.link.local_energy", "chip"),
            leakage("router", "chip.router.leakage", "chip"),
        )

    def latency(self, target: Target) -> int | None:
        """Cycles of one hop."""
        return None if target.chip is None else target.chip.link.hop

    def initiation_interval(self, target: Target) -> int | None:
        """1: a flit in every cycle."""
        return None if target.chip is None else 1
