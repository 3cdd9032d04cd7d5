import numpy as np
import pytest
from numba import njit

from ohmflow.runtime.devices.exponentials import log_two, power_of_two


@njit
def powers(x, out):
    for i in range(x.shape[0]):
        out[i] = power_of_two(x[i])


@njit
def logarithms(x, out):
    for i in range(x.shape[0]):
        out[i] = log_two(x[i])


def test_powers_of_two_are_within_three_parts_in_ten_million():
    x = np.concatenate([np.linspace(-126, 127, 200_001), np.linspace(-1, 1, 20_001)]).astype(np.float32)
    out = np.empty_like(x)
    powers(x, out)
    assert np.abs(out / 2.0 ** x.astype(float) - 1).max() < 3e-7


def test_powers_beyond_the_range_of_float32_are_clipped():
    x = np.array([-1e30, -127, 128, 1e30], np.float32)
    out = np.empty_like(x)
    powers(x, out)
    assert out == pytest.approx([2.0**-126, 2.0**-126, 2.0**127, 2.0**127], rel=3e-7)


def test_logarithms_are_close_in_what_a_power_makes_of_them():
    x = np.concatenate([np.geomspace(1e-37, 1e37, 200_001), np.linspace(0.5, 2, 20_001)]).astype(np.float32)
    out = np.empty_like(x)
    logarithms(x, out)
    exact = np.log2(x.astype(float))
    assert (np.abs(out - exact) <= 3e-7 + 6e-8 * np.abs(exact)).all()


def test_the_logarithm_of_zero_is_below_all_others():
    out = np.empty(1, np.float32)
    logarithms(np.zeros(1, np.float32), out)
    assert out[0] < -126
