"""Output converters, each shared by several lines that it converts in turn."""

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, priced
from ohmflow.targets.schema.target import Target
from ohmflow.targets.timing import conversion_interval, converters


def converters_of(target: Target) -> int:
    """Converters of a tile: one bank as large as the larger side that is read, or a bank for each side."""
    if target.tile.adc is None:
        return 0
    cols = converters(target, "cols")
    rows = converters(target, "rows") if target.tile.transposable else 0
    return cols + rows if target.tile.adc.banks == 2 else max(cols, rows)


class Adc(Untimed):
    """The output converters of a tile."""

    name = "adc"

    def footprints(self) -> tuple[Footprint, ...]:
        """Each converter of each bank."""
        return (placed("adc", "tile", "tile.adc", converters_of),)

    def events(self) -> tuple[Event, ...]:
        """Conversions."""
        return (priced("adc", "adc_conversion", "tile.adc.energy", "tile.adc"),)

    def latency(self, target: Target) -> int | None:
        """Cycles from the end of a conversion to its code."""
        return None if target.tile.adc is None else target.tile.adc.latency

    def initiation_interval(self, target: Target) -> int | None:
        """Cycles from one conversion of a converter to its next."""
        adc = target.tile.adc
        return None if adc is None or adc.rate is None or target.chip is None else conversion_interval(target)
