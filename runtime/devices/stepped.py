"""What devices with steps and bounds have in common."""

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.spread import SpreadPlane, SteppedParameters, device_normals

Plane = npt.NDArray[np.float32]
P = TypeVar("P", bound=SteppedParameters)


class SteppedDevice(Generic[P]):
    """A device with a mean step and two bounds; its planes have `b_min` and `b_max`, [rows, cols].

    Attributes:
        parameters: mean step, bounds, their spreads, and what the model adds.
    """

    def __init__(self, parameters: P) -> None:
        """Make the model.

        Args:
            parameters: of the model.
        """
        self.parameters = parameters

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units."""
        return self.parameters.dw_min

    @property
    def nominal_bounds(self) -> tuple[float, float]:
        """(w_min, w_max) before the spread from device to device, device units."""
        return self.parameters.w_min, self.parameters.w_max

    def bounds(self, planes: Any) -> tuple[Plane, Plane]:
        """Return each device's own (b_min, b_max), [rows, cols], device units."""
        return planes.b_min, planes.b_max

    def reset(self, planes: Any, seed: int, array_id: int, occasion: int) -> Plane:
        """Draw the weights that a reset leaves: reset + reset_dtod·ξ of the device + reset_ctoc·ξ of the occasion.

        Args:
            planes: the devices.
            seed: the run's seed.
            array_id: number of the array in the program.
            occasion: how many times the array was reset before in this run.

        Returns:
            [rows, cols] weights, device units, clipped to each device's bounds.
        """
        p = self.parameters
        low, high = self.bounds(planes)
        w = np.full(low.shape, p.reset, np.float64)
        if p.reset_dtod:
            w += p.reset_dtod * device_normals(low.shape[0], low.shape[1], seed, array_id, SpreadPlane.RESET)
        if p.reset_ctoc:
            w += p.reset_ctoc * device_normals(
                low.shape[0], low.shape[1], seed, array_id, SpreadPlane.RESET_CTOC, occasion
            )
        left: Plane = np.clip(w.astype(np.float32), low, high)
        return left


def write_noise_of(device: Device) -> float:
    """Say how far what is read of a device strays from what pulses act on.

    Args:
        device: any; `write_noise` is a parameter of those whose `parameters` are `SteppedParameters`.

    Returns:
        Standard deviation, device units; 0 for no write noise. What is no single device says it itself, as
        `write_noise`.
    """
    own = getattr(device, "write_noise", None)
    if own is not None:
        return float(own)
    parameters = getattr(device, "parameters", None)
    return parameters.write_noise * parameters.dw_min if isinstance(parameters, SteppedParameters) else 0.0
