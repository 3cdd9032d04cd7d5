"""`protonic`: pulses drive protons over barriers that the field tilts; the step has a law in width and voltage.

A pulse of width t and amplitude V moves the conductance by k·t^β·sinh(V/v0), with v0 = 2·kB·T·d/(q·a): a the distance
of a hop, d the thickness of the electrolyte. Here the amplitude that acts is V − E up and V + E down, E being what the
cell gives by itself (`offset_V`); and the step also falls with the state. So

    Δ+ = s₊·h₊(t, V)·(1 − γ₊·w/w_max)·(1 + ctoc·ξ),    h±(t, V) = (t/t₀)^β·sinh((V ∓ E)/v0) / (sinh(V₀/v0)·cosh(E/v0))

and Δ− likewise with γ₋, w_min and h₋; all clipped to [b_min, b_max]. k is chosen so that at the pulse (t₀, V₀) of the
measurement the mean step of both directions at w = 0 is dw_min. A half-selected pulse is one of V/2: its share of a
whole one is h±(t, V/2)/h±(t, V), 1/(2·cosh(V/2v0)) without E, by the law and not by a figure of its own: a target may
say that such devices stay (`device.half_select_step: 0`), but give no other step and no `device.voltage`. E > V/2
turns the half-selected pulse up round, and it moves the device down.

Source: Onen et al. 2022, Science 377:539 (10.1126/science.abp8064), the law; offset and fall with the state are
assumptions that a fit may set to 0. Not modelled: phases of the channel, heat, pulses that overlap.
"""

from math import cosh, sinh
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ohmflow.runtime.devices.errors import PulseError
from ohmflow.runtime.devices.linear_step import LinearStepParameters, linear_slopes
from ohmflow.runtime.devices.spread import steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.ways import of_way

Plane = npt.NDArray[np.float32]

_ONE = np.float32(1.0)
_BOLTZMANN_PER_CHARGE = 1.380649e-23 / 1.602176634e-19
"""kB/q, volts per kelvin; both exact in the SI of 2019."""
_STEEPEST = 300.0
"""Largest V/v0: sinh of more than 710 is beyond float64, and no electrolyte is near."""


class ProtonicParameters(LinearStepParameters):
    """Steps, bounds, fall with the state, and the law in width and voltage."""

    dw_min: float = Field(
        gt=0, allow_inf_nan=False, description="Mean step of one pulse of width_ns and amplitude_V at w = 0."
    )
    gamma_up: float = Field(default=0.0, allow_inf_nan=False, description="Slope γ₊ of the step up, as in linear-step.")
    gamma_down: float = Field(
        default=0.0, allow_inf_nan=False, description="Slope γ₋ of the step down, as in linear-step."
    )
    width_ns: float = Field(gt=0, allow_inf_nan=False, description="Width t₀ of the pulse that dw_min is for, ns.")
    amplitude_V: float = Field(gt=0, allow_inf_nan=False, description="Its amplitude V₀, V.")
    beta: float = Field(gt=0, le=4, description="Power β of the width.")
    hop_nm: float = Field(gt=0, allow_inf_nan=False, description="Distance a of a proton's hop, nm.")
    electrolyte_nm: float = Field(gt=0, allow_inf_nan=False, description="Thickness d of the electrolyte, nm.")
    temperature_K: float = Field(default=300.0, gt=0, allow_inf_nan=False, description="Temperature T, K.")
    offset_V: float = Field(
        default=0.0, allow_inf_nan=False, description="Voltage E that opposes pulses up and helps pulses down, V."
    )

    @property
    def v0(self) -> float:
        """Scale of the law in the amplitude, 2·kB·T·d/(q·a), V."""
        return 2.0 * _BOLTZMANN_PER_CHARGE * self.temperature_K * self.electrolyte_nm / self.hop_nm

    @model_validator(mode="after")
    def _is_a_pulse_that_moves(self) -> Self:
        if abs(self.offset_V) >= self.amplitude_V:
            raise ValueError("offset_V must be smaller than amplitude_V, or pulses move the wrong way; lower it")
        if (self.amplitude_V + abs(self.offset_V)) / self.v0 > _STEEPEST:
            raise ValueError(
                f"amplitude_V must be at most {_STEEPEST:.0f} times v0 = {self.v0:.3g} V of the law; "
                "raise electrolyte_nm, or lower hop_nm"
            )
        return self


class ProtonicPlanes(NamedTuple):
    """The draws of an array of devices, device units. A pulse adds (step + slope·w)·(1 + relative·ξ) + noise·ξ.

    Attributes:
        step: [2, rows, cols] −s₋·h₋ in plane 0 (down), s₊·h₊ in plane 1 (up).
        slope: [2, rows, cols] how the step changes with w.
        noise: [2, rows, cols] noise that depends on nothing; 0 unless `ctoc_additive`.
        half: [2] what a half-selected pulse moves, relative to a whole one.
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        relative: spread between pulses, relative to the step.
    """

    step: Plane
    slope: Plane
    noise: Plane
    half: Plane
    b_max: Plane
    b_min: Plane
    relative: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        step = of_way(planes.step, up, r, c) + of_way(planes.slope, up, r, c) * w
        moved = w + (step * (_ONE + planes.relative * xi) + of_way(planes.noise, up, r, c) * xi)
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])

    @staticmethod
    def half_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any, share: Any) -> Any:
        """Return w after one half-selected pulse, by the law and not by the share."""
        way = np.uint64(up)
        step = planes.step[way, r, c] + planes.slope[way, r, c] * w
        moved = w + planes.half[way] * (step * (_ONE + planes.relative * xi) + planes.noise[way, r, c] * xi)
        return min(max(moved, planes.b_min[r, c]), planes.b_max[r, c])


ProtonicPlanes.is_dense = True  # type: ignore[attr-defined]  # a class of tuples takes annotated names as fields


class Protonic(SteppedDevice[ProtonicParameters]):
    """A device whose step has a law in the width and the amplitude of a pulse.

    Attributes:
        parameters: as given.
        width: s, of the pulses that it gets.
        amplitude: V, of the pulses that it gets.
    """

    name: ClassVar[str] = "protonic"
    Parameters: ClassVar[type[ProtonicParameters]] = ProtonicParameters

    def __init__(
        self, parameters: ProtonicParameters, width: float | None = None, amplitude: float | None = None
    ) -> None:
        """Make the model.

        Args:
            parameters: of the model.
            width: s, of the pulses that it gets; None for that of the measurement.
            amplitude: V, likewise.

        Raises:
            PulseError: pulses of that amplitude would move the device the wrong way, or beyond all numbers.
        """
        super().__init__(parameters)
        self.width = parameters.width_ns * 1e-9 if width is None else width
        self.amplitude = parameters.amplitude_V if amplitude is None else amplitude
        least = abs(parameters.offset_V)
        if not least < self.amplitude <= _STEEPEST * parameters.v0 - least:
            raise PulseError(
                f"device 'protonic': the amplitude of a pulse must be above the offset of {least:g} V and at most "
                f"{_STEEPEST:.0f} times v0 = {parameters.v0:.3g} V, not {self.amplitude:g} V; "
                "change device.pulse.amplitude, or the law's parameters"
            )

    def under(self, width: float, amplitude: float) -> "Protonic":
        """Return the same device under other pulses.

        Args:
            width: s.
            amplitude: V.

        Raises:
            PulseError: as on making the model.
        """
        return Protonic(self.parameters, width, amplitude)

    def step_of(self, width: float, amplitude: float) -> tuple[float, float]:
        """Say how far one pulse moves the mean device from w = 0.

        Args:
            width: s.
            amplitude: V, at least 0.

        Returns:
            Down and up, device units; negative is down. Asymmetry of the devices is in it, spread is not.
        """
        p = self.parameters
        down, up = self._law(width, amplitude)
        return -abs(1.0 - p.up_down / 2.0) * p.dw_min * down, abs(1.0 + p.up_down / 2.0) * p.dw_min * up

    def _law(self, width: float, amplitude: float) -> tuple[float, float]:
        """h₋ and h₊ of a pulse."""
        p = self.parameters
        time = (width * 1e9 / p.width_ns) ** p.beta
        scale = time / (sinh(p.amplitude_V / p.v0) * cosh(p.offset_V / p.v0))
        return scale * sinh((amplitude + p.offset_V) / p.v0), scale * sinh((amplitude - p.offset_V) / p.v0)

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units, of the width and amplitude that the device gets."""
        down, up = self.step_of(self.width, self.amplitude)
        return (up - down) / 2.0

    @property
    def half_select_ratio(self) -> float:
        """Step of a pulse of half the amplitude relative to a whole one, mean of both directions."""
        half, whole = (self._law(self.width, v) for v in (self.amplitude / 2.0, self.amplitude))
        return (half[0] + half[1]) / (whole[0] + whole[1])

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> ProtonicPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)
        whole, half = (np.array(self._law(self.width, v)) for v in (self.amplitude, self.amplitude / 2.0))
        factor = whole[:, None, None]
        step = (np.stack([-down, up]) * factor).astype(np.float32)
        slope = (np.stack(linear_slopes(p, up, down, seed, array_id)) * factor).astype(np.float32)
        additive, relative = (p.dw_min_ctoc, 0.0) if p.ctoc_additive else (0.0, p.dw_min_ctoc)
        return ProtonicPlanes(
            step,
            slope,
            np.float32(additive) * step,
            (half / whole).astype(np.float32),
            b_max,
            b_min,
            np.float32(relative),
        )
