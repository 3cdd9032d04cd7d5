"""Noise of cells, and inputs whose sign changes their gain."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import ConductanceSpec, DrawSite, ReadSpec

AT = DrawSite(Purpose.FORWARD, 0, 5)
WINDOW = ConductanceSpec(1e-6, 5e-6)  # 2e-6 S a device unit, 3e-6 S at 0
PLAIN = {"noise_management": "none", "bound_management": "none"}
W = np.random.default_rng(0).uniform(-0.9, 0.9, (6, 4)).astype(np.float32)


def noise_of(make_array: Any, spec: ReadSpec, x: np.ndarray, transposed: bool, n: int = 4000) -> np.ndarray:
    """What n reads of a vector differ by from the product, [n, outputs]."""
    array = make_array(6, 4, read=spec, conductance=WINDOW)
    array.program(W)
    vectors = np.tile(x.astype(np.float32), (n, 1))
    y, _ = (array.transposed if transposed else array.forward)(vectors, AT)
    return y - x @ (W.T if transposed else W)


def has_variance(noise: np.ndarray, variance: np.ndarray, critical_z: Any) -> None:
    n, lines = noise.shape
    assert np.abs(noise.mean(0) / np.sqrt(variance / n)).max() < critical_z(3 * lines)
    assert np.abs((noise.var(0) / variance - 1) / np.sqrt(2 / n)).max() < critical_z(3 * lines)
    pairs = np.corrcoef(noise.T)[np.triu_indices(lines, 1)]
    assert np.abs(pairs * np.sqrt(n)).max() < critical_z(3 * len(pairs))


def line_of(transposed: bool, seed: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, 4 if transposed else 6)


@pytest.mark.parametrize("transposed", [False, True])
def test_thermal_noise_grows_with_the_conductance_of_the_line(
    make_array: Any, critical_z: Any, transposed: bool
) -> None:
    thermal = 1e-8
    spec = ReadSpec(None, None, out_noise=0.01, thermal=thermal, **PLAIN)
    noise = noise_of(make_array, spec, line_of(transposed), transposed)
    line_sums = (3e-6 + 2e-6 * W.astype(float) + 3e-6).sum(1 if transposed else 0)
    has_variance(noise, 0.01**2 + thermal * line_sums / 2e-6**2, critical_z)


def test_thermal_noise_does_not_depend_on_the_input(make_array: Any) -> None:
    spec = ReadSpec(None, None, thermal=1e-8, **PLAIN)
    first, second = (noise_of(make_array, spec, line_of(False, seed), False, 20) for seed in (2, 3))
    assert np.allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("thermal", [0.0, 1e-9])
def test_flicker_noise_grows_with_the_currents_of_cells_and_references(
    make_array: Any, critical_z: Any, transposed: bool, thermal: float
) -> None:
    flicker = 0.05
    x = line_of(transposed)
    noise = noise_of(make_array, ReadSpec(None, None, flicker=flicker, thermal=thermal, **PLAIN), x, transposed)
    cells = 1.5 + W.astype(float)  # device units; 1.5 of them is the conductance at w = 0
    powers = x**2 @ (cells.T if transposed else cells) ** 2 + (x**2).sum() * 1.5**2
    line_sums = 2e-6 * (cells + 1.5).sum(1 if transposed else 0)
    has_variance(noise, flicker**2 * powers + thermal * line_sums / 2e-6**2, critical_z)


def test_flicker_follows_the_weights(make_array: Any) -> None:
    array = make_array(1, 1, read=ReadSpec(None, None, flicker=0.1, **PLAIN), conductance=WINDOW)
    found = []
    for w in (0.0, 0.8):
        array.program([[w]])
        found.append(float(array.forward(np.ones((1, 1), np.float32), AT)[0][0, 0]) - w)
    assert found[1] / found[0] == pytest.approx(np.hypot(2.3, 1.5) / np.hypot(1.5, 1.5), rel=1e-5)


@pytest.mark.parametrize("transposed", [False, True])
def test_negative_inputs_are_read_with_their_own_gain(make_array: Any, transposed: bool) -> None:
    array = make_array(6, 4, read=ReadSpec(None, None, negative_gain=0.8, **PLAIN), conductance=WINDOW)
    array.program(W)
    x = line_of(transposed)[None]
    y, counts = (array.transposed if transposed else array.forward)(x.astype(np.float32), AT)
    u = np.where(x < 0, 0.8 * x, x)
    assert np.allclose(y, u @ (W.T if transposed else W), atol=1e-6)
    line_sums = (6e-6 + 2e-6 * W.astype(float)).sum(0 if transposed else 1)
    assert counts.dose[0] == pytest.approx(float(np.abs(u[0]) @ line_sums), rel=1e-6)
