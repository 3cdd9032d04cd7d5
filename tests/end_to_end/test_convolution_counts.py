"""What a convolution costs is its samples, positions and blocks multiplied, and the ledger is what its events say."""

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import ohmflow.targets
from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.windows import Window
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSource
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.compiler.emit.conv_networks import NetworkWriter

LIBRARY = Path(ohmflow.targets.__file__).parent / "library"
SCRIPT = Path(__file__).with_name("recompute_ledger.py")
CHIP = """\
name: conv-chip
summary: rpu-2016 with tiles so small that convolutions have several blocks
extends: rpu-2016
source: "assumption: a test"
confidence: low
tile:
  crossbar: {rows: 16, cols: 8}
  adc: {bound: 40, bits: 16}
chip:
  mesh: 6 x 6
"""
FIRST = Window((1, 8, 8), 0, 1, (3, 3), (1, 1), (1, 1, 1, 1))
SECOND = Window((4, 4, 4), 0, 4, (3, 3), (1, 1), (1, 0, 1, 0))
WORD = 2
"""Bytes of an element, 16 bit."""


def two_convolutions() -> Program:
    """8 x 8 to 4 maps, pooled to 4 x 4, to 10 maps, to 10 classes."""
    writer = NetworkWriter(1)
    x = writer.conv(writer.start((1, 8, 8)), 4, (3, 3), pads=FIRST.pads)
    x = writer.node("Relu", [x], writer.shapes[x])
    x = writer.pool("MaxPool", x, (2, 2), (2, 2), (0, 0, 0, 0))
    x = writer.conv(x, 10, (3, 3), pads=SECOND.pads)
    x = writer.node("Relu", [x], writer.shapes[x])
    return compile_model(writer.model(writer.dense(x, 10)), load_chip(), CompileOptions(packing="spread"))


@functools.cache
def load_chip() -> Target:
    """The chip above; its converters never clip, so that reads can be counted."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "conv-chip.yaml"
        file.write_text(CHIP)
        return load(file)


@pytest.fixture(scope="module")
def counted() -> tuple[Program, Machine]:
    """A machine after a training step of three samples."""
    program = two_convolutions()
    machine = Machine(program, load_chip(), 2)
    machine.execute("program", {}, {}, 0)
    machine.close_epoch(0)
    rng = np.random.default_rng(0)
    rows = {"x": rng.random((3, 1, 8, 8), np.float32), "label": np.array([1, 7, 2])}
    machine.execute("train_step", rows, {"lr": 0.01, "inv_batch": 1 / 3, "batch": 3}, 0)
    machine.close_epoch(1)
    return program, machine


def events(machine: Machine, tile: int, phase: str) -> dict[str, float]:
    name = next(u.name for u in machine.program.chip.units if (u.kind, u.index) == ("tile", tile))
    return {event: n for (unit, p, _, event), n in machine.book.counts[1].items() if (unit, p) == (name, phase)}


@pytest.mark.parametrize(("array", "window", "back"), [(0, FIRST, False), (1, SECOND, True)])
def test_reads_are_samples_times_positions_of_every_block(
    counted: tuple[Program, Machine], array: int, window: Window, back: bool
) -> None:
    program, machine = counted
    blocks = program.arrays[array].blocks
    assert program.arrays[array].rows == window.size
    reads = 3 * window.positions
    for block in blocks:
        forward, backward, update = (events(machine, block.tile, p) for p in ("forward", "backward", "update"))
        assert forward["adc_conversion"] == reads * block.cols
        assert forward["buffer_read_byte"] == reads * block.rows * WORD
        assert 0 < forward["read_row"] <= reads * block.rows
        if back:
            assert backward["adc_conversion"] == reads * block.rows
            assert backward["buffer_read_byte"] == reads * block.cols * WORD
        else:
            assert "adc_conversion" not in backward
        assert update["buffer_read_byte"] == reads * (block.rows + block.cols) * WORD
        assert update["coincidence"] > 0
    assert len(program.arrays[1].blocks) > 2


def test_an_image_travels_once_and_not_once_for_every_window(counted: tuple[Program, Machine]) -> None:
    program, machine = counted
    for block in program.arrays[0].blocks:
        written = events(machine, block.tile, "forward")["buffer_write_byte"]
        assert written == 3 * FIRST.elements * WORD
    port = {(u, e): n for (u, p, _, e), n in machine.book.counts[1].items() if u.startswith("host") and p == "forward"}
    tiles = len({b.tile for b in program.arrays[0].blocks})
    # The images to the first convolution's tiles and the labels to the loss; and the loss of the batch back.
    assert port["host", "host_byte"] == (3 * FIRST.elements * tiles + 3) * WORD
    assert port["host.results", "host_byte"] == 1 * WORD


def test_updates_are_samples_times_positions(counted: tuple[Program, Machine]) -> None:
    _, machine = counted
    vectors = [updates.vectors for updates in machine.values.updates]
    assert vectors == [3 * FIRST.positions, 3 * SECOND.positions, 3]


def test_phases_of_every_unit_sum_to_the_cycles(counted: tuple[Program, Machine]) -> None:
    _, machine = counted
    cycles: dict[str, int] = {}
    for (unit, _), n in machine.book.phase_cycles[1].items():
        cycles[unit] = cycles.get(unit, 0) + n
    assert len(set(cycles.values())) == 1


def test_independent_script_gets_the_same_ledger(tmp_path: Path) -> None:
    target = tmp_path / "conv-chip.yaml"
    target.write_text(CHIP)
    run = tmp_path / "run"
    source = DataSource("digits", limit=24, limit_test=10)
    train(two_convolutions(), load(target), source, TrainOptions(batch=8, seed=4), run)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(run), str(target), str(LIBRARY)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "the ledger is what its events and the target say\n", "")


@pytest.mark.parametrize("update_at", ["batch", "sample"])
def test_an_update_at_every_sample_counts_the_same_updates(update_at: str) -> None:
    source = DataSource("digits", limit=6, limit_test=5)
    run = train(two_convolutions(), load_chip(), source, TrainOptions(batch=3, seed=4, update_at=update_at))
    reads = sum(row.count for row in run.bill.rows if (row.phase, row.event) == ("backward", "adc_conversion"))
    blocks = two_convolutions().arrays
    once = SECOND.positions * sum(b.rows for b in blocks[1].blocks) + sum(b.rows for b in blocks[2].blocks)
    assert reads == 6 * once
