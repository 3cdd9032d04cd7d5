"""What the fitter knows of a device model: its law, where to begin, and what its numbers are in device units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.first_look import FirstLook

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
        law: of `filter_kernel`.
        own: names of the device's own parameters before its two bounds.
        shared: names of those that all devices share, before log c and log ρ.
        start: [devices, len(own)] and [len(shared)] to begin with.
        numbers: what the device draws: `mean_step`, `asymmetry`, and the model's own, each [devices], in device units.
        widths: standard deviations of the weak prior that keeps what a train does not tell from running away.
        fixed: parameters of the device that are not fitted.
        constants: parameters of the device by the shared ones; given those, the mean range and the scale.
        elsewhere: other values of the shared parameters at which to begin, where one beginning may mislead.
        spread_of: parameter that holds the spread over devices of each of the model's own numbers.
    """

    name: str
    device: str
    law: int
    own: tuple[str, ...]
    start: Callable[[FirstLook], tuple[Floats, Floats]]
    numbers: Callable[[Floats, Floats, Floats, Scale], dict[str, Floats]]
    shared: tuple[str, ...] = ()
    widths: tuple[float, ...] = ()
    fixed: Mapping[str, float] = field(default_factory=dict)
    constants: Callable[[Floats, float, Scale], dict[str, float]] | None = None
    elsewhere: tuple[tuple[float, ...], ...] = ()
    spread_of: Mapping[str, str] = field(default_factory=dict)

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
