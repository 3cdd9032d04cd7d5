"""Adders of the routers: flits of one sum, added on their way."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, priced
from ohmflow.targets.schema.target import Target

_SECTION = "chip.network.adder"


class RouterAdder(Untimed):
    """The adders of a router, where it adds partial results."""

    name = "adder"

    def footprints(self) -> tuple[Footprint, ...]:
        """One in each router."""
        return (placed("adder", "node", _SECTION),)

    def events(self) -> tuple[Event, ...]:
        """Flits added to another."""
        return (priced("adder", "flit_add", f"{_SECTION}.energy", _SECTION, optional=True),)

    def latency(self, target: Target) -> int | None:
        """Cycles of its pipeline, or None where routers add nothing."""
        network = None if target.chip is None else target.chip.network
        return None if network is None or network.adder is None else network.adder.latency

    def initiation_interval(self, target: Target) -> int | None:
        """1: a flit of every branch in each cycle."""
        return None if self.latency(target) is None else 1
