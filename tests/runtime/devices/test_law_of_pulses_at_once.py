"""The law of n pulses at once beside the exact law of n pulses in turn, both computed and not drawn.

In turn, the step becomes step·Π(1 + b·(1 + c·ξₖ)). The exact distribution of that product is the n-fold convolution of
the density of one factor's logarithm; its moments are powers of those of one factor. What the kernel makes of a normal
number is monotone in it, so that its distribution function is known at every point that it is asked for.
"""

import numpy as np
import pytest
from numba import njit
from scipy.special import ndtr

from ohmflow.runtime.crossbar.draws import NORMAL_REACH
from ohmflow.runtime.devices.affine_pulses import pulses_additive, pulses_relative

NOISES = [0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 30.0]
COUNTS = [2, 3, 4, 8, 20, 63]
CELLS = 2**15
FAR = 1e9


@njit
def relative(step, slope, ctoc, n, xi, out):
    done = True
    low, high = np.float32(-FAR), np.float32(FAR)
    for k in range(xi.shape[0]):
        free, out[k] = pulses_relative(np.float32(0), step, slope, low, high, ctoc, n, np.sqrt(n) * xi[k])
        done &= free
    return done


@njit
def additive(step, slope, noise, n, xi, out):
    done = True
    low, high = np.float32(-FAR), np.float32(FAR)
    for k in range(xi.shape[0]):
        free, out[k] = pulses_additive(np.float32(0), step, slope, low, high, noise, n, np.sqrt(n) * xi[k])
        done &= free
    return done


def steepest(n, ctoc):
    """The steepest slope for which n pulses are still taken at once, just inside."""
    return np.float32(0.375 / (n * max(3.0, 1.0 + NORMAL_REACH * ctoc)) * (1 - 1e-5))


def after(n, slope, ctoc, xi):
    """w after n pulses from 0 with the step 1, for each ξ; all of them taken at once."""
    out = np.empty(len(xi), np.float32)
    assert relative(np.float32(1), np.float32(slope), np.float32(ctoc), np.float32(n), xi.astype(np.float32), out)
    return out.astype(float)


def exact_distribution(n, slope, ctoc, w):
    """P[w' ≤ w] of n pulses in turn from 0 with the step 1: 1 + slope·w' is the product of n factors."""
    centre = np.log1p(slope)
    width = 24 * abs(slope) * ctoc * np.sqrt(n) / CELLS
    edges = (np.arange(CELLS + 1) - CELLS // 2 - 0.5) * width
    below = ndtr((np.expm1(edges + centre) / slope - 1) / ctoc)
    one = np.diff(below if slope > 0 else 1 - below)
    together = np.fft.fftshift(np.fft.ifft(np.fft.fft(np.fft.ifftshift(one)) ** n).real)
    found = np.interp(np.log1p(slope * w) - n * centre, edges[1:], np.cumsum(together))
    return found if slope > 0 else 1 - found


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("n", COUNTS)
def test_distribution_at_once_is_within_5e_5_of_that_in_turn_for_the_steepest_slope(n, way):
    xi = np.linspace(-6.0, 6.0, 401)
    for ctoc in NOISES:
        slope = float(way * steepest(n, ctoc))
        w = after(n, slope, ctoc, xi)
        assert (np.diff(w) > 0).all()
        assert np.abs(exact_distribution(n, slope, ctoc, w) - ndtr(xi)).max() < 5e-5, f"ctoc {ctoc}"


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("n", COUNTS)
def test_moments_at_once_are_those_in_turn_but_for_2e_4_of_the_variance(n, way):
    xi, weight = np.polynomial.hermite_e.hermegauss(60)
    inside = np.abs(xi) <= NORMAL_REACH
    xi, weight = xi[inside], weight[inside] / weight.sum()
    for ctoc in NOISES:
        slope = float(way * steepest(n, ctoc))
        product = 1 + slope * after(n, slope, ctoc, xi)
        mean = (1 + slope) ** n
        square = ((1 + slope) ** 2 + (slope * ctoc) ** 2) ** n
        variance = square - mean**2
        found = (weight * product).sum()
        assert abs(found - mean) / variance**0.5 < 5e-5
        # The share that is neglected, and what is of higher order, or of float32.
        share = (n - 1) / (2 * n) * (slope * ctoc) ** 2
        lacking = 1 - (weight * (product - found) ** 2).sum() / variance
        assert lacking == pytest.approx(share, abs=3e-5)
        assert lacking < 2e-4


@pytest.mark.parametrize("ctoc", [0.0, *NOISES])
@pytest.mark.parametrize("n", COUNTS)
def test_slopes_steeper_than_those_measured_are_taken_one_by_one(n, ctoc):
    out = np.empty(1, np.float32)
    beyond = np.float32(steepest(n, ctoc) * 1.0001)
    assert not relative(np.float32(1), beyond, np.float32(ctoc), np.float32(n), np.zeros(1, np.float32), out)


@pytest.mark.parametrize("way", [1, -1])
@pytest.mark.parametrize("n", COUNTS)
def test_additive_noise_leaves_exactly_the_normal_number_of_pulses_in_turn(n, way):
    slope, noise = float(np.float32(way * 0.124 / n)), 0.5
    out = np.empty(2, np.float32)
    xi = np.array([0.0, 1.0], np.float32)
    assert additive(np.float32(1), np.float32(slope), np.float32(noise), np.float32(n), xi, out)
    mean = ((1 + slope) ** n - 1) / slope
    deviation = noise * np.sqrt(((1 + slope) ** (2 * n) - 1) / ((1 + slope) ** 2 - 1))
    assert out[0] == pytest.approx(mean, rel=1e-6)
    assert float(out[1]) - float(out[0]) == pytest.approx(deviation, rel=1e-5)
