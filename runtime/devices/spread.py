"""Draws that differ from device to device: steps and bounds (`docs/semantics.md`, *Device models*).

Source of the equations: the aihwkit device family (Rasch et al. 2021, arXiv 2104.02184), with the mean asymmetry
shared by both directions.
"""

from enum import IntEnum
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ohmflow.runtime.crossbar.draws import Purpose, key_of, normal_plane
from ohmflow.runtime.devices.stuck import stuck_weights

Plane = npt.NDArray[np.float32]


class SpreadPlane(IntEnum):
    """The fourth field of a device draw's key: which of a device's numbers it is."""

    STEP = 1
    UP_DOWN = 2
    W_MAX = 3
    W_MIN = 4
    GAMMA_UP = 5
    GAMMA_DOWN = 6
    RESET = 7
    RESET_CTOC = 8
    STUCK = 9
    STUCK_AT = 10
    REFERENCE = 11
    RESET_MINUS = 12
    RESET_MINUS_CTOC = 13
    REFRESH = 14
    REFRESH_READ = 15
    STUCK_MINUS = 16
    STUCK_AT_MINUS = 17


class SteppedParameters(BaseModel):
    """Parameters that every device with steps and bounds has. Device units are those of w in W = α·w."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dw_min: float = Field(gt=0, allow_inf_nan=False, description="Mean step of one pulse at w = 0, device units.")
    dw_min_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the step between devices, relative to dw_min."
    )
    dw_min_dtod_log_normal: bool = Field(
        default=False,
        description="Whether the step's spread between devices is log-normal, dw_min·exp(dw_min_dtod·ξ); else normal.",
    )
    dw_min_ctoc: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the step between pulses, relative to the step."
    )
    up_down: float = Field(
        default=0.0,
        ge=-2,
        le=2,
        description="Mean asymmetry: the step up less the step down, relative to dw_min; half goes to each direction.",
    )
    up_down_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the asymmetry between devices."
    )
    w_max: float = Field(gt=0, allow_inf_nan=False, description="Nominal upper bound of w, device units.")
    w_min: float = Field(lt=0, allow_inf_nan=False, description="Nominal lower bound of w, device units.")
    w_max_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the upper bound, relative to w_max."
    )
    w_min_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of the lower bound, relative to w_min."
    )
    write_noise: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Spread of what is read about what pulses act on, drawn anew with every pulse; relative to dw_min.",
    )
    corrupt_probability: float = Field(
        default=0.0, ge=0, le=1, description="Probability that a device is stuck somewhere between its bounds."
    )
    dead_probability: float = Field(
        default=0.0, ge=0, le=1, description="Probability that a device is stuck at w_min, the lowest conductance."
    )
    reset: float = Field(default=0.0, allow_inf_nan=False, description="Mean weight that a reset leaves, device units.")
    reset_dtod: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of that weight between devices, device units."
    )
    reset_ctoc: float = Field(
        default=0.0, ge=0, allow_inf_nan=False, description="Spread of that weight between resets, device units."
    )

    @model_validator(mode="after")
    def _some_may_move(self) -> Self:
        if self.corrupt_probability + self.dead_probability > 1.0:
            raise ValueError("corrupt_probability and dead_probability must add up to 1 at most; lower one of them")
        return self


class NoisyStepParameters(SteppedParameters):
    """Steps whose spread between pulses, dw_min_ctoc of the step, may be that of more than the step."""

    dw_min_ctoc_add: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="What is added to the step in the spread between pulses, device units.",
    )
    dw_min_ctoc_slope: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Share of a device's state, without sign, that is added to the step in the spread between pulses.",
    )


def device_normals(rows: int, cols: int, seed: int, array_id: int, plane: SpreadPlane, *occasion: int) -> Plane:
    """Draw one standard normal number a device.

    Args:
        rows: logical rows.
        cols: logical columns.
        seed: the run's seed.
        array_id: number of the array in the program.
        plane: which number of the device it is.
        occasion: where a number is drawn again and again, when; such as how many times it was drawn before.

    Returns:
        [rows, cols] draws; no two planes, occasions, arrays or seeds share any.
    """
    drawn: Plane = normal_plane(np.uint64(key_of(seed, Purpose.DEVICE, array_id, plane, *occasion)), rows, cols)
    return drawn


def steps_and_bounds(
    p: SteppedParameters, rows: int, cols: int, seed: int, array_id: int
) -> tuple[Plane, Plane, Plane, Plane]:
    """Draw s₊, s₋, b_max and b_min of every device.

    Args:
        p: mean values and spreads.
        rows: logical rows.
        cols: logical columns.
        seed: the run's seed.
        array_id: number of the array in the program.

    Returns:
        Step up, step down (both ≥ 0), upper bound, lower bound: each [rows, cols], device units.
    """

    def spread(sigma: float, plane: SpreadPlane) -> npt.NDArray[np.float64] | float:
        return sigma * device_normals(rows, cols, seed, array_id, plane).astype(np.float64) if sigma else 0.0

    xi = spread(p.dw_min_dtod, SpreadPlane.STEP)
    g = np.exp(xi) if p.dw_min_dtod_log_normal else np.maximum(0.0, 1.0 + xi)
    half = (p.up_down + spread(p.up_down_dtod, SpreadPlane.UP_DOWN)) / 2.0
    planes = [
        np.broadcast_to(plane, (rows, cols))
        for plane in (
            np.abs(g + half) * p.dw_min,
            np.abs(g - half) * p.dw_min,
            p.w_max * np.maximum(0.0, 1.0 + spread(p.w_max_dtod, SpreadPlane.W_MAX)),
            p.w_min * np.maximum(0.0, 1.0 + spread(p.w_min_dtod, SpreadPlane.W_MIN)),
        )
    ]
    if p.corrupt_probability + p.dead_probability > 0.0:
        up, down, upper, lower = planes
        keys = (seed, array_id, SpreadPlane.STUCK, SpreadPlane.STUCK_AT)
        at = stuck_weights(p.corrupt_probability, p.dead_probability, lower, upper, p.w_min, keys)
        moves = np.isnan(at)
        planes = [up * moves, down * moves, np.where(moves, upper, at), np.where(moves, lower, at)]
    drawn = tuple(np.ascontiguousarray(plane, np.float32) for plane in planes)
    return drawn[0], drawn[1], drawn[2], drawn[3]
