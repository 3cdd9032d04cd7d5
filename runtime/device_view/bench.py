"""A column of devices under pulses that are certain to come, one at a time: crossbar arrays as trainings have them.

With trains of one slot, no management and a rate of dw_min, every line of magnitude 1 fires in every vector: each
vector is one pulse on every device that it reaches. Draws are those of an array with number 0 and the given seed.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.ageing import AgeingSpec
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.device_view.errors import DeviceViewError, NotPulsedError
from ohmflow.runtime.devices.of_target import device_of, half_select_ratio_of
from ohmflow.runtime.devices.protocol import Device
from ohmflow.targets.schema.device import is_pulsed
from ohmflow.targets.schema.target import Target

Floats = npt.NDArray[np.float64]

UP, DOWN = -1.0, 1.0
"""Sign of d that moves a device up, x being 1: w moves by −lr·x·d."""

_POINTS = 120
_FEWEST, _MOST = 20, 3000
_MOST_IN_ALL = 30_000_000
_PAIRS = 4
"""Pairs of alternating pulses for each pulse of a train: steps that depend little on the weight settle slowly."""


@dataclass(frozen=True)
class ViewOptions:
    """How devices are looked at.

    Attributes:
        devices: how many.
        pulses: of a train in one direction; None for a quarter more than the nominal range has steps of dw_min.
        seed: of devices and pulses.
    """

    devices: int = 200
    pulses: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DeviceViewError: one of them is out of range.
        """
        if not 2 <= self.devices <= 10_000:
            raise DeviceViewError(f"--devices: must be from 2 to 10000, not {self.devices}; take 200")
        if self.pulses is not None and not 1 <= self.pulses <= 100_000:
            raise DeviceViewError(
                f"--pulses: must be from 1 to 100000, not {self.pulses}; leave it out for a full swing"
            )
        if not 0 <= self.seed < 2**64:
            raise DeviceViewError(f"--seed: must be at least 0 and below 2^64, not {self.seed}; choose another seed")


@dataclass(frozen=True)
class Trace:
    """Weights along a train.

    Attributes:
        pulses: [points] pulses so far.
        w: [points, devices] weights as reads see them, device units.
    """

    pulses: npt.NDArray[np.int64]
    w: Floats


class DeviceBench:
    """Devices of a target, to be pulsed.

    Attributes:
        device: their model.
        pulses: of a train in one direction.
        half_select: step of a half-selected device relative to a whole pulse, 0 if it does not move.
        low: [devices] lower bounds, device units.
        high: [devices] upper bounds, device units.
    """

    def __init__(self, target: Target, options: ViewOptions) -> None:
        """Make the devices.

        Args:
            target: whose devices.
            options: how many, and their seed.

        Raises:
            NotPulsedError: the target's devices are not pulsed.
            DeviceViewError: devices times pulses are too many.
            DeviceError: the device model can not be loaded.
        """
        if not is_pulsed(target.device):
            raise _not_pulsed(target)
        self.device: Device = device_of(target.device)
        if not self.device.dw_min > 0.0:
            raise _not_pulsed(target)
        w_min, w_max = self.device.nominal_bounds
        swing = ceil(1.25 * (w_max - w_min) / self.device.dw_min)
        self.pulses = min(max(swing, _FEWEST), _MOST) if options.pulses is None else options.pulses
        if self.pulses * options.devices > _MOST_IN_ALL:
            raise DeviceViewError(
                f"--pulses: must be at most {_MOST_IN_ALL // options.devices} with {options.devices} devices, not "
                f"{self.pulses}; take fewer of either"
            )
        self.half_select = half_select_ratio_of(self.device, target.device)
        self._devices, self._seed = options.devices, options.seed
        self._array = self._make(1, 0.0, options.seed)
        self._halves = self._make(2, self.half_select, options.seed) if self.half_select > 0.0 else None
        low, high = self.device.bounds(self._array.planes)
        self.low, self.high = (plane[:, 0].astype(np.float64) for plane in (low, high))

    def _make(self, cols: int, half_select: float, seed: int, ageing: AgeingSpec | None = None) -> CrossbarArray:
        update = UpdateSpec(1, update_management=False, train_length_management=False, half_select_step=half_select)
        blocks = (Block(0, 0, self._devices, cols),)
        return CrossbarArray(
            "devices", 0, self._devices, cols, 1.0, self.device, blocks, None, update, None, seed, ageing
        )

    def swing(self, site: int) -> Trace:
        """Pulse all devices up from their lower bounds, then as often down.

        Args:
            site: number of the experiment, on which the draws depend.
        """
        self._start(self.low)
        signs = np.repeat([UP, DOWN], self.pulses)
        return self._run(self._array, signs, ceil(self.pulses / _POINTS), site)

    def alternate(self, start: Floats, site: int) -> Trace:
        """Pulse all devices up and down in turn, four pairs for each pulse of a train; points are after whole pairs.

        Args:
            start: [devices] weights to begin at.
            site: number of the experiment.
        """
        self._start(start)
        pairs = _PAIRS * self.pulses
        return self._run(self._array, np.tile([UP, DOWN], pairs), 2 * ceil(pairs / _POINTS), site)

    def steps_from(self, w: float, sign: float, repeats: int, site: int) -> Floats:
        """Pulse all devices once from a weight, again and again.

        Args:
            w: the weight, device units.
            sign: UP or DOWN.
            repeats: how often.
            site: number of the experiment.

        Returns:
            [repeats, devices] steps, device units. A device whose bounds do not hold w begins at the nearer one.
        """
        steps = np.empty((repeats, self._devices))
        for k in range(repeats):
            self._start(np.full(self._devices, w))
            before = self._array.w[:, 0].astype(np.float64)
            self._pulse(self._array, np.array([sign]), site, k)
            steps[k] = self._array.w[:, 0] - before
        return steps

    def half_selected(self, up: bool, site: int) -> Trace:
        """Fire the rows of devices whose column is silent, from w = 0.

        Args:
            up: whether pulses of rows alone move a device up.
            site: number of the experiment.

        Returns:
            Weights; constant on targets where half-selected devices do not move.
        """
        if self._halves is None:
            return Trace(np.array([0, self.pulses]), np.zeros((2, self._devices)))
        self._halves.program(np.zeros((self._devices, 2)))
        # The second column is selected, without which nothing would fire; a negative x moves half-selected devices up.
        signs, stride = np.full(self.pulses, DOWN), ceil(self.pulses / _POINTS)
        return self._run(self._halves, signs, stride, site, -1.0 if up else 1.0)

    def wait(self, ageing: AgeingSpec, start: float, seconds: Floats) -> Floats:
        """Program all devices to a weight, and leave them alone.

        Args:
            ageing: what time does to them.
            start: the weight, device units; a device whose bounds do not hold it begins at the nearer one.
            seconds: [points] when to look, rising.

        Returns:
            [points, devices] weights.
        """
        array = self._make(1, 0.0, self._seed, ageing)
        array.program(np.full((self._devices, 1), start))
        weights, before = [], 0.0
        for now in seconds.tolist():
            array.elapse(now - before)
            weights.append(array.w[:, 0].astype(np.float64))
            before = now
        return np.array(weights)

    def _start(self, w: Floats) -> None:
        self._array.program(w[:, np.newaxis])

    def _run(self, array: CrossbarArray, signs: Floats, stride: int, site: int, x: float = 1.0) -> Trace:
        """Pulse a column, the last of the array, and note the first after every `stride` pulses."""
        points, weights = [0], [array.w[:, 0].astype(np.float64)]
        for first in range(0, signs.size, stride):
            chunk = signs[first : first + stride]
            self._pulse(array, chunk, site, first, x)
            points.append(first + chunk.size)
            weights.append(array.w[:, 0].astype(np.float64))
        return Trace(np.array(points), np.array(weights))

    def _pulse(self, array: CrossbarArray, signs: Floats, site: int, step: int, x: float = 1.0) -> None:
        d = np.zeros((signs.size, array.w.shape[1]), np.float32)
        d[:, -1] = signs
        rows = np.full((signs.size, self._devices), x, np.float32)
        array.update(rows, d, self.device.dw_min, DrawSite(Purpose.UPDATE, site, step))


def _not_pulsed(target: Target) -> NotPulsedError:
    return NotPulsedError(
        f"target {target.name}: device.model must be one that is pulsed, not '{target.device.model}', to look at its "
        "pulses; choose another target, or set device.model and its parameters with --set"
    )
