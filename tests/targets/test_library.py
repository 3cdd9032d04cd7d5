"""Every number that is shipped has a unit, a source and a confidence."""

import re
from importlib import resources
from pathlib import Path

import pytest

from ohmflow.targets.device_models import parameters_of
from ohmflow.targets.quantity import split_number
from ohmflow.targets.registry import available, load
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.sources import resolve
from ohmflow.targets.units import NUMBER
from ohmflow.targets.yaml_marks import Listing, Scalar, leaves

FILES = sorted(Path(str(resources.files("ohmflow.targets.library"))).glob("*.yaml"))
NAMES = [info.name for info in available()]


def shipped_numbers(path: Path) -> list[tuple[str, Scalar | Listing]]:
    resolved = resolve(path)
    assert resolved.problems == []
    assert resolved.root is not None
    found = []
    for where, leaf in leaves(resolved.root):
        number = isinstance(leaf, Listing) and where == "chip.host.node"
        number = number or (isinstance(leaf, Scalar) and split_number(leaf.text) is not None)
        text = where in ("name", "summary") or where.endswith((".quantity", ".note", ".model", ".kind"))
        if number and (not text or where == "device.model"):
            found.append((where, leaf))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_number_has_a_source_and_a_confidence(path: Path) -> None:
    numbers = shipped_numbers(path)
    assert len(numbers) > 10
    for where, leaf in numbers:
        assert leaf.source, f"{path.stem}: {where} has no source"
        assert leaf.confidence in ("high", "medium", "low"), f"{path.stem}: {where} has no confidence"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_is_assumed_or_recalled_is_of_low_confidence(path: Path) -> None:
    for where, leaf in shipped_numbers(path):
        if re.search(r"\b(assumption|recalled)\b", leaf.source or "", re.IGNORECASE):
            assert leaf.confidence == "low", f"{path.stem}: {where} rests on an assumption or on memory"


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_unit_unless_it_is_a_plain_number(name: str) -> None:
    target = load(name)
    for where, origin in target.origins.items():
        value: object = target
        for part in where.split("."):
            value = value[part] if isinstance(value, dict) else getattr(value, part)
        if isinstance(value, Figure):
            parts = split_number(origin.text)
            assert parts is not None
            assert bool(parts[1]) == (value.value.dimension != NUMBER), f"{name}: {where} is '{origin.text}'"


@pytest.mark.parametrize("name", NAMES)
def test_no_number_of_a_run_comes_without_being_stated(name: str) -> None:
    target = load(name)
    stated = {path.removeprefix("device.parameters.") for path in target.origins if "parameters" in path}
    fields = parameters_of(target.device.model).model_fields
    numbers = {name for name in target.device.parameters if fields[name].annotation is not bool}
    assert numbers == stated, "a default of a device model has no source"


@pytest.mark.parametrize("name", NAMES)
def test_a_trainable_target_can_be_read_backwards(name: str) -> None:
    target = load(name)
    assert target.tile.transposable == (target.device.model != "fixed") == target.executes
    assert ("area" in target.not_modelled) == (name == "ideal")
    assert target.has_time == (name != "ideal")


def test_the_protonic_target_is_the_published_device() -> None:
    target = load("protonic-psg")
    device = target.device
    assert (device.pulse.width.to("ns"), device.pulse.amplitude.to("V")) == (5.0, 10.0)
    assert device.pulse.scheme == "half-select"
    assert device.energy_per_pulse.to("fJ") == 2.5
    assert (device.conductance.min.to("nS"), device.conductance.max.to("uS")) == (65.0, 1.2)
    assert device.conductance.min.confidence == device.conductance.max.confidence == "low"
    assert device.model == "linear-step"
    assert {"dw_min": 0.002, "dw_min_dtod": 0.1, "dw_min_ctoc": 0.3}.items() <= device.parameters.items()
    assert (target.tile.crossbar.rows, target.tile.crossbar.cols) == (512, 512)
    assert (target.chip.clock.to("GHz"), target.chip.mesh) == (1.0, (16, 16))
    low = {path for path, _, _ in target.low_confidence()}
    assert {f"device.parameters.{name}" for name in device.parameters if name != "ctoc_additive"} <= low


def test_the_rpu_target_is_the_published_tile() -> None:
    target = load("rpu-2016")
    assert (target.tile.crossbar.rows, target.tile.crossbar.cols) == (4096, 4096)
    parameters = target.device.parameters
    assert 2 * parameters["w_max"] / parameters["dw_min"] == pytest.approx(1200)
    assert parameters["dw_min_dtod"] == parameters["dw_min_ctoc"] == parameters["w_max_dtod"] == 0.3
    assert (target.tile.dac.bits, target.tile.adc.bits) == (7, 9)
    assert (target.tile.adc.bound.si, target.tile.adc.noise.si) == (12.0, 0.06)
    assert target.tile.read.integration.to("ns") == 80.0
    assert target.device.pulse.width.to("ns") == 1.0
    window = target.device.conductance
    assert 1 / window.min.to("S") == pytest.approx(112e6, rel=1e-3, abs=0)
    assert 1 / window.max.to("S") == pytest.approx(14e6, rel=1e-3, abs=0)


def test_derived_figures_agree_with_the_arithmetic_that_they_cite() -> None:
    psg, rpu = load("protonic-psg"), load("rpu-2016")
    rounding = 5e-3  # figures are given to three digits
    router = 16.13e-3 * 1e-9 / (4 * 32)
    assert psg.chip.link.hop_energy.si == pytest.approx(256 * router, rel=rounding, abs=0)
    assert rpu.chip.link.hop_energy.si == pytest.approx(720 * router, rel=rounding, abs=0)
    assert psg.chip.link.local_energy.si == pytest.approx(256 * 0.054e-12, rel=rounding, abs=0)
    assert rpu.chip.link.local_energy.si == pytest.approx(720 * 0.054e-12, rel=rounding, abs=0)
    assert psg.chip.host.energy.si == pytest.approx(10.4 / (4 * 6.4e9), rel=rounding, abs=0)
    assert psg.tile.buffer.read_energy.si == pytest.approx(20e-12 / 8 * (256 / 32) ** 0.5, rel=rounding, abs=0)
    assert rpu.tile.buffer.read_energy.si == pytest.approx(100e-12 / 8, rel=rounding, abs=0)
    assert psg.chip.vector_unit.leakage.si == pytest.approx(
        4 * 0.46e-3 + 0.41 / 16.13 * 64 * 1.1e-12 * 1e9, rel=1e-2, abs=0
    )
    assert psg.tile.leakage.si == pytest.approx(128 * 0.2 * 1.818e-12 * 250e6 + 4 * 0.46e-3, rel=rounding, abs=0)
    assert psg.tile.crossbar.wire_r.si == pytest.approx(2.42e-8 / (200e-9**2 * 2.10), rel=rounding, abs=0)
    assert rpu.device.energy_per_pulse.si == pytest.approx(1 / 24e6 * 1e-9, rel=rounding, abs=0)
    assert rpu.device.energy_half_select.si == pytest.approx(0.25 / 24e6 * 1e-9, rel=rounding, abs=0)
    assert rpu.tile.buffer.port_bytes * 8 == rpu.chip.link.flit_bits == 720


def test_the_converter_energy_is_the_survey_fit() -> None:
    from math import exp, log

    def fit(bits: float, rate: float, nanometres: float) -> float:
        merit = min(213.7807 - 2.871903 * log(rate), 128.3068 + 3.220512 * bits)
        noise = 6.02 * bits + 1.76
        scale = exp(26.04962 + 1.880037 * log(nanometres) - 2.829126 * log(bits) - 1.470202)
        return 0.5 / 10 ** ((merit - noise) / 10) * scale

    assert fit(9, 200e6, 32) == pytest.approx(2.337, rel=1e-3, abs=0), "the published evaluation of the fit"
    assert load("protonic-psg").tile.adc.energy.to("pJ") == pytest.approx(0.8 * fit(9, 250e6, 28), rel=1e-3, abs=0)
