"""Digits trained on simulated chips against float32 gradient descent of the same schedule.

A seed fixes split, shuffling, devices and noise, so the pairs repeat bit for bit; the confidence is over seeds.
"""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from ohmflow.compiler.compile import compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import load_data
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end import float_network as oracle
from tests.end_to_end.models import DIGITS_MLP, digits_network

SEEDS = range(10)
T_95_ONE_SIDED = 1.833
"""Quantile 0.95 of Student's t with 9 degrees of freedom."""


@cache
def float32_accuracy(seed: int, epochs: int) -> float:
    """Test accuracy of float32 gradient descent by the oracle, batch 10, lr 0.1."""
    net = digits_network()
    data = load_data("digits", 0.0, 0.2, seed)
    p = net.parameters
    for epoch in range(1, epochs + 1):
        p, _ = oracle.epoch_of_steps(net.layers, p, data.train.x, data.train.y, 0.1, 10, seed, epoch)
    return oracle.accuracy(net.layers, p, data.test.x, data.test.y)


@cache
def chip_accuracy(target_name: str, seed: int, epochs: int) -> tuple[float, float]:
    """Test accuracy after training on a chip: read on the chip, and of the exported weights."""
    target = load(target_name)
    options = TrainOptions(epochs=epochs, batch=10, lr=0.1, seed=seed)
    summary = train(program_for(target_name), target, "digits", options, val=0.0).summary
    return summary["test_accuracy_analog"][-1], summary["test_accuracy"][-1]


@cache
def program_for(target_name: str) -> Program:
    return compile_model(DIGITS_MLP, load(target_name))


def gaps(epochs: int, measure: int) -> NDArray[np.float64]:
    """Points of accuracy that rpu-2016 is below float32, by seed."""
    return np.array(
        [100 * (float32_accuracy(s, epochs) - chip_accuracy("rpu-2016", s, epochs)[measure]) for s in SEEDS]
    )


def upper_bound(values: NDArray[np.float64]) -> float:
    """95 % one-sided upper confidence bound of the mean."""
    assert len(values) == 10
    return float(values.mean() + T_95_ONE_SIDED * values.std(ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize("epochs", [8, pytest.param(15, marks=pytest.mark.slow)])
@pytest.mark.parametrize("measure", [0, 1], ids=["on the chip", "exported"])
def test_rpu_2016_is_within_one_and_a_half_points_of_float32(epochs: int, measure: int) -> None:
    """10 paired seeds, 95 % confidence that the mean gap is below 1.5 points."""
    assert upper_bound(gaps(epochs, measure)) < 1.5


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 10))])
def test_protonic_psg_learns_digits(seed: int) -> None:
    """Above 85 % on the chip with every seed; 10 of 10 give 95 % confidence that at least 74 % of seeds do."""
    on_chip, exported = chip_accuracy("protonic-psg", seed, 8)
    assert on_chip > 0.85
    assert abs(on_chip - exported) < 0.04, "what is exported must be what was trained"


def test_float32_baseline_learns_digits() -> None:
    """The gap would mean nothing against a baseline that does not learn."""
    assert min(float32_accuracy(seed, 8) for seed in SEEDS) > 0.92
