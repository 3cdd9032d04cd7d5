"""Bit-serial inputs against an independent reading of `docs/semantics.md`, and pulse widths."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, Converter, DrawSite, ReadSpec

AT = DrawSite(Purpose.FORWARD, 0, 5)
BLOCKS = (Block(0, 0, 10, 8), Block(0, 8, 10, 9), Block(10, 0, 7, 8), Block(10, 8, 7, 9))
RNG = np.random.default_rng(0)
W = RNG.uniform(-0.9, 0.9, (17, 17)).astype(np.float32)
X = (RNG.standard_normal((9, 17)) * (RNG.random((9, 17)) < 0.7)).astype(np.float32)
SERIAL = {"inputs": "bit-serial", "bound_management": "none"}


def serial(x: np.ndarray, w: np.ndarray, bits: int, adc_bits: int, bound: float) -> np.ndarray:
    """Read one vector, one block, a bit of the magnitudes at a time; each pass converted."""
    scale = float(np.abs(x).max())
    levels = 2 ** (bits - 1) - 1
    step = 2 * bound / (2**adc_bits - 2)
    whole = np.rint(x.astype(float) / scale * levels).astype(int)
    total = np.zeros(w.shape[1])
    for p in range(bits - 1):
        plane = np.sign(whole) * (np.abs(whole) // 2**p % 2)
        code = np.rint(np.clip(plane @ w.astype(float), -bound, bound) / step)
        total += 2**p * code * step
    return scale * total / levels


@pytest.mark.parametrize("transposed", [False, True])
def test_passes_are_converted_each_and_added_by_their_weight(make_array: Any, transposed: bool) -> None:
    array = make_array(
        17, 17, read=ReadSpec(5, 6, 1.5, **SERIAL), blocks=BLOCKS, conductance=ConductanceSpec(1e-7, 1.1e-6)
    )
    array.program(W)
    y, counts = (array.transposed if transposed else array.forward)(X, AT)
    expected = np.zeros((9, 17))
    for b, block in enumerate(BLOCKS):
        rows, cols = slice(block.row0, block.row0 + block.rows), slice(block.col0, block.col0 + block.cols)
        held = W[rows, cols].T if transposed else W[rows, cols]
        given, into = (cols, rows) if transposed else (rows, cols)
        planes = np.zeros(held.shape[0])
        for i in range(9):
            expected[i, into] += serial(X[i, given], held, 5, 6, 1.5)
            whole = np.rint(np.abs(X[i, given].astype(float)) / np.abs(X[i, given]).max() * 15).astype(int)
            planes += [int(code).bit_count() for code in whole]
        assert counts.driven[b] == planes.sum()
        assert counts.conversions[b] == 9 * 4 * held.shape[1]
        line_sums = (1.2e-6 + 0.5e-6 * held.astype(float)).sum(1)
        assert counts.dose[b] == pytest.approx(planes @ line_sums, rel=1e-6)
    assert np.allclose(y, expected, rtol=1e-6, atol=2e-6)
    assert not counts.retries.any()


@pytest.mark.parametrize("accumulate", ["digital", "analog"])
def test_bits_add_up_to_the_level_where_nothing_is_rounded(make_array: Any, accumulate: str) -> None:
    given = {"bound_management": "none"}
    levels = make_array(17, 17, read=ReadSpec(7, None, **given), blocks=BLOCKS)
    bits = make_array(17, 17, read=ReadSpec(7, None, **(SERIAL | {"accumulate": accumulate})), blocks=BLOCKS)
    for array in (levels, bits):
        array.program(W)
    assert np.allclose(bits.forward(X, AT)[0], levels.forward(X, AT)[0], atol=1e-5)
    assert np.allclose(bits.transposed(X, AT)[0], levels.transposed(X, AT)[0], atol=1e-5)


def test_passes_that_add_up_before_conversion_are_converted_once_and_may_be_repeated(make_array: Any) -> None:
    spec = ReadSpec(6, 8, 1.0, inputs="bit-serial", accumulate="analog", max_retries=5)
    bits, levels = make_array(17, 17, read=spec), make_array(17, 17, read=ReadSpec(6, 8, 1.0, max_retries=5))
    for array in (bits, levels):
        array.program(W)
    y, counts = bits.forward(X, AT)
    expected, once = levels.forward(X, AT)
    assert np.array_equal(counts.retries, once.retries) and counts.retries.any()
    assert counts.conversions.tolist() == once.conversions.tolist()
    # Sums of another order may round to the neighbouring code.
    assert np.mean(np.abs(y - expected) > 1e-5) < 0.02


@pytest.mark.parametrize("accumulate", ["digital", "analog"])
def test_noise_of_passes_adds_up_by_their_weights(make_array: Any, critical_z: Any, accumulate: str) -> None:
    n, sigma, thermal, flicker = 3000, 0.05, 2e-9, 0.04
    spec = ReadSpec(
        4,
        None,
        out_noise=sigma,
        thermal=thermal,
        flicker=flicker,
        noise_management="none",
        **(SERIAL | {"accumulate": accumulate}),
    )
    array = make_array(3, 4, read=spec, conductance=ConductanceSpec(1e-6, 5e-6))
    w = W[:3, :4]
    array.program(w)
    x = np.array([5, -3, 7]) / 7
    y, _ = array.forward(np.tile(x, (n, 1)).astype(np.float32), AT)
    cells = 1.5 + w.astype(float)
    variance = np.zeros(4) if accumulate == "digital" else np.full(4, sigma**2)
    for p in range(3):
        bits = np.array([5, 3, 7]) // 2**p % 2
        noise = thermal * 2e-6 * (cells + 1.5).sum(0) / 2e-6**2 + flicker**2 * (bits @ (cells**2 + 1.5**2))
        variance += (2**p / 7) ** 2 * (noise + (sigma**2 if accumulate == "digital" else 0))
    off = y - x @ w
    assert np.abs(off.mean(0) / np.sqrt(variance / n)).max() < critical_z(16)
    assert np.abs((off.var(0) / variance - 1) / np.sqrt(2 / n)).max() < critical_z(16)


def test_a_zero_vector_is_converted_in_every_pass(make_array: Any) -> None:
    array = make_array(6, 4, read=ReadSpec(7, 9, 1.0, 0.1, **SERIAL))
    array.program(np.full((6, 4), 0.5))
    y, counts = array.forward(np.zeros((2, 6), np.float32), AT)
    assert not y.any()
    assert counts.conversions.tolist() == [2 * 4 * 6]


def test_pulse_widths_give_the_values_of_levels(make_array: Any) -> None:
    both = [make_array(17, 17, read=ReadSpec(7, 9, 2.0, 0.06, inputs=inputs)) for inputs in ("levels", "pulse-width")]
    for array in both:
        array.program(W)
    assert np.array_equal(both[0].forward(X, AT)[0], both[1].forward(X, AT)[0])


def test_passes_round_with_draws_of_their_own(make_array: Any) -> None:
    stochastic = Converter("stochastic")
    array = make_array(1, 1, read=ReadSpec(3, 4, 1.0, adc=stochastic, noise_management="none", **SERIAL))
    array.program([[0.5]])
    y, _ = array.forward(np.ones((400, 1), np.float32), AT)
    step = 2 / 14
    # Two passes of weight 1 and 2 over 3, each 3 or 4 steps.
    expected = {round((a + 2 * b) / 3 * step, 5) for a in (3, 4) for b in (3, 4)}
    assert {round(float(v), 5) for v in y.ravel()} == expected
