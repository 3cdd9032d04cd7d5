"""Fit one device model to trains."""

from ohmflow.runtime.fit.conclude import Concluded, conclude
from ohmflow.runtime.fit.likelihood import maximise, search
from ohmflow.runtime.fit.models.protocol import FitModel
from ohmflow.runtime.fit.trains import Trains
from ohmflow.runtime.fit.window import Nominal, rough_zero


def fit(model: FitModel, trains: Trains, nominal: Nominal) -> Concluded:
    """Fit a device model.

    Args:
        model: which.
        trains: the measurement.
        nominal: the scale of weights.
    """
    if not model.needs_zero:
        return conclude(maximise(model, trains, 0.0), nominal)
    # Where w = 0 is known only once the bounds are.
    rough = search(model, trains, 0.0)
    zero = rough_zero(trains, rough[:, model.upper : model.own_count], nominal)
    likely = maximise(model, trains, zero, rough)
    return conclude(likely, nominal)
