"""An outsider's distribution: found, used, and reported by name when it is wrong.

The distribution is tests/plugin/outsider. Its wheel is built once and unpacked into a folder on the path, which is
what an installer does with it; every test runs in a process of its own.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from tests.end_to_end.models import Layer, initializers, network

OUTSIDER = Path(__file__).with_name("outsider")
SHELL = "from ohmflow.runtime.cli import main; main()"


@dataclass
class Site:
    """A folder of installed distributions."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def install(
        self, name: str, entry_points: dict[str, dict[str, str]], sources: dict[str, str] | None = None
    ) -> None:
        """Write a distribution's `.dist-info`, and modules."""
        info = self.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        groups = (f"[{g}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for g, points in entry_points.items())
        (info / "entry_points.txt").write_text("\n".join(groups))
        for module, text in (sources or {}).items():
            (self.folder / module).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / module).write_text(text)

    def shell(self, *words: object, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run ohmflow with these distributions on the path."""
        environment = self.environment | {"PYTHONPATH": str(self.folder)}
        command = [sys.executable, "-c", SHELL, *map(str, words)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=self.folder)
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outsider's distribution, built from a copy of its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(OUTSIDER, folder / "source", ignore=shutil.ignore_patterns("__pyc*", "build", "*.egg-info"))
    build = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", build, folder], cwd=folder / "source", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture
def site(tmp_path: Path, wheel: Path) -> Site:
    """The outsider is installed."""
    made = Site(tmp_path / "site")
    with ZipFile(wheel) as archive:
        archive.extractall(made.folder)
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return network(6, Layer("gemm", 20), Layer("tanh"), Layer("gemm", 3)).write(tmp_path / "small.onnx")


def test_target_is_listed_shown_and_sound(site: Site) -> None:
    listed = site.shell("targets", "list").stdout
    assert "outsider-chip" in listed and "protonic-psg" in listed
    assert "outsider-chip: sound" in site.shell("targets", "check", "outsider-chip").stdout
    shown = json.loads(site.shell("targets", "show", "outsider-chip", "--json").stdout)
    values = {row["path"]: row["value"] for row in shown["values"]}
    assert values["device.parameters.steepness"] == "1.5" and values["chip.clock"] == "1 GHz"


def test_mistakes_in_the_parameters_of_its_device_have_a_line(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = "name: mine\nsummary: x\nextends: outsider-chip\ndevice:\n  parameters:\n    step: -1\n    stepness: 2\n"
    file.write_text(text)
    said = site.shell("targets", "check", file, status=2).stderr
    assert f"{file}:6:11: device.parameters.step must" in said
    assert f"{file}:7:5: device.parameters.stepness must" in said and "'steepness'" in said


def test_target_device_and_placer_train_a_model(site: Site, tmp_path: Path, model: Path) -> None:
    draws = np.random.default_rng(8)
    x = draws.normal(size=(240, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=np.argmax(x[:, :3], axis=1))
    words = ("--data", tmp_path / "data.npz", "--epochs", "15", "--lr", "0.3", "--placer", "far-corner", "--json")
    done = site.shell("train", model, "-t", "outsider-chip", *words, "-o", tmp_path / "run")
    summary = json.loads(done.stdout)
    assert summary["target"] == "outsider-chip" and summary["not_modelled"] == ["area"]
    assert summary["train_loss"][-1] < 0.6 * summary["train_loss"][0]
    assert summary["test_accuracy_analog"][-1] > 0.7
    assert summary["updates"]["lost"] < 0.5 and summary["energy_joules"] > 0
    with (tmp_path / "run" / "ledger.csv").open(newline="") as file:
        tiles = {row["unit"] for row in csv.DictReader(file) if row["unit"].startswith("tile")}
    assert tiles == {"tile(1,1)"}, "the last of the chip's tiles"
    import onnx

    trained = initializers(onnx.load(tmp_path / "run" / "model.onnx"))
    stored = initializers(onnx.load(model))
    assert all(not np.array_equal(trained[name], stored[name]) for name in stored)


def test_rule_brings_its_array_and_its_option(site: Site, tmp_path: Path, model: Path) -> None:
    draws = np.random.default_rng(9)
    x = draws.normal(size=(120, 6)).astype(np.float32)
    np.savez(tmp_path / "data.npz", x=x, y=np.argmax(x[:, :3], axis=1))
    words = ("--data", tmp_path / "data.npz", "--epochs", "4", "--lr", "0.3", "--packing", "spread", "--json")
    losses = {}
    for rule in (("sgd",), ("twins", "--rule-option", "share=0.25")):
        done = site.shell("train", model, "-t", "ideal", *words, "--rule", *rule, "-o", tmp_path / rule[0])
        losses[rule[0]] = json.loads(done.stdout)["train_loss"]
    # Two shares of one update, on devices that are exact.
    np.testing.assert_allclose(losses["twins"], losses["sgd"], rtol=1e-5)
    done = site.shell("train", model, "-t", "outsider-chip", *words, "--rule", "twins", "-o", tmp_path / "chip")
    assert json.loads(done.stdout)["train_loss"][-1] < losses["sgd"][0]
    with (tmp_path / "chip" / "ledger.csv").open(newline="") as file:
        pulsed = {
            row["unit"] for row in csv.DictReader(file) if row["phase"] == "update" and row["component"] == "driver"
        }
    assert len(pulsed) == 4, "two layers of two arrays each, a tile for each"
    words = ("-t", "ideal", "--rule", "twins", "--rule-option", "share=2", "-o", tmp_path / "refused")
    said = site.shell("compile", model, *words, status=2).stderr
    assert "share" in said and len(said.strip().splitlines()) == 1


def test_pass_runs_with_its_options(site: Site, model: Path) -> None:
    text = site.shell("compile", model, "-t", "outsider-chip", "--emit", "tile-ir").stdout
    (site.folder / "t.mlir").write_text(text)
    assert "prefix-names" in json.loads(site.shell("opt", "--list", "--json").stdout)
    renamed = site.shell("opt", "t.mlir", "-p", "canonical-names,prefix-names{prefix=our_}").stdout
    assert renamed.count("%our_") > 20
    (site.folder / "u.mlir").write_text(renamed)
    assert site.shell("opt", "u.mlir").stdout == renamed


SECOND = {
    "device": ({"ohmflow.devices": {"exponential-step": "second.things:Device"}}, "exponential-step"),
    "placer": ({"ohmflow.placers": {"far-corner": "second.things:placer"}}, "far-corner"),
    "our placer": ({"ohmflow.placers": {"snake": "second.things:placer"}}, "snake"),
    "our rule": ({"ohmflow.rules": {"sgd": "second.things:Device"}}, "sgd"),
    "our device": ({"ohmflow.devices": {"constant-step": "second.things:Device"}}, "constant-step"),
}
THINGS = {
    "second/__init__.py": "",
    "second/things.py": "class Device: pass\ndef placer(bins, grid, traffic): return []\n",
}


@pytest.mark.parametrize("kind", SECOND)
def test_name_that_is_taken_is_refused_with_both_owners(site: Site, model: Path, kind: str) -> None:
    points, name = SECOND[kind]
    site.install("second-chip", points, THINGS)
    target = "rpu-2016" if kind == "our device" else "outsider-chip"
    said = site.shell("compile", model, "-t", target, "-o", site.folder / "out", status=2).stderr
    assert said.startswith("error: ") and len(said.splitlines()) == 1
    assert f"'{name}'" in said and "second.things:" in said and "second-chip" in said
    assert ("outsider-chip" if kind in ("device", "placer") else "ohmflow") in said


def test_target_and_pass_of_a_taken_name_are_refused_with_both_owners(site: Site) -> None:
    yaml = (OUTSIDER / "outsider_chip" / "chips" / "outsider-chip.yaml").read_text()
    points = {"ohmflow.targets": {"second": "second"}, "ohmflow.passes": {"other": "second.naming:Naming"}}
    source = "from outsider_chip.prefix_names import PrefixNames\nclass Naming(PrefixNames):\n    name = 'dead-code'\n"
    sources = {"second/__init__.py": "", "second/outsider-chip.yaml": yaml, "second/naming.py": source}
    site.install("second-chip", points, sources)
    said = site.shell("targets", "list", status=2).stderr
    assert "second/outsider-chip.yaml" in said and "chips/outsider-chip.yaml" in said
    said = site.shell("opt", "--list", status=2).stderr
    assert "'dead-code'" in said and "second.naming:Naming of second-chip" in said and "ohmflow." in said


BROKEN = {
    "ohmflow.devices": {"broken-step": "broken_chip.absent:Device"},
    "ohmflow.placers": {"broken-placer": "broken_chip.fails:placer"},
    "ohmflow.rules": {"broken-rule": "broken_chip.fails:Rule"},
    "ohmflow.passes": {"broken-pass": "broken_chip.fails:Pass"},
    "ohmflow.targets": {"broken-targets": "broken_chip.absent"},
}
FAILS = {"broken_chip/__init__.py": "", "broken_chip/fails.py": "raise RuntimeError('half written')\n"}


def test_broken_distribution_is_named_and_stops_nobody_else(site: Site, model: Path, tmp_path: Path) -> None:
    site.install("broken-chip", BROKEN, FAILS)
    done = site.shell("compile", model, "-t", "outsider-chip", "--placer", "far-corner", "-o", tmp_path / "program")
    told = done.stderr.splitlines()
    for name, why in (("broken-placer", "half written"), ("broken-rule", "half written"), ("broken-targets", "absent")):
        (line,) = (line for line in told if name in line)
        assert line.startswith("warning: ") and "broken-chip" in line and why in line
    assert len(told) == 3, "each once, and nothing else"
    assert "broken-pass" in site.shell("opt", "--list").stderr


def test_broken_extension_that_is_asked_for_is_an_error(site: Site, model: Path, tmp_path: Path) -> None:
    site.install("broken-chip", BROKEN, FAILS)
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nsummary: x\nextends: outsider-chip\ndevice: {model: broken-step, parameters: null}\n")
    said = site.shell("targets", "check", file, status=2).stderr
    assert "broken-step" in said or "broken_chip.absent:Device" in said
    assert "broken-chip" in said and f"{file}:4:" in said
    said = site.shell(
        "compile", model, "-t", "ideal", "--placer", "broken-placer", "-o", tmp_path / "p", status=2
    ).stderr
    assert "broken-placer" in said.splitlines()[-1]


def test_without_the_distribution_nothing_of_it_is_known(tmp_path: Path, model: Path) -> None:
    bare = Site(tmp_path / "bare")
    bare.folder.mkdir()
    assert "outsider-chip" not in bare.shell("targets", "list").stdout
    said = bare.shell("compile", model, "-t", "ideal", "--placer", "far-corner", "-o", tmp_path / "p", status=2).stderr
    assert "not 'far-corner'" in said
