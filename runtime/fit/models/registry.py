"""Models that can be fitted, by name; a new one is a file beside these and its name here."""

from difflib import get_close_matches

from ohmflow.runtime.fit.errors import FitInputError
from ohmflow.runtime.fit.models import constant_step, exp_step, linear_step, pow_step, soft_bounds
from ohmflow.runtime.fit.models.protocol import FitModel

FIT_MODELS: dict[str, FitModel] = {
    model.name: model
    for family in (constant_step, linear_step, soft_bounds, exp_step, pow_step)
    for model in family.MODELS
}
"""All, in the order in which they are compared."""


def fit_model(name: str) -> FitModel:
    """Return a model by name.

    Raises:
        FitInputError: nobody has said how a model of that name is fitted.
    """
    if name not in FIT_MODELS:
        near = get_close_matches(name, FIT_MODELS, n=1, cutoff=0.4)
        do = f"did you mean '{near[0]}'?" if near else "choose one"
        raise FitInputError(f"--model: must be one of {', '.join(FIT_MODELS)}, not '{name}'; {do}")
    return FIT_MODELS[name]
