"""Every example runs, with small settings."""

import runpy
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from ohmflow.runtime.cli.main import main

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = {
    "train_digits.py": ["--epochs", "2", "--folder", "run"],
    "compare_targets.py": ["--epochs", "1"],
    "inspect_program.py": ["--set", "tile.crossbar.rows=128"],
    "estimate_chip.py": ["--model", "digits_mlp.onnx", "--sizes", "128", "256"],
    "measure_pulses.py": ["--devices", "2", "--pulses", "12"],
    "my_own_data.py": ["--epochs", "2", "--folder", "rings"],
}


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run an example in an empty folder and return what it printed."""

    def run(name: str) -> str:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *SETTINGS[name]])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_every_example_is_tested_and_short() -> None:
    scripts = list(EXAMPLES.glob("*.py"))
    assert {script.name for script in scripts} == set(SETTINGS)
    assert [script.name for script in scripts if script.read_text().count("\n") > 60] == []


def test_train_digits_learns_and_writes_a_run(printed, tmp_path: Path) -> None:
    text = printed("train_digits.py")
    onnx.checker.check_model(onnx.load(tmp_path / "run" / "model.onnx"))
    assert float(text.partition("read on the chip")[2].split("%")[0]) > 80


def test_compare_targets_gives_a_row_for_each(printed) -> None:
    lines = printed("compare_targets.py").splitlines()
    assert [line.split()[0] for line in lines] == ["target", "ideal", "protonic-psg", "rpu-2016"]
    assert lines[1].count("–") == 3 and lines[2].count("–") == 0


def test_inspect_program_shows_mapping_tile_ir_and_instructions(printed) -> None:
    text = printed("inspect_program.py")
    # 256 rows on tiles of 128 are two blocks.
    assert [f"[{part}, 0:128]" in text for part in ("0:128", "128:256")] == [True] * 2
    for begin, part in (("== Tile IR", "tile.update @fc1.weight"), ("== Instructions", "mvm_t")):
        assert part in text.partition(begin)[2].partition("\n== ")[0]
    assert "tile.entry @infer" not in text and "entry infer" not in text


def test_estimate_chip_gives_a_row_for_each_size(printed) -> None:
    header, *lines = printed("estimate_chip.py").split("\n\n")[0].splitlines()
    assert [line.split()[:4] for line in lines] == [["128", "x", "128", "4"], ["256", "x", "256", "2"]]
    assert header.split()[0] == "tile" and float(lines[0].split()[-1]) < float(lines[1].split()[-1])  # mm² of a tile


def test_my_own_data_leaves_files_that_the_shell_trains_on(printed, tmp_path: Path) -> None:
    assert "test accuracy on the chip" in printed("my_own_data.py")
    with np.load(tmp_path / "rings" / "rings.npz") as data:
        assert data["x"].shape == (600, 2) and set(data["y"]) == {0, 1, 2}
    with pytest.raises(SystemExit) as left:
        main(["train", "rings/rings.onnx", "-t", "rpu-2016", "--data", "rings/rings.npz", "-o", "rings/run", "--json"])
    assert left.value.code == 0


def test_digits_model_is_what_its_script_writes(tmp_path: Path) -> None:
    build = runpy.run_path(str(EXAMPLES / "models" / "make_digits_mlp.py"))["build"]
    assert build() == onnx.load(EXAMPLES / "models" / "digits_mlp.onnx")


def test_measured_pulses_can_be_fitted(printed, tmp_path: Path) -> None:
    assert "100 reads of 2 devices of rpu-2016" in printed("measure_pulses.py")
    with pytest.raises(SystemExit) as ended:
        main(["targets", "fit", "pulses.csv", "--model", "constant-step"])
    assert ended.value.code == 0
