"""What is seen of devices under pulses, and the figures that sum it up."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.device_view.ageing import AgeingView, Waiting, moments
from ohmflow.runtime.device_view.bench import DOWN, UP, DeviceBench, Trace, ViewOptions
from ohmflow.runtime.machine.ageing_spec import ageing_spec
from ohmflow.targets.schema.target import Target

Floats = npt.NDArray[np.float64]

_REPEATS = 50
_PLACES, _REPEATS_AT_A_PLACE, _FEWEST = 41, 10, 10
_CLEAR = 5.0
_SETTLED, _AT_BOUND = 0.1, 0.05
_SWING, _STEPS_UP, _STEPS_DOWN, _FROM_ABOVE, _FROM_BELOW, _HALF_UP, _HALF_DOWN, _CURVES = range(8)

_NEAR = 0.7
"""Share of the nominal range, from 0, at which devices are left alone."""

_NEVER = "relaxation after a pulse"
"""What devices do and ours do not."""


@dataclass(frozen=True)
class StepFigures:
    """Steps in one direction from w = 0, relative to dw_min.

    Attributes:
        mean: over devices and pulses; negative downwards.
        dtod: standard deviation between devices of a device's mean step.
        ctoc: standard deviation between pulses of a device, relative to its mean step; root mean square over devices.
    """

    mean: float
    dtod: float
    ctoc: float


@dataclass(frozen=True)
class StepCurve:
    """Mean step in one direction against weight.

    Attributes:
        w: [places] weights, device units.
        step: [places] mean over the devices that have room there, relative to dw_min; not a number where few have.
    """

    w: Floats
    step: Floats


@dataclass(frozen=True)
class DeviceView:
    """All that is seen of a target's devices. Weights are in device units, steps relative to dw_min.

    Attributes:
        target: name of the target.
        model: name of the device model.
        parameters: of the model.
        window: conductances of w_min and w_max, siemens, or None.
        options: how it was looked.
        dw_min: nominal step, device units.
        bounds: nominal (w_min, w_max).
        pulses: of a train in one direction.
        swing: from every device's lower bound, `pulses` up and `pulses` down.
        curves: mean step up and down against weight.
        steps: (up, down), each [repeats, devices], from w = 0.
        above: pairs of pulses, up and down, from the upper bounds.
        below: pairs from the lower bounds.
        symmetry: [devices] where pairs settle between the bounds, not a number where they do not within the train.
        low: [devices] lower bounds.
        high: [devices] upper bounds.
        half_select: step of a half-selected device relative to a whole pulse, as the target says it; 0 if none moves.
        half_up: half-selected pulses up, from w = 0.
        half_down: half-selected pulses down, from w = 0.
        ageing: what happens to devices that are left alone; None where the target says nothing of it.
        endurance: whole pulses that a device survives, the median, and `report` or `stuck`; None where it does not say.
    """

    target: str
    model: str
    parameters: dict[str, Any]
    window: tuple[float, float] | None
    options: ViewOptions
    dw_min: float
    bounds: tuple[float, float]
    pulses: int
    swing: Trace
    curves: tuple[StepCurve, StepCurve]
    steps: tuple[Floats, Floats]
    above: Trace
    below: Trace
    symmetry: Floats
    low: Floats
    high: Floats
    half_select: float
    half_up: Trace
    half_down: Trace
    ageing: AgeingView | None
    endurance: tuple[float, str] | None

    @property
    def not_modelled(self) -> tuple[str, ...]:
        """What devices do, and those of the target do not."""
        unsaid = [] if self.ageing is not None else ["retention and drift"]
        unsaid += [] if self.endurance is not None else ["endurance"]
        return (*unsaid, _NEVER)

    @property
    def step_figures(self) -> tuple[StepFigures, StepFigures]:
        """Figures of the steps up and down."""
        up, down = (step_figures(steps) for steps in self.steps)
        return up, down

    @property
    def states(self) -> Floats:
        """[devices] own range over own mean step from w = 0; infinite for a device that does not move."""
        size = (self.steps[0].mean(axis=0) - self.steps[1].mean(axis=0)) * self.dw_min / 2.0
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = np.where(size > 0.0, (self.high - self.low) / size, np.inf)
        return found

    @property
    def settled(self) -> Floats:
        """Symmetry points of the devices that have one."""
        found: Floats = self.symmetry[np.isfinite(self.symmetry)]
        return found


def examine(target: Target, options: ViewOptions) -> DeviceView:
    """Look at the devices of a target, on the machine's own arrays.

    Args:
        target: whose devices.
        options: how many devices and pulses, and the seed; equal options give equal bits.

    Returns:
        What was seen.

    Raises:
        NotPulsedError: the target's devices are not pulsed.
        DeviceViewError: devices times pulses are too many.
        DeviceError: the device model can not be loaded.
    """
    bench = DeviceBench(target, options)
    swing = bench.swing(_SWING)
    dw_min = bench.device.dw_min
    above, below = bench.alternate(bench.high, _FROM_ABOVE), bench.alternate(bench.low, _FROM_BELOW)
    window, worn = target.device.conductance, target.device.endurance
    return DeviceView(
        target=target.name,
        model=target.device.model,
        parameters=dict(target.device.parameters),
        window=None if window is None else (float(window.min.si), float(window.max.si)),
        options=options,
        dw_min=dw_min,
        bounds=bench.device.nominal_bounds,
        pulses=bench.pulses,
        swing=swing,
        curves=(step_curve(bench, UP), step_curve(bench, DOWN)),
        steps=(
            bench.steps_from(0.0, UP, _REPEATS, _STEPS_UP) / dw_min,
            bench.steps_from(0.0, DOWN, _REPEATS, _STEPS_DOWN) / dw_min,
        ),
        above=above,
        below=below,
        symmetry=symmetry_points(above, below, bench.low, bench.high, dw_min),
        low=bench.low,
        high=bench.high,
        half_select=bench.half_select,
        half_up=bench.half_selected(True, _HALF_UP),
        half_down=bench.half_selected(False, _HALF_DOWN),
        ageing=_left_alone(bench, target),
        endurance=None if worn is None else (float(worn.pulses.si), worn.beyond),
    )


def _left_alone(bench: DeviceBench, target: Target) -> AgeingView | None:
    spec = ageing_spec(target)
    if spec is None or not spec.does_anything:
        return None
    nominal = bench.device.nominal_bounds
    seconds = moments(spec, nominal)
    low, high = (Waiting(_NEAR * w, bench.wait(spec, _NEAR * w, seconds)) for w in nominal)
    return AgeingView(spec, seconds, high, low)


def step_figures(steps: Floats) -> StepFigures:
    """Sum up steps [repeats, devices] in one direction."""
    means = steps.mean(axis=0)
    within = steps.var(axis=0, ddof=1)
    # A device's mean over the repeats still strays by its share of what pulses differ.
    between = means.var(ddof=1) - within.mean() / len(steps)
    square = float((means * means).mean())
    ctoc = float(np.sqrt(within.mean() / square)) if square > 0.0 else 0.0
    return StepFigures(float(steps.mean()), float(np.sqrt(max(between, 0.0))), ctoc)


def step_curve(bench: DeviceBench, sign: float) -> StepCurve:
    """Measure the mean step against weight.

    Only devices take part that are clear of both their bounds, by five steps of dw_min: at a bound a step is cut.

    Args:
        bench: the devices.
        sign: UP or DOWN.
    """
    dw_min = bench.device.dw_min
    places = np.linspace(bench.low.min(), bench.high.max(), _PLACES)
    mean = np.full(_PLACES, np.nan)
    fewest = min(_FEWEST, bench.low.size)
    for k, w in enumerate(places.tolist()):
        clear = (w - bench.low > _CLEAR * dw_min) & (bench.high - w > _CLEAR * dw_min)
        if np.count_nonzero(clear) >= fewest:
            steps = bench.steps_from(w, sign, _REPEATS_AT_A_PLACE, _CURVES + 2 * k + int(sign == UP))
            mean[k] = steps[:, clear].mean() / dw_min
    return StepCurve(places, mean)


def symmetry_points(above: Trace, below: Trace, low: Floats, high: Floats, dw_min: float) -> Floats:
    """Return where alternating pulses settle, wherever they began.

    Args:
        above: pairs of pulses from the upper bounds.
        below: pairs from the lower bounds.
        low: [devices] lower bounds.
        high: [devices] upper bounds.
        dw_min: nominal step.

    Returns:
        [devices] mean of the last quarters of both. Not a number where they are further apart than a tenth of the
        device's range (alternating pulses hardly move it, or the train is too short to tell), and where they rest at a
        bound: within two steps, or a twentieth of the range.
    """
    tail = max(len(above.pulses) // 4, 1)
    upper, lower = above.w[-tail:].mean(axis=0), below.w[-tail:].mean(axis=0)
    point, ranges = (upper + lower) / 2.0, high - low
    settled = np.abs(upper - lower) < _SETTLED * ranges
    clear = np.minimum(high - point, point - low) > np.maximum(_AT_BOUND * ranges, 2.0 * dw_min)
    found: Floats = np.where(settled & clear, point, np.nan)
    return found
