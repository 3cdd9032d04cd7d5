"""One small run on a chip of small tiles, one on `ideal`, and pages taken apart."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network

SIZES = {"tile.crossbar.rows": "8", "tile.crossbar.cols": "8"}


def rows(number: int = 23) -> DataSet:
    draws = np.random.default_rng(6)
    part = Rows(draws.normal(size=(number, 8)).astype(np.float32), draws.integers(0, 3, number))
    return DataSet("drawn", part, Rows(part.x[:5], part.y[:5]), Rows(part.x[5:], part.y[5:]))


def make_run(folder: Path, target: str) -> Path:
    chip = load(target, SIZES)
    program = compile_model(network(8, Layer("gemm", 12), Layer("gemm", 3)).proto, chip)
    train(program, chip, rows(), TrainOptions(epochs=2, batch=10, seed=3), folder)
    return folder


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a run with time and energy."""
    return make_run(tmp_path_factory.mktemp("runs") / "timed", "protonic-psg")


@pytest.fixture(scope="session")
def ideal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a run without them."""
    return make_run(tmp_path_factory.mktemp("runs") / "ideal", "ideal")


class Page(HTMLParser):
    """Elements of a page.

    Attributes:
        tags: names of all elements, in order.
        attributes: (element, attribute, value) of all.
        numbers: `value` of the data elements with an id.
        tables: cells of the tables with an id; a cell is its number, where it has one, else its text.
        unclosed: elements that were not closed in order.
    """

    _VOID = ("meta", "br", "link")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.numbers: dict[str, float] = {}
        self.tables: dict[str, list[list[float | str]]] = {}
        self.unclosed: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self._table: list[list[float | str]] | None = None
        self.feed(text)
        self.close()
        self.unclosed += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag not in self._VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = self.tables.setdefault(given["id"], []) if "id" in given else None
        if tag == "tr" and self._table is not None:
            self._table.append([])
        if tag in ("td", "th") and self._table:
            self._table[-1].append("")
        if tag == "data":
            value = float(given["value"])
            if "id" in given:
                self.numbers[given["id"]] = value
            if self._table and self._table[-1]:
                self._table[-1][-1] = value

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unclosed.append(tag)
        if tag == "table":
            self._table = None

    def handle_data(self, data: str) -> None:
        self.text += data
        cell = {"td", "th"} & set(self._open) and "data" not in self._open
        if cell and self._table and isinstance(self._table[-1][-1], str):
            self._table[-1][-1] += data


@pytest.fixture
def page(run: Path) -> Iterator[Page]:
    yield Page((run / "report.html").read_text())
