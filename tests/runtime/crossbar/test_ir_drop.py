"""IR drop against stored solutions, against a dense nodal analysis of the circuit, and against its own laws."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohmflow.runtime.crossbar.errors import IrDropError, ShapeError
from ohmflow.runtime.crossbar.ir_drop import (
    Wires,
    effective_conductance,
    exact_currents,
    fast_currents,
    fast_error,
)

CASES = Path(__file__).parents[2] / "data" / "irdrop"


def nodal_analysis(g: np.ndarray, volts: np.ndarray, wires: Wires, transposed: bool) -> np.ndarray:
    """Solve the circuit edge by edge: nodes are word (i, j), bit (i, j), a driver or ground at each end of a line."""
    rows, cols = g.shape
    cells = rows * cols
    left, bottom = 2 * cells, 2 * cells + rows
    nodes = 2 * cells + rows + cols
    laplacian = np.zeros((nodes, nodes))

    def resistor(a: int, b: int, siemens: float) -> None:
        laplacian[[a, b], [a, b]] += siemens
        laplacian[[a, b], [b, a]] -= siemens

    for i in range(rows):
        for j in range(cols):
            word, bit = i * cols + j, cells + i * cols + j
            resistor(word, bit, g[i, j])
            resistor(word, word - 1 if j else left + i, 1.0 / wires.word)
            resistor(bit, bit + cols if i < rows - 1 else bottom + j, 1.0 / wires.bit)
    held = np.zeros((rows + cols, len(volts)))
    driven = slice(rows, None) if transposed else slice(0, rows)
    held[driven] = volts.T
    free = slice(0, 2 * cells)
    inside = np.linalg.solve(laplacian[free, free], -laplacian[free, 2 * cells :] @ held)
    into = -(laplacian[2 * cells :, free] @ inside + laplacian[2 * cells :, 2 * cells :] @ held)
    return into[:rows].T if transposed else into[rows:].T


@st.composite
def circuits(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, Wires, bool]:
    """Small crossbars, some cells of which do not conduct, with wires from almost ideal to as bad as the cells."""
    rows, cols, n = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    transposed = draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    g = rng.uniform(1e-6, 1e-3, (rows, cols)) * (rng.random((rows, cols)) < 0.9)
    wires = Wires(*(10.0 ** rng.uniform(-1, 4, 2)))
    return g, rng.uniform(-1, 1, (n, cols if transposed else rows)), wires, transposed


@pytest.mark.parametrize("name", ["tiny_4x3", "square_64"])
def test_exact_currents_equal_the_stored_solutions(name: str) -> None:
    case = np.load(CASES / f"{name}.npz")
    wires = Wires(float(case["r_wire_word"]), float(case["r_wire_bit"]))
    found = exact_currents(case["conductance"], case["voltages"].T, wires)
    np.testing.assert_allclose(found, case["currents"], rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ["tiny_4x3", "square_64"])
def test_transposed_currents_equal_the_stored_solution_of_the_turned_crossbar(name: str) -> None:
    # A crossbar turned by half and transposed, read backwards, is the same circuit.
    case = np.load(CASES / f"{name}.npz")
    wires = Wires(float(case["r_wire_bit"]), float(case["r_wire_word"]))
    turned = case["conductance"][::-1, ::-1].T
    found = exact_currents(turned, case["voltages"].T[:, ::-1], wires, transposed=True)
    np.testing.assert_allclose(found[:, ::-1], case["currents"], rtol=1e-9, atol=0)


@settings(max_examples=60, deadline=None)
@given(circuits())
def test_exact_currents_are_those_of_a_dense_nodal_analysis(
    circuit: tuple[np.ndarray, np.ndarray, Wires, bool],
) -> None:
    found, expected = exact_currents(*circuit), nodal_analysis(*circuit)
    # Both lose digits where currents cancel: what is compared with is the largest current of the read.
    assert np.abs(found - expected).max() <= 1e-9 * max(np.abs(expected).max(), 1e-15)


@settings(max_examples=60, deadline=None)
@given(circuits(), st.integers(1, 4))
def test_fast_currents_stay_within_their_stated_error(
    circuit: tuple[np.ndarray, np.ndarray, Wires, bool], sweeps: int
) -> None:
    g, volts, wires, transposed = circuit
    full_scale = np.abs(volts).max() * g.sum(axis=1 if transposed else 0)
    off = np.abs(fast_currents(*circuit, sweeps=sweeps) - exact_currents(*circuit))
    assert (off <= fast_error(g, wires, sweeps) * full_scale + 1e-12 * full_scale.max()).all()


@settings(max_examples=30, deadline=None)
@given(circuits())
def test_sweeps_approach_the_exact_currents_from_below(circuit: tuple[np.ndarray, np.ndarray, Wires, bool]) -> None:
    g, volts, wires, transposed = circuit
    reads = [fast_currents(g, np.abs(volts), wires, transposed, sweeps) for sweeps in (1, 2, 3)]
    reads.append(exact_currents(g, np.abs(volts), wires, transposed))
    slack = 1e-12 * np.abs(reads[-1]).max()
    assert all((low <= high + slack).all() for low, high in pairwise(reads))


def test_wires_without_resistance_leave_the_product() -> None:
    rng = np.random.default_rng(1)
    g, volts = rng.uniform(1e-6, 1e-4, (7, 5)), rng.uniform(-1, 1, (3, 7))
    for read in (exact_currents, fast_currents):
        np.testing.assert_allclose(read(g, volts, Wires(0, 0)), volts @ g, rtol=1e-14)
    np.testing.assert_allclose(effective_conductance(g, Wires(0, 0)), g, rtol=1e-14)
    assert fast_error(g, Wires(0, 0)) <= 1e-30


@pytest.mark.parametrize("wires", [Wires(40.0, 0.0), Wires(0.0, 40.0)], ids=["word", "bit"])
@pytest.mark.parametrize("transposed", [False, True])
def test_fast_is_exact_when_only_one_kind_of_line_resists(wires: Wires, transposed: bool) -> None:
    rng = np.random.default_rng(2)
    g, volts = rng.uniform(1e-6, 1e-4, (6, 6)), rng.uniform(0, 1, (2, 6))
    exact = exact_currents(g, volts, wires, transposed)
    np.testing.assert_allclose(fast_currents(g, volts, wires, transposed), exact, rtol=1e-13)
    assert fast_error(g, wires) <= 1e-15


def test_one_cell_is_three_resistors_in_series() -> None:
    found = exact_currents([[1e-3]], [[0.5]], Wires(30.0, 70.0))
    assert found == pytest.approx(np.array([[0.5 / (30.0 + 1000.0 + 70.0)]]), rel=1e-13)


def test_transposed_reads_are_reciprocal_to_forward_ones() -> None:
    rng = np.random.default_rng(3)
    g = rng.uniform(1e-6, 1e-3, (23, 17))
    wires = Wires(3.0, 2.0)
    forward = exact_currents(g, np.eye(23), wires)
    transposed = exact_currents(g, np.eye(17), wires, transposed=True)
    # The largest element, since small transfer conductances are differences of larger ones.
    assert np.abs(forward - transposed.T).max() <= 1e-11 * forward.max()


def test_strong_drop_is_solved_too() -> None:
    # κ = R·G·n² is 4000: a hundredth of the voltage reaches the far cells.
    rng = np.random.default_rng(4)
    g, volts = rng.uniform(1e-4, 1e-3, (20, 20)), rng.uniform(0, 1, (2, 20))
    wires = Wires(2e4, 2e4)
    expected = nodal_analysis(g, volts, wires, transposed=False)
    np.testing.assert_allclose(exact_currents(g, volts, wires), expected, rtol=1e-9)


@pytest.mark.parametrize("transposed", [False, True])
def test_wires_worse_than_the_cells_are_solved_too(transposed: bool) -> None:
    rng = np.random.default_rng(6)
    g, volts = rng.uniform(1e-6, 1e-3, (12, 12)), rng.uniform(0, 1, (2, 12))
    wires = Wires(1e6, 5e5)
    expected = nodal_analysis(g, volts, wires, transposed)
    found = exact_currents(g, volts, wires, transposed)
    assert np.abs(found - expected).max() <= 1e-9 * expected.max()


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("sweeps", [0, 2])
def test_result_of_a_vector_does_not_depend_on_the_others(transposed: bool, sweeps: int) -> None:
    rng = np.random.default_rng(5)
    g, volts = rng.uniform(1e-6, 1e-4, (30, 30)), rng.uniform(-1, 1, (7, 30)) * 10.0 ** rng.uniform(-3, 0, (7, 1))
    wires = Wires(5.0, 5.0)

    def read(some: np.ndarray) -> np.ndarray:
        return (
            fast_currents(g, some, wires, transposed, sweeps) if sweeps else exact_currents(g, some, wires, transposed)
        )

    together = read(volts)
    alone = np.concatenate([read(volts[k : k + 1]) for k in range(7)])
    np.testing.assert_array_equal(together, alone)


def test_nothing_to_read_gives_no_currents() -> None:
    assert exact_currents(np.ones((3, 2)), np.empty((0, 3)), Wires(1, 1)).shape == (0, 2)
    assert fast_currents(np.ones((3, 2)), np.empty((0, 2)), Wires(1, 1), True, 2).shape == (0, 3)
    np.testing.assert_array_equal(exact_currents(np.ones((3, 2)), np.zeros((1, 3)), Wires(1, 1)), np.zeros((1, 2)))


@pytest.mark.parametrize(
    ("action", "kind", "message"),
    [
        (
            lambda: Wires(-1.0, 0.0),
            IrDropError,
            "wires.word: must be at least 0 and finite, not -1.0; give ohms a segment",
        ),
        (
            lambda: exact_currents(np.ones(3), np.ones((1, 3)), Wires(1, 1)),
            ShapeError,
            "conductances: must be [rows, cols] with at least one cell, not (3,); reshape them",
        ),
        (
            lambda: exact_currents([[1.0, -2.0]], [[1.0]], Wires(1, 1)),
            IrDropError,
            "conductances: must be at least 0 and finite, not -2.0; give what cells conduct, in siemens",
        ),
        (
            lambda: exact_currents(np.ones((3, 2)), np.ones((1, 2)), Wires(1, 1)),
            ShapeError,
            "voltages: must be [n, rows] with 3 rows, not (1, 2); reshape them",
        ),
        (
            lambda: fast_currents(np.ones((3, 2)), np.ones((1, 3)), Wires(1, 1), transposed=True),
            ShapeError,
            "voltages: must be [n, cols] with 2 cols, not (1, 3); reshape them",
        ),
        (
            lambda: exact_currents(np.ones((1, 1)), [[np.nan]], Wires(1, 1)),
            IrDropError,
            "voltages: must be finite, not nan; give volts",
        ),
        (
            lambda: fast_currents(np.ones((1, 1)), [[1.0]], Wires(1, 1), sweeps=0),
            IrDropError,
            "sweeps: must be at least 1, not 0; do one for an effective conductance",
        ),
    ],
    ids=["wires", "no matrix", "negative", "rows", "cols", "voltage", "sweeps"],
)
def test_what_can_not_be_solved_is_refused(action: object, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        action()  # type: ignore[operator]
