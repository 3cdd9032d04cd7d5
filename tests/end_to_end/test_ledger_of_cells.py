"""The independent script gets the bill of chips whose cells hold several devices, or whose inputs come bit by bit."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

import ohmflow.targets
from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network
from tests.runtime.training.test_resume import data

LIBRARY = Path(ohmflow.targets.__file__).parent / "library"
SCRIPT = Path(__file__).with_name("recompute_ledger.py")
HEAD = 'name: {name}\nsummary: A chip for a test\nsource: "assumption: a test"\nconfidence: low\nextends: {base}\n'
BITS = """\
tile:
  read: {bound_management: none, inputs: bit-serial}
  shift_add: {latency: 1, energy: 3 fJ}
"""
CHIPS = {
    "bits": ("rpu-2016", BITS + "not_modelled: [area]\n", "shift_add"),
    "cells": (
        "rpu-2016",
        BITS
        + "  crossbar: {cell: multi-device, cell_devices: 3, cell_significance: 2, cell_pulses: in-turn}\n"
        + "not_modelled: [area]\n",
        "coincidence",
    ),
    "pairs": ("rpu-2016", "tile:\n  crossbar: {cell: differential-pair}\n", "read_dose"),
    "refreshed": ("pcm-2020", "device:\n  parameters: {refresh_at: 0.02}\n", "coincidence"),
}


@pytest.mark.parametrize("chip", CHIPS)
def test_independent_script_gets_the_same_ledger(chip: str, tmp_path: Path) -> None:
    base, more, billed = CHIPS[chip]
    file = tmp_path / f"{chip}.yaml"
    file.write_text(HEAD.format(name=chip, base=base) + more)
    target = load(file)
    net = network(4, Layer("gemm", 6), Layer("tanh"), Layer("gemm", 3))
    train(compile_model(net.proto, target), target, data(), TrainOptions(epochs=1, batch=10, seed=4), tmp_path / "run")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path / "run"), str(file), str(LIBRARY)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "the ledger is what its events and the target say\n", "")
    with (tmp_path / "run" / "ledger.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    counted = {row["event"]: float(row["count"]) for row in rows if row["count"]}
    assert counted[billed] > 0
