"""Fit one device model to trains."""

from ohmflow.runtime.fit.conclude import Concluded, Nominal, conclude, zero_of
from ohmflow.runtime.fit.filter_kernel import CONSTANT, POWER, SOFT
from ohmflow.runtime.fit.likelihood import maximise
from ohmflow.runtime.fit.models.protocol import FitModel
from ohmflow.runtime.fit.trains import Trains

_WITHOUT_ZERO = (CONSTANT, SOFT, POWER)
"""Laws in which it does not matter where w = 0."""


def fit(model: FitModel, trains: Trains, nominal: Nominal) -> Concluded:
    """Fit a device model.

    Args:
        model: which.
        trains: the measurement.
        nominal: the scale of weights.
    """
    likely = maximise(model, trains, 0.0)
    if model.law not in _WITHOUT_ZERO:
        # Where w = 0 is known only once the bounds are.
        for _ in range(2):
            likely = maximise(model, trains, zero_of(likely, nominal), likely.theta)
    return conclude(likely, nominal)
