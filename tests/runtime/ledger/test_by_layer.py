"""The ledger by layer is the ledger: rows of layers sum to its rows, and cycles to the activity of units."""

import csv
import io
from collections import defaultdict

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.ledger.bill import Bill, make_bill
from ohmflow.runtime.ledger.by_layer_file import COLUMNS, ledger_by_layer_csv
from ohmflow.runtime.ledger.layer_names import NO_LAYER, layer_names
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.trainer import Trainer, TrainOptions
from ohmflow.targets.costs import cost_table
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network


@pytest.fixture(scope="module")
def machine() -> Machine:
    """A machine that trained two epochs of a perceptron spread over several tiles."""
    chip = load("protonic-psg", {"tile.crossbar.rows": "8", "tile.crossbar.cols": "8"})
    model = network(8, Layer("gemm", 12), Layer("gemm", 3)).proto
    machine = Machine(compile_model(model, chip, CompileOptions(packing="spread")), chip, 5)
    draws = np.random.default_rng(6)
    rows = Rows(draws.normal(size=(14, 8)).astype(np.float32), draws.integers(0, 3, 14))
    trainer = Trainer(machine, DataSet("drawn", rows, rows, rows), TrainOptions(epochs=2, batch=4, seed=5))
    trainer.program_weights()
    trainer.run()
    return machine


@pytest.fixture(scope="module")
def bill(machine: Machine) -> Bill:
    return make_bill(machine.book, cost_table(machine.target))


@pytest.fixture(scope="module")
def rows(machine: Machine, bill: Bill) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(ledger_by_layer_csv(machine.book.layers, bill))))


def test_columns_are_those_of_the_ledger_and_the_layer(rows: list[dict[str, str]]) -> None:
    assert tuple(rows[0]) == COLUMNS


def test_counts_and_joules_of_layers_sum_to_the_ledger(rows: list[dict[str, str]], bill: Bill) -> None:
    counts, joules = defaultdict(float), defaultdict(float)
    for row in rows:
        if row["component"] != "time":
            key = (row["unit"], row["phase"], row["component"], row["event"])
            counts[key] += float(row["count"])
            joules[key] += float(row["energy_j"] or 0)
    assert set(counts) == {(r.unit, r.phase, r.component, r.event) for r in bill.rows}
    for r in bill.rows:
        key = (r.unit, r.phase, r.component, r.event)
        assert counts[key] == pytest.approx(r.count, rel=1e-12)
        assert joules[key] == pytest.approx(r.energy or 0.0, rel=1e-12)


def test_cycles_of_layers_sum_to_what_units_did(rows: list[dict[str, str]], machine: Machine) -> None:
    mine, theirs = defaultdict(int), defaultdict(int)
    for row in rows:
        if row["component"] == "time":
            mine[row["unit"], row["phase"], row["event"]] += int(row["cycles"])
    for states in machine.book.activity.units.values():
        for key, n in states.items():
            if key[2] != "finished":
                theirs[key] += n
    assert mine == theirs


def test_only_leakage_and_the_host_belong_to_no_layer(rows: list[dict[str, str]], machine: Machine) -> None:
    without = {row["component"] for row in rows if row["layer"] == NO_LAYER}
    assert without <= {"leakage", "host", "link", "buffer", "scratchpad", "vector", "time"}
    arrays = {a.name for a in machine.program.arrays}
    on_crossbars = {row["layer"] for row in rows if row["component"] in ("adc", "dac", "driver", "device", "array")}
    assert on_crossbars == arrays


def test_digital_segments_have_rows(rows: list[dict[str, str]], machine: Machine) -> None:
    segments = {s.name for s in machine.program.segments}
    assert {row["layer"] for row in rows if row["component"] == "vector"} & segments


def test_every_instruction_has_a_name(machine: Machine) -> None:
    program = machine.program
    known = {a.name for a in program.arrays} | {s.name for s in program.segments} | {NO_LAYER}
    for entry in program.entries.values():
        names = layer_names(program, entry)
        assert len(names) == len(entry.instructions) and set(names) <= known


def test_a_restored_book_goes_on_with_its_layers(machine: Machine) -> None:
    other = Machine(machine.program, machine.target, 5)
    other.book.restore(machine.book.state())
    assert other.book.layers.counts == machine.book.layers.counts
    assert other.book.layers.cycles == machine.book.layers.cycles
