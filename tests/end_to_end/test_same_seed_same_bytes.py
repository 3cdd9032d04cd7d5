"""The same seed gives the same bytes, whatever the process, its hash seed, and where blocks are placed.

docs/semantics.md, Randomness: device and pulse draws depend neither on processes, nor split, nor placement; converter
draws depend on the split but not on placement.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import DIGITS_MLP

FILES = ("model.onnx", "ledger.csv", "events.npz")
# Small tiles, so that arrays have several blocks and there is something to place.
SIZES = {"tile.crossbar.rows": "100", "tile.crossbar.cols": "100"}


def in_a_process(folder: Path, target: str, hash_seed: str, threads: str, seed: int = 7) -> Path:
    """Train through the shell, in a process of its own."""
    environment = os.environ | {
        "PYTHONHASHSEED": hash_seed,
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
    }
    command = [sys.executable, "-c", "from ohmflow.runtime.cli import main; main()", "train", str(DIGITS_MLP)]
    command += ["-t", target, "--data", "digits", "--batch", "25", "--seed", str(seed), "-o", str(folder)]
    command += [word for path, value in SIZES.items() for word in ("--set", f"{path}={value}")]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """A run's bytes; the seconds that the computer took are left out of its summary."""
    found = {name: (folder / name).read_bytes() for name in FILES}
    summary = (folder / "summary.json").read_text().splitlines()
    found["summary.json"] = "\n".join(line for line in summary if '"host_seconds"' not in line).encode()
    return found


def trained(
    seed: int = 7, packing: str = "share", placer: str = "snake", target: str = "protonic-psg", **sizes: str
) -> bytes:
    chip = load(target, SIZES | {f"tile.crossbar.{side}": n for side, n in sizes.items()})
    program = compile_model(DIGITS_MLP, chip, CompileOptions(packing=packing, placer=placer))
    run = train(program, chip, "digits", TrainOptions(batch=25, seed=seed))
    return run.model.SerializeToString(deterministic=True)


def weights(model: bytes) -> bytes:
    """Initialisers alone; the target's hash is among the notes of the model."""
    return b"".join(t.raw_data for t in onnx.load_model_from_string(model).graph.initializer)


@pytest.mark.parametrize("target", ["protonic-psg", "rpu-2016"])
def test_two_processes_give_the_same_bytes(target: str, tmp_path: Path) -> None:
    first = contents(in_a_process(tmp_path / "a", target, "1", "1"))
    second = contents(in_a_process(tmp_path / "b", target, "2", "2"))
    assert [name for name in first if first[name] != second[name]] == []
    assert json.loads(first["summary.json"])["seed"] == 7


def test_process_gives_the_bytes_of_python(tmp_path: Path) -> None:
    shell = contents(in_a_process(tmp_path / "shell", "protonic-psg", "3", "1"))
    chip = load("protonic-psg", SIZES)
    train(compile_model(DIGITS_MLP, chip), chip, "digits", TrainOptions(batch=25, seed=7), tmp_path / "python")
    python = contents(tmp_path / "python")
    assert [name for name in shell if shell[name] != python[name]] == []


@pytest.mark.parametrize(("packing", "placer"), [("share", "scatter"), ("spread", "snake"), ("spread", "scatter")])
def test_placement_and_packing_change_no_bit_of_the_model(packing: str, placer: str) -> None:
    assert trained(packing=packing, placer=placer) == trained()


def test_placement_changes_time_and_energy() -> None:
    chip = load("protonic-psg", SIZES)
    bills = {}
    for placer in ("snake", "scatter"):
        program = compile_model(DIGITS_MLP, chip, CompileOptions(packing="spread", placer=placer))
        run = train(program, chip, "digits", TrainOptions(batch=100))
        bills[placer] = (run.summary["cycles"], run.bill.by("component")["link"])
    assert bills["scatter"][0] > bills["snake"][0]
    assert bills["scatter"][1] > bills["snake"][1]


def test_another_seed_gives_other_weights() -> None:
    assert weights(trained(seed=8)) != weights(trained(seed=7))


def test_another_split_gives_other_weights_on_a_chip_with_converters() -> None:
    assert weights(trained(rows="64")) != weights(trained(rows="100"))


def test_runs_in_one_process_do_not_disturb_each_other() -> None:
    first = trained()
    trained(seed=1, target="rpu-2016")
    assert trained() == first
