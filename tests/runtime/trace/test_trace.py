"""A trace is well formed, equals the timeline, and its power integrates to the ledger's joules."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ohmflow.compiler.compile import compile_model
from ohmflow.compiler.program.schedule import PHASES, Timeline
from ohmflow.runtime.ledger.bill import make_bill
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.trace.errors import TraceError, UntimedError
from ohmflow.runtime.trace.power import spread
from ohmflow.runtime.trace.recorder import TraceRecorder
from ohmflow.runtime.trace.window import Window, parse_window
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.trainer import Trainer, TrainOptions
from ohmflow.targets.costs import cost_table
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network

SIZES = {"tile.crossbar.rows": "8", "tile.crossbar.cols": "8"}


class Keeping(TraceRecorder):
    """A recorder that also keeps the timelines."""

    def saw(self, entry: str, step: int, timeline: Timeline, tally: NDArray[np.float64]) -> None:
        kept.append(timeline)
        super().saw(entry, step, timeline, tally)


kept: list[Timeline] = []


def recorded(window: Window, limit: int = 10**7, **sizes: str) -> tuple[dict[str, Any], Machine]:
    """Train an epoch of four steps without evaluation; the trace, and the machine."""
    kept.clear()
    chip = load("protonic-psg", SIZES | sizes)
    machine = Machine(compile_model(network(8, Layer("gemm", 12), Layer("gemm", 3)).proto, chip), chip, 5)
    recorder = Keeping(machine.program, machine.book.tile, cost_table(chip), window, limit)
    machine.observer = recorder
    draws = np.random.default_rng(6)
    rows = Rows(draws.normal(size=(14, 8)).astype(np.float32), draws.integers(0, 3, 14))
    none = Rows(rows.x[:0], rows.y[:0])
    trainer = Trainer(machine, DataSet("drawn", rows, none, none), TrainOptions(epochs=1, batch=4, seed=5))
    trainer.program_weights()
    trainer.run()
    trace: dict[str, Any] = json.loads(recorder.text())
    return trace, machine


def pieces(trace: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for e in trace["traceEvents"] if e["ph"] == "X"]


def groups(trace: dict[str, Any]) -> dict[int, str]:
    return {e["pid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"}


def of_units(trace: dict[str, Any]) -> list[dict[str, Any]]:
    names = groups(trace)
    return [e for e in pieces(trace) if names[e["pid"]] in ("tiles", "vector units", "host")]


def energy(trace: dict[str, Any]) -> float:
    power = [e for e in trace["traceEvents"] if e["ph"] == "C" and e["name"] == "power, W"]
    return sum(a["args"]["W"] * (b["ts"] - a["ts"]) * 1e-6 for a, b in pairwise(power))


def test_every_event_has_what_the_format_wants() -> None:
    trace, _ = recorded(Window(1, 2))
    assert trace["displayTimeUnit"] == "ns"
    tracks = {(e["pid"], e["tid"]) for e in trace["traceEvents"] if e["name"] == "thread_name"}
    for event in trace["traceEvents"]:
        assert event["ph"] in ("M", "X", "C")
        assert isinstance(event["name"], str) and isinstance(event["pid"], int) and isinstance(event["tid"], int)
        if event["ph"] == "X":
            assert event["ts"] >= 0 and event["dur"] > 0 and isinstance(event["cat"], str)
            assert (event["pid"], event["tid"]) in tracks
        if event["ph"] == "C":
            assert all(isinstance(value, float) and value >= 0 for value in event["args"].values())
    assert tracks == {(e["pid"], e["tid"]) for e in pieces(trace)}
    assert set(groups(trace).values()) == {"steps", "tiles", "vector units", "host", "links", "power"}


def test_slices_of_a_track_do_not_overlap() -> None:
    trace, _ = recorded(Window(1, 3), **{"chip.clock": "700 MHz"})
    tracks = defaultdict(list)
    for event in pieces(trace):
        tracks[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert len(tracks) > 8
    for spans in tracks.values():
        spans.sort()
        assert all(end <= begin + 1e-9 for (_, end), (begin, _) in pairwise(spans))


def test_durations_by_phase_are_those_of_the_timeline() -> None:
    trace, machine = recorded(Window(1, 4))
    phases = machine.program.entries["train_step"].instructions["phase"]
    expected: dict[str, int] = defaultdict(int)
    for timeline in kept:
        for phase, (busy, _, _, converter, _) in zip(phases.tolist(), timeline.activity.tolist(), strict=True):
            expected[PHASES[phase]] += busy + converter
    shown: dict[str, float] = defaultdict(float)
    for event in of_units(trace):
        assert event["cat"] == event["args"]["phase"]
        shown[event["cat"]] += event["dur"] * 1e3  # cycles of a nanosecond
    assert len(kept) == 4
    assert shown == pytest.approx({phase: n for phase, n in expected.items() if n})
    assert sum(e["dur"] * 1e3 for e in pieces(trace) if e["pid"] == 5) == pytest.approx(
        sum(int(t.link_busy.sum()) for t in kept)
    )


def test_power_integrates_to_the_joules_of_the_ledger() -> None:
    trace, machine = recorded(Window(1, 4))
    bill = make_bill(machine.book, cost_table(machine.target), {1})
    assert bill.joules is not None
    assert energy(trace) == pytest.approx(bill.joules, rel=1e-12)
    assert trace["otherData"]["joules"] == pytest.approx(bill.joules, rel=1e-12)
    assert trace["otherData"]["cycles"] == machine.book.cycles - sum(
        n for (unit, _), n in machine.book.phase_cycles[0].items() if unit == "host"
    )


def test_energy_of_slices_is_what_is_not_leakage() -> None:
    trace, machine = recorded(Window(1, 4))
    by_component = make_bill(machine.book, cost_table(machine.target), {1}).by("component")
    dynamic = sum(joules for component, joules in by_component.items() if component != "leakage")
    assert sum(e["args"].get("joules", 0.0) for e in pieces(trace)) == pytest.approx(dynamic, rel=1e-12)
    links = sum(e["args"]["joules"] for e in pieces(trace) if e["pid"] == 5)
    assert links == pytest.approx(by_component["link"], rel=1e-12)


def test_window_inside_a_run_has_the_joules_of_its_steps_alone() -> None:
    whole, _ = recorded(Window(1, 4))
    parts = [recorded(Window(k, k))[0] for k in range(1, 5)]
    assert [p["otherData"]["steps"] for p in parts] == [[1], [2], [3], [4]]
    assert sum(energy(p) for p in parts) == pytest.approx(energy(whole), rel=1e-9)
    assert [len(of_units(p)) for p in parts] == [
        len([e for e in of_units(whole) if e["args"]["step"] == k]) for k in range(1, 5)
    ]


def test_watching_changes_neither_values_nor_ledger() -> None:
    _, watched = recorded(Window(1, 4))
    _, alone = recorded(Window(9, 9))
    assert watched.book.counts == alone.book.counts and watched.book.cycles == alone.book.cycles


def test_trace_that_grows_too_large_is_cut_and_says_so_but_keeps_all_power() -> None:
    whole, _ = recorded(Window(1, 4))
    cut, _ = recorded(Window(1, 4), limit=60_000)
    left = cut["otherData"]["slices_left_out"]
    steps = 4  # their own slices are always there
    assert 0 < left and len(pieces(cut)) + left == len(pieces(whole))
    assert sum(len(json.dumps(e, separators=(",", ":"))) for e in pieces(cut)[:-steps]) < 61_000
    assert any(f"{left} slices" in note for note in cut["otherData"]["notes"])
    assert energy(cut) == pytest.approx(energy(whole), rel=1e-12)


def test_target_without_time_is_refused() -> None:
    chip = load("ideal")
    machine = Machine(compile_model(network(8, Layer("gemm", 3)).proto, chip), chip, 5)
    with pytest.raises(UntimedError, match=r"^--trace: the target must have a clock, but ideal models no time"):
        TraceRecorder(machine.program, machine.book.tile, cost_table(chip), Window())


@pytest.mark.parametrize("text", ["3", "0:2", "5:4", "a:b", "1:2:3", "-1:2"])
def test_window_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(TraceError, match=r"^--trace-window: must "):
        parse_window(text)


def test_window_takes_both_ends() -> None:
    window = parse_window("3:5")
    assert [step in window for step in range(2, 7)] == [False, True, True, True, False]


@pytest.mark.parametrize("seed", range(5))
def test_spread_energy_keeps_its_sum_and_its_place(seed: int) -> None:
    draws = np.random.default_rng(seed)
    begin = draws.integers(0, 95, 50)
    end = begin + draws.integers(1, 6, 50)
    joules = draws.random(50)
    by_cycle = np.zeros(100)
    for b, e, cost in zip(begin, end, joules, strict=True):
        by_cycle[b:e] += cost / (e - b)
    bins = spread(begin, end, joules, 15, 7)
    np.testing.assert_allclose(bins, [by_cycle[7 * k : 7 * k + 7].sum() for k in range(15)], atol=1e-12)
