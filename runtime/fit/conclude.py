"""From each device's most likely parameters to the parameters of the device model, with 95 % intervals.

Weights have a free scale: nominal bounds are w_max and w_min by choice, and what is estimated is the window, the
conductances there (means over devices of their bounds). Everything else is in units of that window, so its error is
carried into everything else, device by device.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy import exp

from ohmflow.runtime.fit.likelihood import Likely, shared_widths
from ohmflow.runtime.fit.models.protocol import Scale
from ohmflow.runtime.fit.populations import Population, population, ratio_interval
from ohmflow.runtime.fit.step_shape import Shape, shape_of
from ohmflow.runtime.fit.window import VAGUE_BOUND, Mean, Nominal, mean_of, window_of

Floats = npt.NDArray[np.float64]

_VAGUE = 0.5
"""Standard error above which a number is not told: relative to the mean step, or absolute for powers and slopes."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: the estimate, or what stands in.
        low: lower end of the 95 % interval; not a number if the measurement does not tell.
        high: upper end.
        note: why it is not told, or what to mind.
    """

    value: float
    low: float
    high: float
    note: str = ""

    @property
    def told(self) -> bool:
        """Whether the measurement tells the number."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


@dataclass(frozen=True)
class Concluded:
    """A device model, fitted.

    Attributes:
        likely: what it rests on.
        scale: how conductances become weights.
        parameters: of the device model, by name.
        g_max: conductance at w_max, siemens.
        g_min: conductance at w_min, siemens.
        read_error: of a read, siemens.
        populations: means and spreads over devices of what devices draw, device units.
        z: [devices, numbers] estimates on each device, in the order of `populations`.
        z_variance: [devices, numbers] squares of their errors.
        known: [devices, numbers] which of them the trains tell.
        shape: of the steps' distribution up and down, if the device takes a table of it.
    """

    likely: Likely
    scale: Scale
    parameters: dict[str, Estimate]
    g_max: Estimate
    g_min: Estimate
    read_error: Estimate
    populations: dict[str, Population]
    z: Floats
    z_variance: Floats
    known: npt.NDArray[np.bool_]
    shape: Shape | None = None


def _scale(likely: Likely, nominal: Nominal, high: float, low: float) -> Scale:
    unit = max(high - low, 1e-9) / (nominal.w_max - nominal.w_min)
    return Scale(likely.zero, low - nominal.w_min * unit, unit, nominal.w_max, nominal.w_min)


def _numbers(likely: Likely, theta: Floats, scale: Scale) -> dict[str, Floats]:
    m = likely.model
    own, bounds, shared = theta[:, : m.upper], theta[:, m.upper : m.own_count], theta[0, m.own_count :]
    found = m.numbers(own, bounds, shared, scale)
    found.setdefault("b_max", (bounds[:, 0] - scale.zero) / scale.unit)
    found.setdefault("b_min", (bounds[:, 1] - scale.zero) / scale.unit)
    return found


def _stack(numbers: dict[str, Floats]) -> Floats:
    return np.stack(list(numbers.values()), axis=1)


def _spread_by_own(likely: Likely, scale: Scale) -> tuple[Floats, Floats]:
    """Squares of the errors of the numbers [devices, numbers], and their slopes by the shared parameters."""
    m, theta = likely.model, likely.theta
    h = 1e-5
    slopes = []
    for k in range(m.own_count):
        ends = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[:, k] += sign * h
            ends.append(_stack(_numbers(likely, moved, scale)))
        slopes.append((ends[0] - ends[1]) / (2.0 * h))
    jacobian = np.stack(slopes, axis=2)
    variance = np.einsum("dqi,dij,dqj->dq", jacobian, likely.own_variance, jacobian)
    # A shared parameter moves a number through the own ones that follow it, and by itself: s± = own/(1 − A±).
    by_shared = np.einsum("dqi,dis->dqs", jacobian, likely.cross)
    for k in range(theta.shape[1] - m.own_count):
        ends = []
        for sign in (1.0, -1.0):
            moved = theta.copy()
            moved[:, m.own_count + k] += sign * h
            ends.append(_stack(_numbers(likely, moved, scale)))
        by_shared[:, :, k] += (ends[0] - ends[1]) / (2.0 * h)
    return variance, by_shared


def conclude(likely: Likely, nominal: Nominal) -> Concluded:
    """Sum devices up.

    Args:
        likely: the most likely parameters of each.
        nominal: the scale of weights.
    """
    (high, low), notes, given = window_of(likely, nominal)
    scale = _scale(likely, nominal, high.value, low.value)
    numbers = _numbers(likely, likely.theta, scale)
    z = _stack(numbers)
    variance, by_shared = _spread_by_own(likely, scale)
    typical = float(np.median(z[:, 0]))
    vague = np.array([_VAGUE * typical] * 2 + [_VAGUE] * (len(numbers) - 4) + [VAGUE_BOUND / scale.unit] * 2)
    known = np.isfinite(z) & (np.sqrt(np.maximum(variance, 0.0)) < vague)
    pops, means = {}, {}
    h = 1e-4
    for q, name in enumerate(numbers):
        if not known[:, q].any():
            continue
        pop = pops[name] = population(z[:, q], variance[:, q], known[:, q])
        mean = mean_of(pop, by_shared[:, q])
        for k, end in enumerate((high, low)):
            ends = []
            for sign in (1.0, -1.0):
                shift = [0.0, 0.0]
                shift[k] = sign * h
                moved = _scale(likely, nominal, high.value + shift[0], low.value + shift[1])
                ends.append(
                    float(pop.weights @ np.where(known[:, q], _numbers(likely, likely.theta, moved)[name], 0.0))
                )
            if np.any(end.influence) or end.own_error:
                mean = mean.plus((ends[0] - ends[1]) / (2.0 * h), end)
        means[name] = mean
    half = likely.trains.half
    g_max, g_min = (_siemens(likely, end, note) for end, note in zip((high, low), notes, strict=True))
    c, rho = (_shared(likely, k) for k in (-2, -1))
    parameters = _parameters(likely, nominal, scale, pops, means, (high, low), c, given)
    told = likely.trains.read_error
    read = Estimate(*told) if told is not None else Estimate(half * rho[0], half * rho[1], half * rho[2])
    if parameters and not parameters["dw_min"].told:
        parameters["write_noise"] = _UNTOLD
    elif parameters:
        parameters["write_noise"] = _write_noise(rho, parameters["dw_min"], scale) if told is not None else _ONE_READ
    for name in likely.model.absent:
        parameters.pop(name, None)
    shape = shape_of(likely) if likely.model.has_table else None
    return Concluded(likely, scale, parameters, g_max, g_min, read, pops, z, variance, known, shape)


def _siemens(likely: Likely, end: Mean, note: str) -> Estimate:
    trains = likely.trains
    value = float(trains.siemens(end.value))
    if note.startswith(("given", "not told")):
        return Estimate(value, float("nan"), float("nan"), note)
    _, low, high = end.interval(likely.shared_variance)
    return Estimate(value, float(trains.siemens(low)), float(trains.siemens(high)), note)


def _shared(likely: Likely, k: int) -> tuple[float, float, float]:
    """A spread whose logarithm is a shared parameter: value, low, high."""
    log_value = float(likely.shared[k])
    error = float(np.sqrt(max(likely.shared_variance[k, k], 0.0)))
    if error > 0.5:
        # Too small to tell from nothing: an upper end alone, on the square's own scale.
        square, wide = exp(2.0 * log_value), 2.0 * exp(2.0 * log_value) * min(error, 1e3)
        return float(exp(log_value)), 0.0, float(np.sqrt(square + 1.96 * wide))
    return tuple(float(exp(log_value + s * 1.959964 * error)) for s in (0.0, -1.0, 1.0))  # type: ignore[return-value]


_UNTOLD = Estimate(0.0, float("nan"), float("nan"), "not told by these trains")
_ONE_READ = Estimate(
    0.0, float("nan"), float("nan"), "not told: without repeated reads, noise of reads is put down to the instrument"
)
_ONE_DEVICE = Estimate(0.0, float("nan"), float("nan"), "not told: one device has no spread")


def _parameters(
    likely: Likely,
    nominal: Nominal,
    scale: Scale,
    pops: dict[str, Population],
    means: dict[str, Mean],
    ends: tuple[Mean, Mean],
    c: tuple[float, float, float],
    given: bool,
) -> dict[str, Estimate]:
    m, shared = likely.model, likely.shared_variance
    step = means.get("mean_step")
    found: dict[str, Estimate] = {}
    if step is None:
        return found
    bottom = step.interval(shared)
    found["dw_min"] = Estimate(*bottom)
    found["dw_min_dtod"] = _over(pops["mean_step"], bottom)
    found["dw_min_ctoc"] = Estimate(*c)
    if "asymmetry" in means:
        ratio = means["asymmetry"].value / step.value
        mean = Mean(ratio, np.zeros_like(step.influence), np.zeros(shared.shape[0]), step.devices, 0.0)
        mean = mean.plus(1.0 / step.value, means["asymmetry"]).plus(-ratio / step.value, step)
        found["up_down"] = Estimate(*mean.interval(shared))
        found["up_down_dtod"] = _over(pops["asymmetry"], bottom)
    else:
        found["up_down"], found["up_down_dtod"] = _UNTOLD, _UNTOLD
    width = ends[0].value - ends[1].value
    for name, number, nominal_bound in (("w_max", "b_max", nominal.w_max), ("w_min", "b_min", -nominal.w_min)):
        chosen = nominal_bound if name == "w_max" else -nominal_bound
        found[name] = Estimate(chosen, float("nan"), float("nan"), "chosen: it only sets the unit of weights")
        unit = Mean(1.0, np.zeros_like(step.influence), np.zeros(shared.shape[0]), likely.trains.devices, 0.0)
        if not given:
            unit = unit.plus(1.0 / width, ends[0]).plus(-1.0 / width, ends[1])
        relative = unit.interval(shared)
        found[f"{name}_dtod"] = (
            _over(pops[number], tuple(nominal_bound * x for x in relative)) if number in pops else _UNTOLD  # type: ignore[arg-type]
        )
    for number, spread in m.spread_of.items():
        if number not in means:
            found[number], found[spread] = _UNTOLD, _UNTOLD
            continue
        settled = number == m.window_settles and not given
        found[number] = (
            Estimate(0.0, float("nan"), float("nan"), "chosen: w = 0 is where devices settle on the mean")
            if settled
            else Estimate(*means[number].interval(shared))
        )
        found[spread] = _over(pops[number], (1.0, 1.0, 1.0))
    found |= _constants(likely, nominal, scale, ends)
    if any(not found[name].told for name in m.step_hangs_on):
        hangs = f"not told: it hangs on {' and '.join(m.step_hangs_on)}, which are not all told"
        for name in ("dw_min", "dw_min_dtod", "up_down", "up_down_dtod"):
            found[name] = Estimate(found[name].value, float("nan"), float("nan"), hangs)
    if m.given is not None:
        given_by_trains = m.given(likely.trains).items()
        found |= {name: Estimate(value, float("nan"), float("nan"), note) for name, (value, note) in given_by_trains}
    return found | {name: Estimate(value, float("nan"), float("nan"), "chosen") for name, value in m.fixed.items()}


def _write_noise(rho: tuple[float, float, float], dw_min: Estimate, scale: Scale) -> Estimate:
    step = tuple(scale.unit * x for x in (dw_min.value, dw_min.low, dw_min.high))
    low, high = ratio_interval(rho, step)  # type: ignore[arg-type]
    return Estimate(rho[0] / step[0] if rho[1] > 0.0 else 0.0, low, high)


def _over(pop: Population, bottom: tuple[float, float, float]) -> Estimate:
    if pop.devices < 2:
        return _ONE_DEVICE
    low, high = ratio_interval((pop.spread, pop.spread_low, pop.spread_high), bottom)
    return Estimate(pop.spread / bottom[0], low, high)


def _constants(likely: Likely, nominal: Nominal, scale: Scale, ends: tuple[Mean, Mean]) -> dict[str, Estimate]:
    """Parameters that all devices share, with errors by the shared parameters and by the window."""
    m = likely.model
    if m.constants is None:
        return {}
    shared, span = likely.shared, ends[0].value - ends[1].value
    values = m.constants(shared, span, scale, likely.trains)
    h = 1e-5
    # What the measurement does not narrow is the prior's.
    left = np.zeros(shared.size, bool)
    width = np.array(shared_widths(m, likely.trains))
    left[: width.size] = np.diag(likely.shared_variance)[: width.size] > 0.5 * width**2
    found = {}
    for name, value in values.items():
        slope = np.zeros(shared.size)
        for k in range(shared.size):
            moved = shared.copy()
            moved[k] += h
            slope[k] = (m.constants(moved, span, scale, likely.trains)[name] - value) / h
        mean = Mean(value, np.zeros(likely.trains.devices), slope, likely.trains.devices, 0.0)
        for k, end in enumerate(ends):
            shift = [h if k == 0 else 0.0, h if k == 1 else 0.0]
            turned = _scale(likely, nominal, ends[0].value + shift[0], ends[1].value + shift[1])
            mean = mean.plus((m.constants(shared, span, turned, likely.trains)[name] - value) / h, end)
        estimate = mean.interval(likely.shared_variance)
        told = estimate[2] - estimate[1] < 4.0 * max(abs(value), 0.25) and not left[slope != 0.0].any()
        found[name] = Estimate(*estimate) if told else Estimate(value, float("nan"), float("nan"), _UNTOLD.note)
    return found
