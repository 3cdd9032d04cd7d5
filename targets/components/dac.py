"""Input converters, one a line. They convert while the array is driven, so they have no time of their own."""

from ohmflow.targets.components.protocol import Event, Untimed, priced


class Dac(Untimed):
    """The input converters of a tile."""

    name = "dac"

    def events(self) -> tuple[Event, ...]:
        """Conversions."""
        return (priced("dac", "dac_conversion", "tile.dac.energy", "tile.dac"),)
