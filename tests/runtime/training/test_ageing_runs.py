"""Trainings and inferences on devices that age and wear."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.machine.errors import WaitError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.api import resume, train
from ohmflow.runtime.training.errors import StoppedError
from ohmflow.runtime.training.inference import run_inference
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network
from tests.runtime.training.test_resume import contents, data, stop_after

LAWS = {
    "device.retention": "{time_constant: 100 us, spread: 0.3, shape: 0.8}",
    "device.drift": "{exponent: 0.05, spread: 0.3, reference_time: 1 us}",
    "device.diffusion": "{deviation: 1e-3, after: 1 ms}",
    "device.parameters.write_noise": "0.5",
}
ENDURANCE = {"device.endurance": "{pulses: 6, spread: 0.3, beyond: stuck}"}
OPTIONS = TrainOptions(epochs=2, batch=10, seed=4)
STEPS = 4


def program_for(target, training=True, rule="sgd"):
    net = network(4, Layer("gemm", 6), Layer("tanh"), Layer("gemm", 3))
    return compile_model(net.proto, target, CompileOptions(training=training, rule=rule))


def machine_for(target, seed=1):
    machine = Machine(program_for(target, training=False), target, seed)
    machine.execute("program", {}, {}, 0)
    return machine


def test_stopped_training_on_devices_that_age_and_wear_goes_on_bit_for_bit(tmp_path: Path) -> None:
    target = load("rpu-2016", LAWS | ENDURANCE)
    program = program_for(target)
    whole = train(program, target, data(), OPTIONS, tmp_path / "whole")
    assert whole.summary["ageing"] == ["retention", "drift", "diffusion"] and whole.summary["wear"]["worn"] > 0
    for after in (1, 3, STEPS, STEPS + 2):
        folder = tmp_path / str(after)
        with pytest.raises(StoppedError):
            train(program, target, data(), OPTIONS, folder, watch=stop_after(after))
        resume(folder, data=data())
        assert contents(folder) == contents(tmp_path / "whole"), f"stopped after {after} steps"


KINDS = {
    "ageing, wear, write noise": ("rpu-2016", LAWS | ENDURANCE),
    "refreshed pairs": ("pcm-2020", {"device.parameters.refresh_at": "0.05"}),
    "cells of several": (
        "rpu-2016",
        {
            "tile.crossbar.cell": "multi-device",
            "tile.crossbar.cell_pulses": "in-turn",
            "device.parameters.write_noise": "0.5",
            "tile.read.bound_management": "none",
            "tile.read.inputs": "bit-serial",
            "tile.shift_add": "{latency: 1, energy: 1 fJ}",
            "not_modelled": "[area]",
        },
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_training_by_a_rule_of_several_arrays_goes_on_bit_for_bit(kind: str, tmp_path: Path) -> None:
    name, more = KINDS[kind]
    target = load(name, more)
    program = program_for(target, rule="c-ttv2")
    whole = train(program, target, data(), OPTIONS, tmp_path / "whole")
    assert whole.summary["energy_joules"] == pytest.approx(
        sum(whole.summary["energy_by_component"].values()), rel=1e-12
    )
    for after in (1, STEPS + 2):
        folder = tmp_path / str(after)
        with pytest.raises(StoppedError):
            train(program, target, data(), OPTIONS, folder, watch=stop_after(after))
        resume(folder, data=data())
        assert contents(folder) == contents(tmp_path / "whole"), f"stopped after {after} steps"


def test_laws_that_do_nothing_change_no_weight() -> None:
    plain, aged = load("rpu-2016"), load("rpu-2016", {"device.retention": "{time_constant: 1e12 s}"})
    runs = [train(program_for(t), t, data(), OPTIONS) for t in (plain, aged)]
    assert runs[0].summary["train_loss"] == runs[1].summary["train_loss"]
    assert runs[0].summary["ageing"] is None and runs[0].summary["wear"] is None


def test_devices_see_the_seconds_of_the_clock() -> None:
    target = load("rpu-2016", {"device.retention": "{time_constant: 1 s}"})
    machine = machine_for(target)
    machine.close_epoch(0)
    machine.wait(2.0)
    machine.close_epoch(1)
    for array in machine.values.arrays:
        assert array.state()["clock"][:2].sum() == pytest.approx(machine.seconds, rel=1e-12)


def test_weights_halve_in_a_wait_of_the_half_life_which_is_billed_as_idle() -> None:
    target = load("rpu-2016", {"device.retention": "{time_constant: 1 s}"})
    machine = machine_for(target)
    machine.close_epoch(0)
    before = [array.w.copy() for array in machine.values.arrays]
    cycles = machine.book.cycles
    machine.wait(float(np.log(2.0)))
    machine.close_epoch(1)
    for array, held in zip(machine.values.arrays, before, strict=True):
        # Up to 2^-12 of the way was saved up while the chip was programmed.
        assert np.allclose(array.w, held / 2, rtol=2.0**-12)
    waited = machine.book.cycles - cycles
    assert waited == round(np.log(2.0) * machine.program.chip.clock_hz)
    idle = machine.book.phase_cycles[1]
    assert set(idle.values()) == {waited} and {phase for _, phase in idle} == {"idle"}


def test_inference_after_a_wait_reads_what_is_left() -> None:
    target = load("rpu-2016", {"device.retention": "{time_constant: 1 s}", "tile.adc.noise": "0"})
    program = program_for(target, training=False)
    x = {"x": np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)}
    name = next(a.name for a in program.entries["infer"].arguments if a.kind == "rows")
    rows = {name: x["x"]}
    now, never = (run_inference(program, target, rows, None, 0, wait) for wait in (0.0, 60.0))
    assert never.summary["waited_seconds"] == 60.0
    assert never.summary["simulated_seconds"] == pytest.approx(60.0 + now.summary["simulated_seconds"], rel=1e-9)
    (early,), (late,) = now.outputs.values(), never.outputs.values()
    assert np.abs(late - late[0]).max() < 1e-6 < np.abs(early - early[0]).max()


def test_a_machine_without_time_can_not_wait() -> None:
    with pytest.raises(WaitError) as refused:
        machine_for(load("ideal")).wait(1.0)
    assert str(refused.value) == "target ideal: time must be modelled to wait, and is not; take a target with a clock"


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), 1e300])
def test_waits_that_can_not_be_counted_are_refused(seconds: float) -> None:
    with pytest.raises(WaitError, match="wait: must be at least 0 s and below"):
        machine_for(load("rpu-2016")).wait(seconds)


def test_wear_is_extrapolated_from_the_rate_of_the_run() -> None:
    target = load("rpu-2016", {"device.endurance": "{pulses: 1e6}"})
    run = train(program_for(target), target, data(), OPTIONS)
    wear, steps = run.summary["wear"], OPTIONS.epochs * STEPS
    assert wear["worn"] == 0 and wear["devices"] == sum(a["devices"] for a in wear["arrays"].values()) == 42
    assert wear["pulses_max"] == max(a["pulses_max"] for a in wear["arrays"].values()) > 0
    assert wear["first"]["steps"] == pytest.approx(1e6 / wear["pulses_max"] * steps)
    assert wear["first"]["seconds"] == pytest.approx(1e6 / wear["pulses_max"] * run.summary["simulated_seconds"])
    assert wear["one_percent"] == wear["first"]  # of 42 devices


def test_stuck_devices_keep_their_weights_to_the_end_of_training() -> None:
    target = load("rpu-2016", {"device.endurance": "{pulses: 1, beyond: stuck}"})
    program = program_for(target)
    short, long = (train(program, target, data(), replace(OPTIONS, epochs=e)) for e in (1, 2))
    assert short.summary["wear"]["worn"] == 42 == long.summary["wear"]["worn"]
    kept = [{t.name: t.raw_data for t in r.model.graph.initializer if t.name.startswith("w")} for r in (short, long)]
    assert kept[0] == kept[1]
