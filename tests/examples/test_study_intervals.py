"""The intervals of the Fashion-MNIST study are those that their names promise."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binomtest

TABLE = Path(__file__).parents[2] / "examples" / "reproduce" / "fashion_mnist_table.py"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fashion_mnist_table", TABLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("hits", "count"), [(0, 50), (9_050, 10_000), (1_700, 2_000), (199, 200)])
def test_interval_of_a_share_is_wilsons(table: ModuleType, hits: int, count: int) -> None:
    low, high = table.wilson(hits / count, count)
    wanted = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=1e-5)


def test_interval_of_a_paired_gap_covers_the_truth_in_95_of_100_trials(table: ModuleType) -> None:
    rng = np.random.default_rng(0)
    truth, covered, trials = 0.02, 0, 2000
    for _ in range(trials):
        # Both right 85 %, only theirs 5 %, only ours 3 %, none 7 %: theirs are ahead by 2 points.
        kind = rng.choice(4, 1000, p=[0.85, 0.05, 0.03, 0.07])
        theirs, ours = kind <= 1, (kind == 0) | (kind == 2)
        gap, half = table.paired_gap(theirs, ours)
        covered += abs(gap - truth) <= half
    # 95 % of 2,000 trials, within four standard deviations of a binomial count (level 6e-5).
    assert abs(covered - 0.95 * trials) <= 4 * (trials * 0.95 * 0.05) ** 0.5
