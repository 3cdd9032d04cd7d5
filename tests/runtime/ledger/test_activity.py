"""Activity adds up: to the run's cycles, to the flits and to the events of the ledger."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.ledger.files import write_events
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.trainer import Trainer, TrainOptions
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


def test_states_of_every_unit_sum_to_the_cycles_of_every_epoch(machine: Machine) -> None:
    book = machine.book
    assert sorted(book.activity.units) == [0, 1, 2]
    for epoch, states in book.activity.units.items():
        cycles = defaultdict(int)
        for (unit, _, _), n in states.items():
            cycles[unit] += n
        charged = defaultdict(int)
        for (unit, _), n in book.phase_cycles[epoch].items():
            charged[unit] += n
        assert len(set(cycles.values())) == 1
        assert cycles == {unit.name: charged[unit.name] for unit in machine.program.chip.units}


def test_busy_cycles_of_links_are_the_flits_of_the_ledger(machine: Machine) -> None:
    for epoch, links in machine.book.activity.links.items():
        flits = defaultdict(float)
        for (_, _, component, event), n in machine.book.counts[epoch].items():
            if component == "link":
                flits[event] += n
        busy = defaultdict(int)
        for name, (n, wait) in links.items():
            assert n > 0 and wait >= 0
            busy["flit_local" if name.startswith("local") else "flit_hop"] += n
        assert busy == flits


def test_events_of_arrays_are_all_that_happened_on_crossbars(machine: Machine) -> None:
    book = machine.book
    for epoch, arrays in book.activity.arrays.items():
        by_event, in_ledger = defaultdict(float), defaultdict(float)
        for (_, phase, component, event), n in arrays.items():
            by_event[phase, component, event] += n
        for (_, phase, component, event), n in book.counts[epoch].items():
            in_ledger[phase, component, event] += n
        for key, n in in_ledger.items():
            if key[1] in ("driver", "device", "array", "dac", "adc"):
                assert by_event[key] == pytest.approx(n, rel=1e-12)
        for key, n in by_event.items():
            if key[1] != "work":
                assert n <= in_ledger[key] * (1 + 1e-12)


def test_work_of_arrays_counts_vectors_and_pulses(machine: Machine) -> None:
    work = defaultdict(float)
    for (array, phase, component, event), n in machine.book.activity.arrays[1].items():
        if component == "work":
            work[array, phase, event] += n
    first, last = (array.name for array in machine.program.arrays)
    assert [work[name, "update", "update"] for name in (first, last)] == [14, 14]
    assert [work[name, "forward", "read"] for name in (first, last)] == [14, 14]
    assert [work[name, "backward", "read"] for name in (first, last)] == [0, 14]
    assert [work[name, "evaluation", "read"] for name in (first, last)] == [14, 14]
    longest = machine.target.tile.update.train_length
    assert all(0 < work[name, "update", "pulse"] <= 14 * longest for name in (first, last))


def test_activity_reads_back_from_the_file(machine: Machine, tmp_path: Path) -> None:
    write_events(machine.book, tmp_path / "events.npz")
    with np.load(tmp_path / "events.npz") as tables:
        rows = zip(
            *(tables[f"activity_{c}"].tolist() for c in ("epoch", "unit", "phase", "state", "cycles")), strict=True
        )
        found: dict[int, dict[tuple[str, str, str], int]] = {}
        for epoch, unit, phase, state, n in rows:
            found.setdefault(epoch, {})[unit, phase, state] = n
        assert found == machine.book.activity.units
        used = zip(*(tables[f"link_{c}"].tolist() for c in ("epoch", "name", "busy", "wait")), strict=True)
        assert {(e, name): (busy, wait) for e, name, busy, wait in used} == {
            (e, name): used for e, links in machine.book.activity.links.items() for name, used in links.items()
        }


def test_book_that_is_restored_goes_on_as_if_it_had_not_been(machine: Machine) -> None:
    other = Machine(machine.program, machine.target, 5)
    other.book.restore(machine.book.state())
    assert other.book.activity.units == machine.book.activity.units
    assert other.book.activity.links == machine.book.activity.links
    assert other.book.activity.arrays == machine.book.activity.arrays
