"""Time the pulsed updates of LeNet-5's convolutions beside numpy's rank-1 updates, and weigh a training of LeNet-5.

Run it as `python bench/conv_update.py [--repeats N] [--steps N]`. One update of a convolution takes a pair of vectors
for every position of every image of the batch, in order. The first table holds medians over turns that both take in one
process: the chip's array, and numpy's `W += x⊗d` into a matrix that stands ready. Dense errors are the worst case;
`pooled` ones are those that a pool of 2 × 2 and ReLU let through, at one position in four or fewer. The second part
trains LeNet-5 itself for some steps in a process of its own and gives that process's peak of memory.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # settings that slow some builds of numpy
    os.environ.pop(name, None)

import numpy as np
import numpy.typing as npt
from comparison import Comparison, deliver, options
from threadpoolctl import threadpool_limits

from ohmflow.compiler import compile_model
from ohmflow.runtime import TrainOptions, train
from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.registry import device_class
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.targets.registry import load

Matrix = npt.NDArray[np.float32]

MODEL = Path(__file__).resolve().parents[1] / "examples" / "models" / "lenet5.onnx"
BATCH = 8
CONVOLUTIONS = {"conv1": (25, 6, 28), "conv2": (150, 16, 10)}
"""Rows, columns, side of the output maps."""
LR = 0.05


def rank_one(w: Matrix, x: Matrix, d: Matrix) -> float:
    """Add −lr·x⊗d for every pair, one after the other; seconds."""
    product = np.empty_like(w)
    d = np.float32(-LR) * d
    start = time.perf_counter()
    for row, column in zip(x, d, strict=True):
        np.multiply.outer(row, column, out=product)
        np.add(w, product, out=w)
    return time.perf_counter() - start


def errors(rng: np.random.Generator, cols: int, side: int, pooled: bool) -> Matrix:
    """Errors of every position [BATCH·side², cols]."""
    d = rng.standard_normal((BATCH, side // 2, 2, side // 2, 2, cols)) / (BATCH * side)
    if pooled:
        winner = rng.integers(0, 4, (BATCH, side // 2, 1, side // 2, 1, cols))
        place = np.arange(4).reshape(1, 1, 2, 1, 2, 1)
        active = rng.random((BATCH, side // 2, 1, side // 2, 1, cols)) < 0.7
        d = np.where((place == winner) & active, d, 0.0)
    return d.reshape(-1, cols).astype(np.float32)


def measure(target_name: str, layer: str, pooled: bool, repeats: int) -> Comparison:
    """Print one line of the table."""
    rows, cols, side = CONVOLUTIONS[layer]
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(0.2, 0.4, (BATCH * side * side, rows)), 0).astype(np.float32)
    d = errors(rng, cols, side, pooled)
    weights = rng.uniform(-0.2, 0.2, (rows, cols)).astype(np.float32)
    target = load(target_name)
    tile = target.tile.update
    spec = UpdateSpec(tile.train_length, tile.update_management, tile.train_length_management)
    kind = device_class(target.device.model)
    device = kind(kind.Parameters(**target.device.parameters))
    array = CrossbarArray(layer, 0, rows, cols, 1.0, device, (Block(0, 0, rows, cols),), None, spec, None, seed=1)
    plain = weights.copy()
    ours, numpys = [], []
    for turn in range(repeats + 1):
        array.program(weights)
        start = time.perf_counter()
        array.update(x, d, LR, DrawSite(Purpose.UPDATE, 0, turn))
        elapsed = time.perf_counter() - start
        reference = rank_one(plain, x, d)
        if turn:
            ours.append(elapsed)
            numpys.append(reference)
    errs = "pooled" if pooled else "dense"
    found = Comparison(
        f"update of LeNet-5's {layer}, {errs} errors, {target_name}", "numpy rank-1 updates", ours, numpys
    )
    print(
        f"{target_name:>13} {layer} {rows:>4} x {cols:<2} {len(x):>7,} {errs:>7} "
        f"{1e6 * median(ours) / len(x):>9.2f} {1e6 * median(numpys) / len(x):>9.2f} {1 / found.ratio:>7.2f}"
    )
    return found


def train_some(target_name: str, steps: int) -> None:
    """Train LeNet-5 on drawn images and print the peak of this process's memory."""
    rng = np.random.default_rng(0)
    images = rng.random((steps * BATCH, 1, 28, 28)).astype(np.float32)
    rows, none = Rows(images, rng.integers(0, 10, len(images))), Rows(images[:0], np.zeros(0, np.int64))
    target = load(target_name)
    program = compile_model(MODEL, target)
    start = time.perf_counter()
    train(program, target, DataSet("drawn", rows, none, none), TrainOptions(batch=BATCH, lr=LR))
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    print(f"{target_name:>13} {steps} steps of {BATCH}: {len(images) / seconds:.0f} images/s, peak {peak:.0f} MiB")


def main() -> None:
    """Print the tables."""
    parser = options(__doc__, 15)
    parser.add_argument("--steps", type=int, default=100, help="training steps for the peak of memory")
    parser.add_argument("--targets", nargs="+", default=["rpu-2016", "protonic-psg"], help="names or files")
    parser.add_argument("--train", metavar="TARGET", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train:
        train_some(asked.train, asked.steps)
        return
    heads = ("target", "layer", "shape", "vectors", "errors", "ours µs", "numpy µs", "ratio")
    print("{:>13} {:>5} {:>9} {:>7} {:>7} {:>9} {:>9} {:>7}".format(*heads))
    with threadpool_limits(1):
        found = [
            measure(target, layer, pooled, asked.repeats)
            for target in asked.targets
            for layer in CONVOLUTIONS
            for pooled in (False, True)
        ]
    deliver(found, asked.json)
    for target in asked.targets:
        command = [sys.executable, __file__, "--train", target, "--steps", str(asked.steps)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
