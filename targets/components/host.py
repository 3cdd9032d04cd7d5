"""The host port: bytes that come in from outside, and its leakage."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, leakage, priced


class Host(Untimed):
    """The host port of a chip."""

    name = "host"

    def footprints(self) -> tuple[Footprint, ...]:
        """The port."""
        return (placed("host", "chip", "chip.host"),)

    def events(self) -> tuple[Event, ...]:
        """Bytes sent, and the leakage of a cycle."""
        return (
            priced("host", "host_byte", "chip.host.energy", "chip"),
            leakage("host", "chip.host.leakage", "chip"),
        )
