"""The array under a read: Joule heat in the devices.

Inputs are pulse widths: a device of conductance G sees V_r for the share |u| of the integration time, so it takes
|u|·G·V_r²·t_int. The ledger counts the dose Σ|u|·G in siemens, so the price is that of one siemens, V_r²·t_int · 1 S.
"""

from ohmflow.targets.components.footprint import Footprint, one
from ohmflow.targets.components.protocol import Event, Untimed, need
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.target import Target

_PRICE = ("tile.read.voltage", "tile.read.integration")
_COUNT = ("device.conductance.min", "device.conductance.max")
"""Without these there is no dose to count, and a count of zero would be a silent zero."""
_PITCH = "tile.crossbar.pitch"
_ONE_SIEMENS = Quantity.parse("1 S")


class Array(Untimed):
    """The devices of a tile under a read."""

    name = "array"

    def footprints(self) -> tuple[Footprint, ...]:
        """Cells as far apart as the lines."""
        return (Footprint("array", "tile", "tile.array.area", (_PITCH,), "tile.crossbar", one, _cells),)

    def events(self) -> tuple[Event, ...]:
        """The read dose, per siemens."""
        return (Event("array", "read_dose", "tile.array.energy", (*_PRICE, *_COUNT), "tile", _read_dose),)


def _cells(target: Target) -> Quantity:
    return need(target, _PITCH) ** 2 * (target.tile.crossbar.rows * target.tile.crossbar.cols)


def _read_dose(target: Target) -> Quantity:
    voltage, time = (need(target, path) for path in _PRICE)
    return voltage**2 * time * _ONE_SIEMENS
