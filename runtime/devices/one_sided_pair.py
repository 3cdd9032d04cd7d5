"""`one-sided-pair`: two devices a weight that pulses can only raise; w = g₊ − g₋, and from time to time a refresh.

A pulse up raises g₊, a pulse down raises g₋, each from 0 to its own bound, b₊ = b_max and b₋ = −b_min:

    Δ = s·max(0, 1 − γ·g/b − A·exp(κ·g/b)),    g ← g + Δ + ctoc·(Δ + dw_min_ctoc_add + dw_min_ctoc_slope·g)·ξ

with s₊ and s₋ as in every stepped device. So both devices fill up, and a weight gets stuck though w is small. After an
update, each weight of which one device is past `refresh_at` of its range is refreshed, unless w alone needs that much:
it is read, with `refresh_read_noise`; both devices are reset; and the difference is programmed anew by pulses with a
look after each, until it is within half a step, or for `refresh_pulses` pulses at most.

Each device of a pair is corrupt or dead by itself: a dead one stays at 0, where it conducts least, and a corrupt one
somewhere up to its bound. The other device goes on, so such a weight still moves, but on one side of where the stuck
device holds it; a refresh could win it nothing, and it gets none.

An exponential law of phase-change devices: aihwkit's exp-step from 0 to b with a and b = 0 is κ = 2a·γ_up, A = A_up.
Source: Nandakumar et al. 2020 (10.3389/fnins.2020.00406) for pairs and their refresh; the aihwkit device family (Rasch
et al. 2021, arXiv 2104.02184) for the step.
Each device conducts the window's least conductance at 0 and its largest at w_max. Not modelled: drift.
"""
# mypy: allow-untyped-decorators, no-warn-return-any

from math import exp, log2
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import Field, model_validator

from ohmflow.runtime.crossbar.draws import KIND_CROSSPOINT, Purpose, fold, key_of, line_offset, mix, normal
from ohmflow.runtime.devices.exponentials import power_of_two
from ohmflow.runtime.devices.protocol import pulse
from ohmflow.runtime.devices.spread import NoisyStepParameters, SpreadPlane, device_normals, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice
from ohmflow.runtime.devices.stuck import stuck_weights
from ohmflow.runtime.devices.upkeep import Maintenance

Plane = npt.NDArray[np.float32]

_ZERO, _ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)
_LOG2_E = log2(exp(1.0))
_SMALLEST_RANGE = 1e-6
"""Share of the nominal range that a device's own counts as at least: spread may make it 0."""
_OCCASION_FIELD = 7
"""Position of the pulse's number in the key of a refresh."""


class OneSidedPairParameters(NoisyStepParameters):
    """Steps and bounds of the two devices, how the step falls, and the refresh."""

    w_max: float = Field(gt=0, allow_inf_nan=False, description="Nominal bound of the plus device, device units.")
    w_min: float = Field(lt=0, allow_inf_nan=False, description="Nominal bound of the minus device, negated.")
    gamma: float = Field(default=0.0, allow_inf_nan=False, description="γ: share of the step lost at the bound.")
    A: float = Field(default=0.0, le=1, allow_inf_nan=False, description="A: share of the step lost at 0.")
    kappa: float = Field(default=0.0, ge=-80, le=80, description="κ: how fast that share changes towards the bound.")
    refresh_at: float = Field(
        default=0.75,
        gt=0,
        le=1,
        description="Share of its range past which a device makes its pair be refreshed; 1: never.",
    )
    refresh_read_noise: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the read of a refresh, device units."
    )
    refresh_pulses: int = Field(
        default=1000, ge=1, le=1_000_000, description="Pulses of a refresh at most, for one weight."
    )

    corrupt_probability: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Probability that one device of the pair is stuck somewhere between 0 and its bound.",
    )
    dead_probability: float = Field(
        default=0.0, ge=0, le=1, description="Probability that one device of the pair is stuck at 0."
    )

    @model_validator(mode="after")
    def _moves_at_zero(self) -> Self:
        if self.A >= 1.0:
            raise ValueError("a pulse must move a device that stands at 0; lower A")
        return self


class OneSidedPairPlanes(NamedTuple):
    """The draws and the state of an array of pairs, device units; plane 0 is the minus device, plane 1 the plus device.

    Attributes:
        g: [2, rows, cols] states; changed by pulses.
        step: [2, rows, cols] s₋, s₊.
        low: [2, rows, cols] least states: 0, or where a device is stuck.
        high: [2, rows, cols] bounds.
        per_range: [2, rows, cols] 1/b.
        gamma: γ.
        lost: A.
        rate: κ·log₂ e.
        share: ctoc.
        floor: ctoc·dw_min_ctoc_add.
        slope: ctoc·dw_min_ctoc_slope.
    """

    g: Plane
    step: Plane
    low: Plane
    high: Plane
    per_range: Plane
    gamma: np.float32
    lost: np.float32
    rate: np.float32
    share: np.float32
    floor: np.float32
    slope: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Raise the device of the direction, and return w after it."""
        return _raise(planes, r, c, up, xi, _ONE)

    @staticmethod
    def half_pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any, share: Any) -> Any:
        """Raise the device of the direction by a share of a step, and return w after it."""
        return _raise(planes, r, c, up, xi, share)


# A class of tuples takes every annotated name as a field; this one is of the class.
OneSidedPairPlanes.state_fields = ("g",)  # type: ignore[attr-defined]


@njit
def _mean_step(planes: Any, way: Any, r: Any, c: Any) -> Any:
    z = planes.g[way, r, c] * planes.per_range[way, r, c]
    left = _ONE - planes.gamma * z - planes.lost * power_of_two(planes.rate * z)
    return planes.step[way, r, c] * max(_ZERO, left)


@njit
def _raise(planes: Any, r: Any, c: Any, up: Any, xi: Any, share: Any) -> Any:
    way = np.uint64(up)
    g = planes.g[way, r, c]
    move = _mean_step(planes, way, r, c)
    noise = planes.share * move + planes.floor + planes.slope * g
    if planes.low[way, r, c] < planes.high[way, r, c]:
        moved = g + share * (move + noise * xi)
        planes.g[way, r, c] = min(max(moved, planes.low[way, r, c]), planes.high[way, r, c])
    return planes.g[1, r, c] - planes.g[0, r, c]


@njit(cache=True)
def _reprogram(planes: Any, w: Any, rows: Any, cols: Any, wanted: Any, key: Any, most: int, fired: Any) -> None:
    """Pulse pairs that were reset until they hold what is wanted.

    Args:
        planes: the pairs; changed.
        w: [rows, cols] float32 weights; set where pairs are programmed.
        rows: [n] int64 rows of the pairs.
        cols: [n] int64 their columns.
        wanted: [n] float32 weights.
        key: uint64 of the draws.
        most: pulses of one pair.
        fired: [rows, cols] int32, set to the pulses of each pair.
    """
    for k in range(rows.shape[0]):
        r, c = rows[k], cols[k]
        place = line_offset(KIND_CROSSPOINT, r, c)
        now = planes.g[1, r, c] - planes.g[0, r, c]
        number = 0
        while number < most:
            missing = wanted[k] - now
            up = missing > _ZERO
            step = _mean_step(planes, np.uint64(up), r, c)
            if abs(missing) <= _HALF * step or step == _ZERO:
                break
            xi = normal(mix(fold(key, number, _OCCASION_FIELD) + place))
            now = pulse(planes, np.uint64(r), np.uint64(c), now, up, xi)
            number += 1
        w[r, c] = now
        fired[r, c] = number


class OneSidedPair(SteppedDevice[OneSidedPairParameters]):
    """A pair of devices that pulses can only raise."""

    name: ClassVar[str] = "one-sided-pair"
    Parameters: ClassVar[type[OneSidedPairParameters]] = OneSidedPairParameters
    is_pair: ClassVar[bool] = True

    @property
    def refreshes(self) -> bool:
        """Whether pairs are ever refreshed."""
        return self.parameters.refresh_at < 1.0

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse on a pair that stands at 0, device units."""
        p = self.parameters
        return p.dw_min * (abs(1.0 + p.up_down / 2.0) + abs(1.0 - p.up_down / 2.0)) / 2.0 * (1.0 - p.A)

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> OneSidedPairPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        all_move = p.model_copy(update={"corrupt_probability": 0.0, "dead_probability": 0.0})
        up, down, b_max, b_min = steps_and_bounds(all_move, rows, cols, seed, array_id)
        step = np.stack([down, up])
        high = np.stack([np.maximum(-b_min, _ZERO), np.maximum(b_max, _ZERO)])
        low = np.zeros_like(high)
        if p.corrupt_probability + p.dead_probability > 0.0:
            for way, planes in enumerate(_STUCK):
                at = self._stuck_at(high[way], (seed, array_id, *planes))
                moves = np.isnan(at)
                step[way] *= moves
                low[way], high[way] = np.where(moves, low[way], at), np.where(moves, high[way], at)
        nominal = np.array([-p.w_min, p.w_max])[:, None, None]
        per_range = (1.0 / np.maximum(high, _SMALLEST_RANGE * nominal)).astype(np.float32)
        ctoc = p.dw_min_ctoc
        numbers = (p.gamma, p.A, p.kappa * _LOG2_E, ctoc, ctoc * p.dw_min_ctoc_add, ctoc * p.dw_min_ctoc_slope)
        return OneSidedPairPlanes(low.copy(), step, low, high, per_range, *(np.float32(number) for number in numbers))

    def _stuck_at(self, high: Plane, keys: tuple[int, int, int, int]) -> npt.NDArray[np.float64]:
        """Where devices of one kind are stuck, [rows, cols]; not a number for those that move."""
        p = self.parameters
        bound = high.astype(np.float64)
        return stuck_weights(p.corrupt_probability, p.dead_probability, np.zeros_like(bound), bound, 0.0, keys)

    @property
    def window_bounds(self) -> tuple[float, float]:
        """Least and largest state of the plus device, to which the target's conductance window belongs."""
        return 0.0, self.parameters.w_max

    def conducting(self, planes: OneSidedPairPlanes) -> Plane:
        """Return g₊ + g₋ of every pair, [rows, cols] device units, of which its conductance is a linear function."""
        total: Plane = planes.g[0] + planes.g[1]
        return total

    def bounds(self, planes: OneSidedPairPlanes) -> tuple[Plane, Plane]:
        """Return each pair's own (b_min, b_max), [rows, cols], device units."""
        return planes.low[1] - planes.high[0], planes.high[1] - planes.low[0]

    def settle(self, planes: OneSidedPairPlanes, w: Plane, programmed: bool) -> None:
        """Divide weights among the devices of their pairs; see `StatefulDevice.settle`.

        Where a pair was programmed, one of its devices is at its least. Else the smaller state stays, if it can.
        """
        common = planes.low.max(axis=0) if programmed else planes.g.min(axis=0)
        plus = np.clip(common + np.maximum(w, _ZERO), planes.low[1], planes.high[1])
        minus = np.clip(plus - w, planes.low[0], planes.high[0])
        planes.g[0] = minus
        planes.g[1] = np.clip(minus + w, planes.low[1], planes.high[1])

    def maintain(
        self, planes: OneSidedPairPlanes, w: Plane, seed: int, array_id: int, site: tuple[int, ...]
    ) -> Maintenance | None:
        """Refresh the pairs of which a device is nearly full; see `StatefulDevice.maintain`."""
        p = self.parameters
        limit = planes.low + np.float32(p.refresh_at) * (planes.high - planes.low)
        full = (planes.g > limit) & (planes.high > planes.low).all(axis=0)
        alone = np.stack([-w, w]) + np.float32(max(p.reset, 0.0)) >= limit
        due = np.logical_and(full.any(axis=0), ~alone.any(axis=0))
        if not due.any():
            return None
        wanted = w[due]
        if p.refresh_read_noise:
            noise = device_normals(w.shape[0], w.shape[1], seed, array_id, SpreadPlane.REFRESH_READ, *site)[due]
            wanted = (wanted + p.refresh_read_noise * noise).astype(np.float32)
        for way, planes_of_reset in enumerate(_RESETS):
            planes.g[way][due] = self._reset(planes, way, seed, array_id, site, planes_of_reset)[due]
        rows, cols = np.nonzero(due)
        key = np.uint64(key_of(seed, Purpose.DEVICE, array_id, SpreadPlane.REFRESH, *site))
        fired = np.zeros(w.shape, np.int32)
        _reprogram(planes, w, rows, cols, wanted, key, p.refresh_pulses, fired)
        return Maintenance(due, fired, parts=2)

    def _reset(
        self,
        planes: OneSidedPairPlanes,
        way: int,
        seed: int,
        array_id: int,
        site: tuple[int, ...],
        draws: tuple[SpreadPlane, SpreadPlane],
    ) -> Plane:
        """States that a reset leaves on the minus or plus devices."""
        p = self.parameters
        rows, cols = planes.low.shape[1:]
        g = np.full((rows, cols), p.reset, np.float64)
        if p.reset_dtod:
            g += p.reset_dtod * device_normals(rows, cols, seed, array_id, draws[0])
        if p.reset_ctoc:
            g += p.reset_ctoc * device_normals(rows, cols, seed, array_id, draws[1], *site)
        left: Plane = np.clip(g.astype(np.float32), planes.low[way], planes.high[way])
        return left


_STUCK = (
    (SpreadPlane.STUCK_MINUS, SpreadPlane.STUCK_AT_MINUS),
    (SpreadPlane.STUCK, SpreadPlane.STUCK_AT),
)
_RESETS = (
    (SpreadPlane.RESET_MINUS, SpreadPlane.RESET_MINUS_CTOC),
    (SpreadPlane.RESET, SpreadPlane.RESET_CTOC),
)
