"""Rules on a chip with steps, converters, time and energy: what they cost, what is derived, what is remembered."""

import csv
import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.crossbar.spec import DrawSite
from ohmflow.runtime.training.api import resume, train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.errors import StoppedError
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.runtime.training.trainer import Progress
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.compiler.rules.one_layer import Trained
from tests.end_to_end.models import Layer, network

RULES: dict[str, dict[str, Any]] = {
    "tiki-taka-v2": {"memory": 10},
    "c-ttv2": {"memory": 10},
    "agad": {"memory": 10, "chop": 0.5},
    "shd": {"memory": 10},
    "residual": {"tiles": 3, "gamma": 0.5},
    "mixed-precision": {},
}
MEMORY = {  # devices and digital words a weight of a layer of 4 x 6
    "sgd": (1, 0),
    "tiki-taka-v2": (2, 1 + 3 / 24),
    "c-ttv2": (2, 1 + (3 + 4) / 24),
    "agad": (2, 3 + (3 + 4) / 24),
    "shd": (2, 3 / 24),
    "residual": (3, 1 / 24),
    "mixed-precision": (1, 1),
}
EVENTS = ("row_pulse", "coincidence", "read_row")


@pytest.fixture(scope="module")
def chip() -> Target:
    return load("rpu-2016")


def data(rows: int = 22) -> DataSet:
    draws = np.random.default_rng(6)
    part = Rows(draws.normal(size=(rows, 4)).astype(np.float32), draws.integers(0, 3, rows))
    return DataSet("drawn", part, part.take(slice(5)), part.take(slice(5, 12)))


def compiled(chip: Target, rule: str, **options: Any) -> Program:
    net = network(4, Layer("gemm", 6), Layer("tanh"), Layer("gemm", 3))
    return compile_model(net.proto, chip, CompileOptions(rule=rule, rule_options=options, packing="spread"))


@pytest.mark.parametrize("rule", RULES)
def test_transfers_take_time_and_energy(rule: str, chip: Target, tmp_path: Path) -> None:
    run = train(compiled(chip, rule, **RULES[rule]), chip, data(), TrainOptions(epochs=1, batch=5, lr=1.0), tmp_path)
    assert run.summary["energy_by_phase"]["transfer"] > 0
    with (tmp_path / "ledger.csv").open() as file:
        lines = [line for line in csv.DictReader(file) if line["phase"] == "transfer"]
    counted = {event: sum(float(line["count"] or 0) for line in lines if line["event"] == event) for event in EVENTS}
    assert counted["row_pulse"] > 0 and counted["coincidence"] > 0
    assert sum(int(line["cycles"] or 0) for line in lines if line["component"] == "time") > 0
    if rule == "mixed-precision":
        assert counted["read_row"] == 0
    elif rule != "residual":
        assert counted["read_row"] == 2 * len(data().train)  # a row a vector in each of the two layers


@pytest.mark.parametrize("rule", MEMORY)
def test_memory_of_a_weight(rule: str, chip: Target) -> None:
    options = RULES.get(rule, {})
    told = compiled(chip, rule, **options).manifest["rules"]
    layer = next(
        layer for name, layer in told.items() if layer["state_words"] == max(x["state_words"] for x in told.values())
    )
    assert (layer["devices_per_weight"], layer["words_per_weight"]) == pytest.approx(MEMORY[rule])


def test_defaults_are_derived_from_the_device_and_explained(chip: Target) -> None:
    told = next(iter(compiled(chip, "agad").manifest["rules"].values()))
    derived = {one["option"]: one for one in told["derived"]}
    assert derived["memory"]["value"] == pytest.approx(1200)  # (0.6 + 0.6)/0.001
    assert "number of states" in derived["memory"]["why"]
    assert derived["pulses"]["value"] == 5
    assert derived["transfer_pulses"]["value"] == 31  # of the target's longest train
    assert told["options"]["memory"] == derived["memory"]["value"]


def stop_after(steps: int) -> Any:
    seen = 0

    def watch(_: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen == steps:
            signal.raise_signal(signal.SIGINT)

    return watch


def contents(folder: Path) -> dict[str, Any]:
    summary = json.loads((folder / "summary.json").read_text())
    del summary["host_seconds"]
    return {name: (folder / name).read_bytes() for name in ("model.onnx", "ledger.csv", "events.npz")} | summary


@pytest.mark.parametrize("rule", RULES)
def test_a_stopped_run_goes_on_bit_for_bit(rule: str, chip: Target, tmp_path: Path) -> None:
    program = compiled(chip, rule, **RULES[rule])
    options = TrainOptions(epochs=2, batch=5, lr=1.0, seed=4)
    train(program, chip, data(), options, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(program, chip, data(), options, tmp_path / "part", watch=stop_after(6))
    resume(tmp_path / "part", data=data())
    assert contents(tmp_path / "part") == contents(tmp_path / "whole")


def test_signs_of_c_ttv2_change_as_often_as_asked() -> None:
    chip = Trained(np.zeros((3, 2), np.float32), load("ideal"), "c-ttv2", 1.0, chop=0.25)
    flips, before = 0, np.ones(3, np.float32)
    for step in range(100):
        chip.step(np.ones((3, 3), np.float32), np.ones((3, 2), np.float32), 0.0)
        signs = np.array(chip.states()["signs"])
        flips += int((signs != before).sum())  # a step has three vectors and three rows: each is read once
        before = signs
        assert set(np.unique(signs)) <= {-1.0, 1.0}, step
    # 300 draws of probability 0.25: six standard deviations are 45.
    assert abs(flips - 75) < 45


def test_zero_shifting_takes_the_fast_array_to_its_symmetry_points() -> None:
    """On soft bounds with steps of unlike size; what reads see of A starts at 0 again."""
    steps = {"dw_min": "0.01", "up_down": "0.3", "dw_min_ctoc": "0.0", "up_down_dtod": "0.2", "w_max": "0.6"}
    overrides = {f"device.parameters.{name}": value for name, value in (steps | {"w_min": "-0.6"}).items()}
    target = load("rpu-2016", {"device.model": "soft-bounds", **overrides})
    chip = Trained(np.zeros((5, 4), np.float32), target, "tiki-taka-v2", 1.0, zero_shift=150, zero_reads=200)
    array = chip.machine.values.arrays[1]
    low, high = array.device.bounds(array.planes)
    rising = array.device.parameters.dw_min
    rest = chip.array("fast").copy()
    assert np.abs(rest).max() > 0.02, "it must have moved"
    for sign in (1, -1):  # one more pair of pulses of all devices leaves them where they are
        chip.machine.values.arrays[1].update(
            np.ones((1, 5), np.float32), np.full((1, 4), sign, np.float32), rising, DrawSite(7, 9, 10**6 + sign)
        )
    assert np.abs(chip.array("fast") - rest).max() < 0.002
    assert ((rest > low) & (rest < high)).all()
    # Reads have noise of 0.06: the mean of 200 is within four standard deviations, and half a step of converters.
    np.testing.assert_allclose(chip.states()["zero"], rest, atol=4 * 0.06 / 200**0.5 + 0.05)
