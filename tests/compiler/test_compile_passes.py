"""Passes named when compiling change the program, and never the numbers that it computes."""

from pathlib import Path

import numpy as np
import pytest

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.tile.errors import TileError
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load

MODEL = Path(__file__).parents[2] / "examples" / "models" / "digits_mlp.onnx"


def train_two_steps(passes: str) -> tuple[list[np.ndarray], int]:
    target = load("protonic-psg")
    program = compile_model(MODEL, target, CompileOptions(packing="spread", passes=passes))
    machine = Machine(program, target, 3)
    machine.execute("program", {}, {}, 0)
    machine.close_epoch(0)
    start = machine.book.cycles
    rng = np.random.default_rng(0)
    for step in range(2):
        x, y = rng.random((6, 64), np.float32), rng.integers(0, 10, 6)
        scalars = {"lr": 0.1, "inv_batch": 1 / 6, "batch": 6}
        machine.execute("train_step", {"image": x, program.manifest["label"]: y}, scalars, step)
    machine.close_epoch(1)
    return [array.w.copy() for array in machine.values.arrays], machine.book.cycles - start


@pytest.mark.parametrize("passes", ["canonical-names,dead-code", "fuse-maps", "fuse-maps,split-maps"])
def test_passes_leave_every_weight_as_it_was(passes: str) -> None:
    plain, _ = train_two_steps("")
    for ours, theirs in zip(plain, train_two_steps(passes)[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_fused_maps_take_longer_since_samples_no_longer_overlap() -> None:
    assert train_two_steps("fuse-maps")[1] > train_two_steps("")[1]


def test_split_maps_lets_samples_overlap_again() -> None:
    assert train_two_steps("fuse-maps,split-maps")[1] < train_two_steps("fuse-maps")[1]


def test_a_wrong_pass_is_refused_before_anything_is_compiled() -> None:
    with pytest.raises(TileError, match=r"^pipeline: a pass must be one of .*not 'fuse-map'; did you mean 'fuse-maps'"):
        CompileOptions(passes="fuse-map")
