"""What `ohmflow estimate` prints."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.models import Layer, network
from tests.runtime.cli.shell import Runner, shell

__all__ = ["shell"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return network(4, Layer("gemm", 6), Layer("relu"), Layer("gemm", 3)).write(tmp_path / "small.onnx")


def test_text_has_every_section(shell: Runner, model: Path) -> None:
    text = shell("estimate", model, "-t", "protonic-psg", "--batch", "4", "--assume", "train@w0=3")
    lines = text.splitlines()
    assert lines[0].startswith("small.onnx on protonic-psg:") and "training, 4 samples: 1 × train_step of 4" in lines[1]
    for title in ("Assumptions (", "Area, ", "A sample, by phase", "A sample, by layer", "Use"):
        assert any(line.startswith(title) for line in lines), title
    assert re.search(r"^train@w0\s+3\s+slots\s+given", text, re.MULTILINE)
    assert "of low confidence, among them" in text and max(map(len, lines)) <= 100


def test_inference_says_nothing_of_updates(shell: Runner, model: Path) -> None:
    text = shell("estimate", model, "-t", "rpu-2016", "--phase", "inference")
    assert "infer of 10" in text and "row-rate" not in text and "error-activity" not in text
    said = json.loads(shell("estimate", model, "-t", "rpu-2016", "--phase", "inference", "--json"))
    assert set(said["work"]["energy_by_phase"]) == {"evaluation", "idle"}


def test_ideal_says_that_nothing_is_modelled(shell: Runner, model: Path) -> None:
    assert "ideal has no time and no energy, so there is nothing to estimate" in shell("estimate", model, "-t", "ideal")


def test_counts_of_a_run_are_compared_and_their_means_used(shell: Runner, model: Path, tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    np.savez(tmp_path / "data.npz", x=draws.random((40, 4), np.float32), y=draws.integers(0, 3, 40))
    run = tmp_path / "run"
    shell("train", model, "-t", "rpu-2016", "--data", tmp_path / "data.npz", "-o", run, "--batch", "5", "--json")
    words = ("estimate", model, "-t", "rpu-2016", "--counts", run)
    summary = json.loads((run / "summary.json").read_text())
    said = json.loads(shell(*words, "--json"))
    assert said["programming"]["cycles"] + said["work"]["cycles"] == summary["cycles"]
    total = said["programming"]["energy_joules"] + said["work"]["energy_joules"]
    assert total == pytest.approx(summary["energy_joules"], rel=1e-9)
    assert "Its mean counts" in shell(*words) and "Mean counts of the run" in shell(*words)
    other = json.loads(shell(*words, "--steps", "3", "--json"))
    assert other["samples"] == 15 and other["recorded"] is None
    assert {row["origin"] for row in other["assumptions"]} == {"recorded"}
    elsewhere = shell("estimate", model, "-t", "protonic-psg", "--counts", run, "--steps", "3", "--assume", "train=4")
    assert re.search(r"^train\s+4\s+slots", elsewhere, re.MULTILINE) and "Mean counts of the run" in elsewhere
