"""The likelihood of noisy reads against closed forms and quadrature."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from ohmflow.runtime.fit import filter_kernel as kernel

FAR = 50.0


def log_likelihood(law, theta, upper, y, up, known=None, pulses=None) -> float:
    n = len(y)
    steps = np.array([-1] + [1] * (n - 1)) if pulses is None else np.array(pulses)
    begin, end = np.array([0]), np.array([n])
    usual = np.tile([0.0, 1.0], (n, 1))
    none = np.zeros((1, 0))
    extra = np.zeros(n) if known is None else known
    value, _, _ = kernel.score(
        law, upper, 0.0, np.array(y), steps, np.array(up), extra, usual, begin, end, np.array([theta], float), none
    )
    return float(value[0])


@pytest.mark.parametrize("read", [1e-4, 0.02, 0.3])
def test_far_from_bounds_the_likelihood_is_the_exact_normal_one(read: float) -> None:
    rng = np.random.default_rng(1)
    up = np.array([1] * 12 + [0] * 12)
    up_step, down_step, c = 0.05, 0.04, 0.3
    mean = np.where(up[1:] == 1, up_step, -down_step)
    spread = c * np.abs(mean)
    # Differences of reads: independent steps, and each read's noise in two of them.
    n = mean.size
    covariance = np.diag(spread**2 + 2 * read**2) - read**2 * (np.eye(n, k=1) + np.eye(n, k=-1))
    differences = rng.multivariate_normal(mean, covariance)
    y = np.concatenate([[0.1], 0.1 + np.cumsum(differences)])
    theta = [np.log(up_step), np.log(down_step), FAR, -FAR, np.log(c), np.log(read)]
    exact = multivariate_normal(mean, covariance).logpdf(differences)
    assert log_likelihood(kernel.CONSTANT, theta, 2, y, up) == pytest.approx(exact, abs=1e-6)


def test_pulses_without_a_read_between_are_foretold_together() -> None:
    theta = [np.log(0.05), np.log(0.05), FAR, -FAR, np.log(0.3), np.log(0.02)]
    miss, pulses = 0.011, 7
    variance = pulses * (0.3 * 0.05) ** 2 + 2 * 0.02**2
    exact = norm(pulses * 0.05, variance**0.5).logpdf(pulses * 0.05 + miss)
    y = [0.0, pulses * 0.05 + miss]
    assert log_likelihood(kernel.CONSTANT, theta, 2, y, [1, 1], pulses=[-1, pulses]) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("up", [1, 0])
@pytest.mark.parametrize("seen", [0.93, 0.98, 1.0, 1.02])
def test_at_a_bound_the_density_is_that_of_a_cut_step(up: int, seen: float) -> None:
    step, c, read, start, bound = 0.05, 0.5, 0.015, 0.96, 1.0
    theta = [np.log(step), np.log(step), bound, -bound, np.log(c), np.log(read)]
    sign = 1.0 if up else -1.0
    # x before the pulse is start ± read; the step adds its own spread; what is above the bound stands at it.
    before = (read**2 + (c * step) ** 2) ** 0.5
    below, _ = quad(lambda x: norm.pdf(x, start + step, before) * norm.pdf(seen, x, read), 0.5, bound, epsabs=1e-12)
    exact = np.log(below + norm.sf(bound, start + step, before) * norm.pdf(seen, bound, read))
    y = [sign * start, sign * seen]
    assert log_likelihood(kernel.CONSTANT, theta, 2, y, [up, up]) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(
    "law,own,shared",
    [
        (kernel.CONSTANT, [-3.0, -3.2], []),
        (kernel.LINEAR, [0.05, 0.04, 0.02, 0.03], []),
        (kernel.LINEAR_ADDITIVE, [0.05, 0.04, 0.02, 0.03], []),
        (kernel.SOFT, [-3.0, -3.2], []),
        (kernel.SOFT_ADDITIVE, [-3.0, -3.2], []),
        (kernel.EXPONENTIAL, [-3.0, -3.2], [0.3, 0.2, 1.0, 1.5]),
        (kernel.POWER, [-3.0, -3.2, 0.7, 1.4], []),
        (kernel.PIECEWISE, [-3.0, -3.2], [1.4, 1.2, 0.8, 0.3, 0.4, 0.7, 1.1, 1.2]),
        (
            kernel.TABLE,
            [-3.0, -3.2],
            [1.4, 1.2, 0.8, 0.3, 0.4, 0.7, 1.1, 1.2, 0.1, 0.2, -0.1, 0.3, 0, 0.1, 0.2, 0.1, 0],
        ),
        (kernel.PROTONIC, [0.05, 0.04, 0.02, 0.03], [0.8, -1.7]),
    ],
)
@pytest.mark.parametrize("up", [0, 1])
def test_slopes_of_every_law_are_its_derivatives(law, own, shared, up) -> None:
    theta = np.array([*own, 0.9, -0.8, *shared, -1.0, -4.0])
    theta = kernel.natural(law, len(own), theta)
    for x in (-0.5, 0.1, 0.6):
        h = 1e-6
        f, slope, g, g_slope = kernel.step_law(law, theta, len(own), up, 0.05, x, 1e-9, 0.7, 0.9)
        ends = [kernel.step_law(law, theta, len(own), up, 0.05, x + s * h, 1e-9, 0.7, 0.9) for s in (1, -1)]
        assert slope == pytest.approx((ends[0][0] - ends[1][0]) / (2 * h), abs=1e-7)
        assert g_slope == pytest.approx((ends[0][2] - ends[1][2]) / (2 * h), abs=1e-7)
        assert f > 0 if up else f < 0
        assert abs(g) > 0
