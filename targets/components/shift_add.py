"""Shift-and-add: joins the codes of a bit-serial read's passes, behind each converter."""

from ohmflow.targets.components.adc import converters_of
from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, priced
from ohmflow.targets.schema.target import Target


class ShiftAdd(Untimed):
    """The adders behind the output converters of a tile, one a converter."""

    name = "shift_add"

    def footprints(self) -> tuple[Footprint, ...]:
        """One a converter."""
        return (placed("shift_add", "tile", "tile.shift_add", converters_of),)

    def events(self) -> tuple[Event, ...]:
        """A code that is shifted and added."""
        return (priced("shift_add", "shift_add", "tile.shift_add.energy", "tile.shift_add", optional=True),)

    def latency(self, target: Target) -> int | None:
        """Cycles from a code to the sum that holds it."""
        return None if target.tile.shift_add is None else target.tile.shift_add.latency
