"""What a cell is: how many devices hold a weight, with what gains, and what follows for lines, steps and bounds.

`docs/cells.md` is its meaning. Values (`runtime/devices/cells.py`), capacity, energies and rules all go by what is
said here, so a cell is described once.
"""

from dataclasses import dataclass

from ohmflow.targets.device_models import facts_of, is_pair
from ohmflow.targets.schema.target import Target
from ohmflow.targets.schema.tile import Crossbar


@dataclass(frozen=True)
class CellLayout:
    """A cell.

    Attributes:
        gains: share of each device's weight in the cell's, w = Σ gain·w_k; negative for the minus device of a pair.
        columns: physical columns of one column of weights.
        references: devices at weight 0 that conduct beside a cell.
        in_turn: whether one device takes the pulses of a step, the next one those of the next step; else all take all.
        is_one_model: whether the device model itself is the whole cell, gains included.
    """

    gains: tuple[float, ...]
    columns: int
    references: int
    in_turn: bool = False
    is_one_model: bool = False

    @property
    def conducting(self) -> int:
        """Devices that conduct during a read, references included."""
        return (2 if self.is_one_model else len(self.gains)) + self.references

    @property
    def pulsed_columns(self) -> int:
        """Physical columns on which a pulse of a column of weights fires."""
        return 1 if self.in_turn or self.is_one_model else self.columns

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """Nominal bounds of the cell's weight.

        Args:
            low: of one device, device units.
            high: of one device, device units.
        """
        ends = [sorted((gain * low, gain * high)) for gain in self.gains]
        return sum(end[0] for end in ends), sum(end[1] for end in ends)

    def step(self, step: float) -> float:
        """Mean step of a pulse on the cell.

        Args:
            step: of one device, device units.
        """
        together = sum(abs(gain) for gain in self.gains) * step
        return together / len(self.gains) if self.in_turn else together


def cell_layout(crossbar: Crossbar, model: str = "") -> CellLayout:
    """The cell of a crossbar.

    Args:
        crossbar: what the target says.
        model: name of the device model.
    """
    in_turn = crossbar.cell_pulses == "in-turn"
    match crossbar.cell:
        case "differential-pair" if model and is_pair(model):
            return CellLayout((1.0,), crossbar.columns_per_weight, 0, False, True)
        case "differential-pair":
            return CellLayout((1.0, -1.0), crossbar.columns_per_weight, 0, in_turn)
        case "multi-device":
            count = crossbar.cell_devices
            base = 1.0 if crossbar.cell_significance is None else float(crossbar.cell_significance.si)
            return CellLayout(tuple(base**k for k in range(count)), crossbar.columns_per_weight, count, in_turn)
        case _:
            return CellLayout((1.0,), 1, 1)


def layout_of(target: Target) -> CellLayout:
    """The cell of a target."""
    return cell_layout(target.tile.crossbar, target.device.model)


def cell_facts(target: Target) -> tuple[float, tuple[float, float]]:
    """What a target's cells can do, before the spread from device to device.

    Returns:
        Mean step of a pulse at w = 0, and (w_min, w_max), in device units; as `facts_of` has it of one device.

    Raises:
        DeviceModelError: the device model can not be had.
    """
    layout = layout_of(target)
    step, (low, high) = facts_of(target.device)
    return layout.step(step), layout.bounds(low, high)
