import re

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import ShapeError, SpecError, StateError
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, DrawSite, ReadSpec, UpdateSpec
from ohmflow.runtime.devices.ideal import Ideal

AT = DrawSite(Purpose.FORWARD, 0, 0)


def test_programmed_weights_read_back(make_array):
    array = make_array(3, 4, alpha=2.0)
    w = np.linspace(-1.5, 1.5, 12).reshape(3, 4)
    assert array.program(w) == 0
    assert np.allclose(array.weights(), w)
    assert np.allclose(array.w, w / 2)


def test_weights_outside_of_the_bounds_are_clipped_and_counted(make_array):
    array = make_array(2, 2, alpha=0.5)
    assert array.program([[0.6, -0.2], [0.5, -9.0]]) == 2
    assert np.allclose(array.weights(), [[0.5, -0.2], [0.5, -0.5]])


def test_an_ideal_array_clips_nothing(make_array):
    array = make_array(2, 2, device=Ideal(Ideal.Parameters()))
    assert array.program([[60.0, -0.2], [0.5, -9.0]]) == 0
    assert array.w[0, 0] == 60


def test_write_verify_leaves_its_error(make_array, critical_z):
    array = make_array(100, 100, steps={"w_max": 1.0, "w_min": -3.0})
    array.program(np.full((100, 100), 0.2), error=0.01)
    error = array.w - 0.2
    assert abs(error.mean()) / (0.04 / 100) < critical_z(2)
    assert abs(error.var() / 0.04**2 - 1) / np.sqrt(2 / 1e4) < critical_z(2)
    first = array.w.copy()
    array.program(np.full((100, 100), 0.2), error=0.01)
    assert np.array_equal(array.w, first)
    array.program(np.full((100, 100), 0.2), error=0.01, occasion=1)
    assert not np.array_equal(array.w, first)


def test_programming_errors_stay_within_the_bounds(make_array):
    array = make_array(50, 50)
    assert array.program(np.full((50, 50), 0.99), error=0.1) == 0
    assert array.w.max() == 1.0


def test_any_memory_layout_of_the_vectors_reads_alike(make_array):
    array = make_array(6, 4, read=ReadSpec(7, 9, 3.0))
    array.program(np.random.default_rng(0).uniform(-0.5, 0.5, (6, 4)))
    x = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float32)
    y, _ = array.forward(x, AT)
    frozen = x.copy()
    frozen.setflags(write=False)
    for other in (np.asfortranarray(x), x.astype(np.float64), np.repeat(x, 2, 1)[:, ::2], frozen):
        assert np.array_equal(array.forward(other, AT)[0], y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda a: a.program(np.zeros((4, 3))),
            "W: weights must be [rows, cols] = (3, 4), not (4, 3); transpose or cut them",
        ),
        (lambda a: a.forward(np.zeros((1, 4)), AT), "W: x must be [n, rows] with 3 rows, not (1, 4); reshape it"),
        (lambda a: a.transposed(np.zeros(4), AT), "W: d must be [n, cols] with 4 cols, not (4,); reshape it"),
        (
            lambda a: a.update(np.zeros((2, 3)), np.zeros((1, 4)), 0.1, AT),
            "W: x and d must have equally many vectors, not 2 and 1; pair them",
        ),
    ],
)
def test_vectors_that_do_not_fit_are_refused(make_array, call, message):
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        call(make_array(3, 4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: UpdateSpec(64),
            "update.train_length: it must be from 1 to 63, not 64; use a shorter train or a larger dw_min",
        ),
        (lambda: ReadSpec(1, 9, 1.0), "read.dac_bits: it must be None or from 2 to 24, not 1; give another resolution"),
        (lambda: ReadSpec(7, 9), "read.out_bound: it must be finite with an ADC, not inf; give the ADC's input range"),
        (
            lambda: ConductanceSpec(2e-6, 1e-6),
            "conductance: it must be 0 ≤ g_min < g_max, not (2e-06, 1e-06); give both in siemens",
        ),
    ],
)
def test_figures_out_of_range_are_refused(make, message):
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ((Block(0, 0, 3, 3),), "W: cell (0, 3): it must be in one block, not 0; cut the array anew"),
        ((Block(0, 0, 3, 4), Block(1, 1, 1, 1)), "W: cell (1, 1): it must be in one block, not 2; cut the array anew"),
        (
            (Block(0, 0, 4, 4),),
            "W: block: it must be inside 3 x 4, not Block(row0=0, col0=0, rows=4, cols=4); cut the array anew",
        ),
    ],
)
def test_blocks_that_do_not_tile_are_refused(make_array, blocks, message):
    with pytest.raises(SpecError, match=f"^{re.escape(message)}$"):
        make_array(3, 4, blocks=blocks)


@pytest.mark.parametrize("given", [{"alpha": 0.0}, {"alpha": float("inf")}, {"seed": -1}])
def test_scale_and_seed_out_of_range_are_refused(make_array, given):
    with pytest.raises(SpecError):
        make_array(3, 4, **given)


def test_the_whole_range_of_seeds_works(make_array):
    array = make_array(3, 3, seed=2**64 - 1, steps={"dw_min_dtod": 0.1})
    counts = array.update(np.ones((1, 3), np.float32), np.ones((1, 3), np.float32), 0.002, AT)
    assert counts.coincidences.sum() == 18


def test_a_restored_array_goes_on_bit_for_bit(make_array, pairs, spread_steps):
    x, d = pairs(20, 6, 5)
    first, second = (make_array(6, 5, steps=spread_steps) for _ in range(2))
    first.update(x[:10], d[:10], 0.3, DrawSite(Purpose.UPDATE, 0, 1))
    kept = first.state()
    for array in (first, second):
        array.restore(kept)
        array.update(x[10:], d[10:], 0.3, DrawSite(Purpose.UPDATE, 0, 2))
    assert first.w.tobytes() == second.w.tobytes()
    assert not np.array_equal(kept["w"], first.w)  # what was kept is a copy


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "W: the state must hold w, not nothing; restore what an array of the same device gave"),
        (
            {"w": np.zeros((2, 3))},
            "W: 'w' of the state must be float32 of shape (2, 3), not float64 of shape (2, 3); "
            "restore what an array of the same shape gave",
        ),
    ],
)
def test_states_of_other_arrays_are_refused(make_array, state, message):
    with pytest.raises(StateError, match=f"^{re.escape(message)}$"):
        make_array(2, 3).restore(state)
