"""What the fitter knows of a device model: its law, where to begin, and what its numbers are in device units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.trains import Trains

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """How conductances, in the unit of `Trains.y`, become device weights w.

    Attributes:
        origin: where the law was fitted to have w = 0.
        zero: where w = 0.
        unit: change of y for a change of w by 1.
        w_max: nominal upper bound.
        w_min: nominal lower bound.
    """

    origin: float
    zero: float
    unit: float
    w_max: float
    w_min: float


@dataclass(frozen=True)
class FitModel:
    """How a device model is fitted.

    Attributes:
        name: of the choice: the device model, or it with its kind of noise.
        device: the device model, as `device.model` names it.
        law: of `filter_kernel`, or an instance of a class of tuples with a static method `step` like `step_law` there.
        own: names of the device's own parameters before its two bounds.
        shared: names of those that all devices share, before log c and log ρ.
        start: [devices, len(own)] and [len(shared)] to begin with.
        numbers: what the device draws: `mean_step`, `asymmetry`, and the model's own, each [devices], in device units.
        widths: standard deviations of the weak prior that keeps what a train does not tell from running away.
        narrowed: other widths for given trains, if these do not tell all.
        limits: least and largest values of the shared ones; none if empty.
        fixed: parameters of the device that are not fitted.
        given: parameters that the trains themselves give or leave open, and what to say of each.
        absent: parameters of a stepped device that this one has not.
        constants: parameters of the device by the shared ones; given those, the mean range, the scale and the trains.
        elsewhere: other values of the shared parameters at which to begin, where one beginning may mislead.
        spread_of: parameter that holds the spread over devices of each of the model's own numbers.
        hard_bounded: whether a bound does nothing until it is reached.
        needs_zero: whether it matters where w = 0 while fitting.
        ends: what stands for w_max and w_min on each device, [devices, 2], if not its bounds; given its own parameters,
            its bounds, and the nominal ones.
        window_settles: number that is 0 by choice where the window is not given.
        told_apart: whether trains can tell it from other models; if not, it is fitted only when asked for.
        step_hangs_on: constants without which the size of a step is not told.
        has_table: whether the device takes the steps' distribution as a table.
    """

    name: str
    device: str
    law: Any
    own: tuple[str, ...]
    start: Callable[[FirstLook], tuple[Floats, Floats]]
    numbers: Callable[[Floats, Floats, Floats, Scale], dict[str, Floats]]
    shared: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()
    narrowed: Callable[[Trains], tuple[float, ...]] | None = None
    limits: tuple[tuple[float, float], ...] = ()
    fixed: Mapping[str, float] = field(default_factory=dict)
    given: Callable[[Trains], dict[str, tuple[float, str]]] | None = None
    absent: tuple[str, ...] = ()
    constants: Callable[[Floats, float, Scale, Trains], dict[str, float]] | None = None
    elsewhere: tuple[tuple[float, ...], ...] = ()
    spread_of: Mapping[str, str] = field(default_factory=dict)
    hard_bounded: bool = False
    needs_zero: bool = False
    ends: Callable[[Floats, Floats, float, float], Floats] | None = None
    window_settles: str = ""
    told_apart: bool = True
    has_table: bool = False
    step_hangs_on: tuple[str, ...] = ()

    @property
    def upper(self) -> int:
        """Index of the upper bound among the parameters; the lower one follows."""
        return len(self.own)

    @property
    def own_count(self) -> int:
        """Parameters that each device has for itself."""
        return len(self.own) + 2

    @property
    def count(self) -> int:
        """All parameters of a filter."""
        return self.own_count + len(self.shared) + 2


def drawn(up: Floats, down: Floats, scale: Scale) -> dict[str, Floats]:
    """The numbers of `spread.steps_and_bounds` from the steps s₊ and s₋ at their place, in the unit of y."""
    return {"mean_step": (up + down) / (2.0 * scale.unit), "asymmetry": (up - down) / scale.unit}


def log_steps(look: FirstLook) -> Floats:
    """Logarithms of the steps up and down, [devices, 2]."""
    found: Floats = np.log(np.stack([look.step[1], look.step[0]], axis=1))
    return found
