"""Every number that a target may have changes something: values, cycles, joules, area or wear.

Fields are taken from the schema, so one that is new needs a chip here on which it binds, or a reason in `EXEMPT`. A
chip is loaded, a small network is trained on it for four steps, and the same again with the one number changed, by
large factors, until the outcome differs or no factor is left. What is then refused, because it does not fit, has
counted, too.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.errors import CompilerError
from ohmflow.runtime.machine.errors import ScratchpadError
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load
from ohmflow.targets.schema.figure import Figure
from ohmflow.targets.schema.target import Target
from tests.end_to_end.models import Layer, network

AREAS = {
    "tile.driver": "{area: 60 um^2}",
    "tile.control": "{area: 1e5 um^2}",
    "chip.link.area": "10 um^2",
    "chip.host.leakage": "1 mW",
}
AGEING = {
    "device.pulse.gap": "1 ns",
    "device.half_select_step": "0.05",
    "device.retention": "{time_constant: 100 us, spread: 0.3, level: 0.05, level_spread: 0.05, shape: 0.8}",
    "device.drift": "{exponent: 0.05, spread: 0.3, reference_time: 1 us, level: 0.01}",
    "device.diffusion": "{deviation: 1e-3, after: 1 ms, spread: 0.2}",
    "device.endurance": "{pulses: 6, spread: 0.3, beyond: stuck}",
    "tile.program": "{mode: write-verify, error: 0.01, rounds: 3, pulses_per_round: 4}",
}
SMALL_TILES = {
    "tile.crossbar.rows": "4",
    "tile.crossbar.cols": "4",
    "tile.adc.shared_by": "4",
    "chip.mesh": "6 x 6",
    # Vectors of this net have 12 bytes at most.
    "tile.buffer.port": "2 B",
    "chip.vector_unit.scratchpad.port": "2 B",
    "chip.link.flit": "16 bit",
    "chip.vector_unit.lanes": "1",
}
READS = {
    "tile.adc.bound": "0.05",
    "tile.adc.bound_low": "0.04",
    "tile.dac.gain_dtod": "0.05",
    "tile.dac.offset_dtod": "0.05",
    "tile.adc.gain_dtod": "0.05",
    "tile.adc.offset_dtod": "0.05",
    "tile.read.temperature": "300 K",
    "tile.read.flicker": "0.05",
    "tile.read.negative_gain": "0.9",
    "tile.crossbar.wire_r": "100 ohm/um",
    "tile.read.ir_drop": "exact",
    "tile.adc.rate": "200 MHz",
}
CHIPS = {
    "tiles over links": SMALL_TILES | AREAS,
    "ageing": AGEING,
    "reads": READS,
    "constant scales": {
        "tile.read.noise_management": "constant",
        "tile.read.input_scale": "1.5",
        "tile.read.noise_management_backward": "constant",
        "tile.read.input_scale_backward": "0.1",
    },
    "running scale": {"tile.read.noise_management": "average-abs-max", "tile.read.scale_decay": "0.2"},
    "cells of several, bits in turn": {
        "tile.crossbar.cell": "multi-device",
        "tile.crossbar.cell_devices": "2",
        "tile.crossbar.cell_significance": "3",
        "tile.read.bound_management": "none",
        "tile.read.inputs": "bit-serial",
        "tile.shift_add": "{latency: 1, energy: 1 fJ, area: 1 um^2}",
    },
    "voltage of half-selected devices": {"device.voltage": "{law: sinh, v0: 0.2 V}"},
    "sums in routers": SMALL_TILES
    | {
        "chip.mesh": "3 x 3",
        "chip.network.sum": "routers",
        "chip.network.adder": "{latency: 2, energy: 1 pJ, area: 1 um^2}",
        "chip.network.multicast": "tree",
        "chip.package": "{chips: 3 x 1, link: {flit_cycles: 2, hop: 9, energy: 5 pJ, area: 1 um^2}}",
    },
}
EXEMPT = {
    "validation": "says what is published, beside what ohmflow finds",
    "inventory": "is published, beside the sum of what is modelled",
    "chip.dram": "is used where memory does not suffice: tests/compiler/emit/test_spill.py, tests/machine",
    "tile.buffer.size": "only decides what fits: tests/compiler/emit/test_spill.py",
    "chip.vector_unit.scratchpad.size": "likewise",
    "chip.router.vcs": "is of the level flits, which changes cycles: tests/machine/test_flits_reuse.py",
    "chip.router.buffer": "likewise",
    "chip.router.stages": "likewise",
    "chip.router.credit": "likewise",
}
FACTORS = (Fraction(1, 64), Fraction(64), Fraction(1, 3), Fraction(3), Fraction(1, 1024), Fraction(1024))


def sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """Every section that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from sections(part)


def is_number(annotation: Any) -> bool:
    return annotation in (Figure, int) or any(is_number(part) for part in get_args(annotation))


def is_exempt(path: str) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in EXEMPT)


def numbers(section: type[BaseModel], path: str = "") -> Iterator[str]:
    """Dotted paths of all numbers of a section of the schema, but for those of exempt ones."""
    for name, field in section.model_fields.items():
        at = f"{path}{name}"
        if is_exempt(at):
            continue
        below = list(sections(field.annotation))
        for part in below:
            yield from numbers(part, f"{at}.")
        # A pair of whole numbers is a place or the size of a mesh, and no amount.
        if not below and tuple not in (getattr(field.annotation, "__origin__", None),) and is_number(field.annotation):
            yield at


NUMBERS = sorted(set(numbers(Target)))


def value_at(target: Target, path: str) -> Any:
    node: Any = target
    for name in path.split("."):
        node = getattr(node, name, None)
    return node


@cache
def target_of(chip: str) -> Target:
    return load("rpu-2016", CHIPS[chip])


@cache
def chips_with(path: str) -> tuple[str, ...]:
    """The chips that give a number, those first that name it."""
    given = [chip for chip in CHIPS if value_at(target_of(chip), path) is not None]
    parts = path.split(".")
    named = {".".join(parts[:k]) for k in range(2, len(parts) + 1)}
    return tuple(sorted(given, key=lambda chip: (not named & set(CHIPS[chip]), list(CHIPS).index(chip))))


@cache
def model() -> Any:
    return network(4, Layer("gemm", 6), Layer("tanh"), Layer("gemm", 3)).proto


def outcome(target: Target) -> Any:
    draws = np.random.default_rng(6)
    part = Rows(draws.normal(size=(16, 4)).astype(np.float32), draws.integers(0, 3, 16))
    data = DataSet("drawn", part, part.take(slice(5)), part.take(slice(5, 16)))
    options = TrainOptions(epochs=1, batch=4, seed=4)
    try:
        run = train(compile_model(model(), target, CompileOptions()), target, data, options)
    except (CompilerError, ScratchpadError) as fault:
        return f"refused: {fault}"
    summary = run.summary
    assert np.isfinite(summary["train_loss"]).all()
    weights = b"".join(tensor.raw_data for tensor in run.model.graph.initializer)
    kept = ("test_accuracy_analog", "cycles", "energy_joules", "area_mm2", "wear")
    return weights, [summary[name] for name in kept]


@cache
def plain_outcome(chip: str) -> Any:
    return outcome(target_of(chip))


def texts(value: Any) -> Iterator[str]:
    """Other values of a number, as a target would say them."""
    exact = value if isinstance(value, int) else value.value
    for factor in FACTORS:
        if isinstance(value, int):
            yield str(max(1, round(value * factor)) if value else 5)
        elif exact.value:
            yield str(exact * factor)
    if not isinstance(value, int) and not exact.value:
        yield "0.3"


def changed(path: str) -> Iterator[tuple[str, Target]]:
    """Chips that differ from one of ours in one number."""
    for chip in chips_with(path):
        given = value_at(target_of(chip), path)
        for text in dict.fromkeys(texts(given)):
            try:
                other = load("rpu-2016", CHIPS[chip] | {path: text})
            except TargetError:
                continue
            if value_at(other, path) != given:
                yield chip, other


SAMPLE = NUMBERS[3::12]


def test_every_number_of_the_schema_is_on_a_chip_here_or_exempt() -> None:
    assert [path for path in NUMBERS if not chips_with(path)] == []


def test_exemptions_name_what_the_schema_has() -> None:
    fields = Target.model_fields
    assert all(name.split(".")[0] in fields for name in EXEMPT)


@pytest.mark.parametrize("path", [p if p in SAMPLE else pytest.param(p, marks=pytest.mark.slow) for p in NUMBERS])
def test_number_changes_values_cycles_joules_area_or_wear(path: str) -> None:
    tried = 0
    for chip, other in changed(path):
        tried += 1
        if outcome(other) != plain_outcome(chip):
            return
    pytest.fail(f"{path} changed nothing, in {tried} chips")
