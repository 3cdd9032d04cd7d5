"""The memory of a vector unit, priced per byte. Its leakage is part of the vector unit's."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, priced
from ohmflow.targets.schema.target import Target

_SECTION = "chip.vector_unit.scratchpad"


class Scratchpad(Untimed):
    """The scratchpad of a vector unit."""

    name = "scratchpad"

    def footprints(self) -> tuple[Footprint, ...]:
        """The whole memory."""
        return (placed("scratchpad", "node", _SECTION),)

    def events(self) -> tuple[Event, ...]:
        """Bytes in and out."""
        return tuple(
            priced("scratchpad", f"scratchpad_{way}_byte", f"{_SECTION}.{way}_energy", _SECTION)
            for way in ("write", "read")
        )

    def initiation_interval(self, target: Target) -> int | None:
        """1: a port's width in every cycle."""
        return None if target.chip is None else 1
