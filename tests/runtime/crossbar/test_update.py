import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import NotFiniteError, SpecError
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.ideal import Ideal
from ohmflow.runtime.devices.linear_step import LinearStep

AT = DrawSite(Purpose.UPDATE, 0, 5)


def linear(**given):
    return LinearStep(
        LinearStep.Parameters(
            **({"dw_min": 0.001, "w_max": 1.0, "w_min": -1.0, "gamma_up": 0.5, "gamma_down": 0.5} | given)
        )
    )


@pytest.fixture(params=["constant-step", "linear-step"])
def noisy_array(request, make_array, spread_steps):
    def make(rows, cols, **given):
        if request.param == "linear-step":
            given["device"] = linear(**spread_steps)
        return make_array(rows, cols, steps=spread_steps, **given)

    return make


def test_draws_do_not_depend_on_the_split_into_blocks(noisy_array, pairs):
    x, d = pairs(20, 12, 70)
    splits = [
        (Block(0, 0, 12, 70),),
        (Block(0, 0, 5, 30), Block(0, 30, 5, 40), Block(5, 0, 7, 30), Block(5, 30, 7, 40)),
        (Block(0, 0, 12, 1), Block(0, 1, 2, 69), Block(2, 1, 10, 69)),
    ]
    arrays = [noisy_array(12, 70, blocks=blocks) for blocks in splits]
    counts = [array.update(x, d, 0.2, AT) for array in arrays]
    for array, count in zip(arrays, counts, strict=True):
        assert np.array_equal(array.w, arrays[0].w)
        assert count.coincidences.sum() == counts[0].coincidences.sum()
        assert np.array_equal(count.train_length, counts[0].train_length)
    # A row line that two blocks share is driven in both.
    assert counts[1].row_pulses.sum() == 2 * counts[0].row_pulses.sum()


def test_a_batch_is_its_samples_one_by_one(noisy_array, pairs):
    n = 150  # more than the kernel takes at a time
    x, d = pairs(n, 6, 9)
    whole, single = noisy_array(6, 9), noisy_array(6, 9)
    total = whole.update(x, d, 0.2, AT._replace(sample0=4))
    parts = [single.update(x[i : i + 1], d[i : i + 1], 0.2, AT._replace(sample0=4 + i)) for i in range(n)]
    assert np.array_equal(whole.w, single.w)
    assert total.train_length.tolist() == [int(part.train_length[0]) for part in parts]
    for field in ("row_pulses", "col_pulses", "coincidences"):
        assert getattr(total, field)[0] == sum(getattr(part, field)[0] for part in parts)
    assert (total.clipped, total.lost) == (sum(part.clipped for part in parts), sum(part.lost for part in parts))


def test_positions_of_a_sample_follow_each_other(noisy_array, pairs):
    x, d = pairs(12, 6, 9)
    whole, single = noisy_array(6, 9), noisy_array(6, 9)
    whole.update(x, d, 0.2, AT._replace(positions=4))
    for i in range(12):
        single.update(x[i : i + 1], d[i : i + 1], 0.2, AT._replace(sample0=i // 4, position=i % 4))
    assert np.array_equal(whole.w, single.w)


def test_equal_runs_give_equal_bits(noisy_array, pairs):
    x, d = pairs(10, 33, 65)
    first, second = noisy_array(33, 65), noisy_array(33, 65)
    first.update(x, d, 0.3, AT)
    second.update(x, d, 0.3, AT)
    assert np.array_equal(first.w, second.w)


@pytest.mark.parametrize("other", [{"seed": 12}, {"step": 6}, {"site": 1}, {"purpose": Purpose.TRANSFER}])
def test_every_field_of_a_site_changes_the_draws(make_array, pairs, other):
    x, d = pairs(10, 20, 20)
    first = make_array(20, 20)
    second = make_array(20, 20, **{k: v for k, v in other.items() if k == "seed"})
    first.update(x, d, 0.3, AT)
    second.update(x, d, 0.3, AT._replace(**{k: v for k, v in other.items() if k != "seed"}))
    assert not np.array_equal(first.w, second.w)


def test_weights_never_leave_their_devices_bounds(noisy_array, pairs):
    array = noisy_array(20, 30)
    x, d = pairs(64, 20, 30)
    low, high = array.device.bounds(array.planes)
    for step in range(40):
        array.update(x, d, 3.0, AT._replace(step=step))
        assert np.all(array.w >= low) and np.all(array.w <= high)
    assert np.any(array.w == low) and np.any(array.w == high)


def test_update_saturates_at_the_bounds(make_array):
    array = make_array(2, 2, steps={"w_max": 0.05, "w_min": -0.03, "dw_min_ctoc": 0.3})
    ones = np.ones((200, 2), np.float32)
    array.update(ones, ones, 0.01, AT)
    assert np.all(array.w == np.float32(-0.03))
    array.update(ones, -ones, 0.01, AT)
    assert np.all(array.w == np.float32(0.05))


def test_a_device_moves_by_whole_steps_and_at_most_the_train_length(make_array, pairs):
    step = 2.0**-9
    array = make_array(30, 30, steps={"dw_min": step}, update=UpdateSpec(10))
    x, d = pairs(1, 30, 30)
    counts = array.update(x, d, 4.0, AT)
    pulses = array.w / step
    assert np.array_equal(pulses, np.rint(pulses))
    assert 0 < np.abs(pulses).max() <= counts.train_length[0] <= 10
    assert counts.clipped == 1


def test_the_largest_product_alone_fixes_the_train_length(make_array):
    array = make_array(2, 2)
    x = np.array([[0.5, 0.1]], np.float32)
    d = np.array([[0.01, -0.03]], np.float32)
    counts = array.update(x, d, 0.7, AT)
    assert counts.train_length.tolist() == [11]  # ⌈0.7·0.5·0.03/0.001⌉ = ⌈10.5⌉


@pytest.mark.parametrize("zero", ["x", "d", "lr"])
def test_a_zero_gradient_does_nothing(make_array, pairs, zero):
    array = make_array(5, 5)
    x, d = pairs(3, 5, 5)
    counts = array.update(x * (zero != "x"), d * (zero != "d"), 0.0 if zero == "lr" else 0.1, AT)
    assert not array.w.any()
    assert counts.train_length.tolist() == [0, 0, 0]
    assert counts.row_pulses.sum() == counts.col_pulses.sum() == counts.coincidences.sum() == counts.lost == 0


def test_an_update_below_one_step_may_be_lost(make_array):
    array = make_array(1, 1)
    one = np.ones((100, 1), np.float32)
    counts = array.update(one, one, 1e-5, AT)  # probability 0.01 a vector
    assert counts.lost == 100 - counts.coincidences[0]
    assert counts.lost > 90


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_diverged_vectors_are_refused(make_array, pairs, wrong):
    array = make_array(5, 5)
    x, d = pairs(3, 5, 5)
    d[1, 2] = wrong
    message = (
        "W: x and d of an update must be finite, not so in 1 of 3 vectors; "
        "training has diverged: lower the learning rate"
    )
    with pytest.raises(NotFiniteError, match=f"^{message}$"):
        array.update(x, d, 0.1, AT)
    assert np.isfinite(array.w).all()


@pytest.mark.parametrize("lr", [-0.1, float("nan"), float("inf")])
def test_learning_rates_out_of_range_are_refused(make_array, pairs, lr):
    with pytest.raises(SpecError, match="learning rate must be at least 0 and finite"):
        make_array(5, 5).update(*pairs(1, 5, 5), lr, AT)


def test_huge_gradients_use_the_longest_train(make_array):
    array = make_array(2, 2)
    counts = array.update(np.full((1, 2), 1e30, np.float32), np.ones((1, 2), np.float32), 1.0, AT)
    assert counts.train_length.tolist() == [31] and counts.clipped == 1


def test_linear_step_settles_where_both_directions_move_equally(make_array):
    device = linear(up_down=0.3, gamma_up=0.8, gamma_down=0.4, w_max=0.5, w_min=-0.7)
    array = make_array(1, 1, device=device)
    n = 8000
    x = np.ones((n, 1), np.float32)
    d = np.where(np.arange(n) % 2, 1, -1).astype(np.float32)[:, None]
    counts = array.update(x, d, 0.001, AT)  # one certain pulse a vector, up and down in turn
    assert counts.coincidences[0] == n
    # 1.15·(1 − 0.8·w/0.5) = 0.85·(1 + 0.4·w/0.7)
    expected = (1.15 - 0.85) / (1.15 * 0.8 / 0.5 + 0.85 * 0.4 / 0.7)
    assert array.w[0, 0] == pytest.approx(expected, abs=0.0012)


def test_ideal_update_is_the_float32_sum(make_array, pairs):
    array = make_array(7, 5, device=Ideal(Ideal.Parameters()), alpha=2.0)
    x, d = pairs(4, 7, 5)
    start = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    array.program(start)
    counts = array.update(x, d, 0.1, AT)
    assert np.allclose(array.weights(), start - 0.1 * x.T @ d, rtol=1e-6, atol=1e-7)
    assert counts.train_length.tolist() == [0] * 4
    assert counts.vectors == 4 and counts.coincidences.sum() == 0
