"""Devices as time passes: retention, drift, diffusion (`docs/semantics.md`, *Ageing*).

Seconds come from outside, at the boundaries of steps, and are saved up: a step is often so short that what it does to a
weight would be lost in float32. They are applied at the first boundary at which they would bring some device closer to
its level by more than `LAG` of the way that it had when it was written, or let it wander by more than `LAG` of half its
nominal range. So no read sees a weight that is further behind than that. Because exponents add up, saving changes
nothing but roundings. That needs the time of every write where a law asks for the time since then: at each boundary,
devices that the step before it has written are brought up to its beginning, where their age begins anew.

Draws: τ, levels, ν and wandering of a device have `key(seed, DEVICE, array, plane)` with the planes of `AgeingPlane`;
the n-th time that time is applied to an array, from 0, wandering has `key(seed, AGEING, array, 0, n)`.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import exp, isfinite

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.ageing_kernel import (
    drift_exponents,
    exponentials,
    relax,
    stretched_exponents,
    wander,
)
from ohmflow.runtime.crossbar.draws import Purpose, key_of, normal_plane
from ohmflow.runtime.crossbar.errors import SpecError

Matrix = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

LAG = 2.0**-12
"""How far behind the clock a weight may be, relative to its way to rest or to half its nominal range."""

_NOW, _PENDING, _APPLIED = 0, 1, 2


class AgeingPlane(IntEnum):
    """The fourth field of a device draw's key: which of a device's numbers it is."""

    TIME_CONSTANT = 32
    LEVEL = 33
    EXPONENT = 34
    DEVIATION = 35


@dataclass(frozen=True)
class AgeingSpec:
    """What time does to devices; a law whose first figure is None (or 0, for deviation and exponent) is none.

    Attributes:
        time_constant: τ of retention, s; the median over devices.
        time_constant_spread: standard deviation between devices of ln τ.
        level: to which weights return, device units.
        level_spread: its standard deviation between devices, device units.
        shape: 1 for an exponential; else of a stretched one, in the time since the last write.
        drift_exponent: ν, the mean over devices.
        drift_spread: standard deviation of ν between devices, relative to its mean.
        drift_reference: t₀, s after the last write, before which nothing drifts.
        drift_level: the weight that does not drift, device units.
        deviation: ρ, standard deviation that a weight wanders in one second, device units.
        deviation_spread: its standard deviation between devices, relative to its mean.
    """

    time_constant: float | None = None
    time_constant_spread: float = 0.0
    level: float = 0.0
    level_spread: float = 0.0
    shape: float = 1.0
    drift_exponent: float = 0.0
    drift_spread: float = 0.0
    drift_reference: float = 1.0
    drift_level: float = 0.0
    deviation: float = 0.0
    deviation_spread: float = 0.0

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            SpecError: one of them is out of range.
        """
        if self.time_constant is not None and not 0.0 < self.time_constant < np.inf:
            raise SpecError(
                f"ageing.time_constant: it must be above 0 and finite, not {self.time_constant}; give seconds, or None"
            )
        for name in ("shape", "drift_reference"):
            if not 0.0 < getattr(self, name) < np.inf:
                raise SpecError(
                    f"ageing.{name}: it must be above 0 and finite, not {getattr(self, name)}; write one such as 1"
                )
        spreads = ("time_constant_spread", "level_spread", "drift_spread", "deviation_spread")
        for name in ("drift_exponent", "deviation", *spreads):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise SpecError(
                    f"ageing.{name}: it must be at least 0 and finite, not {getattr(self, name)}; write 0 for none"
                )
        for name in ("level", "drift_level"):
            if not isfinite(getattr(self, name)):
                raise SpecError(f"ageing.{name}: it must be finite, not {getattr(self, name)}; write 0")

    @property
    def does_anything(self) -> bool:
        """Whether weights change with time."""
        return self.time_constant is not None or self.drift_exponent > 0.0 or self.deviation > 0.0


def _waiting(shape: float) -> float:
    """How long time may be saved up under exp(−t^shape), t in time constants, until a weight is `LAG` behind.

    A stretched exponential (shape ≤ 1) falls fastest at once, by Δ^shape. A steeper one falls fastest where
    t^shape = (shape − 1)/shape =: z, at shape·(z/t)·e^−z = shape·z^z·e^−z of the way that there was at the write.
    """
    if shape <= 1.0:
        return float(LAG ** (1.0 / shape))
    z = (shape - 1.0) / shape
    return float(LAG / (shape * z**z * exp(-z)))


class Ageing:
    """Time, applied to the devices of one array.

    Attributes:
        resolution: s; time is applied once that much has been saved up.
    """

    def __init__(
        self,
        spec: AgeingSpec,
        bounds: tuple[Matrix, Matrix],
        nominal: tuple[float, float],
        seed: int,
        array_id: int,
    ) -> None:
        """Draw the devices' figures.

        Args:
            spec: what time does.
            bounds: each device's own (b_min, b_max), [rows, cols], device units.
            nominal: (w_min, w_max), device units.
            seed: the run's seed.
            array_id: the array's number in the program.
        """
        low, high = bounds
        rows, cols = low.shape

        def normals(sigma: float, plane: AgeingPlane) -> Doubles:
            if sigma == 0.0:
                return np.zeros((rows, cols))
            key = np.uint64(key_of(seed, Purpose.DEVICE, array_id, plane))
            drawn: Doubles = sigma * normal_plane(key, rows, cols).astype(np.float64)
            return drawn

        self._spec, self._bounds = spec, bounds
        self._seed, self._array_id = seed, array_id
        self._clock = np.zeros(3, np.float64)
        times, levels = [np.inf], []
        if spec.time_constant is not None:
            self._rate = exponentials(-normals(spec.time_constant_spread, AgeingPlane.TIME_CONSTANT))
            self._rate /= spec.time_constant
            self._level = (spec.level + normals(spec.level_spread, AgeingPlane.LEVEL)).astype(np.float32)
            levels.append(self._level)
            times.append(_waiting(spec.shape) / float(self._rate.max()))
        if spec.drift_exponent > 0.0:
            self._nu = spec.drift_exponent * np.maximum(0.0, 1.0 + normals(spec.drift_spread, AgeingPlane.EXPONENT))
            self._drift_level = np.full((rows, cols), spec.drift_level, np.float32)
            levels.append(self._drift_level)
            if self._nu.max() > 0.0:
                times.append(LAG * spec.drift_reference / float(self._nu.max()))
        if spec.deviation > 0.0:
            spread = np.maximum(0.0, 1.0 + normals(spec.deviation_spread, AgeingPlane.DEVIATION))
            self._sigma = (spec.deviation * spread).astype(np.float32)
            if self._sigma.max() > 0.0:
                times.append((LAG * (nominal[1] - nominal[0]) / 2.0 / float(self._sigma.max())) ** 2)
        self.resolution = min(times)
        # Between a device's bounds, an approach to a level between them needs no look at the bounds.
        self._may_leave = spec.deviation > 0.0 or any(((level < low) | (level > high)).any() for level in levels)
        stretched = spec.time_constant is not None and spec.shape != 1.0
        self._knows_writes = spec.drift_exponent > 0.0 or stretched
        if self._knows_writes:
            self._seen: Matrix = np.zeros((rows, cols), np.float32)
            self._written: Doubles = np.zeros((rows, cols), np.float64)
            self._exponent: Doubles = np.empty((rows, cols), np.float64)

    def planes(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return all that is remembered, by name, not copied.

        Returns:
            `clock`: s applied, s saved up, and how often time was applied, [3] float64. Where laws ask for the time
            since the last write, `written`: [rows, cols] float64, s; `seen`: [rows, cols] float32, what pulses acted on
            when time was last applied.
        """
        kept: dict[str, npt.NDArray[np.generic]] = {"clock": self._clock}
        if self._knows_writes:
            kept |= {"written": self._written, "seen": self._seen}
        return kept

    @property
    def seconds(self) -> float:
        """Seconds that passed so far, applied or saved up."""
        return float(self._clock[_NOW] + self._clock[_PENDING])

    def programmed(self, hidden: Matrix) -> None:
        """Begin anew with what was just programmed: nothing is saved up, and all devices are written now."""
        self._clock[_NOW] += self._clock[_PENDING]
        self._clock[_PENDING] = 0.0
        if self._knows_writes:
            self._seen[:] = hidden
            self._written[:] = self._clock[_NOW]

    def elapse(self, seconds: float, w: Matrix, hidden: Matrix) -> bool:
        """Let seconds pass.

        Args:
            seconds: ≥ 0.
            w: [rows, cols] what reads see, device units; changed.
            hidden: [rows, cols] what pulses act on; changed. May be `w` itself.

        Returns:
            Whether weights changed; False while seconds are only saved up.
        """
        planes = [hidden] if w is hidden else [hidden, w]
        restarted = self._knows_writes and self._restart(planes)
        self._clock[_PENDING] += seconds
        pending = float(self._clock[_PENDING])
        if pending < self.resolution or pending == 0.0:
            return restarted
        now = float(self._clock[_NOW])
        for law in (self._retain, self._drift, self._diffuse):
            law(planes, now, pending)
        if self._may_leave:
            self._keep_within(planes)
        if self._knows_writes:
            self._seen[:] = hidden
        self._clock[_NOW] = now + pending
        self._clock[_PENDING] = 0.0
        self._clock[_APPLIED] += 1.0
        return True

    def _restart(self, planes: list[Matrix]) -> bool:
        """Let what a law asks of the time since the last write begin anew in devices that were written.

        Returns:
            Whether weights changed: by what was saved up until the step that wrote them.
        """
        hidden = planes[0]
        now, pending = float(self._clock[_NOW]), float(self._clock[_PENDING])
        changed = hidden != self._seen
        if not changed.any():
            return False
        is_behind = pending > 0.0
        if is_behind:
            # Not the exponential of shape 1: it does not ask, and is applied to all devices at once.
            if self._spec.shape != 1.0:
                self._retain(planes, now, pending, changed)
            self._drift(planes, now, pending, changed)
            if self._may_leave:
                self._keep_within(planes)
        self._written[changed] = now + pending
        self._seen[:] = hidden
        return is_behind

    def _retain(
        self, planes: list[Matrix], now: float, pending: float, only: npt.NDArray[np.bool_] | None = None
    ) -> None:
        if self._spec.time_constant is None:
            return
        exponent, scale = self._rate, pending
        if self._spec.shape != 1.0:
            stretched_exponents(self._written, now, now + pending, self._spec.shape, self._rate, self._exponent)
            exponent, scale = self._exponent, 1.0
            if only is not None:
                exponent *= only
        for plane in planes:
            relax(plane, exponent, scale, self._level)

    def _drift(
        self, planes: list[Matrix], now: float, pending: float, only: npt.NDArray[np.bool_] | None = None
    ) -> None:
        if self._spec.drift_exponent == 0.0:
            return
        reference = self._spec.drift_reference
        drift_exponents(self._written, now, now + pending, reference, self._nu, self._exponent)
        if only is not None:
            self._exponent *= only
        for plane in planes:
            relax(plane, self._exponent, 1.0, self._drift_level)

    def _diffuse(self, planes: list[Matrix], now: float, pending: float) -> None:
        if self._spec.deviation == 0.0:
            return
        key = np.uint64(key_of(self._seed, Purpose.AGEING, self._array_id, 0, int(self._clock[_APPLIED])))
        for plane in planes:
            wander(plane, self._sigma, pending**0.5, key)

    def _keep_within(self, planes: list[Matrix]) -> None:
        """Stop devices at their bounds."""
        hidden = planes[0]
        held = np.clip(hidden, *self._bounds)
        # What reads see is not clipped: it keeps its distance to what pulses act on.
        for plane in planes[1:]:
            plane += held - hidden
        hidden[:] = held
