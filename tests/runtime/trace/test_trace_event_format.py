"""Traces keep to the Trace Event Format, as an independent validator reads it; and the validator finds faults."""

import json
from typing import Any

import numpy as np
import pytest

from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.trace.recorder import TraceRecorder
from ohmflow.runtime.trace.window import Window
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.trainer import Trainer, TrainOptions
from ohmflow.targets.costs import cost_table
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network
from tests.runtime.trace.trace_event_format import faults_of

SETTINGS = {
    "protonic-psg": {"tile.crossbar.rows": "8", "tile.crossbar.cols": "8", "chip.clock": "700 MHz"},
    "rpu-2016": {},
}


def trace_of(target: str, window: Window, limit: int = 10**7) -> str:
    chip = load(target, SETTINGS[target])
    machine = Machine(compile_model(network(8, Layer("gemm", 12), Layer("gemm", 3)).proto, chip), chip, 5)
    machine.observer = recorder = TraceRecorder(machine.program, machine.book.tile, cost_table(chip), window, limit)
    draws = np.random.default_rng(6)
    rows = Rows(draws.normal(size=(14, 8)).astype(np.float32), draws.integers(0, 3, 14))
    none = Rows(rows.x[:0], rows.y[:0])
    trainer = Trainer(machine, DataSet("drawn", rows, none, none), TrainOptions(epochs=1, batch=4, seed=5))
    trainer.program_weights()
    trainer.run()
    return recorder.text()


@pytest.mark.parametrize("target", sorted(SETTINGS))
@pytest.mark.parametrize(("first", "last", "limit"), [(1, 1, 10**7), (1, 4, 10**7), (2, 3, 20_000), (9, 9, 10**7)])
def test_a_trace_has_no_fault(target: str, first: int, last: int, limit: int) -> None:
    assert faults_of(trace_of(target, Window(first, last), limit)) == []


def test_power_is_told_in_total_by_place_and_by_component() -> None:
    events = json.loads(trace_of("rpu-2016", Window(1, 2)))["traceEvents"]
    counters: dict[str, list[dict[str, float]]] = {}
    for event in events:
        if event["ph"] == "C":
            counters.setdefault(event["name"], []).append(event["args"])
    assert set(counters) == {"power, W", "power by place, W", "power by component, W"}
    total = [args["W"] for args in counters["power, W"][:-1]]
    for name in ("power by place, W", "power by component, W"):
        assert [sum(args.values()) for args in counters[name]] == pytest.approx(total)


def metadata(name: str, tid: int, value: Any) -> dict[str, Any]:
    return {"ph": "M", "name": name, "pid": 1, "tid": tid, "args": {"name": value}}


def piece(ts: float, dur: float, **more: Any) -> dict[str, Any]:
    return {"ph": "X", "name": "a", "pid": 1, "tid": 1, "ts": ts, "dur": dur, **more}


NAMES = [metadata("process_name", 0, "p"), metadata("thread_name", 1, "t")]


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([piece(0, 1)], "thread 1/1 has no name"),
        ([*NAMES, piece(5, 1), piece(3, 1)], "ts goes back"),
        ([*NAMES, piece(0, 5), piece(3, 4)], "reaches over the end"),
        ([*NAMES, {**piece(0, 1), "ph": "Q"}], "ph must be one of"),
        ([*NAMES, piece(0, 1, colour="red")], "must not have colour"),
        ([*NAMES, piece(-1, 1)], "ts must be a number of at least 0"),
        ([*NAMES, piece("0", 1)], "ts must be a number"),  # type: ignore[arg-type]
        ([*NAMES, NAMES[0]], "is given 2 times"),
        ([*NAMES, {"ph": "B", "name": "a", "pid": 1, "tid": 1, "ts": 0}], "has no end"),
        ([*NAMES, {"ph": "E", "name": "a", "pid": 1, "tid": 1, "ts": 0}], "ends nothing"),
        ([*NAMES, {"ph": "C", "name": "a", "pid": 1, "tid": 0, "ts": 0, "args": {}}], "a counter must have numbers"),
        ([metadata("thread_title", 1, "t")], "metadata must be known"),
        ([{"ph": "X", "name": "a", "pid": 1, "tid": 1, "ts": 0}], "X must have dur"),
    ],
)
def test_the_validator_finds_faults(events: list[dict[str, Any]], fault: str) -> None:
    assert any(fault in found for found in faults_of(json.dumps({"traceEvents": events})))


@pytest.mark.parametrize("text", ["[", '{"traceEvents": [{"ph": "M", "ph": "X"}]}', '{"traceEvents": [NaN]}', "[]"])
def test_the_validator_refuses_what_is_no_trace(text: str) -> None:
    assert faults_of(text)
