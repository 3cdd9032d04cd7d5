"""Pulses at once beside pulse after pulse, where the step is linear in the state.

Seeds are fixed; the test of moments rejects a true claim with probability 1e-3 over all its comparisons.
"""

from statistics import NormalDist

import numpy as np
import pytest
from numba import njit

from ohmflow.runtime.crossbar.draws import NORMAL_REACH
from ohmflow.runtime.devices.affine_pulses import pulses_additive, pulses_relative

STEP, SLOPE, NOISE = 0.004, -0.006, 0.3
DRAWS = 400_000
Z_LIMIT = NormalDist().inv_cdf(1 - 1e-3 / (2 * 16))
RELATIVE, ADDITIVE = pulses_relative, pulses_additive


@njit
def at_once(kind, w, step, slope, low, high, noise, n, xi, out):
    done = True
    for k in range(xi.shape[0]):
        free, out[k] = kind(w, step, slope, low, high, noise, n, np.sqrt(n) * xi[k])
        done &= free
    return done


def moved(kind, w, n, xi, noise, step=STEP, slope=SLOPE, low=-1.0, high=1.0):
    figures = [np.float32(value) for value in (w, step, slope, low, high, noise, n)]
    out = np.empty(len(xi), np.float32)
    return at_once(kind, *figures, np.asarray(xi, np.float32), out), out.astype(float)


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("n", [2, 5, 20])
@pytest.mark.parametrize("kind", [RELATIVE, ADDITIVE])
def test_pulses_without_noise_add_up_as_one_by_one(kind, n, way):
    done, w = moved(kind, 0.1, n, [1.7], 0.0, way * STEP, way * SLOPE)
    slope = float(np.float32(way * SLOPE))
    u = float(np.float32(way * STEP)) + slope * float(np.float32(0.1))
    assert done
    assert w[0] == pytest.approx(0.1 + u * ((1 + slope) ** n - 1) / slope, rel=2e-7)


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("n", [2, 20])
@pytest.mark.parametrize("additive", [False, True])
def test_mean_and_variance_at_once_follow_the_recursion_of_single_pulses(additive, n, way):
    step, slope = way * STEP, way * SLOPE
    xi = np.random.default_rng(n).standard_normal(DRAWS).clip(-NORMAL_REACH, NORMAL_REACH)
    done, w = moved(ADDITIVE if additive else RELATIVE, 0.1, n, xi, NOISE * STEP if additive else NOISE, step, slope)
    mean, variance = 0.1, 0.0
    for _ in range(n):
        u = step + slope * mean
        squared = STEP**2 if additive else u**2 + slope**2 * variance
        mean, variance = mean + u, (1 + slope) ** 2 * variance + NOISE**2 * squared
    assert done
    assert abs(w.mean() - mean) < Z_LIMIT * w.std() / DRAWS**0.5
    square = (w - mean) ** 2
    assert abs(square.mean() - variance) < Z_LIMIT * square.std() / DRAWS**0.5


@pytest.mark.parametrize("kind", [RELATIVE, ADDITIVE])
def test_pulses_of_which_one_but_the_last_may_reach_a_bound_are_refused(kind):
    noise = NOISE if kind is RELATIVE else NOISE * STEP
    reach = 1.22 * 3 * (STEP + 0.3 * SLOPE) * (1 + NOISE * NORMAL_REACH)
    assert not moved(kind, 0.3, 4, [0.0], noise, high=0.3 + 0.9 * reach)[0]
    assert not moved(kind, 0.3, 4, [0.0], noise, low=0.3 - 0.001)[0]
    assert moved(kind, 0.3, 4, [0.0], noise, high=0.3 + 2 * reach)[0]


@pytest.mark.parametrize("kind", [RELATIVE, ADDITIVE])
def test_the_last_pulse_is_stopped_by_the_bound(kind):
    noise = NOISE if kind is RELATIVE else NOISE * STEP
    assert moved(kind, 0.299, 1, [2.0], noise, high=0.3) == (True, pytest.approx([0.3], rel=1e-6))


@pytest.mark.parametrize("kind", [RELATIVE, ADDITIVE])
def test_steep_slopes_are_refused_for_any_pulses_that_are_many(kind):
    assert not moved(kind, 0.0, 30, [0.0], 0.0, slope=-0.005)[0]
    assert moved(kind, 0.0, 20, [0.0], 0.0, slope=-0.005)[0]


def test_soft_bounds_that_are_approached_are_never_reached():
    done, w = moved(RELATIVE, 0.995, 16, [-6.7, 0.0, 6.7], NOISE, step=0.006, slope=-0.006, high=1.0)
    assert done
    assert w.max() < 1.0
    assert (np.diff(w) > 0).all()
