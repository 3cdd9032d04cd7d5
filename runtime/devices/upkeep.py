"""What devices with more state than their weight ask of an array, and what it does for them (`protocol.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.devices.protocol import Device

Plane = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Maintenance:
    """What was done to devices after an update, apart from its pulses.

    Attributes:
        devices: [rows, cols] whether a device was read, reset and programmed anew.
        pulses: [rows, cols] with how many pulses, each with a read behind it.
        parts: devices of a weight that one reset pulse each was given.
    """

    devices: npt.NDArray[np.bool_]
    pulses: npt.NDArray[np.int32]
    parts: int = 1


@runtime_checkable
class StatefulDevice(Protocol):
    """A device that remembers more than its weight."""

    def settle(self, planes: Any, w: Plane, programmed: bool) -> None:
        """Make the state fit weights that were set from outside.

        Args:
            planes: the devices; their state is changed.
            w: [rows, cols] weights, device units.
            programmed: whether the devices were reset and programmed; else their weights drifted to what they are.
        """

    def maintain(self, planes: Any, w: Plane, seed: int, array_id: int, site: tuple[int, ...]) -> Maintenance | None:
        """Do what is due after an update.

        Args:
            planes: the devices; their state is changed.
            w: [rows, cols] weights that pulses act on, device units; changed.
            seed: the run's seed.
            array_id: number of the array in the program.
            site: which update it was; draws depend on it.

        Returns:
            What was done; None for nothing.
        """


def state_of(planes: Any) -> Mapping[str, Plane]:
    """Return the arrays of the devices' state, by name, not copied; none for devices that remember their weight only.

    Args:
        planes: the devices.
    """
    return {name: getattr(planes, name) for name in getattr(type(planes), "state_fields", ())}


def settle(device: Device, planes: Any, w: Plane, programmed: bool) -> None:
    """Make the state of devices fit weights that were set from outside; see `StatefulDevice.settle`.

    Args:
        device: their model; one without state is left alone.
        planes: the devices.
        w: [rows, cols] weights, device units.
        programmed: whether they were programmed.
    """
    if isinstance(device, StatefulDevice):
        device.settle(planes, w, programmed)


def maintain(
    device: Device, planes: Any, w: Plane, seed: int, array_id: int, site: tuple[int, ...]
) -> Maintenance | None:
    """Do what is due after an update; see `StatefulDevice.maintain`.

    Args:
        device: the model; one without state needs nothing.
        planes: the devices.
        w: [rows, cols] weights that pulses act on, device units; changed.
        seed: the run's seed.
        array_id: number of the array in the program.
        site: which update it was.
    """
    return device.maintain(planes, w, seed, array_id, site) if isinstance(device, StatefulDevice) else None


@runtime_checkable
class TurnTaking(Protocol):
    """A device of several that take turns, step by step."""

    def begin(self, planes: Any, step: int) -> None:
        """Say which of them take the pulses of a step.

        Args:
            planes: the devices; changed.
            step: its number, from 0.
        """


def begin(device: Device, planes: Any, step: int) -> None:
    """Begin the updates of a step; see `TurnTaking.begin`.

    Args:
        device: the model; one device alone takes no turns.
        planes: the devices.
        step: number of the step.
    """
    if isinstance(device, TurnTaking):
        device.begin(planes, step)


@runtime_checkable
class Conducting(Protocol):
    """A cell of several devices, whose conductance does not follow from its weight."""

    @property
    def window_bounds(self) -> tuple[float, float]:
        """Weights of one device to which the ends of the target's conductance window belong."""

    def conducting(self, planes: Any) -> Plane:
        """Return the sum of the weights of every cell's devices, [rows, cols] device units."""


def window_bounds_of(device: Device) -> tuple[float, float]:
    """Weights of one device to which the ends of the target's conductance window belong."""
    return device.window_bounds if isinstance(device, Conducting) else device.nominal_bounds
