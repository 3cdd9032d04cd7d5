"""Folders of IDX files, tables, archives with several inputs, and limits."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Argument
from ohmflow.runtime.training.csv_table import read_csv
from ohmflow.runtime.training.data import DataSource, load_data
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.idx import read_idx

TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
FASHION = Path("/usr/share/datasets/fashion-mnist")


def idx_bytes(values: NDArray[Any]) -> bytes:
    head = bytes([0, 0, TYPES[values.dtype.str[1:]], values.ndim])
    lengths = b"".join(int(n).to_bytes(4, "big") for n in values.shape)
    return head + lengths + values.astype(values.dtype.newbyteorder(">")).tobytes()


def idx_folder(folder: Path, zipped: bool) -> str:
    draws = np.random.default_rng(3)
    for part, rows in (("train", 20), ("t10k", 6)):
        images = draws.integers(0, 256, (rows, 4, 5)).astype(np.uint8)
        for name, values in (("images-idx3", images), ("labels-idx1", np.arange(rows, dtype=np.uint8) % 3)):
            data = idx_bytes(values)
            file = folder / f"{part}-{name}-ubyte"
            (file.with_name(f"{file.name}.gz") if zipped else file).write_bytes(gzip.compress(data) if zipped else data)
    return str(folder)


@pytest.mark.parametrize("kind", TYPES)
def test_idx_of_any_type_comes_back(kind: str, tmp_path: Path) -> None:
    values = np.arange(24).reshape(2, 3, 4).astype(kind)
    (tmp_path / "values").write_bytes(idx_bytes(values))
    found = read_idx(tmp_path / "values")
    assert np.array_equal(found, values) and found.dtype == values.dtype


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("shape", [(20,), (4, 5), (1, 4, 5)])
def test_idx_folder_takes_the_shape_of_the_input(zipped: bool, shape: tuple[int, ...], tmp_path: Path) -> None:
    inputs = [Argument("image", "rows", "float32", shape)]
    data = load_data(DataSource(idx_folder(tmp_path, zipped), val=0.25), inputs=inputs)
    assert [len(p) for p in (data.train, data.val, data.test)] == [15, 5, 6]
    assert data.train.x.shape == (15, *shape) and data.train.x.dtype == np.float32
    assert 0 <= data.train.x.min() and 0.5 < data.train.x.max() <= 1
    assert data.test.y.tolist() == [0, 1, 2, 0, 1, 2] and data.test.y.dtype == np.int64


@pytest.mark.skipif(not FASHION.is_dir(), reason="Fashion-MNIST is not on this computer")
def test_fashion_mnist_is_60000_and_10000_images() -> None:
    data = load_data(DataSource(str(FASHION), val=0.0), inputs=[Argument("x", "rows", "float32", (1, 28, 28))])
    assert data.train.x.shape == (60000, 1, 28, 28) and data.test.x.shape == (10000, 1, 28, 28)
    assert np.bincount(data.train.y).tolist() == [6000] * 10 and data.train.x.max() == 1.0


def written(folder: Path, text: str) -> Path:
    (folder / "data.csv").write_text(text)
    return folder / "data.csv"


def test_table_without_a_header_has_its_labels_last(tmp_path: Path) -> None:
    parts = read_csv(written(tmp_path, "1,2.5,0\n3,4,1\n"), None)
    assert parts["x"].tolist() == [[1, 2.5], [3, 4]] and parts["y"].tolist() == [0, 1]
    assert parts["y"].dtype == np.int64


@pytest.mark.parametrize(
    ("header", "label", "expected"),
    [("a,b,c", None, 30), ("a,label,c", None, 20), ("y,b,c", None, 10), ("a,b,c", "b", 20), ('"a, b","c",y', "c", 20)],
)
def test_column_of_labels_is_named_usual_or_last(header: str, label: str | None, expected: int, tmp_path: Path) -> None:
    assert read_csv(written(tmp_path, f"{header}\n10,20,30\n"), label)["y"].tolist() == [expected]


def test_columns_without_names_are_numbered(tmp_path: Path) -> None:
    assert read_csv(written(tmp_path, "7,8,9\n"), "1")["y"].tolist() == [7]


def test_labels_that_are_not_whole_stay_numbers(tmp_path: Path) -> None:
    assert read_csv(written(tmp_path, "1,0.5\n2,1\n"), None)["y"].dtype == np.float64


def test_table_takes_the_shape_of_the_input(tmp_path: Path) -> None:
    file = written(tmp_path, "".join(f"{k},2,3,4,{k % 2}\n" for k in range(10)))
    data = load_data(DataSource(str(file), 0.0, 0.2), inputs=[Argument("x", "rows", "float32", (1, 2, 2))])
    assert data.train.x.shape == (8, 1, 2, 2) and data.test.x.shape == (2, 1, 2, 2)


TWO = [Argument("a", "rows", "float32", (2,)), Argument("b", "rows", "float32", (3, 1))]


def test_archive_gives_each_input_its_array(tmp_path: Path) -> None:
    number = np.arange(10)
    a, b = np.repeat(number[:, None], 2, 1), np.repeat(number[:, None, None], 3, 1)
    np.savez(tmp_path / "two.npz", a=a, b=b, y=number, ids=np.array(["?"] * 10))
    data = load_data(str(tmp_path / "two.npz"), 0.1, 0.2, 5, TWO)
    for part in (data.train, data.val, data.test):
        assert part.x["a"].shape == (len(part), 2) and part.x["b"].shape == (len(part), 3, 1)
        assert np.array_equal(part.x["a"][:, 0], part.y) and np.array_equal(part.x["b"][:, 0, 0], part.y)
    assert sorted(int(y) for p in (data.train, data.val, data.test) for y in p.y) == list(range(10))


def test_part_of_an_archive_needs_every_input(tmp_path: Path) -> None:
    np.savez(tmp_path / "two.npz", a=np.ones((4, 2)), b=np.ones((4, 3, 1)), y=np.ones(4), a_test=np.ones((1, 2)))
    with pytest.raises(RunError, match="b_test must stand beside a_test"):
        load_data(str(tmp_path / "two.npz"), inputs=TWO)


def test_only_input_may_have_its_own_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", image=np.ones((4, 2)), y=np.arange(4))
    data = load_data(str(tmp_path / "one.npz"), 0, 0, 0, [Argument("image", "rows", "float32", (2,))])
    assert data.train.x.shape == (4, 2)


def test_limits_cut_training_and_test_rows_after_the_split() -> None:
    whole = load_data(DataSource("digits"), seed=3)
    some = load_data(DataSource("digits", limit=100, limit_test=50), seed=3)
    assert np.array_equal(some.train.x, whole.train.x[:100])
    assert np.array_equal(some.test.x, whole.test.x[:50])
    assert len(some.val) == len(whole.val)


@pytest.mark.parametrize("header", [[], ["a,b,y"]])
@pytest.mark.parametrize("name", ["rows.csv", "ROWS.CSV"])
def test_table_may_begin_with_a_byte_order_mark(header: list[str], name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("\n".join([*header, "0.5,1,2", "3,4,1", "5,6,0"]), encoding="utf-8-sig")
    data = load_data(DataSource(str(tmp_path / name), val=0.0, test=0.0, label="y" if header else "3"))
    assert sorted(map(tuple, data.train.x.tolist())) == [(0.5, 1), (3, 4), (5, 6)]
    assert sorted(data.train.y.tolist()) == [0, 1, 2]
