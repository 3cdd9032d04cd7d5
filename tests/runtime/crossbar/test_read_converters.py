"""Converters: stochastic rounding, ranges that are not even, lines that differ."""

from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose, key_of, mix_int, normal
from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.spec import Block, Converter, DrawSite, ReadSpec

AT = DrawSite(Purpose.FORWARD, 0, 5)
PLAIN = {"noise_management": "none", "bound_management": "none"}


def reads(array: Any, x: np.ndarray, transposed: bool) -> np.ndarray:
    return (array.transposed if transposed else array.forward)(x.astype(np.float32), AT)[0]


@pytest.mark.parametrize("transposed", [False, True])
def test_stochastic_rounding_of_inputs_is_right_on_average(make_array: Any, critical_z: Any, transposed: bool) -> None:
    n, levels = 4000, 7  # 4 bits
    array = make_array(5, 5, read=ReadSpec(4, None, dac=Converter("stochastic"), **PLAIN))
    array.program(np.eye(5))
    x = np.array([-0.99, -0.3, 0.0, 0.41, 3 / 7])
    u = reads(array, np.tile(x, (n, 1)), transposed) * levels
    assert np.allclose(u, np.rint(u), atol=1e-5)
    low = np.floor(x * levels + 1e-6)
    share = x * levels - low
    assert np.array_equal(np.unique(np.rint(u[:, 1])), [low[1], low[1] + 1])
    sure = np.isclose(share, 0, atol=1e-5)
    spread = np.sqrt(share * (1 - share) / n) + sure
    assert np.abs((u.mean(0) - x * levels) / spread)[~sure].max() < critical_z(6)
    assert np.allclose(u[:, 2], 0)
    # Lines are rounded independently.
    pairs = np.corrcoef(u[:, [0, 1, 3]].T)[np.triu_indices(3, 1)]
    assert np.abs(pairs * np.sqrt(n)).max() < critical_z(6)


@pytest.mark.parametrize("transposed", [False, True])
def test_stochastic_rounding_of_outputs_is_right_on_average(make_array: Any, critical_z: Any, transposed: bool) -> None:
    n, levels, bound = 4000, 15, 3.0  # 5 bits
    array = make_array(4, 4, read=ReadSpec(None, 5, bound, adc=Converter("stochastic"), **PLAIN))
    held = np.diag([0.31, -0.77, 0.93, 0.5])
    array.program(held)
    code = reads(array, np.ones((n, 4)), transposed) * levels / bound
    wanted = np.diag(held) * levels / bound
    share = wanted - np.floor(wanted)
    assert np.allclose(code, np.rint(code), atol=1e-5)
    spread = np.sqrt(np.maximum(share * (1 - share), 1e-9) / n)
    assert np.abs((code.mean(0) - wanted) / spread)[:3].max() < critical_z(6)


def test_stochastic_rounding_reaches_no_code_beyond_the_range(make_array: Any) -> None:
    converter = Converter("stochastic")
    array = make_array(1, 1, read=ReadSpec(3, 3, 0.6, dac=converter, adc=converter, **PLAIN))
    array.program([[1.0]])
    y = reads(array, np.tile([[1.0], [-1.0]], (200, 1)), False)
    assert set(np.round(y.ravel(), 6).tolist()) == {np.float32(0.6).round(6).item(), -np.float32(0.6).round(6).item()}


@pytest.mark.parametrize("bits", [None, 6])
def test_a_range_may_end_elsewhere_below_than_above(make_array: Any, bits: int | None) -> None:
    high, low = 2.0, 0.7
    array = make_array(1, 1, read=ReadSpec(None, bits, high, out_low=low, **PLAIN), steps={"w_max": 4.0, "w_min": -4.0})
    array.program([[4.0]])
    x = np.linspace(-1, 1, 81)[:, None]
    y = reads(array, x, False).ravel()
    if bits is None:
        assert np.allclose(y, np.clip(4 * x.ravel(), -low, high), atol=1e-6)
        return
    step = (high + low) / (2**bits - 2)
    codes = np.clip(np.rint(4 * x.ravel() / step), -np.floor(low / step), np.floor(high / step))
    assert np.allclose(y, codes * step, atol=1e-6)
    assert y.min() >= -low - 1e-6 and y.max() <= high + 1e-6


def test_reads_are_repeated_when_they_reach_the_lower_end(make_array: Any) -> None:
    array = make_array(1, 1, read=ReadSpec(None, None, 5.0, out_low=0.4, noise_management="none"))
    array.program([[1.0]])
    _, counts = array.forward(np.array([[-0.5], [0.5], [-0.3]], np.float32), AT)
    assert counts.retries.ravel().tolist() == [1, 0, 0]


def drawn(plane: int, seed: int, array: int, row0: int, col0: int, kind: int, line: int) -> float:
    """Draw of a converter, from `docs/semantics.md`."""
    key = key_of(seed, Purpose.DEVICE, array, 32 + plane, row0, col0)
    index = (kind << 62) + (line << (34 if kind == 0 else 6))
    return float(normal(np.uint64(mix_int((key + 0x9E3779B97F4A7C15 * (1 + index)) % 2**64))))


@pytest.mark.parametrize("transposed", [False, True])
def test_each_line_has_a_gain_and_an_offset_of_its_own(make_array: Any, transposed: bool) -> None:
    spec = ReadSpec(None, None, 8.0, dac=Converter("nearest", 0.1, 0.03), adc=Converter("nearest", 0.2, 0.05), **PLAIN)
    blocks = (Block(0, 0, 3, 4), Block(3, 0, 2, 4))
    array = make_array(5, 4, read=spec, blocks=blocks)
    w = np.random.default_rng(0).uniform(-0.9, 0.9, (5, 4)).astype(np.float32)
    array.program(w)
    x = np.random.default_rng(1).uniform(-1, 1, (6, 4 if transposed else 5))
    expected = np.zeros((6, 5 if transposed else 4))
    ins, outs = (1, 0) if transposed else (0, 1)
    for block in blocks:
        rows, cols = np.arange(block.row0, block.row0 + block.rows), np.arange(block.col0, block.col0 + block.cols)
        held = w[np.ix_(rows, cols)].T if transposed else w[np.ix_(rows, cols)]
        given, into = (cols, rows) if transposed else (rows, cols)

        def draws(plane: int, kind: int, lines: np.ndarray, b: Block = block) -> np.ndarray:
            return np.array([drawn(plane, 11, 3, b.row0, b.col0, kind, int(line)) for line in lines])

        u = x[:, given] * (1 + 0.1 * draws(0, ins, given)) + 0.03 * draws(1, ins, given)
        expected[:, into] += (u @ held) * (1 + 0.2 * draws(2, outs, into)) + 8.0 * 0.05 * draws(3, outs, into)
    assert np.allclose(reads(array, x, transposed), expected, atol=1e-5)


def test_lines_that_differ_do_so_by_the_spread(make_array: Any, critical_z: Any) -> None:
    n = 2000
    array = make_array(1, n, read=ReadSpec(None, None, 8.0, adc=Converter("nearest", 0.1, 0.02), **PLAIN))
    array.program(np.full((1, n), 0.5))
    at_zero, at_one = reads(array, np.array([[0.0], [1.0]]), False)
    for found, mean, spread in ((at_zero, 0.0, 0.16), (at_one - at_zero, 0.5, 0.05)):
        assert abs(found.mean() - mean) < critical_z(4) * spread / np.sqrt(n)
        assert abs(found.var() / spread**2 - 1) < critical_z(4) * np.sqrt(2 / n)


def test_a_line_driven_by_an_offset_alone_counts_as_not_driven(make_array: Any) -> None:
    array = make_array(2, 2, read=ReadSpec(7, None, dac=Converter("nearest", 0.0, 0.1), **PLAIN))
    array.program(np.full((2, 2), 0.5))
    y, counts = array.forward(np.zeros((1, 2), np.float32), AT)
    assert counts.driven.tolist() == [0]
    assert np.abs(y).min() > 0


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"out_low": 0.0}, "read.out_low"),
        ({"negative_gain": 0.0}, "read.negative_gain"),
        ({"thermal": -1.0}, "read.thermal"),
        ({"scale_decay": 0.0}, "read.scale_decay"),
        ({"noise_management": "constant"}, "read.input_scale"),
        ({"input_scale": 1.0}, "read.input_scale"),
        ({"inputs": "bit-serial"}, "read.bound_management"),
        ({"ir_drop": "fast"}, "read.wires"),
    ],
)
def test_figures_out_of_range_are_refused(wrong: dict[str, Any], where: str) -> None:
    with pytest.raises(SpecError, match=where):
        ReadSpec(**({"dac_bits": 7, "adc_bits": 9, "out_bound": 4.0} | wrong))


@pytest.mark.parametrize("asked", [{"thermal": 1e-9}, {"flicker": 0.1}])
def test_noise_of_cells_needs_their_conductances(make_array: Any, asked: dict[str, float]) -> None:
    with pytest.raises(SpecError, match=f"read.{next(iter(asked))}"):
        make_array(2, 2, read=ReadSpec(7, 9, 4.0, **asked))
