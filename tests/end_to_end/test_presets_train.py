"""Every published device trains the digits perceptron for an epoch; the one that is a pair, in every run of tests."""

import pytest

from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import available, load
from tests.end_to_end.models import DIGITS_MLP

OTHERS = [i.name for i in available() if i.family.startswith("Published") and i.name != "pcm-2020"]


def assert_trains(name: str) -> None:
    target = load(name)
    run = train(compile_model(DIGITS_MLP, target), target, "digits", TrainOptions(epochs=1, batch=50, lr=0.1, seed=0))
    summary = run.summary
    assert 0.0 <= summary["test_accuracy_analog"][-1] <= 1.0
    assert summary["energy_joules"] > 0 and summary["simulated_seconds"] > 0


def test_pairs_that_are_refreshed_train_for_an_epoch() -> None:
    assert_trains("pcm-2020")


@pytest.mark.slow
@pytest.mark.parametrize("name", [*OTHERS, "protonic-psg-optimistic", "protonic-psg-pessimistic"])
def test_published_device_trains_for_an_epoch(name: str) -> None:
    assert_trains(name)
