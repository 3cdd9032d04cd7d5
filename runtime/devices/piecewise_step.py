"""`piecewise-step`: the step follows a curve that is given at nodes and is linear between them.

The nodes of a direction lie at equal distances from b_min to b_max, the device's own bounds. With f±(w) the curve
through them, Δ± = s±·f±(w)·(1 + ctoc·ξ), clipped to [b_min, b_max]; with `ctoc_additive`, Δ± = s±·(f±(w) + ctoc·ξ).
Alternating pulses settle where both steps are equal. Source: the aihwkit device of that name (Rasch et al. 2021, arXiv
2104.02184). Not modelled: retention, a curve that differs from device to device in more than its scale and bounds.
"""

from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ohmflow.runtime.devices.spread import SteppedParameters, steps_and_bounds
from ohmflow.runtime.devices.stepped import SteppedDevice

Plane = npt.NDArray[np.float32]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_SMALLEST_RANGE = 1e-6
"""Share of the nominal range that a device's own counts as at least: spread may make it 0."""

Node = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Nodes = Annotated[tuple[Node, ...], Field(min_length=2, max_length=1024)]


class PiecewiseStepParameters(SteppedParameters):
    """Steps, bounds, the two curves, and which noise."""

    nodes_up: Nodes = Field(
        description="Step up over dw_min at weights in equal distances from w_min to w_max, 2 or more, each at least 0."
    )
    nodes_down: Nodes = Field(
        description="Step down over dw_min at weights in equal distances from w_min to w_max, 2 or more, at least 0."
    )
    ctoc_additive: bool = Field(
        default=False,
        description="Whether the spread between pulses stays that of a step s±; else it shrinks with the step.",
    )

    def mean_step(self) -> float:
        """Return the mean step of both directions at w = 0, device units."""
        at = -self.w_min / (self.w_max - self.w_min)
        up, down = (
            float(np.interp(at, np.linspace(0.0, 1.0, len(nodes)), nodes)) for nodes in (self.nodes_up, self.nodes_down)
        )
        return self.dw_min * (abs(1.0 + self.up_down / 2.0) * up + abs(1.0 - self.up_down / 2.0) * down) / 2.0

    @model_validator(mode="after")
    def _moves_at_zero(self) -> Self:
        if self.mean_step() <= 0.0:
            raise ValueError("a pulse at w = 0 must move the device in one direction at least; raise its nodes")
        return self


class PiecewisePlanes(NamedTuple):
    """The draws of an array of devices, device units. A pulse adds step·(f·(1 + relative·ξ) + fixed·ξ).

    Attributes:
        step: [2, rows, cols] −s₋ in plane 0 (down), s₊ in plane 1 (up).
        nodes: [2, nodes] f₋, f₊ at equal distances from b_min to b_max.
        cells: [2] how many stretches between nodes each direction has.
        per_range: [rows, cols] 1/(b_max − b_min).
        b_max: [rows, cols] upper bounds.
        b_min: [rows, cols] lower bounds.
        relative: spread between pulses, relative to the step.
        fixed: spread between pulses, relative to s±.
    """

    step: Plane
    nodes: Plane
    cells: Plane
    per_range: Plane
    b_max: Plane
    b_min: Plane
    relative: np.float32
    fixed: np.float32

    @staticmethod
    def pulse(planes: Any, r: Any, c: Any, w: Any, up: Any, xi: Any) -> Any:
        """Return w after one pulse."""
        way = np.uint64(up)
        lower = planes.b_min[r, c]
        at = max((w - lower) * planes.per_range[r, c], _ZERO) * planes.cells[way]
        cell = np.uint64(np.int64(min(at, planes.cells[way] - _ONE)))
        low = planes.nodes[way, cell]
        share = min(at - np.float32(np.int64(cell)), _ONE)
        factor = low + share * (planes.nodes[way, cell + np.uint64(1)] - low)
        moved = w + planes.step[way, r, c] * (factor * (_ONE + planes.relative * xi) + planes.fixed * xi)
        return min(max(moved, lower), planes.b_max[r, c])


class PiecewiseStep(SteppedDevice[PiecewiseStepParameters]):
    """A device whose step follows a given curve."""

    name: ClassVar[str] = "piecewise-step"
    Parameters: ClassVar[type[PiecewiseStepParameters]] = PiecewiseStepParameters

    @property
    def dw_min(self) -> float:
        """Mean step of a pulse at w = 0, device units, by the curves between the nominal bounds."""
        return self.parameters.mean_step()

    def planes(self, rows: int, cols: int, seed: int, array_id: int) -> PiecewisePlanes:
        """Draw the devices of an array; see `Device.planes`."""
        p = self.parameters
        up, down, b_max, b_min = steps_and_bounds(p, rows, cols, seed, array_id)
        span = np.maximum(b_max - b_min, np.float32(_SMALLEST_RANGE * (p.w_max - p.w_min)))
        curves = (p.nodes_down, p.nodes_up)
        nodes = np.zeros((2, max(len(curve) for curve in curves)), np.float32)
        for way, curve in enumerate(curves):
            nodes[way, : len(curve)] = curve
        cells = np.array([len(curve) - 1 for curve in curves], np.float32)
        noise = (0.0, p.dw_min_ctoc) if p.ctoc_additive else (p.dw_min_ctoc, 0.0)
        return PiecewisePlanes(
            np.stack([-down, up]),
            nodes,
            cells,
            np.float32(1.0) / span,
            b_max,
            b_min,
            np.float32(noise[0]),
            np.float32(noise[1]),
        )
