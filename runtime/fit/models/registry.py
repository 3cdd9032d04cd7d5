"""Models that can be fitted, by name: ours, and those that a device from elsewhere brings in its attribute `fits`."""

from difflib import get_close_matches

from ohmflow.runtime.devices.registry import catalogue
from ohmflow.runtime.fit.errors import FitInputError
from ohmflow.runtime.fit.models import (
    constant_step,
    exp_step,
    linear_step,
    measured_steps,
    piecewise_step,
    pow_step,
    protonic,
    soft_bounds,
    soft_bounds_reference,
)
from ohmflow.runtime.fit.models.protocol import FitModel

FIT_MODELS: dict[str, FitModel] = {
    model.name: model
    for family in (
        constant_step,
        linear_step,
        soft_bounds,
        soft_bounds_reference,
        exp_step,
        pow_step,
        piecewise_step,
        measured_steps,
        protonic,
    )
    for model in family.MODELS
}
"""Ours, in the order in which they are compared."""


def fit_models() -> dict[str, FitModel]:
    """Return all models that can be fitted, ours first.

    Raises:
        FitInputError: a device from elsewhere brings what is not a fit, or one of a name that is taken.
    """
    found = dict(FIT_MODELS)
    for name, kind in catalogue().classes.items():
        for model in getattr(kind, "fits", ()):
            if not isinstance(model, FitModel) or model.device != name:
                raise FitInputError(
                    f"device '{name}': its `fits` must be FitModels of that device, not {model!r}; mend or uninstall it"
                )
            if model.name in found:
                raise FitInputError(
                    f"device '{name}': a fit must have a name of its own, not '{model.name}'; rename it"
                )
            found[model.name] = model
    return found


def fit_model(name: str) -> FitModel:
    """Return a model by name.

    Raises:
        FitInputError: nobody has said how a model of that name is fitted.
    """
    models = fit_models()
    if name not in models:
        near = get_close_matches(name, models, n=1, cutoff=0.4)
        do = f"did you mean '{near[0]}'?" if near else "choose one"
        raise FitInputError(f"--model: must be one of {', '.join(models)}, not '{name}'; {do}")
    return models[name]
