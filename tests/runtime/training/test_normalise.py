"""Scaling of inputs, with figures of the training rows alone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.normalise import normalise

DRAWS = np.random.default_rng(2)


def data(x: NDArray[Any]) -> DataSet:
    x = x.astype(np.float32)
    y = np.zeros(len(x), np.int64)
    return DataSet("drawn", Rows(x, y), Rows(x[:0], y[:0]), Rows(3 * x[:4] + 1, y[:4]))


@pytest.mark.parametrize(
    ("shape", "axes"), [((5,), (0,)), ((3, 4, 4), (0, 2, 3)), ((6, 7), (0, 1, 2)), ((2, 3, 3, 3), (0, 2, 3, 4))]
)
def test_standard_gives_each_feature_or_channel_mean_0_and_deviation_1(
    shape: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    scaled, _ = normalise(data(DRAWS.normal(3.0, 5.0, (50, *shape))), "standard", ("x",))
    np.testing.assert_allclose(scaled.train.x.mean(axis=axes), 0.0, atol=1e-5)
    np.testing.assert_allclose(scaled.train.x.std(axis=axes), 1.0, atol=1e-5)


def test_range_takes_training_rows_to_0_and_1() -> None:
    scaled, _ = normalise(data(DRAWS.normal(3.0, 5.0, (50, 5))), "range", ("x",))
    assert scaled.train.x.min(axis=0).tolist() == [0.0] * 5
    np.testing.assert_allclose(scaled.train.x.max(axis=0), 1.0, rtol=1e-6)


@pytest.mark.parametrize("kind", ["standard", "range"])
def test_other_rows_are_scaled_by_the_same_figures(kind: str) -> None:
    given = data(DRAWS.normal(size=(50, 5)))
    scaled, done = normalise(given, kind, ("x",))
    figures = done.inputs["x"]
    assert np.array_equal(scaled.test.x, (given.test.x - figures.shift) / figures.scale)
    assert scaled.test.x.dtype == np.float32 and len(scaled.val) == 0
    said = done.described()
    assert said is not None and said["kind"] == kind
    assert np.array_equal(np.float32(said["inputs"]["x"]["shift"]), figures.shift)


@pytest.mark.parametrize("kind", ["standard", "range"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_features_that_never_change_become_zero(kind: str, value: float) -> None:
    scaled, _ = normalise(data(np.full((20, 2), value)), kind, ("x",))
    assert np.abs(scaled.train.x).max() <= 1e-6 * max(value, 1)


def test_none_changes_nothing() -> None:
    given = data(DRAWS.normal(size=(5, 2)))
    scaled, done = normalise(given, "none", ("x",))
    assert scaled is given and done.described() is None


def test_each_input_has_its_own_figures_and_whole_numbers_stay() -> None:
    x = {"a": DRAWS.normal(5, 2, (9, 3)).astype(np.float32), "tokens": np.arange(9)[:, None]}
    rows = Rows(x, np.zeros(9, np.int64))
    scaled, done = normalise(DataSet("two", rows, rows, rows), "standard", ("a", "tokens"))
    assert list(done.inputs) == ["a"]
    assert abs(float(scaled.train.x["a"].mean())) < 1e-6
    assert scaled.train.x["tokens"] is x["tokens"]
