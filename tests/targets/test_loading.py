import math
import pickle
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from ohmflow.targets import catalogue, device_models, loader
from ohmflow.targets.errors import TargetError, TargetWarning
from ohmflow.targets.quantity import Quantity
from ohmflow.targets.registry import available, load

LISTED = [
    "capacitor-2018",
    "ecram-li-2018",
    "ecram-mo-2019",
    "ecram-ysz-2023",
    "gokmen-vlasov-2016",
    "ideal",
    "idealized-2019",
    "pcm-2020",
    "pimcomp-2023",
    "protonic-psg",
    "protonic-psg-hbm2",
    "protonic-psg-optimistic",
    "protonic-psg-pessimistic",
    "puma",
    "reram-es-2018",
    "reram-hfo2-2022",
    "reram-om-2022",
    "reram-sb-2018",
    "rpu-2016",
    "rpu-2016-hbm2",
]


def test_available_lists_targets_and_no_bases() -> None:
    found = available()
    assert [info.name for info in found] == LISTED
    assert all(info.summary and info.path.is_file() for info in found)


@pytest.mark.parametrize("name", LISTED)
def test_a_shipped_target_loads_by_name_and_by_path_alike(name: str) -> None:
    by_name = load(name)
    assert by_name.name == name
    assert load(by_name.path).content_hash == by_name.content_hash
    assert load(str(by_name.path)).content_hash == by_name.content_hash


def test_leaves_are_easy_to_use(write) -> None:
    target = load(write())
    assert target.tile.adc.energy.si == 2e-12
    assert target.tile.adc.energy.to("pJ") == 2.0
    assert target.tile.adc.bound.si == 12.0
    assert target.tile.crossbar.rows == 64
    assert target.chip.mesh == (4, 2)
    assert target.chip.tiles == 8
    assert target.chip.host.node == (0, 0)
    assert target.tile.buffer.size_bytes == 4096
    assert target.chip.link.flit_bits == 64
    assert target.chip.vector_unit.word_bytes == 2
    assert target.device.parameters["dw_min"] == 0.001
    assert target.path == Path("chip.yaml")
    assert target.has_time
    assert target.si("tile.adc.energy") == 2e-12
    assert target.quantity("tile.crossbar.wire_r") is None


def test_an_absent_section_has_no_figures() -> None:
    ideal = load("ideal")
    assert ideal.chip is None
    assert ideal.tile.adc is None
    assert ideal.si("tile.adc.energy") is None
    assert ideal.si("chip.link.hop_energy") is None
    assert not ideal.has_time


def test_a_path_that_no_target_has_is_an_error() -> None:
    with pytest.raises(AttributeError):
        load("protonic-psg").figure("tile.adc.enrgy")
    with pytest.raises(TypeError, match="must name a figure, not a int"):
        load("protonic-psg").figure("tile.adc.bits")


def test_source_and_confidence_come_down_from_what_encloses(write) -> None:
    change = {
        "  adc:\n": "  adc:\n    source: a paper\n    confidence: high\n",
        "energy: 2 pJ\n": "energy: {value: 2 pJ, source: another paper}\n",
        "    bits: 9\n": "    bits: {value: 9, confidence: medium}\n",
    }
    target = load(write(change=change))
    assert (target.tile.adc.rate.source, target.tile.adc.rate.confidence) == ("a paper", "high")
    assert (target.tile.adc.energy.source, target.tile.adc.energy.confidence) == ("another paper", "high")
    assert target.tile.adc.bits == 9
    assert target.origins["tile.adc.bits"].confidence == "medium"
    assert target.origins["tile.dac.bits"].source == "assumption: made up for tests"
    low = [path for path, _, _ in target.low_confidence()]
    assert "tile.dac.bits" in low
    assert "tile.adc.rate" not in low
    assert ("chip.mesh", "4 x 2", "assumption: made up for tests") in target.low_confidence()


def test_what_says_no_confidence_is_low(write, small: str) -> None:
    target = load(write(small.replace("confidence: low\n", "", 1)))
    assert target.tile.adc.energy.confidence == "low"
    assert len(target.low_confidence()) == len(target.origins)


def test_a_value_does_not_inherit_the_source_of_another_file(write, small: str) -> None:
    base = small.replace("    bits: 9\n", "    source: base paper\n    confidence: high\n    bits: 9\n")
    write(base, "base.yaml")
    child = "name: child\nsummary: A child\nextends: base.yaml\ntile: {adc: {energy: 3 pJ}}\n"
    target = load(write(child, "child.yaml"))
    assert target.tile.adc.energy.si == 3e-12
    assert (target.tile.adc.energy.source, target.tile.adc.energy.confidence) == (None, "low")
    assert (target.tile.adc.rate.source, target.tile.adc.rate.confidence) == ("base paper", "high")


def test_extends_joins_deeply_and_null_takes_away(write) -> None:
    write(name="base.yaml")
    middle = "name: middle\nsummary: M\nextends: base.yaml\ntile: {crossbar: {rows: 48}, adc: {shared_by: 8}}\n"
    write(middle, "middle.yaml")
    child = "name: child\nsummary: C\nextends: middle.yaml\ntile: {crossbar: {rows: 40}, dac: null}\n"
    target = load(write(child, "child.yaml"))
    assert (target.name, target.summary) == ("child", "C")
    assert (target.tile.crossbar.rows, target.tile.crossbar.cols) == (40, 32)
    assert target.tile.adc.shared_by == 8
    assert target.tile.dac is None


def test_a_name_and_a_summary_are_not_inherited(write) -> None:
    write(name="base.yaml")
    with pytest.raises(TargetError) as caught:
        load(write("extends: base.yaml\n", "child.yaml"))
    assert caught.value.problems == [
        "child.yaml:1:1: name must be given, not left out; add 'name: …'",
        "child.yaml:1:1: summary must be given, not left out; add 'summary: …'",
    ]


def test_a_mistake_of_a_base_is_marked_in_the_base(write) -> None:
    write(name="base.yaml", change={"energy: 2 pJ\n": "energy: 2 pW\n"})
    path = write("name: child\nsummary: C\nextends: base.yaml\n", "child.yaml")
    with pytest.raises(TargetError) as caught:
        load(path)
    assert caught.value.problems == [
        "base.yaml:23:13: tile.adc.energy must be an energy, not '2 pW'; write a unit of energy such as '2 pJ'"
    ]


def test_a_cycle_of_bases_is_named(write) -> None:
    for name, base in (("a", "b"), ("b", "c"), ("c", "a")):
        write(f"name: {name}\nsummary: S\nextends: {base}.yaml\n", f"{name}.yaml")
    with pytest.raises(TargetError) as caught:
        load("a.yaml")
    assert caught.value.problems == [
        "c.yaml:3:10: extends must not lead back to itself, as in a.yaml -> b.yaml -> c.yaml -> a.yaml; "
        "remove one of them"
    ]


def test_a_base_that_can_not_be_read_does_not_make_its_values_missing(problems) -> None:
    text = "name: x\nsummary: S\nextends: gone.yaml\ntile: {adc: {energy: 1 V}}\n"
    found = problems({}, text)
    assert len(found) == 2
    assert found[0].startswith("chip.yaml:3:10: extends must name a file that is there")
    assert found[1].startswith("chip.yaml:4:22: tile.adc.energy must be an energy, not '1 V'")


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("tile.crossbar.rows", "48", 48),
        ("tile.adc.energy", "3 pJ", Quantity.parse("3 pJ")),
        ("tile.adc.energy", "{value: 3 pJ, source: a paper, confidence: high}", Quantity.parse("3 pJ")),
        ("chip.mesh", "8 x 8", (8, 8)),
        ("chip.host.node", "[1, 1]", (1, 1)),
        ("tile.transposable", "true", True),
        ("tile.dac", "null", None),
        ("device.parameters.dw_min", "1e-2", 0.01),
    ],
)
def test_an_override_changes_one_value(write, path: str, text: str, value: object) -> None:
    found = load(write(), {path: text})
    *sections, leaf = path.split(".")
    for section in sections:
        found = getattr(found, section)
    got = found[leaf] if isinstance(found, dict) else getattr(found, leaf)
    assert getattr(got, "value", got) == value


def test_an_override_says_where_its_value_is_from(write) -> None:
    target = load(write(), {"tile.crossbar.rows": "48"})
    origin = target.origins["tile.crossbar.rows"]
    assert (origin.text, origin.source, origin.confidence) == ("48", "--set tile.crossbar.rows=48", "low")


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        (
            "tile.crossbar.rows",
            "64x",
            "--set tile.crossbar.rows=64x: tile.crossbar.rows must be a whole number of at least 1, not '64x'; "
            "write one such as 1",
        ),
        (
            "tile.crossbar.rws",
            "64",
            "--set tile.crossbar.rws=64: tile.crossbar.rws must be a key that tile.crossbar knows, not 'rws'; "
            "write 'rows'",
        ),
        ("tile..rows", "64", "--set tile..rows=64: path must be names with points between, not 'tile..rows'; "),
        (
            "tile.adc.energy",
            "1 V",
            "--set tile.adc.energy=1 V: tile.adc.energy must be an energy, not '1 V'; write a unit of energy such as "
            "'1 J'",
        ),
        ("tile.adc", "{bits: 8", "--set tile.adc={bits: 8: text must be YAML, but "),
        ("tile.dac.energy", "", "--set tile.dac.energy=: tile.dac.energy must be given, not left out, "),
    ],
)
def test_a_wrong_override_is_named_as_it_was_given(write, path: str, text: str, sentence: str) -> None:
    with pytest.raises(TargetError) as caught:
        load(write(), {path: text})
    (found,) = caught.value.problems
    assert found.startswith(sentence)


def test_not_modelled_covers_what_it_encloses(write, small: str) -> None:
    text = small.replace("[area]", "[area, tile.driver, chip.vector_unit, tile.adc.energy]")
    for given in (
        "    op_energy: 1 pJ\n",
        "    special_op_energy: 6 pJ\n",
        "    leakage: 2 mW\n",
        "    energy: 2 pJ\n",
    ):
        assert text.count(given) == 1
        text = text.replace(given, "")
    target = load(write(text))
    assert not target.is_modelled("tile.driver")
    assert not target.is_modelled("chip.vector_unit.op_energy")
    assert not target.is_modelled("chip.vector_unit.scratchpad.read_energy")
    assert not target.is_modelled("tile.adc.energy")
    assert target.is_modelled("tile.adc.noise")
    assert target.is_modelled("tile.dac.energy")
    assert target.is_modelled("chip.host.energy")
    assert target.has_time


def test_without_energy_no_cost_is_modelled() -> None:
    ideal = load("ideal")
    for path in ("tile.adc.energy", "tile.leakage", "tile.driver", "tile.array", "device.energy_per_pulse"):
        assert not ideal.is_modelled(path)
    assert ideal.is_modelled("tile.crossbar.rows")
    assert not ideal.is_modelled("area")


def test_the_name_of_a_listed_target_is_that_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text("name: two\nsummary: S\nextends: ideal\n")
    monkeypatch.setattr(catalogue, "folders", lambda: iter([catalogue._library(), tmp_path]))
    with pytest.raises(TargetError) as caught:
        load("one")
    assert caught.value.problems == [
        f"{tmp_path}/one.yaml:1:7: name must be 'one' like the file's, not 'two'; rename one"
    ]


def test_two_targets_of_one_name_are_an_error_that_names_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ideal.yaml").write_text("name: ideal\nsummary: S\nextends: rpu-2016\n")
    library = catalogue._library()
    monkeypatch.setattr(catalogue, "folders", lambda: iter([library, tmp_path]))
    with pytest.raises(TargetError) as caught:
        available()
    assert caught.value.problems == [
        f"{tmp_path}/ideal.yaml: name 'ideal' must belong to one target, not also to {library}/ideal.yaml; "
        "rename one of the two"
    ]


@pytest.mark.parametrize("as_package", [True, False])
def test_a_plugin_brings_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_package: bool) -> None:
    folder = tmp_path / "plugin_chips" if as_package else tmp_path
    folder.mkdir(exist_ok=True)
    (folder / ("__init__.py" if as_package else "plugin_chips.py")).write_text("")
    (folder / "mine.yaml").write_text("name: mine\nsummary: My chip\nextends: rpu-2016\ntile: {adc: {bits: 8}}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "plugin_chips", raising=False)
    entry = EntryPoint("mine", "plugin_chips", catalogue.GROUP)
    monkeypatch.setattr(catalogue, "target_entries", lambda: (entry,))
    assert [info.name for info in available()] == sorted([*LISTED, "mine"])
    assert load("mine").tile.adc.bits == 8
    sys.modules.pop("plugin_chips", None)


def test_a_broken_plugin_is_reported_and_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("broken", "no_such_module_of_ours", catalogue.GROUP)
    monkeypatch.setattr(catalogue, "target_entries", lambda: (entry,))
    with pytest.warns(TargetWarning, match=r"target plug-in 'broken' \(no_such_module_of_ours\) must be importable"):
        found = available()
    assert [info.name for info in found] == LISTED


class Odd(BaseModel):
    tau: float = Field(gt=0)
    value: float = 1.0


class OddDevice:
    Parameters = Odd


def test_a_device_model_of_others_validates_its_own_parameters(write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "parameters_of", lambda model: Odd)
    change = {
        "model: constant-step": "model: odd",
        "{dw_min: 0.001, w_max: 0.6, w_min: -0.6}": "{tau: {value: 2, source: a paper}, value: 3}",
    }
    target = load(write(change=change))
    assert target.device.parameters == {"tau": 2.0, "value": 3.0}
    assert target.origins["device.parameters.tau"].source == "a paper"


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([], "must be an installed device model (other), not 'odd'; install the package that brings it"),
        (["no_such_module_of_ours:X"], "must be a model that can be imported, but 'no_such_module_of_ours:X' of ?"),
        (["pathlib:Path"], "must be a class with a pydantic attribute `Parameters`, but 'pathlib:Path' of ? has none"),
        (["a:A", "b:B"], "must be offered once, but 'odd' is 'a:A' of ? and 'b:B' of ?; uninstall one"),
    ],
)
def test_a_device_model_that_can_not_be_had_is_explained(
    monkeypatch: pytest.MonkeyPatch, entries: list[str], sentence: str
) -> None:
    found = {"other": [EntryPoint("other", "x:Y", device_models.GROUP)]}
    if entries:
        found["odd"] = [EntryPoint("odd", value, device_models.GROUP) for value in entries]
    monkeypatch.setattr(device_models, "model_entries", lambda: found)
    with pytest.raises(device_models.DeviceModelError) as caught:
        device_models.parameters_of("odd")
    assert str(caught.value).startswith(sentence)


def test_errors_and_targets_survive_pickling(write) -> None:
    error = pickle.loads(pickle.dumps(TargetError(["a", "b"])))
    assert error.problems == ["a", "b"]
    assert str(error) == "a\nb"
    target = load(write())
    again = pickle.loads(pickle.dumps(target))
    assert (again.content_hash, again.path, dict(again.origins)) == (
        target.content_hash,
        target.path,
        dict(target.origins),
    )


def test_listing_targets_imports_nothing_heavy() -> None:
    code = (
        "import sys, ohmflow.targets.registry as r; r.available(); "
        "print([m for m in ('numpy', 'numba', 'onnx', 'onnxruntime', 'pint') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


HALF = "  energy_half_select: 10 aJ"


@pytest.mark.parametrize(
    ("change", "ratio"),
    [
        ({}, 0.0),
        ({HALF: f"{HALF}\n  half_select_step: {{value: 0.02, source: measured}}"}, 0.02),
        ({HALF: f"{HALF}\n  voltage: {{law: sinh, v0: 0.25 V}}"}, math.sinh(2) / math.sinh(4)),
        ({HALF: f"{HALF}\n  voltage: {{law: sinh, v0: 1 kV}}"}, 0.5),
        ({HALF: f"{HALF}\n  voltage: {{law: sinh, v0: 10 uV}}"}, 0.0),
        ({HALF: f"{HALF}\n  voltage: {{law: sinh, v0: 0.25 V}}", "scheme: half-select": "scheme: full"}, 0.0),
    ],
)
def test_the_step_of_a_half_selected_device_is_given_or_follows_from_its_law(write, change, ratio: float) -> None:
    assert load(write(change=change)).device.half_select_ratio == pytest.approx(ratio, rel=1e-6, abs=1e-12)


def test_a_law_of_voltage_changes_the_hash(write) -> None:
    plain = load(write()).content_hash
    assert load(write(change={HALF: f"{HALF}\n  voltage: {{law: sinh, v0: 0.25 V}}"})).content_hash != plain


def test_a_truth_value_of_a_device_is_a_number_of_the_target(write) -> None:
    change = {
        "model: constant-step": "model: soft-bounds",
        "{dw_min: 0.001, w_max: 0.6, w_min: -0.6}": "{dw_min: 0.001, w_max: 0.6, w_min: -0.6, ctoc_additive: true}",
    }
    assert load(write(change=change)).device.parameters["ctoc_additive"] == 1.0
