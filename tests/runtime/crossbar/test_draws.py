from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pytest

from ohmflow.runtime.crossbar import draws

G = 0x9E3779B97F4A7C15


def test_mix_is_the_finaliser_of_splitmix64():
    # The first outputs of splitmix64 seeded with 0 are mix(G), mix(2G), ...: published test vectors.
    assert [int(draws.mix(np.uint64(G * k % 2**64))) for k in (1, 2, 3)] == [
        0xE220A8397B1DCDAF,
        0x6E789E6AA1B965F4,
        0x06C45D188009454F,
    ]


def test_kernel_and_integers_hash_alike():
    rng = np.random.default_rng(1)
    for z in rng.integers(0, 2**64, 100, np.uint64):
        assert int(draws.mix(z)) == draws.mix_int(int(z))


def test_kernel_and_integers_fold_alike():
    h = np.uint64(0)
    for position, field in enumerate((7, 5, 0, 123456, 9)):
        h = draws.fold(np.uint64(h), field, position)
    assert int(h) == draws.key_of(7, 5, 0, 123456, 9)


def test_the_order_of_fields_matters():
    assert draws.key_of(1, 2) != draws.key_of(2, 1)
    assert draws.key_of(1) != draws.key_of(1, 0)


def test_places_have_indices_of_their_own():
    offsets = {
        int(draws.line_offset(kind, row, column))
        for kind, row, column in (
            (0, 1, 0),
            (1, 0, 1),
            (2, 0, 0),
            (2, 0, 1),
            (2, 1, 0),
            (0, 0, 0),
            (1, 0, 0),
            (2, 1, 1),
        )
    }
    assert len(offsets) == 8


def test_interpolated_normal_has_exactly_unit_variance():
    low, high = draws.NORMAL_NODES[:-1].astype(float), draws.NORMAL_NODES[1:].astype(float)
    assert np.mean((low * low + low * high + high * high) / 3) == pytest.approx(1.0, abs=1e-6)
    assert np.array_equal(draws.NORMAL_NODES, -draws.NORMAL_NODES[::-1])
    assert 3.9 < draws.NORMAL_NODES[-1] < 4.1 < draws.NORMAL_REACH


def test_normal_draws_have_the_normal_distribution():
    # Kolmogorov-Smirnov at level 1e-3: sqrt(N)·D < 1.95.
    drawn = np.sort(draws.normal_plane(np.uint64(draws.key_of(3)), 300, 300).ravel().astype(float))
    cdf = np.array([NormalDist().cdf(v) for v in drawn])
    n = len(drawn)
    distance = max(np.max(np.arange(1, n + 1) / n - cdf), np.max(cdf - np.arange(n) / n))
    assert np.sqrt(n) * distance < 1.95


def test_uniform_fills_the_unit_interval():
    drawn = np.array([draws.uniform(np.uint64(draws.mix_int(k * G % 2**64))) for k in range(1, 4001)])
    assert 0 <= drawn.min() and drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 3.3 * np.sqrt(1 / 12 / 4000)


def train(seed, probability, slots):
    # Results come back to Python as plain integers, and a kernel is compiled for unsigned ones.
    limit = np.uint64(draws.threshold(probability))
    return int(draws.line_train(np.uint64(draws.mix_int(seed)), limit, np.uint64(2**slots - 1)))


@pytest.mark.parametrize("probability", [0.03, 0.25, 0.5, 0.9])
def test_each_slot_of_a_train_fires_with_its_probability(probability, critical_z):
    trains = np.array([train(k, probability, 7) for k in range(1, 5001)], np.uint64)
    slots = (trains[:, None] >> np.arange(7, dtype=np.uint64)) & np.uint64(1)
    z = (slots.mean(0) - probability) / np.sqrt(probability * (1 - probability) / 5000)
    assert np.abs(z).max() < critical_z(28)
    products = np.corrcoef(slots.T.astype(float))[np.triu_indices(7, 1)] * np.sqrt(5000)
    assert np.abs(products).max() < critical_z(84)


def test_certain_and_impossible_lines():
    assert train(5, 1.0, 31) == train(5, 1.7, 31) == 2**31 - 1
    assert train(5, 0.0, 31) == 0
    assert train(5, 0.7, 31) < 2**31


def test_a_likelier_line_fires_in_every_slot_of_a_less_likely_one():
    fired = [train(9, p, 63) for p in (0.1, 0.3, 0.6, 0.95)]
    for less, more in pairwise(fired):
        assert less & ~more == 0
