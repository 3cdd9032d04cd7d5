"""The tile as a unit that leaks: array, drivers, converters and buffer together."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, leakage


class Tile(Untimed):
    """What a tile costs for being there."""

    name = "tile"

    def footprints(self) -> tuple[Footprint, ...]:
        """Its sequencing."""
        return (placed("control", "tile", "tile.crossbar", path="tile.control.area"),)

    def events(self) -> tuple[Event, ...]:
        """The leakage of a cycle."""
        return (leakage("tile", "tile.leakage", "chip"),)
