"""`ohmflow targets fit` as a user runs it: numbers, picture, target."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ohmflow.runtime.devices.registry import device_class
from ohmflow.runtime.fit.recovery import KNOWN
from ohmflow.runtime.fit.synthesis import Plan, synthesise
from ohmflow.targets.registry import load
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]
MODELS = ("--model", "soft-bounds", "--model", "constant-step")


def write(file: Path, devices: int, cycles: int) -> Path:
    kind = device_class("soft-bounds")
    device = kind(kind.Parameters(**KNOWN["soft-bounds"].parameters))
    taken = synthesise(device, Plan(devices, cycles, 100, 100, read_error=5e-9, seed=1))
    columns = zip(taken.device, taken.cycle, taken.pulse, taken.direction, taken.conductance, strict=True)
    lines = [f"{d},{c},{n},{way},{1e6 * g:.6f}" for d, c, n, way, g in columns]
    file.write_text("\n".join(["device,cycle,pulse,direction,conductance_uS", *lines]))
    return file


@pytest.mark.parametrize("devices,cycles,held", [(3, 2, "the last cycle"), (8, 1, "every device"), (2, 1, "nothing")])
def test_the_true_model_foretells_best(shell: Runner, tmp_path: Path, devices: int, cycles: int, held: str) -> None:
    file = write(tmp_path / "p.csv", devices, cycles)
    told = json.loads(shell("targets", "fit", file, *MODELS, "--json"))
    assert told["best"] == "soft-bounds"
    assert told["held_out"].startswith(held)
    assert [m["name"] for m in told["models"]] == ["soft-bounds", "constant-step"]
    assert told["models"][1]["behind"] > 50
    assert told["models"][0]["parameters"]["dw_min"]["interval_95"][1] > 0.015


def test_target_and_picture_stand_where_they_should(shell: Runner, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", 4, 1)
    out, picture = tmp_path / "mine.yaml", tmp_path / "mine.svg"
    said = shell("targets", "fit", file, *MODELS[:2], "-o", out, "--draw", picture, "--extends", "protonic-psg")
    assert "Written:" in said and "dw_min" in said
    target = load(out)
    assert target.name == "mine" and target.device.model == "soft-bounds"
    assert target.device.parameters["w_max"] == 1.0
    source = target.origins["device.parameters.dw_min"].source or ""
    assert "p.csv (sha256" in source
    assert target.origins["device.parameters.write_noise"].confidence == "low"
    assert "95 %" not in target.summary and "# 0." in out.read_text()
    root = ElementTree.fromstring(picture.read_text())
    words = [found.text for found in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Response to a cycle" in words and "What the model misses" in words
    assert "nan" not in picture.read_text()
    page = root.find("{http://www.w3.org/2000/svg}rect")
    assert page is not None and page.get("class") == "page" and page.get("fill") is None
    assert "prefers-color-scheme: dark" in picture.read_text()


def test_wrong_options_are_said(shell: Runner, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", 1, 1)
    for words, said in (
        (("--model", "soft-bound"), "--model: must be one of"),
        (("--window", "1uS:0.1uS"), "--window: must be two rising conductances"),
        (("--w-max", "-1"), "--w-max: must be above 0"),
        (("-o", tmp_path / "x.txt"), "must be a file that ends in .yaml"),
        (("--unit", "banana"), "--unit: must be one of conductance"),
    ):
        done = shell.finish("targets", "fit", file, *words)
        assert done.status == 2 and said in done.err and len(done.err.splitlines()) == 1
