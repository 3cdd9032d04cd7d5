"""What a device model is, and how a kernel reaches it.

A device class holds parameters and draws its *planes*: a NamedTuple of the float32 arrays [rows, cols] and numbers
that a pulse needs. What a pulse does is a static function of the planes class,

    pulse(planes, r, c, w, up, xi) -> w'        one pulse at row r and column c, clipped to the device's bounds

with w and xi float32, `up` a truth value, xi a standard normal number, and w' float32. It is written in the part of
Python that numba compiles. A planes class may also offer

    pulses(planes, r, c, w, up, n, sum_of_xi) -> (done, w')        n pulses in one direction at once

with n ≥ 1 a float32 and sum_of_xi = √n·ξ, distributed as the sum of n normal numbers. It says done = False when n
pulses can not be drawn at once with the same law; they then happen one by one, the first by that ξ.

A planes class whose half-selected pulses have a law of their own offers

    half_pulse(planes, r, c, w, up, xi, share) -> w'        one pulse of which the device sees half the amplitude

Without it, that is w + share·(pulse(…) − w). A device whose parameters are those of one pulse and which has a law for
others offers `under(width, amplitude)`, the same device under pulses of that width (s) and amplitude (V), and
`half_select_ratio`, the share for targets that say none.

A device that remembers more than w keeps it in arrays of its planes, which `pulse` changes in place. The planes class
names them in `state_fields`; they are saved and restored with w. So `pulse` is called once for each pulse that
happens, in order, and for no other. Such a device offers

    settle(planes, w, programmed)               makes the arrays fit w, which was set from outside
    maintain(planes, w, seed, array_id, site) -> Maintenance        does what is due after an update, in place

A planes class that sets `is_dense = True` after its body says that `pulse` is nothing but arithmetic: no state, branch
or loop, and no place in an array that depends on w or the direction (`ways.of_way` for the latter). The fused kernel
then calls it for devices that are not pulsed as well, and drops the result: whole rows compile to vector instructions.

If such a class also sets `is_costly_at_once = True`, devices get their pulses one by one where all of a piece of
columns have two or fewer: for those `pulse` is expected to be cheaper than `pulses`.

The kernels call the stubs `pulse`, `pulses` and `half_pulse` below. numba resolves them by the *type* of the planes, so
that one source of a kernel serves every device, and a new device is one class in one file.
"""
# mypy: allow-untyped-decorators

from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from numba.extending import overload
from pydantic import BaseModel

import ohmflow.runtime.kernel_cache  # noqa: F401  (must run before a kernel is declared)

Plane = npt.NDArray[np.float32]


class Device(Protocol):
    """A device model: parameters, and the draws of an array of such devices."""

    name: ClassVar[str]
    Parameters: ClassVar[type[BaseModel]]

    def __init__(self, parameters: Any) -> None:
        """Make the model from an instance of its `Parameters`."""

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units; 0 for a device that is not pulsed but adds exactly."""

    @property
    def nominal_bounds(self) -> tuple[float, float]:
        """(w_min, w_max) before the spread from device to device, device units."""

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> Any:
        """Draw the devices of an array.

        Args:
            rows: logical rows.
            cols: logical columns.
            seed: the run's seed.
            array_id: number of the array in the program.

        Returns:
            A NamedTuple with the fields that `pulse` needs; equal arguments give equal bits.
        """

    def bounds(self, planes: Any) -> tuple[Plane, Plane]:
        """Return each device's own (b_min, b_max), [rows, cols], device units."""


def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
    """Apply one pulse; inside kernels only, where it stands for the planes class's own `pulse`."""
    raise TypeError("ohmflow.runtime.devices.protocol.pulse must be called from a compiled kernel")


def pulses(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
    """Apply n pulses at once if that is the same law; inside kernels only."""
    raise TypeError("ohmflow.runtime.devices.protocol.pulses must be called from a compiled kernel")


def half_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any, share: Any) -> Any:
    """Apply one half-selected pulse; inside kernels only."""
    raise TypeError("ohmflow.runtime.devices.protocol.half_pulse must be called from a compiled kernel")


# numba wants the signatures of a stub's resolver and of what it resolves to alike, annotations included.
def _one_by_one(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
    return False, w


def _share_of_a_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any, share: Any) -> Any:
    return w + share * (pulse(planes, r, c, w, up, xi) - w)


@overload(pulse)
def _resolve_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
    return getattr(getattr(planes, "instance_class", None), "pulse", None)


@overload(pulses)
def _resolve_pulses(planes: Any, r: Any, c: Any, w: Any, up: Any, n: Any, sum_of_xi: Any) -> Any:
    return getattr(getattr(planes, "instance_class", None), "pulses", _one_by_one)


@overload(half_pulse)
def _resolve_half_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any, share: Any) -> Any:
    return getattr(getattr(planes, "instance_class", None), "half_pulse", _share_of_a_pulse)
