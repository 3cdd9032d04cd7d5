"""Data sets: what is taken from where, and how it is split."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ohmflow.runtime.training.data import load_data
from ohmflow.runtime.training.errors import RunError


def stored(folder: Path, **arrays: NDArray[Any]) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def numbered(folder: Path, rows: int = 50) -> str:
    """Rows that tell their number, in x and in y."""
    return stored(folder, x=np.repeat(np.arange(rows)[:, None], 3, axis=1), y=np.arange(rows))


def test_digits_are_1797_images_of_64_pixels_from_0_to_1() -> None:
    data = load_data("digits", 0.1, 0.2, 0)
    parts = (data.train, data.val, data.test)
    assert [len(p) for p in parts] == [1258, 180, 359]
    for part in parts:
        assert part.x.shape == (len(part), 64) and part.x.dtype == np.float32
        assert (part.x.min(), part.x.max()) == (0.0, 1.0)
        assert part.y.dtype == np.int64 and set(part.y.tolist()) == set(range(10))


def test_every_row_is_in_exactly_one_part_with_its_own_label(tmp_path: Path) -> None:
    data = load_data(numbered(tmp_path), 0.3, 0.2, 4)
    parts = (data.train, data.val, data.test)
    assert [len(p) for p in parts] == [25, 15, 10]
    assert sorted(int(y) for p in parts for y in p.y) == list(range(50))
    for part in parts:
        assert np.array_equal(part.x[:, 0], part.y)


def test_split_follows_from_the_seed(tmp_path: Path) -> None:
    file = numbered(tmp_path)
    first, again, other = (load_data(file, 0.3, 0.2, seed) for seed in (4, 4, 5))
    assert np.array_equal(first.train.x, again.train.x)
    assert not np.array_equal(first.train.x, other.train.x)


def test_split_is_the_documented_permutation(tmp_path: Path) -> None:
    data = load_data(numbered(tmp_path), 0.3, 0.2, 4)
    order = np.random.default_rng([4, 0x5917]).permutation(50)
    assert np.array_equal(data.test.y, order[:10])
    assert np.array_equal(data.val.y, order[10:25])
    assert np.array_equal(data.train.y, order[25:])


def test_share_of_the_test_does_not_depend_on_that_of_the_validation(tmp_path: Path) -> None:
    file = numbered(tmp_path)
    with_val, without = load_data(file, 0.3, 0.2, 4), load_data(file, 0.0, 0.2, 4)
    assert np.array_equal(with_val.test.x, without.test.x)
    assert len(without.val) == 0


def test_parts_that_the_file_holds_are_taken_as_they_are(tmp_path: Path) -> None:
    x, y = np.ones((8, 2)), np.arange(8)
    file = stored(tmp_path, x=x, y=y, x_test=2 * x[:3], y_test=y[:3], x_val=3 * x[:2], y_val=y[:2])
    data = load_data(file, 0.5, 0.4, 0)
    assert [len(p) for p in (data.train, data.val, data.test)] == [8, 2, 3]
    assert (data.val.x.max(), data.test.x.max()) == (3.0, 2.0)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.bool_, np.float64])
def test_numbers_of_any_type_become_float32(tmp_path: Path, kind: Any) -> None:
    data = load_data(stored(tmp_path, x=np.ones((4, 2), kind), y=np.arange(4, dtype=np.uint8)), 0, 0, 0)
    assert data.train.x.dtype == np.float32 and data.train.y.dtype == np.int64


def test_targets_that_are_not_whole_stay_float32(tmp_path: Path) -> None:
    data = load_data(stored(tmp_path, x=np.ones((4, 2)), y=np.full((4, 3), 0.25)), 0, 0, 0)
    assert data.train.y.dtype == np.float32 and data.train.y.shape == (4, 3)


def test_images_keep_their_shape(tmp_path: Path) -> None:
    data = load_data(stored(tmp_path, x=np.ones((4, 1, 5, 6)), y=np.arange(4)), 0, 0, 0)
    assert data.train.x.shape == (4, 1, 5, 6)


@pytest.mark.parametrize("val, test", [(-0.1, 0), (0, 1.0), (0.6, 0.4), (float("nan"), 0)])
def test_shares_outside_their_range_are_refused(tmp_path: Path, val: float, test: float) -> None:
    with pytest.raises(RunError, match="must"):
        load_data(numbered(tmp_path), val, test, 0)
