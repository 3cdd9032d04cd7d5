"""Power over time integrates to the ledger, peaks are those of the step function, files hold both."""

import csv
import io
import json

import numpy as np
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.critical.errors import TooLongError
from ohmflow.runtime.critical.step import time_step
from ohmflow.runtime.estimate.api import estimate
from ohmflow.runtime.estimate.assumptions import parse_assumptions
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.trace.bin_length import parse_bin
from ohmflow.runtime.trace.energy import Spent, StepEnergy
from ohmflow.runtime.trace.errors import TraceError
from ohmflow.runtime.trace.power import PowerTrace, bin_width, power_trace
from ohmflow.runtime.trace.power_files import power_csv, power_json, power_text
from ohmflow.runtime.trace.step_power import StepPower, power_of_program, power_of_step
from ohmflow.targets.capability import can_train
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network

SMALL = {"tile.crossbar.rows": "8", "tile.crossbar.cols": "8"}
NONE = np.zeros(0)


def perceptron_power(name: str, entry: str, batch: int = 4, **settings: str) -> tuple[StepPower, float]:
    """Power of a step of a small network, and the joules of the ledger."""
    return power_and_joules(name, entry, batch, (Layer("gemm", 12), Layer("gemm", 3)), **settings)


def power_and_joules(
    name: str, entry: str, batch: int, layers: tuple[Layer, ...], given: tuple[str, ...] = (), **settings: str
) -> tuple[StepPower, float]:
    target = load(name, settings)
    program = compile_model(network(20, *layers).proto, target, CompileOptions(training=can_train(target)))
    profile = Profile(program, target, parse_assumptions(given, [a.name for a in program.arrays]))
    phase = "training" if can_train(target) and entry != "infer" else "inference"
    whole = estimate(program, target, profile, batch, phase, steps=1)
    joules = (whole.once if entry == "program" else whole.work).joules
    assert joules is not None
    return power_of_program(program, target, profile, entry, batch), joules


def of_spans(*spans: tuple[int, int, float], cycles: int, watts: float = 0.0) -> StepEnergy:
    """Energy that is spent in (begin, end, joules), with what leaks, at 1 GHz."""
    begin, end = (np.array([s[k] for s in spans], np.int64) for k in (0, 1))
    spent = Spent("vector", "vector units", begin, end, np.array([s[2] for s in spans], np.float64))
    return StepEnergy(cycles, (spent,), watts, watts * cycles * 1e-9, {}, NONE, NONE)


@pytest.mark.parametrize("entry", ["train_step", "infer", "program"])
@pytest.mark.parametrize("name", ["protonic-psg", "rpu-2016"])
def test_bins_sum_to_the_joules_of_the_ledger(name: str, entry: str) -> None:
    step, joules = perceptron_power(name, entry)
    assert step.power.total.sum() == pytest.approx(joules, rel=1e-9)
    assert "unplaced" not in {place for _, place in step.power.rows}


def test_bins_sum_to_the_joules_of_the_ledger_on_a_bit_serial_inference_chip() -> None:
    step, joules = perceptron_power("puma", "infer")
    assert step.power.total.sum() == pytest.approx(joules, rel=1e-9)
    assert {"adc", "dac"} <= {component for component, _ in step.power.rows}


def test_bins_sum_to_the_joules_of_the_ledger_with_retries() -> None:
    layers = (Layer("gemm", 12), Layer("gemm", 3))
    plain, _ = power_and_joules("rpu-2016", "train_step", 4, layers)
    step, joules = power_and_joules("rpu-2016", "train_step", 4, layers, ("retries=2",))
    assert step.power.cycles > plain.power.cycles
    assert step.power.total.sum() == pytest.approx(joules, rel=1e-9)


def test_bins_sum_to_the_joules_of_the_ledger_with_loops_whose_periods_are_reused() -> None:
    target = load("rpu-2016")
    program = compile_model(network(20, Layer("gemm", 12), Layer("gemm", 3)).proto, target)
    profile = Profile(program, target)
    whole = estimate(program, target, profile, 300, "training", steps=1)
    assert whole.work.reused > 0.5 * (whole.work.cycles or 0), "most of it is not stepped through"
    power = power_of_program(program, target, profile, "train_step", 300).power
    assert power.cycles == whole.work.cycles
    assert power.total.sum() == pytest.approx(whole.work.joules, rel=1e-9)


@pytest.mark.parametrize("width", [1, 7, 100, 10**6])
def test_the_integral_does_not_depend_on_the_bin(width: int) -> None:
    target = load("protonic-psg", SMALL)
    program = compile_model(network(20, Layer("gemm", 12), Layer("gemm", 3)).proto, target)
    step = time_step(program, target, Profile(program, target), batch=2)
    clock = program.chip.clock_hz
    assert clock is not None
    whole = power_of_step(step).power
    other = power_of_step(step, bin_seconds=width / clock).power
    assert other.width == width
    assert other.total.sum() == pytest.approx(float(whole.total.sum()), rel=1e-12)
    assert other.window == whole.window and other.cycle == whole.cycle


def test_components_sum_to_the_ledger_s_components() -> None:
    target = load("protonic-psg")
    program = compile_model(network(20, Layer("gemm", 12), Layer("gemm", 3)).proto, target)
    profile = Profile(program, target)
    bill = estimate(program, target, profile, 4, steps=1).work.bill.by("component")
    by = power_of_program(program, target, profile, "train_step", 4).power.by("component")
    assert {name: float(j.sum()) for name, j in by.items()} == pytest.approx(
        {name: joules for name, joules in bill.items() if joules}, rel=1e-9
    )


def test_a_read_drives_before_it_converts() -> None:
    step, _ = perceptron_power("rpu-2016", "infer", 1)
    power = step.power
    first = {name: int(np.flatnonzero(joules)[0]) for name, joules in power.by("component").items()}
    assert first["driver"] < first["adc"]


def test_peaks_are_of_the_bin_of_a_microsecond_and_of_a_cycle() -> None:
    energy = of_spans((0, 4000, 4e-6), (1500, 1600, 3e-6), (1999, 2000, 1e-6), cycles=4000, watts=0.5)
    power = power_trace(energy, 1e9, 2000)
    assert power.mean_watts == pytest.approx((8e-6 + 2e-6) / 4e-6)
    assert power.peak.watts == pytest.approx((2e-6 + 4e-6 + 1e-6) / 2e-6)
    assert (power.peak.begin, power.peak.end) == (0, 2000)
    assert power.window.watts == pytest.approx((1e-6 + 3e-6 + 1e-6 + 0.5e-6) / 1e-6)
    assert 1000 <= power.window.begin <= 1500 and power.window.end - power.window.begin == 1000
    assert power.cycle.watts == pytest.approx(1000 + 1 + 0.5)
    assert (power.cycle.begin, power.cycle.end) == (1999, 2000)


def test_a_finer_bin_never_has_a_lower_peak_than_one_that_it_divides() -> None:
    energy = of_spans((3, 90, 1.0), (10, 12, 1.0), (57, 91, 2.0), cycles=96)
    peaks = [power_trace(energy, 1e9, width).peak.watts for width in (1, 2, 4, 8, 32, 96)]
    assert peaks == sorted(peaks, reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_highest_window_is_that_of_a_search_over_all_cycles(seed: int) -> None:
    draws = np.random.default_rng(seed)
    spans = [
        (int(b), int(b + n), float(j))
        for b, n, j in zip(draws.integers(0, 2500, 30), draws.integers(1, 400, 30), draws.random(30), strict=True)
    ]
    power = power_trace(of_spans(*spans, cycles=3000), 1e9, 50)
    by_cycle = np.zeros(3000)
    for b, e, j in spans:
        by_cycle[b:e] += j / (e - b)
    sums = np.convolve(by_cycle, np.ones(1000), "valid")
    assert power.window.watts == pytest.approx(sums.max() * 1e6)
    assert power.cycle.watts == pytest.approx(by_cycle.max() * 1e9)


def test_a_bin_has_about_a_thousandth_of_the_step_unless_a_time_is_asked_for() -> None:
    assert bin_width(123_456, 1e9) == 124
    assert bin_width(500, 1e9) == 1
    assert bin_width(123_456, 1e9, seconds=1e-7) == 100
    assert bin_width(10**9, 1e9, seconds=1e-9) == 1000, "no more than a million bins"


def test_samples_are_left_out_where_a_step_has_too_much_to_look_at_and_it_is_told() -> None:
    target = load("rpu-2016")
    program = compile_model(network(20, Layer("gemm", 12), Layer("gemm", 3)).proto, target)
    profile = Profile(program, target)
    step = power_of_program(program, target, profile, "train_step", 100, most=1000)
    assert 1 <= step.batch < 100 and step.asked == 100
    assert step.of == f"train_step of {step.batch} samples in place of 100"
    with pytest.raises(TooLongError, match=r"^train_step: a step of which every .* at most 3 of them, not \d+"):
        power_of_program(program, target, profile, "train_step", 100, most=3)


def test_csv_and_json_hold_the_same_bins() -> None:
    step, joules = perceptron_power("rpu-2016", "train_step")
    rows = list(csv.DictReader(io.StringIO(power_csv(step.power))))
    told = json.loads(power_text(step))
    assert [float(row["power_w"]) for row in rows] == told["bins"]["watts"]
    assert [int(row["cycle"]) for row in rows] == told["bins"]["cycle"]
    clock = told["clock_hz"]
    assert sum(float(r["power_w"]) * int(r["cycles"]) / clock for r in rows) == pytest.approx(joules, rel=1e-9)
    for name, watts in told["bins"]["watts_by_component"].items():
        assert [float(row[f"{name}_w"]) for row in rows] == watts
    assert told["peaks"]["bin"]["watts"] == max(told["bins"]["watts"])
    assert told["peaks"]["cycle"]["watts"] >= told["peaks"]["bin"]["watts"] * (1 - 1e-12)
    assert "bins" not in power_json(step, bins=False)


def test_power_in_the_cycles_of_a_step_is_never_below_leakage() -> None:
    power: PowerTrace = perceptron_power("rpu-2016", "train_step")[0].power
    leaking = power.by("place")["leakage"]
    assert (power.total >= leaking).all()


@pytest.mark.parametrize("text", ["5", "5 V", "-1 ns", "0 s", "soon"])
def test_a_bin_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(TraceError, match=r"^--bin: must be "):
        parse_bin(text)
