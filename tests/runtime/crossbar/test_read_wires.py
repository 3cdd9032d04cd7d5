"""IR drop in reads of an array: the currents of its blocks are those of the circuit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.ir_drop import Wires, exact_currents, fast_currents, fast_error
from ohmflow.runtime.crossbar.read_weights import ReadWeights
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, DrawSite, ReadSpec

AT = DrawSite(Purpose.FORWARD, 0, 5)
CASES = Path(__file__).parents[2] / "data" / "irdrop"
PLAIN = {"noise_management": "none", "bound_management": "none"}
WINDOW = ConductanceSpec(1e-6, 5e-6)
SLOPE, AT_ZERO = 2e-6, 3e-6
WIRES = Wires(2000.0, 900.0)


def conductances(w: np.ndarray) -> np.ndarray:
    return AT_ZERO + SLOPE * w.astype(np.float64)


def array_of(make_array: Any, w: np.ndarray, ir_drop: str, **given: Any) -> Any:
    spec = ReadSpec(None, None, ir_drop=ir_drop, wires=WIRES, **PLAIN)
    array = make_array(*w.shape, read=spec, conductance=WINDOW, **given)
    array.program(w)
    return array


def weights(rows: int, cols: int) -> np.ndarray:
    return np.random.default_rng(4).uniform(-0.9, 0.9, (rows, cols)).astype(np.float32)


@pytest.mark.parametrize(("ir_drop", "solve"), [("exact", exact_currents), ("fast", fast_currents)])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_read_is_the_current_of_the_cells_less_that_of_the_references(
    make_array: Any, ir_drop: str, solve: Any, transposed: bool
) -> None:
    w = weights(12, 9)
    blocks = (Block(0, 0, 7, 9), Block(7, 0, 5, 9))
    array = array_of(make_array, w, ir_drop, blocks=blocks, alpha=1.0)
    x = np.random.default_rng(5).uniform(-1, 1, (6, 9 if transposed else 12)).astype(np.float32)
    y, _ = (array.transposed if transposed else array.forward)(x, AT)
    currents = np.zeros(y.shape)
    for block in blocks:
        rows = slice(block.row0, block.row0 + block.rows)
        g = conductances(w[rows])
        u = x if transposed else x[:, rows]
        into = (slice(None), rows) if transposed else (slice(None), slice(None))
        currents[into] += solve(g, u, WIRES, transposed) - solve(np.full_like(g, AT_ZERO), u, WIRES, transposed)
    assert np.abs(y.astype(float) * SLOPE - currents).max() < 1e-9 * np.abs(currents).max() + 1e-12
    assert np.allclose(y, currents / SLOPE, rtol=1e-5, atol=1e-6)  # results are float32
    assert np.abs(y - x @ (w.T if transposed else w)).max() > 0.02


@pytest.mark.parametrize("name", ["tiny_4x3", "square_64"])
@pytest.mark.parametrize("transposed", [False, True])
def test_products_with_exact_wires_equal_the_stored_currents(name: str, transposed: bool) -> None:
    case = np.load(CASES / f"{name}.npz")
    g, wires = case["conductance"], Wires(float(case["r_wire_word"]), float(case["r_wire_bit"]))
    volts = case["voltages"].T
    if transposed:  # turned by half and transposed, the same circuit is read backwards
        g, wires, volts = g[::-1, ::-1].T, Wires(wires.bit, wires.word), volts[:, ::-1]
    # With g_min = w_min = 0 references conduct nothing, and a device unit is g_max.
    window = ConductanceSpec(0.0, 1.0)
    spec = ReadSpec(None, None, ir_drop="exact", wires=wires, **PLAIN)
    blocks = np.array([[0, 0, *g.shape]], np.int64)
    held = ReadWeights(spec, window, (0.0, 1.0), blocks)
    found = held.exact_products(g, 0, np.ascontiguousarray(volts), transposed)
    np.testing.assert_allclose(found[:, ::-1] if transposed else found, case["currents"], rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ["tiny_4x3", "square_64"])
def test_reads_of_an_array_equal_the_stored_currents(make_array: Any, name: str) -> None:
    case = np.load(CASES / f"{name}.npz")
    g, wires = case["conductance"], Wires(float(case["r_wire_word"]), float(case["r_wire_bit"]))
    volts = case["voltages"].T
    g_max = float(g.max())
    window = ConductanceSpec(0.0, g_max)  # at −1 and 1
    spec = ReadSpec(None, None, ir_drop="exact", wires=wires, **PLAIN)
    array = make_array(*g.shape, read=spec, conductance=window)
    array.program(2 * g / g_max - 1)
    scale = float(np.abs(volts).max())
    y, _ = array.forward((volts / scale).astype(np.float32), AT)
    references = exact_currents(np.full_like(g, g_max / 2), volts, wires)
    found = y * scale * g_max / 2 + references
    assert np.abs(found - case["currents"]).max() < 1e-9  # amperes
    assert np.allclose(found, case["currents"], rtol=3e-6)  # weights, inputs and results are float32


def test_fast_reads_err_by_less_than_is_stated(make_array: Any) -> None:
    w = weights(24, 24)
    x = np.random.default_rng(6).uniform(0, 1, (8, 24)).astype(np.float32)
    fast, exact = (array_of(make_array, w, kind).forward(x, AT)[0] for kind in ("fast", "exact"))
    cells, references = conductances(w), np.full(w.shape, AT_ZERO)
    bound = sum(fast_error(g, WIRES) * g.sum(0) for g in (cells, references)) / SLOPE
    error = np.abs(fast - exact)
    assert np.all(error < bound)
    assert error.max() > 1e-4
    assert error.max() < np.abs(exact - x @ w).max() / 3


@pytest.mark.parametrize("ir_drop", ["fast", "exact"])
def test_wires_follow_the_weights(make_array: Any, ir_drop: str) -> None:
    w = weights(6, 5)
    array = array_of(make_array, w, ir_drop)
    x = np.ones((1, 6), np.float32)
    before, _ = array.forward(x, AT)
    array.update(x, np.ones((1, 5), np.float32), 0.05, AT)
    other = array_of(make_array, array.w, ir_drop)
    after, _ = array.forward(x, AT)
    assert not np.allclose(after, before, atol=1e-3)
    assert np.array_equal(after, other.forward(x, AT)[0])


def test_wires_without_resistance_change_nothing(make_array: Any) -> None:
    w = weights(8, 6)
    x = np.random.default_rng(7).uniform(-1, 1, (4, 8)).astype(np.float32)
    for ir_drop in ("fast", "exact"):
        spec = ReadSpec(7, 9, 2.0, ir_drop=ir_drop, wires=Wires(0.0, 0.0))
        wired, plain = (make_array(8, 6, read=s, conductance=WINDOW) for s in (spec, ReadSpec(7, 9, 2.0)))
        for array in (wired, plain):
            array.program(w)
        assert np.allclose(wired.forward(x, AT)[0], plain.forward(x, AT)[0], atol=1e-6)


def test_wires_need_the_conductances_of_cells(make_array: Any) -> None:
    with pytest.raises(SpecError, match=r"read.ir_drop: it must be left out"):
        make_array(2, 2, read=ReadSpec(7, 9, 4.0, ir_drop="fast", wires=WIRES))
