"""From a file to fitted models, best first."""

from dataclasses import dataclass
from pathlib import Path

from ohmflow.runtime.fit.compare import HeldOut, held_out, kind_of
from ohmflow.runtime.fit.conclude import Concluded
from ohmflow.runtime.fit.errors import FitInfeasibleError
from ohmflow.runtime.fit.fitting import fit
from ohmflow.runtime.fit.models.protocol import FitModel
from ohmflow.runtime.fit.models.registry import fit_models
from ohmflow.runtime.fit.trains import Trains
from ohmflow.runtime.fit.window import Nominal


@dataclass(frozen=True)
class Candidate:
    """One model, fitted.

    Attributes:
        model: which.
        fitted: to all reads.
        held_out: what it makes of what it has not seen, if anything could be held out.
        parameters: how many numbers were fitted, of devices and shared.
    """

    model: FitModel
    fitted: Concluded
    held_out: HeldOut | None
    parameters: int

    @property
    def likelihood(self) -> float:
        """Log likelihood of all reads, of y."""
        return float(self.fitted.likely.value.sum())

    @property
    def merit(self) -> float:
        """What models are compared by: the held-out likelihood, or −AIC/2 if nothing could be held out."""
        return self.likelihood - self.parameters if self.held_out is None else self.held_out.value


@dataclass(frozen=True)
class Study:
    """A measurement and the models fitted to it.

    Attributes:
        file: of the measurement.
        trains: what it holds.
        nominal: the scale of weights.
        held_out: what was held out.
        candidates: best first; those of which the trains do not tell the step stand last.
    """

    file: Path
    trains: Trains
    nominal: Nominal
    held_out: str
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """The model that foretells best."""
        return self.candidates[0]


def comparable(trains: Trains) -> tuple[FitModel, ...]:
    """Models that these trains can tell apart: a law of other pulses needs other pulses."""
    varied = bool((trains.drives > 1).any())
    return tuple(m for m in fit_models().values() if m.told_apart and (varied or m.narrowed is None))


def study(file: Path, trains: Trains, nominal: Nominal, models: tuple[FitModel, ...] | None = None) -> Study:
    """Fit models and compare them.

    Args:
        file: of the measurement.
        trains: what it holds.
        nominal: the scale of weights.
        models: which; None for all that trains can tell apart. One alone is not compared with anything, so nothing is
            held out for it.

    Raises:
        FitInfeasibleError: no model can be fitted.
    """
    chosen = comparable(trains) if models is None else models
    compared = len(chosen) > 1
    candidates = []
    for model in chosen:
        fitted = fit(model, trains, nominal)
        if not fitted.parameters:
            continue
        told = held_out(model, trains, fitted, nominal) if compared else None
        count = trains.devices * model.own_count + len(model.shared) + 2
        candidates.append(Candidate(model, fitted, told, count))
    if not candidates:
        raise FitInfeasibleError(
            f"{file}: steps must stand out of the noise, not drown in it; read with less noise, or measure longer"
        )
    # A model may foretell well by numbers of which only products are told; no device can be made of those.
    candidates.sort(key=lambda c: (not c.fitted.parameters["dw_min"].told, -c.merit))
    return Study(file, trains, nominal, kind_of(trains) if compared else "nothing", tuple(candidates))
