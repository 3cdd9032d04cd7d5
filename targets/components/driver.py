"""Line drivers: what it costs to charge a line of the crossbar.

A full-swing pulse on a line of capacitance C takes C·V² from the supply; under half-select each side swings V/2, so a
quarter. A pulse charges the whole physical line: C_row = cols·pitch·wire_c, C_col = rows·pitch·wire_c.
Source: E = n·C·V·dV per side, with dV the swing. Not modelled: level shifters, pulse generators, the capacitance of
cells on the line.
"""

from fractions import Fraction

from ohmflow.targets.components.footprint import Footprint, placed
from ohmflow.targets.components.protocol import Event, Untimed, need
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.schema.target import Target

_WIRE = ("tile.crossbar.wire_c", "tile.crossbar.pitch")
_PULSE = "device.pulse.amplitude"
_READ = "tile.read.voltage"


def line_capacitance(target: Target, cells: int) -> Quantity:
    """F, capacitance of a line along `cells` cells."""
    return need(target, "tile.crossbar.pitch") * need(target, "tile.crossbar.wire_c") * cells


class Driver(Untimed):
    """Row and column drivers of a tile."""

    name = "driver"

    def footprints(self) -> tuple[Footprint, ...]:
        """One a line."""
        return (placed("driver", "tile", "tile.crossbar", _lines, "tile.driver.area"),)

    def events(self) -> tuple[Event, ...]:
        """Pulses of updates, and driven lines of reads."""
        path = "tile.driver"
        return (
            Event("driver", "row_pulse", path, (*_WIRE, _PULSE), "device.pulse", _row_pulse),
            Event("driver", "col_pulse", path, (*_WIRE, _PULSE), "device.pulse", _col_pulse),
            Event("driver", "read_row", path, (*_WIRE, _READ), "tile", _read_row),
            Event("driver", "read_col", path, (*_WIRE, _READ), "tile", _read_col),
        )


def _lines(target: Target) -> int:
    """Lines with a driver: all where columns are driven too, by transposed reads or by pulses; else the rows."""
    crossbar = target.tile.crossbar
    both = target.tile.transposable or target.device.pulse is not None
    return crossbar.rows + (crossbar.cols if both else 0)


def _pulse(target: Target, cells: int) -> Quantity:
    pulse = target.device.pulse
    assert pulse is not None
    share = Fraction(1, 4) if pulse.scheme == "half-select" else Fraction(1)
    return line_capacitance(target, cells) * pulse.amplitude.value**2 * share


def _row_pulse(target: Target) -> Quantity:
    return _pulse(target, target.tile.crossbar.cols)


def _col_pulse(target: Target) -> Quantity:
    return _pulse(target, target.tile.crossbar.rows)


def _read_row(target: Target) -> Quantity:
    return line_capacitance(target, target.tile.crossbar.cols) * need(target, _READ) ** 2


def _read_col(target: Target) -> Quantity:
    return line_capacitance(target, target.tile.crossbar.rows) * need(target, _READ) ** 2
