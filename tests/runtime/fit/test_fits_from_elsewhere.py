"""A device from elsewhere brings its own fit, law and all."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.fit.errors import FitInputError
from ohmflow.runtime.fit.first_look import FirstLook
from ohmflow.runtime.fit.fitting import fit
from ohmflow.runtime.fit.models import registry
from ohmflow.runtime.fit.models.protocol import FitModel, Scale, drawn, log_steps
from ohmflow.runtime.fit.recovery import KNOWN, measured
from ohmflow.runtime.fit.synthesis import Plan
from ohmflow.runtime.fit.window import Nominal


class Plain(NamedTuple):
    """A step that depends on nothing; its logarithm is the device's own parameter."""

    factor: float

    @staticmethod
    def step(law: Any, p: Any, upper: Any, up: Any, x0: Any, x: Any, v: Any, width: Any, volts: Any) -> Any:
        f = law.factor * np.exp(p[0]) if up else -law.factor * np.exp(p[1])
        return f, 0.0, f, 0.0


def start(look: FirstLook) -> tuple[Any, Any]:
    return log_steps(look), np.zeros(0)


def numbers(own: Any, bounds: Any, shared: Any, scale: Scale) -> dict[str, Any]:
    return drawn(np.exp(own[:, 0]), np.exp(own[:, 1]), scale)


OURS = FitModel("plain", "plain", Plain(1.0), ("log_up", "log_down"), start, numbers, hard_bounded=True)


class PlainDevice(ConstantStep):
    name = "plain"
    fits = (OURS,)


def offer(monkeypatch: pytest.MonkeyPatch, *fits: Any) -> None:
    kind = type("PlainDevice", (PlainDevice,), {"fits": fits})
    found = type("Found", (), {"classes": {"plain": kind}})
    monkeypatch.setattr(registry, "catalogue", lambda: found)


@pytest.mark.slow  # compiles the filter anew
def test_a_law_from_elsewhere_is_compiled_into_the_filter() -> None:
    known = KNOWN["constant-step"]
    trains = measured(known, Plan(3, 1, 40, 40, read_error=5e-9, seed=1))
    theirs = fit(OURS, trains, Nominal())
    ours = fit(registry.fit_model("constant-step"), trains, Nominal())
    assert np.allclose(theirs.likely.value, ours.likely.value, rtol=0, atol=1e-9)


def test_a_fit_is_found_on_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, OURS)
    assert registry.fit_model("plain") is OURS


@pytest.mark.parametrize(
    "wrong,said", [("no fit", "must be FitModels"), (registry.FIT_MODELS["soft-bounds"], "must be FitModels of that")]
)
def test_what_is_no_fit_of_the_device_is_refused(monkeypatch: pytest.MonkeyPatch, wrong: Any, said: str) -> None:
    offer(monkeypatch, wrong)
    with pytest.raises(FitInputError, match=said):
        registry.fit_models()
