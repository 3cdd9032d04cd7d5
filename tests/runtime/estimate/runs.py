"""Small runs whose counts an estimate can be given: their models, targets and folders."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.inference import run_inference
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.compiler.emit.conv_networks import NetworkWriter
from tests.end_to_end.models import Layer, network

MLP = network(12, Layer("gemm", 10), Layer("relu"), Layer("gemm", 3)).proto

SMALL_TILES = {"tile.crossbar.rows": "8", "tile.crossbar.cols": "8", "tile.adc.shared_by": "4"}
"""Arrays of the models here have several blocks on them, on several tiles."""


def conv_model() -> onnx.ModelProto:
    """A convolution of 6 × 6 images, a pooling, and a dense layer."""
    writer = NetworkWriter(seed=2)
    x = writer.conv(writer.start((1, 6, 6)), 4, (3, 3), (1, 1), (0, 0, 0, 0))
    x = writer.node("Relu", [x], writer.shapes[x])
    return writer.model(writer.dense(writer.pool("MaxPool", x, (2, 2), (2, 2), (0, 0, 0, 0)), 3))


CONV = conv_model()


def rows(model: onnx.ModelProto, n: int, seed: int = 3) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Random inputs and labels."""
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]
    draws = np.random.default_rng(seed)
    return draws.random((n, *shape), np.float32), draws.integers(0, 3, n)


@dataclass(frozen=True)
class Case:
    """A run, and what it was made of."""

    program: Program
    target: Target
    folder: Path

    def ledger(self) -> dict[tuple[str, str, str], float]:
        """Joules of the run by (unit, phase, component)."""
        joules: dict[tuple[str, str, str], float] = defaultdict(float)
        with (self.folder / "ledger.csv").open() as text:
            for row in csv.DictReader(text):
                if row["energy_j"]:
                    joules[row["unit"], row["phase"], row["component"]] += float(row["energy_j"])
        return dict(joules)

    def cycles(self) -> dict[tuple[str, str], int]:
        """Cycles of the run by (unit, phase)."""
        with (self.folder / "ledger.csv").open() as text:
            return {
                (row["unit"], row["phase"]): int(row["cycles"])
                for row in csv.DictReader(text)
                if row["component"] == "time"
            }


def trained(
    folder: Path, model: onnx.ModelProto, target: Target, options: TrainOptions, n: int = 23, tested: int = 7
) -> Case:
    """Train a model for real."""
    program = compile_model(model, target, CompileOptions())
    (x, y), (x_test, y_test) = rows(model, n), rows(model, tested, seed=4)
    name = model.graph.input[0].name
    data = DataSet("random", Rows({name: x}, y), Rows({name: x[:0]}, y[:0]), Rows({name: x_test}, y_test))
    train(program, target, data, options, folder)
    return Case(program, target, folder)


def inferred(folder: Path, model: onnx.ModelProto, target: Target, n: int) -> Case:
    """Read a model's outputs for real."""
    program = compile_model(model, target, CompileOptions(training=False))
    folder.mkdir()
    run_inference(program, target, {model.graph.input[0].name: rows(model, n)[0]}, folder, 0)
    return Case(program, target, folder)


def chip(name: str, **changes: str) -> Target:
    """A target of small tiles."""
    return load(name, SMALL_TILES | {path.replace("__", "."): value for path, value in changes.items()})
