from itertools import pairwise

import numpy as np
import pytest

from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, DrawSite, ReadSpec
from ohmflow.runtime.devices.ideal import Ideal

AT = DrawSite(Purpose.FORWARD, 0, 5)
BLOCKS = (Block(0, 0, 10, 8), Block(0, 8, 10, 9), Block(10, 0, 7, 8), Block(10, 8, 7, 9))


def converted(x, w, spec, retry):
    """One block's read of one vector without noise, from `docs/semantics.md`: result, retries, u of each attempt."""
    s = float(np.abs(x).max()) if spec.noise_management == "abs-max" else 1.0
    if s == 0:
        return np.zeros(w.shape[1]), 0, [np.zeros(len(x))]
    driven = []
    k = 0
    while True:
        u = np.clip(x.astype(float) / (s * 2**k), -1, 1)
        if spec.dac_bits:
            step = 2 / (2**spec.dac_bits - 2)
            u = np.rint(u / step) * step
        driven.append(u)
        v = u @ w.astype(float)
        again = retry and spec.bound_management == "iterative" and np.any(np.abs(v) >= spec.out_bound)
        if again and k < spec.max_retries:
            k += 1
            continue
        code = np.clip(v, -spec.out_bound, spec.out_bound)
        if spec.adc_bits:
            step = 2 * spec.out_bound / (2**spec.adc_bits - 2)
            code = np.rint(code / step) * step
        return s * 2**k * code, k, driven


def setting(n=12, rows=17, cols=17, seed=0):
    rng = np.random.default_rng(seed)
    x = np.maximum(rng.standard_normal((n, rows)), 0).astype(np.float32)
    x[3, :10] = 0
    return rng.uniform(-0.9, 0.9, (rows, cols)).astype(np.float32), x


@pytest.mark.parametrize(
    "spec",
    [
        ReadSpec(7, 9, 2.0),
        ReadSpec(7, 9, 2.0, noise_management="none"),
        ReadSpec(7, 9, 2.0, bound_management="none"),
        ReadSpec(4, 6, 0.3, max_retries=2),
        ReadSpec(None, 8, 1.5),
        ReadSpec(8, None, 1.5),
        ReadSpec(8, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("transposed", [False, True])
def test_converted_read_equals_an_independent_one(make_array, spec, transposed):
    w, x = setting()
    array = make_array(17, 17, read=spec, blocks=BLOCKS, alpha=0.5, conductance=ConductanceSpec(1e-7, 1.1e-6))
    array.program(w * 0.5)
    y, counts = (array.transposed if transposed else array.forward)(x, AT)

    expected = np.zeros((12, 17))
    slope = 1e-6 / 2
    for b, block in enumerate(BLOCKS):
        rows, cols = slice(block.row0, block.row0 + block.rows), slice(block.col0, block.col0 + block.cols)
        held = w[rows, cols].T if transposed else w[rows, cols]
        given, into = (cols, rows) if transposed else (rows, cols)
        line_sums = (1e-7 + (held + 1) * slope + 1e-7 + slope).sum(1)
        driven = conversions = 0
        dose = 0.0
        for i in range(12):
            result, retries, us = converted(x[i, given], held, spec, not transposed)
            expected[i, into] += result
            assert counts.retries[i, b] == retries
            driven += sum(np.count_nonzero(u) for u in us)
            conversions += len(us) * held.shape[1]
            dose += sum(np.abs(u) @ line_sums for u in us)
        assert counts.driven[b] == driven
        assert counts.conversions[b] == conversions
        assert counts.dose[b] == pytest.approx(dose, rel=1e-6)
    # Codes are equal; what remains is the rounding of float32 results and of their sum.
    assert np.allclose(y, 0.5 * expected, rtol=3e-7, atol=1e-6)


def test_some_reads_are_repeated_and_the_repeated_ones_are_right(make_array):
    w, x = setting()
    array = make_array(17, 17, read=ReadSpec(None, None, 2.0))
    array.program(w)
    y, counts = array.forward(x, AT)
    assert set(counts.retries.ravel().tolist()) >= {0, 1}
    assert np.allclose(y, x @ w, rtol=1e-5, atol=1e-5)
    _, counts = array.transposed(x, AT)
    assert not counts.retries.any()


def test_retries_end_at_their_limit(make_array):
    array = make_array(4, 4, read=ReadSpec(7, 9, 0.001, max_retries=3))
    array.program(np.full((4, 4), 0.5))
    y, counts = array.forward(np.ones((1, 4), np.float32), AT)
    assert counts.retries.tolist() == [[3]]
    assert counts.conversions.tolist() == [16]
    assert y == pytest.approx(np.full((1, 4), 8 * 0.001))


def test_converters_round_half_to_even(make_array):
    halves = np.array([[0.5], [-0.5]], np.float32)
    # 0.5 is 1.5 steps of 1/3, or half a step of 1.
    for spec, code in (
        (ReadSpec(3, None, noise_management="none"), 2 / 3),
        (ReadSpec(2, None, noise_management="none"), 0.0),
        (ReadSpec(None, 3, 1.0, noise_management="none"), 2 / 3),
        (ReadSpec(None, 2, 1.0, noise_management="none"), 0.0),
    ):
        array = make_array(1, 1, read=spec)
        array.program([[1.0]])
        assert array.forward(halves, AT)[0].ravel() == pytest.approx([code, -code])


def test_reads_without_rounding_are_products(make_array):
    w, x = setting()
    array = make_array(17, 17, read=ReadSpec(None, None), blocks=BLOCKS)
    array.program(w)
    y, _ = array.forward(x, AT)
    back, _ = array.transposed(x, AT)
    assert np.allclose(y, x @ w, rtol=1e-5, atol=1e-6)
    assert np.allclose(back, x @ w.T, rtol=1e-5, atol=1e-6)


def test_transposed_read_is_the_forward_read_of_the_transposed_array(make_array):
    w, x = setting()
    spec = ReadSpec(7, 9, 4.0, bound_management="none")
    array, turned = make_array(17, 17, read=spec), make_array(17, 17, read=spec)
    array.program(w)
    turned.program(w.T)
    assert np.allclose(array.transposed(x, AT)[0], turned.forward(x, AT)[0], rtol=1e-6, atol=1e-6)


def test_a_zero_vector_is_converted_but_reads_exactly_zero(make_array):
    array = make_array(6, 4, read=ReadSpec(7, 9, 1.0, 0.1))
    array.program(np.full((6, 4), 0.5))
    y, counts = array.forward(np.zeros((2, 6), np.float32), AT)
    assert not y.any()
    assert counts.conversions.tolist() == [8] and counts.driven.tolist() == [0]


@pytest.mark.parametrize("transposed", [False, True])
def test_output_noise_has_its_variance_on_every_line(make_array, critical_z, transposed):
    sigma, n = 0.06, 4000
    array = make_array(5, 5, read=ReadSpec(None, None, out_noise=sigma), alpha=2.0)
    array.program(np.full((5, 5), 0.2))
    x = np.full((n, 5), 0.5, np.float32)
    y, _ = (array.transposed if transposed else array.forward)(x, AT)
    noise = (y - 0.5 * 5 * 0.2) / (2.0 * 0.5)  # α and s scale the noise with the signal
    assert np.abs(noise.mean(0) / (sigma / np.sqrt(n))).max() < critical_z(20)
    assert np.abs((noise.var(0) / sigma**2 - 1) / np.sqrt(2 / n)).max() < critical_z(20)
    assert np.abs(np.corrcoef(noise.T)[np.triu_indices(5, 1)] * np.sqrt(n)).max() < critical_z(20)


def test_noise_depends_on_the_split_but_not_on_the_batch(make_array):
    w, x = setting()
    spec = ReadSpec(7, 9, 3.0, 0.06)
    whole, cut = make_array(17, 17, read=spec), make_array(17, 17, read=spec, blocks=BLOCKS)
    whole.program(w)
    cut.program(w)
    y, counts = whole.forward(x, AT)
    assert not np.allclose(y, cut.forward(x, AT)[0], atol=1e-3)
    for begin, end in pairwise((0, 1, 5, 12)):
        part, part_counts = whole.forward(x[begin:end], AT._replace(sample0=begin))
        assert np.array_equal(part, y[begin:end])
        assert np.array_equal(part_counts.retries, counts.retries[begin:end])
    back, _ = whole.transposed(x, AT)
    assert np.array_equal(whole.transposed(x[4:6], AT._replace(sample0=4))[0], back[4:6])


def test_every_attempt_draws_anew(make_array):
    spec = ReadSpec(None, None, 1.0, 0.05, noise_management="none", max_retries=1)
    array = make_array(1, 1, read=spec)
    array.program([[1.0]])
    once, _ = array.forward(np.array([[0.5]], np.float32), AT)
    twice, counts = array.forward(np.array([[1.2]], np.float32), AT)
    assert counts.retries.tolist() == [[1]]
    assert (once[0, 0] - 0.5) != pytest.approx((twice[0, 0] - 1.2) / 2, rel=1e-3)


def test_dose_follows_the_weights_after_an_update(make_array):
    array = make_array(3, 2, read=ReadSpec(None, None), conductance=ConductanceSpec(1e-7, 1.1e-6))
    x = np.ones((1, 3), np.float32)
    before = array.forward(x, AT)[1].dose[0]
    assert before == pytest.approx(3 * 2 * 2 * 0.6e-6)
    array.update(x, -np.ones((1, 2), np.float32), 0.02, AT)
    after = array.forward(x, AT)[1].dose[0]
    assert after - before == pytest.approx(array.w.sum() * 0.5e-6, rel=1e-5)


def test_reads_without_converters_are_float32_products_and_count_nothing(make_array):
    w, x = setting()
    for given in ({"read": None}, {"device": Ideal(Ideal.Parameters()), "read": ReadSpec(7, 9, 1.0, 0.06)}):
        array = make_array(17, 17, alpha=0.5, **given)
        array.program(w * 0.5)
        y, counts = array.forward(x, AT)
        assert np.array_equal(y, (x @ w) * np.float32(0.5))
        assert np.array_equal(array.transposed(x, AT)[0], (x @ w.T) * np.float32(0.5))
        assert counts.retries.shape == (12, 1)
        assert not counts.conversions.any() and not counts.driven.any() and not counts.dose.any()
