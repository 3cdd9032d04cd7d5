"""Whole sentences for wrong target files: a confusing one is a bug."""

from pathlib import Path

import pytest

from ohmflow.targets.catalogue import files
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import available, load

ADC_ENERGY = "energy: 2 pJ\n"
DAC = "  dac: {bits: 7, energy: 0.3 pJ}"
NAME = "name: small\n"

ONE_MISTAKE = {
    "unit of another dimension": (
        {ADC_ENERGY: "energy: 15 aW\n"},
        "chip.yaml:23:13: tile.adc.energy must be an energy, not '15 aW'; write a unit of energy such as '15 aJ'",
    ),
    "no unit": (
        {ADC_ENERGY: "energy: 15\n"},
        "chip.yaml:23:13: tile.adc.energy must be an energy, not '15'; write a unit of energy such as '15 pJ'",
    ),
    "beyond floats": (
        {ADC_ENERGY: "energy: 1e400 pJ\n"},
        "chip.yaml:23:13: tile.adc.energy must be an energy, not '1e400 pJ'; write a unit of energy such as '1.7 pJ'",
    ),
    "negative": (
        {ADC_ENERGY: "energy: -1 pJ\n"},
        "chip.yaml:23:13: tile.adc.energy must be an energy of zero or more, not '-1 pJ'; write one such as '1.7 pJ'",
    ),
    "zero": (
        {"rate: 200 MHz": "rate: 0 Hz"},
        "chip.yaml:19:11: tile.adc.rate must be a frequency greater than zero, not '0 Hz'; write one such as '200 MHz'",
    ),
    "unit on a plain number": (
        {"noise: 0.06": "noise: 0.06 V"},
        "chip.yaml:18:12: tile.adc.noise must be a plain number, not '0.06 V'; write it without a unit, such as 0.06",
    ),
    "not whole bytes": (
        {"port: 32 B, vectors": "port: 12 bit, vectors"},
        "chip.yaml:27:31: tile.buffer.port must be an amount of data in whole B, not '12 bit'; "
        "write one such as '32 B'",
    ),
    "misspelt key": (
        {ADC_ENERGY: "enrgy: 2 pJ\n"},
        "chip.yaml:23:5: tile.adc.enrgy must be a key that tile.adc knows, not 'enrgy'; write 'energy'",
    ),
    "misspelt section": (
        {"chip:\n": "chipp:\n"},
        "chip.yaml:29:1: chipp must be a key that the target knows, not 'chipp'; write 'chip'",
    ),
    "foreign key": (
        {"  router: {leakage: 3 mW}": "  router: {leakage: 3 mW, quux: 1}"},
        "chip.yaml:43:27: chip.router.quux must be a key that chip.router knows, not 'quux'; remove it; "
        "known are area, buffer, credit, leakage, stages, vcs",
    ),
    "misspelt source": (
        {ADC_ENERGY: "energy: {value: 2 pJ, sorce: x}\n"},
        "chip.yaml:23:27: tile.adc.energy must have the keys value, source and confidence only, not 'sorce'; "
        "write 'source'",
    ),
    "confidence": (
        {ADC_ENERGY: "energy: {value: 2 pJ, confidence: sure}\n"},
        "chip.yaml:23:39: tile.adc.energy.confidence must be high, medium or low, not 'sure'; "
        "write 'low' for what is assumed or recalled",
    ),
    "duplicate key": (
        {ADC_ENERGY: "energy: 2 pJ\n    energy: 3 pJ\n"},
        "chip.yaml:24:5: key 'energy' must be given once, not again after line 23; remove one of the two",
    ),
    "missing key": (
        {"    bits: 9\n": ""},
        "chip.yaml:15:3: tile.adc.bits must be given, not left out; add 'bits: 2'",
    ),
    "missing cost": (
        {"    energy: 2 pJ\n": ""},
        "chip.yaml:15:3: tile.adc.energy must be given, not left out, since no cost is silently zero; "
        "add it, or list 'tile.adc.energy' under not_modelled",
    ),
    "missing ground of a cost": (
        {"wire_c: 0.2 fF/um, ": ""},
        "chip.yaml:13:3: tile.crossbar.wire_c must be given, not left out, since what tile.driver costs follows from "
        "it; add it, or list 'tile.driver' under not_modelled",
    ),
    "missing window": (
        {"  conductance: {min: 10 nS, max: 100 nS}\n": ""},
        "chip.yaml:5:1: device.conductance.min and device.conductance.max must be given, not left out, since what "
        "tile.array costs follows from them; add them, or list 'tile.array.energy' under not_modelled",
    ),
    "missing time": (
        {"    rate: 200 MHz\n": ""},
        "chip.yaml:15:3: tile.adc.rate must be given where time is modelled, not left out; "
        "add 'rate: 200 MHz', or list 'time' under not_modelled",
    ),
    "no whole number": (
        {"    bits: 9\n": "    bits: nine\n"},
        "chip.yaml:16:11: tile.adc.bits must be a whole number from 2 to 24, not 'nine'; write one such as 2",
    ),
    "banks": (
        {"    banks: 2\n": "    banks: 3\n"},
        "chip.yaml:22:12: tile.adc.banks must be a whole number from 1 to 2, not '3'; write one such as 1",
    ),
    "truth value": (
        {"double_buffered: true": "double_buffered: yes"},
        "chip.yaml:24:73: tile.read.double_buffered must be true or false, not 'yes'; write 'true' or 'false'",
    ),
    "choice": (
        {"noise_management: abs-max": "noise_management: absmax"},
        "chip.yaml:24:97: tile.read.noise_management must be abs-max, average-abs-max, constant, none, not 'absmax'; "
        "write 'abs-max'",
    ),
    "mesh": (
        {"mesh: 4 x 2": "mesh: 4"},
        "chip.yaml:31:9: chip.mesh must be 'columns x rows', both at least 1, not '4'; write it as in '16 x 16'",
    ),
    "host off the mesh": (
        {"node: [0, 0]": "node: [4, 0]"},
        "chip.yaml:44:16: chip.host.node must lie on the mesh of 4 x 2, not at [4, 0]; write x up to 3 and y up to 1",
    ),
    "window": (
        {"min: 10 nS": "min: 100 nS"},
        "chip.yaml:9:35: device.conductance.max must be above device.conductance.min (100 nS), not '100 nS'; "
        "exchange the two",
    ),
    "word": (
        {"word: 16 bit": "word: 12 bit"},
        "chip.yaml:38:11: chip.vector_unit.word must be a multiple of 8 bit, not '12 bit'; write one such as '16 bit'",
    ),
    "buffer": (
        {"size: 4 KiB": "size: 64 B"},
        "chip.yaml:27:18: tile.buffer.size must hold 4 vectors of 64 words, 512 B, not '64 B'; "
        "enlarge it, or lower tile.buffer.vectors",
    ),
    "train length": (
        {"train_length: 31": "train_length: 0"},
        "chip.yaml:25:26: tile.update.train_length must be from 1 to 63 for a device that is pulsed, not '0'; "
        "write one such as 31",
    ),
    "retries": (
        {"max_retries: 4": "max_retries: 0"},
        "chip.yaml:24:148: tile.read.max_retries must be at least 1 where bound_management is iterative, not '0'; "
        "write one such as 4, or 'bound_management: none'",
    ),
    "programming": (
        {"mode: ideal, error: 0, rounds: 0": "mode: write-verify, error: 0, rounds: 3"},
        "chip.yaml:26:72: tile.program.pulses_per_round must be at least 1 where mode is write-verify, not '0'; "
        "write one such as 10, or 'mode: ideal'",
    ),
    "banks without transposition": (
        {"tile:\n": "tile:\n  transposable: false\n"},
        "chip.yaml:23:12: tile.adc.banks must be 1 where tile.transposable is false, not '2'; write 1",
    ),
    "not modelled names nothing": (
        {"[area]": "[area, tile.adc.enrgy]"},
        "chip.yaml:45:15: not_modelled must list costs, which 'tile.adc.enrgy' is not; write 'tile.adc.energy'",
    ),
    "both given and not modelled": (
        {"[area]": "[area, tile.dac.energy]"},
        "chip.yaml:14:26: tile.dac.energy must be either given or listed under not_modelled, not both; "
        "remove one of the two",
    ),
    "area": (
        {"[area]": "[tile, chip.link, chip.router, chip.host, chip.vector_unit.scratchpad]"},
        "chip.yaml:33:3: chip.vector_unit.area must be given, not left out, since no area is silently zero; "
        "add it, or list 'chip.vector_unit.area' under not_modelled",
    ),
    "device model": (
        {"model: constant-step": "model: constantstep"},
        "chip.yaml:6:10: device.model must be an installed device model (constant-step, exp-step, ideal, "
        "linear-step, measured, one-sided-pair, piecewise-step, pow-step, protonic, soft-bounds, "
        "soft-bounds-reference), not 'constantstep'; write 'constant-step'",
    ),
    "a device that does not move at zero": (
        {
            "model: constant-step": "model: exp-step",
            "{dw_min: 0.001, w_max: 0.6, w_min: -0.6}": "{dw_min: 0.001, w_max: 0.6, w_min: -0.6, A_up: 1, A_down: 1, "
            "gamma_up: 1, gamma_down: 1, a: 1, b: 0}",
        },
        "chip.yaml:7:3: device.parameters must be sound: a pulse at w = 0 must move the device in one direction at "
        "least; lower A_up or A_down",
    ),
    "half-select step above a whole one": (
        {"  energy_half_select: 10 aJ": "  energy_half_select: 10 aJ\n  half_select_step: 1.5"},
        "chip.yaml:12:21: device.half_select_step must be at most 1, the step of a whole pulse, not '1.5'; "
        "write one such as 0.02",
    ),
    "half-select step said twice": (
        {
            "  energy_half_select: 10 aJ": "  energy_half_select: 10 aJ\n  half_select_step: 0.1\n"
            "  voltage: {law: sinh, v0: 0.3 V}"
        },
        "chip.yaml:12:21: device.half_select_step must be left out where device.voltage says what it is; "
        "remove one of the two",
    ),
    "half-select step without half select": (
        {
            "scheme: half-select": "scheme: full",
            "  energy_half_select: 10 aJ": "  energy_half_select: 10 aJ\n  half_select_step: 0.1",
        },
        "chip.yaml:12:21: device.half_select_step must be left out where device.pulse.scheme is full, which half "
        "selects no device; remove it, or write 'scheme: half-select'",
    ),
    "law of voltage": (
        {"  energy_half_select: 10 aJ": "  energy_half_select: 10 aJ\n  voltage: {law: sin, v0: 0.3 V}"},
        "chip.yaml:12:18: device.voltage.law must be sinh, not 'sin'; write 'sinh'",
    ),
    "device parameter": (
        {"dw_min: 0.001": "dw_mn: 0.001"},
        "chip.yaml:7:16: device.parameters.dw_mn must be a key that device.parameters knows, not 'dw_mn'; "
        "write 'dw_min'",
    ),
    "value of a device parameter": (
        {"dw_min: 0.001": "dw_min: -1"},
        "chip.yaml:7:24: device.parameters.dw_min must be greater than 0, not '-1'; write such a value",
    ),
    "section without keys": (
        {DAC: "  dac: 7"},
        "chip.yaml:14:8: tile.dac must be a section of keys, not '7'; write 'dac: {…}'",
    ),
    "unlimited beside a chip": (
        {"tile:\n": "tile:\n  unlimited: true\n"},
        "chip.yaml:13:14: tile.unlimited must be false where a chip says how many tiles there are, not 'true'; "
        "remove one of them",
    ),
    "unknown base": (
        {NAME: NAME + "extends: protonc-psg\n"},
        f"chip.yaml:2:10: extends must be one of {', '.join(files())}, not 'protonc-psg'; did you mean 'protonic-psg'?",
    ),
    "base that is not there": (
        {NAME: NAME + "extends: other.yaml\n"},
        "chip.yaml:2:10: extends must name a file that is there, not 'other.yaml'; check the path",
    ),
    "own base": (
        {NAME: NAME + "extends: chip.yaml\n"},
        "chip.yaml:2:10: extends must not lead back to itself, as in chip.yaml -> chip.yaml; remove one of them",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), ONE_MISTAKE.values(), ids=ONE_MISTAKE.keys())
def test_one_mistake_gives_one_sentence(problems, change: dict[str, str], sentence: str) -> None:
    assert problems(change) == [sentence]


NO_TARGET = {
    "empty": ("", "chip.yaml: document must be a mapping of sections, not empty; begin with 'name:'"),
    "list": ("- a\n", "chip.yaml:1:1: target must be a mapping of sections, not a list; begin with 'name:'"),
    "word": ("word\n", "chip.yaml:1:1: target must be a mapping of sections, not 'word'; begin with 'name:'"),
}


@pytest.mark.parametrize(("text", "sentence"), NO_TARGET.values(), ids=NO_TARGET.keys())
def test_what_is_no_mapping_is_refused(problems, text: str, sentence: str) -> None:
    assert problems({}, text) == [sentence]


@pytest.mark.parametrize("text", ["a: {b: 1", "a: b: c", "a: 'x", "\tname: x", "--- a\n--- b\n", "a: \x07", "[" * 5000])
def test_what_is_no_yaml_is_refused_in_one_sentence_with_its_place(problems, text: str) -> None:
    (sentence,) = problems({}, text)
    assert sentence.startswith("chip.yaml")
    assert "must be" in sentence


def test_a_recursive_alias_is_refused(problems) -> None:
    assert "chip.yaml:1:4: alias must not contain itself; write the values out" in problems({}, "a: &a [*a]\n")


def test_aliases_that_multiply_are_refused(problems) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 7)]
    found = problems({}, "\n".join(lines))
    assert any("aliases must not unfold to more than 20000 values" in sentence for sentence in found)


def test_every_mistake_is_reported_at_once(problems) -> None:
    change = {
        ADC_ENERGY: "energy: 15 aW\n",
        "mesh: 4 x 2": "mesh: many",
        "min: 10 nS": "min: 1 uS",
        "dw_min: 0.001": "dw_min: 0",
        "op_energy: 1 pJ\n    special": "op_enrgy: 1 pJ\n    special",
        "node: [0, 0]": "node: here",
        "  leakage: 1 mW\n": "",
        "name: small\n": "name: small\nname: smaller\n",
    }
    found = "\n".join(problems(change))
    for path in (
        "key 'name'",
        "device.parameters.dw_min",
        "tile.adc.energy",
        "chip.mesh",
        "chip.vector_unit.op_enrgy",
        "chip.host.node",
        "device.conductance.max",
        "tile.leakage",
    ):
        assert f": {path} must" in found
    assert len(found.splitlines()) == len(change)


def test_a_missing_file_is_refused(write) -> None:
    write()
    with pytest.raises(TargetError) as caught:
        load("nowhere.yaml")
    assert caught.value.problems == [
        "nowhere.yaml: target must be a file that can be read, but no such file or directory; check the path"
    ]


def test_a_file_of_bytes_is_refused(write) -> None:
    write()
    Path("bytes.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(TargetError) as caught:
        load("bytes.yaml")
    assert caught.value.problems == [
        "bytes.yaml: target must be a file that can be read, but it is not text in UTF-8; check the path"
    ]


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(TargetError) as caught:
        load("protonc")
    assert caught.value.problems == [
        f"target: must be one of {', '.join(info.name for info in available())}, not 'protonc'; "
        "did you mean 'protonic-psg'?"
    ]


def test_an_abstract_base_is_not_loaded() -> None:
    with pytest.raises(TargetError) as caught:
        load("cmos-28nm-base")
    (sentence,) = caught.value.problems
    assert sentence.endswith(
        "cmos-28nm-base.yaml: target must be a whole one, not abstract, since it is only a base of others; "
        "write a target with 'extends: cmos-28nm-base'"
    )
