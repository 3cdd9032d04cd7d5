"""Means and spreads over devices against closed forms, and their intervals against what they promise."""

import numpy as np
import pytest
from scipy.stats import chi2, t

from ohmflow.runtime.fit.populations import half_width, population, ratio_interval

ALL = np.ones(12, bool)


def test_without_errors_mean_and_spread_are_the_sample_s() -> None:
    z = np.random.default_rng(0).normal(3.0, 0.5, 12)
    pop = population(z, np.zeros(12), ALL)
    assert pop.mean == pytest.approx(z.mean())
    assert pop.spread == pytest.approx(z.std(ddof=1), rel=1e-6)
    squares = ((z - z.mean()) ** 2).sum()
    assert pop.spread_low == pytest.approx((squares / chi2.ppf(0.975, 11)) ** 0.5, rel=1e-6)
    assert pop.spread_high == pytest.approx((squares / chi2.ppf(0.025, 11)) ** 0.5, rel=1e-6)
    half = half_width(pop.influence, pop.devices, 0.0, pop.error)
    assert half == pytest.approx(t.ppf(0.975, 11) * z.std(ddof=1) / 12**0.5)


def test_scatter_that_errors_explain_is_no_spread() -> None:
    z = np.random.default_rng(3).normal(0.0, 1.0, 12)
    pop = population(z, np.full(12, 4.0), ALL)
    assert pop.spread == 0.0 == pop.spread_low < pop.spread_high


def test_devices_that_do_not_tell_are_left_out() -> None:
    z = np.arange(12.0)
    known = z < 5
    pop = population(z, np.full(12, 0.1), known)
    assert pop.mean == pytest.approx(2.0)
    assert pop.devices == 5
    assert not pop.influence[~known].any()


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    # 400 trials at 95 %: fewer than 362 or more than 396 have a chance below 1e-3 each.
    rng = np.random.default_rng(7)
    counts = np.zeros(3, int)
    for _ in range(400):
        errors = rng.uniform(0.1, 0.4, 12)
        z = rng.normal(2.0, 0.3, 12) + errors * rng.normal(size=12)
        pop = population(z, errors**2, ALL)
        half = half_width(pop.influence, pop.devices, 0.0, pop.error)
        low, high = ratio_interval(
            (pop.spread, pop.spread_low, pop.spread_high), (pop.mean, pop.mean - half, pop.mean + half)
        )
        counts += [abs(pop.mean - 2.0) < half, pop.spread_low <= 0.3 <= pop.spread_high, low <= 0.15 <= high]
    assert (counts >= 362).all() and (counts[:2] <= 396).all(), counts


def test_ratio_of_numbers_without_error_is_exact() -> None:
    assert ratio_interval((0.2, 0.1, 0.4), (2.0, 2.0, 2.0)) == pytest.approx((0.05, 0.2))
