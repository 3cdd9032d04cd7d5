"""Pulses counted device by device, and what becomes of worn devices."""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.crossbar.wear import WearSpec
from ohmflow.runtime.devices.one_sided_pair import OneSidedPair

AT = DrawSite(Purpose.UPDATE, 2, 0)


@pytest.fixture
def worn(make_array):
    def make(rows, cols, limit=1e9, **given):
        spec = {name: given.pop(name) for name in ("spread", "beyond") if name in given}
        return make_array(rows, cols, wear=WearSpec(limit, **spec), **given)

    return make


def train(array, pairs, steps, lr=0.3):
    for step in steps:
        array.update(*pairs(9, *array.w.shape, seed=step), lr, AT._replace(step=step))
        array.elapse(0.0)


@pytest.mark.parametrize("length", [1, 7, 31, 63])
def test_every_device_counts_the_pulses_that_move_it(worn, length):
    # Without spread and far from the bounds, a weight tells by how many steps one direction was pulsed.
    array = worn(9, 14, update=UpdateSpec(length), steps={"dw_min": 2.0**-13})
    rng = np.random.default_rng(length)
    x, d = rng.uniform(0, 1, (150, 9)).astype(np.float32), -rng.uniform(0, 1, (150, 14)).astype(np.float32)
    array.update(x, d, 2.0**-13 * min(length, 40), AT)
    assert 20 * 2.0**-13 < array.w.max() < 1.0
    assert np.array_equal(array.wear.pulses, np.rint(array.w * 2.0**13))


def test_counts_of_devices_add_up_to_the_coincidences_of_the_update(worn, pairs):
    array = worn(13, 17, blocks=(Block(0, 0, 13, 8), Block(0, 8, 13, 9)))
    counts = array.update(*pairs(200, 13, 17), 0.3, AT)
    for block, cols in enumerate((slice(0, 8), slice(8, 17))):
        assert array.wear.pulses[:, cols].sum() == counts.coincidences[block] > 0


def test_counts_do_not_depend_on_how_vectors_come(worn, pairs):
    x, d = pairs(150, 6, 9)
    whole, single = worn(6, 9), worn(6, 9)
    whole.update(x, d, 0.3, AT)
    for i in range(150):
        single.update(x[i : i + 1], d[i : i + 1], 0.3, AT._replace(sample0=i))
    assert np.array_equal(whole.wear.pulses, single.wear.pulses)


def test_half_selected_pulses_do_not_count(worn):
    array = worn(3, 4, update=UpdateSpec(1, update_management=False, train_length_management=False))
    x, d = np.array([[1, 1, 0]], np.float32), np.array([[1, 0, 0, 1]], np.float32)
    array.update(x, d, 0.001, AT)
    assert array.wear.pulses.tolist() == [[1, 0, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0]]


def test_counting_changes_no_weight(worn, make_array, pairs):
    counted, plain = worn(6, 9, 5.0), make_array(6, 9)
    for array in (counted, plain):
        train(array, pairs, range(5))
    assert counted.w.tobytes() == plain.w.tobytes()
    assert counted.wear.worn.any() and not counted.wear.stuck.any()


def test_worn_devices_stick_from_the_next_step_on_and_the_others_move_as_ever(worn, pairs):
    stiff, free = worn(6, 9, 150.0, beyond="stuck", spread=0.5), worn(6, 9, 150.0, spread=0.5)
    for step in range(8):
        stuck, held = stiff.wear.worn.copy(), stiff.w.copy()
        assert np.array_equal(stuck, stiff.wear.stuck)
        for array in (stiff, free):
            train(array, pairs, [step])
        assert np.array_equal(stiff.w[stuck], held[stuck])
        assert np.array_equal(stiff.w[~stuck], free.w[~stuck])
    assert 0 < stiff.wear.stuck.sum() < stiff.w.size
    assert np.array_equal(stiff.wear.pulses, free.wear.pulses)


def test_worn_pairs_of_devices_stick_as_a_whole(worn, pairs):
    device = OneSidedPair(OneSidedPair.Parameters(dw_min=0.001, w_max=1.0, w_min=-1.0))
    array = worn(6, 9, 1.0, beyond="stuck", device=device)
    train(array, pairs, range(2))
    held, stuck = array.w.copy(), array.wear.stuck.copy()
    train(array, pairs, [2])
    assert stuck.any() and np.array_equal(array.w[stuck], held[stuck])
    assert np.abs(array.planes.g[1] - array.planes.g[0] - array.w).max() < 1e-6


def test_worn_pairs_neither_fill_up_nor_are_refreshed(worn):
    device = OneSidedPair(OneSidedPair.Parameters(dw_min=0.05, w_max=1.0, w_min=-1.0, refresh_at=0.5))
    array = worn(4, 5, 3.0, beyond="stuck", device=device, update=UpdateSpec(1, False, False))
    x, d = np.ones((12, 4), np.float32), np.tile(np.array([[-1], [1]], np.float32), (6, 5))
    array.update(x, d, device.dw_min, AT)
    array.elapse(0.0)
    assert array.wear.stuck.all()
    held, conducting = array.state(), device.conducting(array.planes)
    for step in range(1, 6):
        assert array.update(x, d, device.dw_min, AT._replace(step=step)).refresh is None
        array.elapse(0.0)
    assert array.w.tobytes() == held["w"].tobytes() and array.planes.g.tobytes() == held["device.g"].tobytes()
    assert np.array_equal(device.conducting(array.planes), conducting) and array.wear.pulses.min() == 6 * 12


def test_limits_are_spread_log_normally(worn, critical_z):
    side, spread = 100, 0.4
    logs = np.log(worn(side, side, 1e8, spread=spread).wear.limit / 1e8)
    assert abs(logs.mean()) * side / spread < critical_z(2)
    assert abs(logs.var() / spread**2 - 1) * side / np.sqrt(2) < critical_z(2)


@pytest.mark.parametrize("stop", [1, 4])
def test_an_array_that_goes_on_from_its_state_wears_bit_for_bit(worn, pairs, stop):
    noisy = {"dw_min": 0.001, "dw_min_ctoc": 0.3, "write_noise": 2.0}
    whole, first, second = (worn(6, 9, 20.0, beyond="stuck", spread=0.5, steps=noisy) for _ in range(3))
    train(whole, pairs, range(8))
    train(first, pairs, range(stop))
    second.restore(first.state())
    train(second, pairs, range(stop, 8))
    assert {k: v.tobytes() for k, v in second.state().items()} == {k: v.tobytes() for k, v in whole.state().items()}
    assert set(whole.state()) == {"w", "hidden", "pulses", "stuck"}


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ((0.0,), "wear.limit: it must be above 0 and finite, not 0.0; give a number of pulses"),
        ((1e8, -0.1), "wear.spread: it must be at least 0 and finite, not -0.1; write 0 for none"),
        ((1e8, 0.0, "burn"), "wear.beyond: it must be 'report' or 'stuck', not 'burn'; choose one"),
    ],
)
def test_figures_out_of_range_are_refused(figures, sentence):
    with pytest.raises(SpecError) as refused:
        WearSpec(*figures)
    assert str(refused.value) == sentence
