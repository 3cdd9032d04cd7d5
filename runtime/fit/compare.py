"""Which model foretells best: the likelihood of what was held out.

Whole cycles are held out where every device has two: the model is fitted to the others, and each device's own
parameters foretell its held-out cycle. With one cycle, whole devices are held out, by turns: the others give what all
share, and means and spreads over devices; the likelihood of a held-out device is its own parameters' summed over the
population, by the normal approximation around their most likely values. So a model is not praised for what it fits.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.fit.conclude import Concluded, conclude
from ohmflow.runtime.fit.filter_kernel import score
from ohmflow.runtime.fit.likelihood import Likely, maximise
from ohmflow.runtime.fit.models.protocol import FitModel
from ohmflow.runtime.fit.trains import Trains
from ohmflow.runtime.fit.window import Nominal

Floats = npt.NDArray[np.float64]

_FOLDS = 4
CYCLES, DEVICES, NOTHING = "the last cycle of every device", "every device in turn, in four groups", "nothing"


@dataclass(frozen=True)
class HeldOut:
    """What a model makes of what it has not seen.

    Attributes:
        value: log likelihood of the reads held out, of y; larger is better.
        reads: how many they are.
        each: [devices] the same of each device.
    """

    value: float
    reads: int
    each: Floats


def kind_of(trains: Trains) -> str:
    """What can be held out: CYCLES, DEVICES or NOTHING."""
    if trains.cycles >= 2:
        return CYCLES
    return DEVICES if trains.devices >= _FOLDS else NOTHING


def held_out(model: FitModel, trains: Trains, fitted: Concluded, nominal: Nominal) -> HeldOut | None:
    """Hold out cycles or devices.

    Args:
        model: which.
        trains: all.
        fitted: the model fitted to all, where searches begin.
        nominal: the scale of weights.

    Returns:
        The likelihood, or None where nothing can be held out.
    """
    kind = kind_of(trains)
    if kind == CYCLES:
        return _cycles(model, trains, fitted)
    return _devices(model, trains, fitted, nominal) if kind == DEVICES else None


def likelihood(likely: Likely, trains: Trains, theta: Floats) -> Floats:
    """[devices] log likelihoods of trains under given parameters."""
    m = likely.model
    none = np.zeros((len(theta), 0))
    value: Floats = score(
        m.law,
        m.upper,
        likely.zero,
        trains.y,
        trains.pulses,
        trains.up,
        trains.known,
        trains.drive,
        trains.first[:-1],
        trains.first[1:],
        np.ascontiguousarray(theta),
        none,
    )[0]
    return value


def _predicted(trains: Trains) -> int:
    return int(np.count_nonzero(trains.pulses >= 0))


def _cycles(model: FitModel, trains: Trains, fitted: Concluded) -> HeldOut:
    device = trains.device
    last = np.full(trains.devices, -1)
    np.maximum.at(last, device, trains.cycle)
    out = trains.cycle == last[device]
    seen, unseen = trains.only(~out), trains.only(out)
    likely = maximise(model, seen, fitted.likely.zero, fitted.likely.theta)
    each = likelihood(likely, unseen, likely.theta)
    return HeldOut(float(each.sum()), _predicted(unseen), each)


def _devices(model: FitModel, trains: Trains, fitted: Concluded, nominal: Nominal) -> HeldOut:
    each = np.zeros(trains.devices)
    everyone = np.arange(trains.devices)
    for fold in range(_FOLDS):
        out = everyone % _FOLDS == fold
        seen, unseen = trains.part(everyone[~out]), trains.part(everyone[out])
        start = fitted.likely.theta
        told = conclude(maximise(model, seen, fitted.likely.zero, start[~out]), nominal)
        shared = told.likely.theta[0, model.own_count :]
        theta = start[out].copy()
        theta[:, model.own_count :] = shared
        # The held-out devices' own parameters follow what the others say of the shared.
        theta[:, : model.own_count] += np.einsum("dis,s->di", fitted.likely.cross[out], shared - fitted.likely.shared)
        each[out] = likelihood(fitted.likely, unseen, theta) + _over_population(told, fitted, out)
    return HeldOut(float(each.sum()), _predicted(trains), each)


def _over_population(told: Concluded, fitted: Concluded, out: npt.NDArray[np.bool_]) -> Floats:
    """What summing a device's own parameters over the population adds to the likelihood at their most likely values."""
    more = np.zeros(int(out.sum()))
    names = [*fitted.populations]
    for q, name in enumerate(names):
        if name not in told.populations:
            continue
        pop = told.populations[name]
        z, v, known = fitted.z[out, q], fitted.z_variance[out, q], fitted.known[out, q]
        total = v + pop.spread**2
        gain = 0.5 * np.log(np.maximum(v, 1e-300) / total) - 0.5 * (z - pop.mean) ** 2 / total
        more += np.where(known, gain, 0.0)
    return more
