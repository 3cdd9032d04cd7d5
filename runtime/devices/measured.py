"""`measured`: steps as they were measured, drawn from a table of their distribution in every state and direction.

The table (`step_table.py`) gives quantiles of the step for states g_1 … g_n. States are mapped linearly to weights,
g_1 to w_min and g_n to w_max, on a device with other bounds to b_min and b_max. A pulse at w takes the level u = Φ(ξ)
and moves the device by the quantile at u, in device units, times s± over the table's mean step at w = 0; quantiles are
linear between levels, and between states. So in a state of the table the step has the table's own distribution.
`dw_min` scales all steps; left out, it is the table's mean step, and they stay as measured. `up_down` and spreads
between devices come on top; `dw_min_ctoc` must be 0, since the table holds the spread between pulses. All is clipped to
[b_min, b_max].
Method: inverse transform (Devroye 1986, Non-Uniform Random Variate Generation, II.2).
Not modelled: memory of earlier pulses beyond w, a distribution that differs from device to device.
"""

from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field, model_validator

from ohmflow.runtime.devices.exponentials import normal_share
from ohmflow.runtime.devices.spread import SteppedParameters, steps_and_bounds
from ohmflow.runtime.devices.step_table import StepTable, read_table
from ohmflow.runtime.devices.stepped import SteppedDevice

Plane = npt.NDArray[np.float32]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_BUCKETS = 256
_SMALLEST_RANGE = 1e-6
"""Share of the nominal range that a device's own counts as at least: spread may make it 0."""


class MeasuredParameters(SteppedParameters):
    """The table, the bounds that its states are mapped to, and spreads between devices."""

    dw_min: float = Field(
        default=0.0,
        ge=0,
        allow_inf_nan=False,
        description="Mean step of one pulse at w = 0, device units; left out, that of the table.",
    )
    dw_min_ctoc: float = Field(default=0.0, ge=0, le=0, description="The table holds the spread between pulses.")
    table: Annotated[StepTable, BeforeValidator(read_table)] = Field(
        description="State, level, up and down; or the path of a CSV or NPZ file, relative to the target's."
    )

    @property
    def step_of_the_table(self) -> float:
        """Mean step of both directions at w = 0, device units, as measured."""
        states = np.array(self.table.state)
        per_state = (self.w_max - self.w_min) / (states[-1] - states[0])
        at = states[0] - self.w_min / per_state
        up, down = (float(np.interp(at, states, self.table.mean(way))) for way in (True, False))
        return float((up - down) / 2.0 * per_state)

    @model_validator(mode="after")
    def _moves_at_zero(self) -> Self:
        if self.step_of_the_table <= 0.0:
            raise ValueError("pulses up less pulses down must raise the state at w = 0, on the mean; mend the table")
        return self


class MeasuredPlanes(NamedTuple):
    """The draws of an array of devices, device units.

    Attributes:
        scale: [2, rows, cols] what the table's steps are multiplied by, down and up.
        per_range: [rows, cols] 1/(b_max − b_min).
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        state: [states] places of the states between the bounds, from 0 to 1.
        state_from: [buckets + 1] the stretch between states with which to begin in each part of [0, 1].
        level: [levels] levels, from 0 to 1.
        level_from: [buckets + 1] likewise.
        quantile: [2, states, levels] steps, down and up.
    """

    scale: Plane
    per_range: Plane
    b_max: Plane
    b_min: Plane
    state: Plane
    state_from: npt.NDArray[np.int64]
    level: Plane
    level_from: npt.NDArray[np.int64]
    quantile: Plane

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        way = np.uint64(up)
        lower = planes.b_min[r, c]
        z = min(max((w - lower) * planes.per_range[r, c], _ZERO), _ONE)
        u = normal_share(xi)
        i = planes.state_from[np.int64(z * np.float32(_BUCKETS))]
        while planes.state[i + 1] < z:
            i += 1
        k = planes.level_from[np.int64(u * np.float32(_BUCKETS))]
        while planes.level[k + 1] < u:
            k += 1
        share = (u - planes.level[k]) / (planes.level[k + 1] - planes.level[k])
        low, high = planes.quantile[way, i, k], planes.quantile[way, i + 1, k]
        low += share * (planes.quantile[way, i, k + 1] - low)
        high += share * (planes.quantile[way, i + 1, k + 1] - high)
        place = (z - planes.state[i]) / (planes.state[i + 1] - planes.state[i])
        moved = w + planes.scale[way, r, c] * (low + place * (high - low))
        return min(max(moved, lower), planes.b_max[r, c])


def _stretches(nodes: Plane) -> npt.NDArray[np.int64]:
    """The last stretch [n_i, n_i+1] that begins at or before each k/buckets, but never the end of the last."""
    at = np.arange(_BUCKETS + 1, dtype=np.float32) / np.float32(_BUCKETS)
    found: npt.NDArray[np.int64] = np.clip(np.searchsorted(nodes, at, side="right") - 1, 0, len(nodes) - 2)
    return found.astype(np.int64)


class Measured(SteppedDevice[MeasuredParameters]):
    """A device whose steps are drawn from a table."""

    name: ClassVar[str] = "measured"
    Parameters: ClassVar[type[MeasuredParameters]] = MeasuredParameters

    def __init__(self, parameters: MeasuredParameters) -> None:
        """Make the model.

        Args:
            parameters: of the model; without `dw_min`, it becomes that of the table.
        """
        measured = parameters.step_of_the_table
        super().__init__(parameters if parameters.dw_min else parameters.model_copy(update={"dw_min": measured}))

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> MeasuredPlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p, table = self.parameters, self.parameters.table
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)
        span = np.maximum(b_max - b_min, np.float32(_SMALLEST_RANGE * (p.w_max - p.w_min)))
        states = np.array(table.state)
        place = ((states - states[0]) / (states[-1] - states[0])).astype(np.float32)
        level = np.array(table.level, np.float32)
        per_state = (p.w_max - p.w_min) / (states[-1] - states[0])
        quantile = np.array([table.down, table.up]) * per_state
        scale = (np.stack([down, up]) / p.step_of_the_table).astype(np.float32)
        return MeasuredPlanes(
            scale,
            np.float32(1.0) / span,
            b_max,
            b_min,
            place,
            _stretches(place),
            level,
            _stretches(level),
            quantile.astype(np.float32),
        )
