"""Channels of DRAM beside the chip: bytes priced one by one, and the power of a channel that is there at all."""

from ohmflow.targets import timing
from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, leakage, priced
from ohmflow.targets.schema.target import Target

_SECTION = "chip.dram"


def _channels(target: Target) -> int:
    """Channels of the chip."""
    return 0 if target.chip is None or target.chip.dram is None else target.chip.dram.channels


class DramChannel(Untimed):
    """A channel of DRAM with its controller. Only the controller and its interface are on the chip."""

    name = "dram"

    def footprints(self) -> tuple[Footprint, ...]:
        """A controller with its interface for each channel."""
        return (placed("dram", "chip", _SECTION, _channels),)

    def events(self) -> tuple[Event, ...]:
        """Bytes of accesses, rounded up to bursts, and what a channel takes in a cycle in any case."""
        moved = (
            priced("dram", f"dram_{way}_byte", f"{_SECTION}.{way}_energy", _SECTION, optional=True)
            for way in ("write", "read")
        )
        return (*moved, leakage("dram", f"{_SECTION}.leakage", _SECTION, optional=True))

    def latency(self, target: Target) -> int | None:
        """Cycles of the smallest access, or None where there is no DRAM."""
        return timing.dram_access(target, 1)[1] if _channels(target) else None

    def initiation_interval(self, target: Target) -> int | None:
        """Cycles from one access of the smallest size to the next, or None where there is no DRAM."""
        return timing.dram_access(target, 1)[0] if _channels(target) else None
