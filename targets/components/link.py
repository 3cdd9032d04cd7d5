"""Links and the routers that they lead to: flits, priced per flit and hop; a router's leakage."""

from ohmflow.targets.components.protocol import Event, Untimed, leakage, priced
from ohmflow.targets.schema.target import Target


class Link(Untimed):
    """The links of the mesh, and the routers."""

    name = "link"

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
