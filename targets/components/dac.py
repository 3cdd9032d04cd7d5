"""Input converters, one a line. They convert while the array is driven, so they have no time of their own."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, priced
from ohmflow.targets.schema.target import Target


def input_lines(target: Target) -> int:
    """Lines that can be inputs of a read: rows, and columns where a tile can be read backwards."""
    crossbar = target.tile.crossbar
    return crossbar.rows + (crossbar.cols if target.tile.transposable else 0)


class Dac(Untimed):
    """The input converters of a tile."""

    name = "dac"

    def footprints(self) -> tuple[Footprint, ...]:
        """One a line that can be an input."""
        return (placed("dac", "tile", "tile.dac", input_lines),)

    def events(self) -> tuple[Event, ...]:
        """Conversions."""
        return (priced("dac", "dac_conversion", "tile.dac.energy", "tile.dac"),)
