"""What each update scheme does, beside its closed form; a test rejects true claims with probability 1e-3."""

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.errors import SpecError
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec

SCHEMES = ("stochastic-compressed", "stochastic", "deterministic-implicit", "mean-count")
KERNELS = ("fused", "reference")
AT = DrawSite(Purpose.UPDATE, 0, 5)
STEP = 2.0**-10
WIDE = {"dw_min": STEP, "w_max": 64.0, "w_min": -64.0}
X = np.array([1.0, 0.6, -0.3, 0.0], np.float32)
D = np.array([0.02, -0.01, 0.004, 0.0, -0.02], np.float32)
RATE = 0.4
CALLS = 4000


def counted(make_array, scheme, kernel="fused", train_length=31, calls=CALLS):
    """Pulses of every crosspoint for each of many equal vector pairs, up positive; BL; what was counted."""
    array = make_array(4, 5, steps=WIDE, update=UpdateSpec(train_length, scheme=scheme, kernel=kernel))
    pulses = np.empty((calls, 4, 5))
    for step in range(calls):
        array.w[:] = 0
        counts = array.update(X[None], D[None], RATE, DrawSite(Purpose.UPDATE, 0, step))
        pulses[step] = array.w / STEP
    return pulses, int(counts.train_length[0]), counts


def probabilities(length):
    gain = np.sqrt(RATE / (length * STEP))
    balance = np.sqrt(np.abs(D).max() / np.abs(X).max())
    return gain * balance * np.abs(X).astype(float), gain / balance * np.abs(D).astype(float)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scheme", ["stochastic-compressed", "stochastic", "mean-count"])
def test_mean_change_is_that_of_gradient_descent(make_array, critical_z, scheme, kernel):
    pulses, _, _ = counted(make_array, scheme, kernel)
    expected = -RATE * np.outer(X, D).astype(float) / STEP
    deviation = np.maximum(pulses.std(0), 1e-9) / np.sqrt(CALLS)
    assert np.abs((pulses.mean(0) - expected) / deviation)[:3][:, [0, 1, 2, 4]].max() < critical_z(12)
    assert not pulses[:, 3].any() and not pulses[:, :, 3].any()


@pytest.mark.parametrize("scheme", ["stochastic-compressed", "stochastic"])
def test_counts_of_trains_are_binomial(make_array, critical_z, scheme):
    pulses, length, _ = counted(make_array, scheme, "reference")
    p_row, p_col = probabilities(length)
    p = np.outer(p_row, p_col)
    mean, variance = length * p, length * p * (1 - p)
    squares = (np.abs(pulses) - mean) ** 2
    z = (squares.mean(0) - variance) / np.maximum(squares.std(0) / np.sqrt(CALLS), 1e-12)
    assert np.abs(z)[:3][:, [0, 1, 2, 4]].max() < critical_z(12)
    assert np.abs(pulses).max() <= length


def covariance_z(pulses, length, row, first, second, expected):
    a, b = np.abs(pulses[:, row, first]), np.abs(pulses[:, row, second])
    product = (a - a.mean()) * (b - b.mean())
    return (product.mean() - expected) / (product.std() / np.sqrt(len(product)))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_row_shares_one_train_in_one_pass_and_one_for_each_sign_in_two(make_array, critical_z, kernel):
    for scheme in ("stochastic-compressed", "stochastic"):
        pulses, length, _ = counted(make_array, scheme, kernel)
        p_row, p_col = probabilities(length)
        for row in (0, 1, 2):
            for first, second in ((0, 1), (0, 2), (1, 4), (2, 4)):
                same_sign = D[first] * D[second] > 0
                shared = length * p_row[row] * p_col[first] * p_col[second] * (1 - p_row[row])
                expected = shared if same_sign or scheme == "stochastic-compressed" else 0.0
                assert abs(covariance_z(pulses, length, row, first, second, expected)) < critical_z(24)


def test_columns_share_their_trains_too(make_array, critical_z):
    pulses, length, _ = counted(make_array, "stochastic-compressed")
    p_row, p_col = probabilities(length)
    for column in (0, 1, 2, 4):
        expected = length * p_col[column] * p_row[0] * p_row[1] * (1 - p_col[column])
        z = covariance_z(pulses.transpose(0, 2, 1), length, column, 0, 1, expected)
        assert abs(z) < critical_z(4)


def test_crosspoints_of_a_mean_count_are_independent_and_next_to_their_mean(make_array, critical_z):
    pulses, length, _ = counted(make_array, "mean-count")
    p_row, p_col = probabilities(length)
    mean = length * np.outer(p_row, p_col)
    assert np.all(np.abs(np.abs(pulses) - mean) < 1 + 1e-5)
    for row, first, second in ((0, 0, 1), (0, 0, 2), (1, 1, 2), (2, 0, 4)):
        assert abs(covariance_z(pulses, length, row, first, second, 0.0)) < critical_z(4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_deterministic_counts_are_products_of_rounded_counts(make_array, kernel):
    pulses, length, counts = counted(make_array, "deterministic-implicit", kernel, calls=3)
    p_row, p_col = probabilities(length)
    rows, cols = np.floor(length * p_row + 0.5), np.floor(length * p_col + 0.5)
    expected = np.floor(np.outer(rows, cols) / length + 0.5) * -np.sign(np.outer(X, D))
    assert np.array_equal(pulses, np.broadcast_to(expected, pulses.shape))
    assert counts.row_pulses[0] == rows.sum() and counts.col_pulses[0] == cols.sum()
    assert counts.coincidences[0] == np.abs(expected).sum()


@pytest.mark.parametrize("longest", [31, 32, 63])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_kernels_count_the_same_pulses(make_array, pairs, scheme, longest):
    blocks = (Block(0, 0, 4, 13), Block(4, 0, 5, 6), Block(4, 6, 5, 7))
    x, d = pairs(20, 9, 13)
    found = []
    for kernel in KERNELS:
        spec = UpdateSpec(longest, scheme=scheme, kernel=kernel, train_length_management=longest < 63)
        array = make_array(9, 13, steps=WIDE, update=spec, blocks=blocks)
        counts = array.update(np.where(x > 1, -x, x), d, 0.4, AT)
        found.append((array.w, counts))
    (first, counts), (second, others) = found
    assert np.array_equal(first, second)  # steps of 2^-10 add exactly
    for field in ("train_length", "row_pulses", "col_pulses", "coincidences"):
        assert np.array_equal(getattr(counts, field), getattr(others, field))
    assert (counts.lost, counts.clipped) == (others.lost, others.clipped)
    assert counts.coincidences.sum() >= np.abs(first).sum() / STEP > 100


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_draws_depend_neither_on_blocks_nor_on_the_cut_into_calls(make_array, pairs, spread_steps, scheme, kernel):
    x, d = pairs(70, 12, 40)
    spec = UpdateSpec(scheme=scheme, kernel=kernel)
    splits = ((Block(0, 0, 12, 40),), (Block(0, 0, 5, 30), Block(0, 30, 5, 10), Block(5, 0, 7, 40)))
    arrays = [make_array(12, 40, steps=spread_steps, update=spec, blocks=blocks) for blocks in splits]
    totals = [array.update(x, d, 0.2, AT).coincidences.sum() for array in arrays]
    single = make_array(12, 40, steps=spread_steps, update=spec)
    parts = [single.update(x[i : i + 7], d[i : i + 7], 0.2, AT._replace(sample0=i)) for i in range(0, 70, 7)]
    assert np.array_equal(arrays[0].w, arrays[1].w) and np.array_equal(arrays[0].w, single.w)
    assert totals[0] == totals[1] == sum(part.coincidences.sum() for part in parts) > 0


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("off", [0.0, 9e-7, -9e-7, 1e-16])
def test_a_step_of_dw_min_is_one_certain_pulse_however_it_was_rounded(make_array, scheme, kernel, off):
    array = make_array(3, 4, steps=WIDE, update=UpdateSpec(scheme=scheme, kernel=kernel))
    one_hot = np.zeros((1, 3), np.float32)
    one_hot[0, 1] = 1
    for size in (1.0, np.float32(0.1), np.float32(1 / 3)):
        array.w[:] = 0
        d = np.full((1, 4), size, np.float32)
        counts = array.update(one_hot, d, STEP / float(size) * (1 + off), AT)
        assert counts.train_length.tolist() == [1] and counts.coincidences.sum() == 4
        assert np.array_equal(array.w[1], np.full(4, -STEP, np.float32)) and not array.w[[0, 2]].any()


def test_an_update_may_ask_for_a_scheme_of_its_own(make_array, pairs):
    x, d = pairs(9, 6, 7)
    asked, told = make_array(6, 7), make_array(6, 7, update=UpdateSpec(scheme="mean-count"))
    asked.update(x, d, 0.2, AT, scheme="mean-count")
    told.update(x, d, 0.2, AT)
    assert np.array_equal(asked.w, told.w)


def test_unknown_schemes_are_refused(make_array, pairs):
    with pytest.raises(SpecError, match=r"the update scheme must be one of stochastic-compressed, .*, not 'odd'"):
        make_array(6, 7).update(*pairs(1, 6, 7), 0.2, AT, scheme="odd")
    half = make_array(6, 7, update=UpdateSpec(half_select_step=0.1))
    with pytest.raises(SpecError, match="must be stochastic-compressed where half-selected devices move"):
        half.update(*pairs(1, 6, 7), 0.2, AT, scheme="stochastic")
