"""Arrays for the rules' oracles in plain numpy, without ohmflow: exact ones, and pulsed ones with faulty devices.

Both hold logical weights [rows, cols], scale 1, and answer `update(x, d, lr)`, `read_row(k)` and `w`. The pulsed ones
draw line trains with update and train-length management (Gokmen and Vlasov 2016, 10.3389/fnins.2016.00333) from
numpy's generator, and move every device pulse by pulse.
"""

from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.floating]


class ExactArray:
    """Updates are sums, without steps or bounds.

    Attributes:
        w: [rows, cols] weights, of the type that they are made with.
        step: what rules take for the step of a pulse.
    """

    def __init__(self, w: Matrix, step: float) -> None:
        self.w = w.copy()
        self.step = step

    def update(self, x: Matrix, d: Matrix, lr: float) -> None:
        self.w -= self.w.dtype.type(lr) * np.outer(x, d).astype(self.w.dtype)

    def read_row(self, k: int) -> Matrix:
        return self.w[k].copy()


@dataclass(frozen=True)
class Faults:
    """What is wrong with devices.

    Attributes:
        step: mean step of a pulse at w = 0.
        bound: bounds are ± this.
        slope: 0 for constant steps, 1 for soft bounds, between them linear steps.
        up_down: how much larger a step up is than a step down, relative to their mean.
        dtod: spread of steps from device to device.
        up_down_dtod: spread of the asymmetry, so that each device has a symmetry point of its own.
        ctoc: spread of steps from pulse to pulse.
        offset: standard deviation of what reads see beside the weight: a reference that is off.
    """

    step: float = 0.02
    bound: float = 1.0
    slope: float = 1.0
    up_down: float = 0.0
    dtod: float = 0.0
    up_down_dtod: float = 0.0
    ctoc: float = 0.0
    offset: float = 0.0


class PulsedArray:
    """Devices with steps, bounds, asymmetry and spread."""

    def __init__(self, w: Matrix, faults: Faults, seed: int, longest: int = 31) -> None:
        self.w = np.clip(w, -faults.bound, faults.bound).astype(np.float64)
        self.step = faults.step
        self.pulses = 0
        self._faults, self._longest = faults, longest
        self._rng = np.random.default_rng(seed)
        size = np.maximum(0, 1 + faults.dtod * self._rng.standard_normal(w.shape))
        tilt = (faults.up_down + faults.up_down_dtod * self._rng.standard_normal(w.shape)) / 2
        self._up, self._down = np.abs(size + tilt) * faults.step, np.abs(size - tilt) * faults.step
        self._offset = faults.offset * self._rng.standard_normal(w.shape)

    @property
    def symmetry_point(self) -> Matrix:
        """Where a step up and a step down have one size; soft bounds and linear steps only."""
        f = self._faults
        return f.bound * (self._up - self._down) / (f.slope * (self._up + self._down))

    def shift_reference(self) -> None:
        """Take the weights as they are for zero: reads see their difference from now on."""
        self._offset = -self.w

    def update(self, x: Matrix, d: Matrix, lr: float) -> None:
        largest_x, largest_d = np.abs(x).max(), np.abs(d).max()
        wanted = lr * largest_x * largest_d / self.step
        if wanted == 0:
            return
        length = min(ceil(wanted * (1 - 1e-9)), self._longest)
        gain = sqrt(lr / (length * self.step))
        rows = self._rng.random((length, len(x))) < gain * np.abs(x) * sqrt(largest_d / largest_x)
        cols = self._rng.random((length, len(d))) < gain * np.abs(d) * sqrt(largest_x / largest_d)
        up = np.outer(x, d) < 0
        for row, col in zip(rows, cols, strict=True):
            self._pulse(np.outer(row, col), up)

    def pulse_all(self, up: bool) -> None:
        """One pulse for every device."""
        self._pulse(np.ones(self.w.shape, bool), np.full(self.w.shape, up))

    def _pulse(self, where: NDArray[np.bool_], up: NDArray[np.bool_]) -> None:
        f = self._faults
        noise = 1 + f.ctoc * self._rng.standard_normal(self.w.shape)
        rise = self._up * (1 - f.slope * self.w / f.bound) * noise
        fall = self._down * (1 + f.slope * self.w / f.bound) * noise
        self.w = np.clip(self.w + where * np.where(up, rise, -fall), -f.bound, f.bound)
        self.pulses += int(where.sum())

    def read_row(self, k: int) -> Matrix:
        return self.w[k] + self._offset[k]
