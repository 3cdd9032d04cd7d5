"""Cells of several devices: w = Σ gain·w_k, each device of the same model, with draws and a state of its own.

A cell wraps a device model and is one itself, so that whatever serves a device serves a cell. Its devices stand below
each other: device k of the cell at (row, col) is the one at (k·rows + row, col) of an array of n·rows rows, from which
its draws follow. A pulse reaches each device that takes it in the cell's direction, or the other way round where the
gain is negative; then w is added up anew. The ξ of a cell's first pulsed device is the pulse's own; a further device
takes the quantile of a hash of it, of its number and place, so that a cell needs no more of an update than a device.
`docs/cells.md` is the meaning; `ohmflow.targets.cells` says which cell a target has.

Source: pairs and multi-device cells of aihwkit (Rasch et al. 2021, arXiv 2104.02184) and of Boybat et al. 2018
(10.1038/s41467-018-04933-y), who let devices take turns.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import BaseModel

from ohmflow.runtime.crossbar.draws import KIND_CROSSPOINT, line_offset, mix, normal
from ohmflow.runtime.devices.errors import CellError
from ohmflow.runtime.devices.protocol import Device, half_pulse, pulse
from ohmflow.runtime.devices.stepped import write_noise_of
from ohmflow.runtime.devices.upkeep import Maintenance, state_of
from ohmflow.targets.cells import CellLayout

Plane = npt.NDArray[np.float32]

_ONE, _ZERO = np.float32(1.0), np.float32(0.0)
_FIXED_POINT = float(2**40)
"""ξ is hashed as a whole number of 2⁻⁴⁰."""
ALL = -1
"""Turn of a cell whose devices all take every pulse."""


class CellPlanes(NamedTuple):
    """The draws and the state of an array of cells of n devices.

    Attributes:
        devices: planes of the devices, an array of n·rows rows.
        held: [n·rows, cols] their weights, device units; changed by pulses.
        gains: [n] share of each device's weight in the cell's.
        turn: [1] int64, the device that takes pulses, or `ALL`.
        rows: rows of cells, uint64.
    """

    devices: Any
    held: Plane
    gains: Plane
    turn: npt.NDArray[np.int64]
    rows: np.uint64

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Pulse the devices whose turn it is, and return the cell's w."""
        return _pulse_cell(planes, r, c, up, xi, _ONE)

    @staticmethod
    def half_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any, share: Any) -> Any:
        """Pulse them by half the amplitude, and return the cell's w."""
        return _pulse_cell(planes, r, c, up, xi, share)


# A class of tuples takes every annotated name as a field; this one is of the class.
CellPlanes.state_fields = ("held",)  # type: ignore[attr-defined]


@njit
def _pulse_cell(planes: Any, r: Any, c: Any, up: Any, xi: Any, share: Any) -> Any:
    turn = planes.turn[0]
    total = _ZERO
    own = xi
    for k in range(planes.gains.shape[0]):
        at = np.uint64(k) * planes.rows + np.uint64(r)
        gain = planes.gains[k]
        held = planes.held[at, c]
        if turn < 0 or turn == k:
            way = up if gain > _ZERO else not up
            if share == _ONE:
                held = pulse(planes.devices, at, np.uint64(c), held, way, own)
            else:
                held = half_pulse(planes.devices, at, np.uint64(c), held, way, own, share)
            planes.held[at, c] = held
        total += gain * held
        if turn < 0:
            start = np.uint64(np.int64(np.float64(xi) * _FIXED_POINT))
            own = normal(mix(mix(start ^ np.uint64(k + 1)) + line_offset(KIND_CROSSPOINT, at, c)))
    return total


class Cell:
    """A cell of several devices of one model, as a device.

    Attributes:
        layout: gains, turns, and what conducts.
    """

    name: ClassVar[str] = "cell"
    Parameters: ClassVar[type[BaseModel]] = BaseModel

    def __init__(self, device: Device, layout: CellLayout) -> None:
        """Make the model.

        Args:
            device: the model of each device.
            layout: the cell.
        """
        self._device = device
        self.layout = layout

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse on a cell whose devices are all at 0; over the turns, where they take turns."""
        return self.layout.step(self._device.dw_min)

    @property
    def nominal_bounds(self) -> tuple[float, float]:
        """(w_min, w_max) of the cell before the spread from device to device, device units."""
        return self.layout.bounds(*self._device.nominal_bounds)

    @property
    def window_bounds(self) -> tuple[float, float]:
        """(w_min, w_max) of one device, to which the target's conductance window belongs."""
        return self._device.nominal_bounds

    @property
    def write_noise(self) -> float:
        """Standard deviation of what is read about what pulses act on, device units: that of the sum."""
        return write_noise_of(self._device) * float(np.sqrt(np.sum(np.square(self.layout.gains))))

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> CellPlanes:
        """Draw the devices of an array of cells; see `Device.planes`."""
        count = len(self.layout.gains)
        devices = self._device.planes(count * rows, cols, seed, array_id)
        if state_of(devices):
            raise CellError(
                f"device '{self._device.name}': a cell's devices must remember their weight alone, not more; "
                "take another cell or another device model"
            )
        gains = np.array(self.layout.gains, np.float32)
        turn = np.array([0 if self.layout.in_turn else ALL], np.int64)
        planes = CellPlanes(devices, np.zeros((count * rows, cols), np.float32), gains, turn, np.uint64(rows))
        self.settle(planes, np.zeros((rows, cols), np.float32), programmed=True)
        return planes

    def bounds(self, planes: CellPlanes) -> tuple[Plane, Plane]:
        """Return each cell's own (b_min, b_max), [rows, cols], device units."""
        low, high = self._ends(planes)
        return low.sum(axis=0), high.sum(axis=0)

    def begin(self, planes: CellPlanes, step: int) -> None:
        """Say which devices take the pulses of a step.

        Args:
            planes: the cells; changed.
            step: number of the step, from 0.
        """
        if self.layout.in_turn:
            planes.turn[0] = step % len(self.layout.gains)

    def settle(self, planes: CellPlanes, w: Plane, programmed: bool) -> None:
        """Divide weights among the devices of their cells; see `StatefulDevice.settle`.

        What is programmed is shared out evenly, so that a pair stands at ±w/2; else each device moves by an even share
        of what w has moved by. What a device at its bound can not take, the others take.
        """
        low, high = self._ends(planes)
        gains = planes.gains[:, None, None]
        parts = np.zeros_like(low) if programmed else gains * planes.held.reshape(low.shape)
        parts = np.clip(parts, low, high)
        missing = w - parts.sum(axis=0)
        share = np.abs(planes.gains)
        for is_even in (True, False):  # even shares, then whatever there is room for
            for k in range(len(parts)):
                part = share[k] / share[k:].sum() if is_even else _ONE
                taken = np.clip(parts[k] + missing * part, low[k], high[k])
                missing -= taken - parts[k]
                parts[k] = taken
        planes.held[:] = (parts / gains).reshape(planes.held.shape)

    def maintain(
        self, planes: CellPlanes, w: Plane, seed: int, array_id: int, site: tuple[int, ...]
    ) -> Maintenance | None:
        """Nothing: devices that need upkeep are not for cells."""
        del planes, w, seed, array_id, site
        return None

    def reset(self, planes: CellPlanes, seed: int, array_id: int, occasion: int) -> Plane:
        """Draw the weights that a reset of all devices leaves; see `SteppedDevice.reset`."""
        left: Plane = self._device.reset(planes.devices, seed, array_id, occasion)  # type: ignore[attr-defined]
        return self._added(planes, left)

    def conducting(self, planes: CellPlanes) -> Plane:
        """Return Σ w_k of every cell, [rows, cols] device units, of which its conductance is a linear function."""
        total: Plane = planes.held.reshape(len(planes.gains), int(planes.rows), -1).sum(axis=0)
        return total

    def _added(self, planes: CellPlanes, held: Plane) -> Plane:
        parts = held.reshape(len(planes.gains), int(planes.rows), -1)
        total: Plane = (planes.gains[:, None, None] * parts).sum(axis=0, dtype=np.float32)
        return total

    def _ends(self, planes: CellPlanes) -> tuple[Plane, Plane]:
        """Lowest and highest shares of each device in its cell's weight, [n, rows, cols] device units."""
        gains = planes.gains[:, None, None]
        shape = (len(planes.gains), int(planes.rows), -1)
        ends = [gains * bound.reshape(shape) for bound in self._device.bounds(planes.devices)]
        return np.minimum(*ends), np.maximum(*ends)
