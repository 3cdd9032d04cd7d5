"""One training epoch of the digits perceptron on a chip, over a float32 epoch of the same net in numpy.

Both run in this process, one thread, turn and turn about; the table gives medians and the median ratio. The chip's
epoch holds values, clock and ledger, without evaluation.

    python bench/epoch.py [--target rpu-2016] [--rounds 7]
"""

import argparse
import os
import statistics
import time
from pathlib import Path

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # settings that slow some builds of numpy
    os.environ.pop(name, None)

import numpy as np
import onnx
from threadpoolctl import threadpool_limits

from ohmflow.compiler import compile_model
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.data import Rows, load_data
from ohmflow.runtime.training.trainer import Trainer, TrainOptions
from ohmflow.targets.registry import load

MODEL = Path(__file__).resolve().parents[1] / "examples" / "models" / "digits_mlp.onnx"
BATCH, LR = 10, 0.1


class NumpyNet:
    """The same net and schedule in float32 numpy."""

    def __init__(self) -> None:
        stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(MODEL).graph.initializer}
        self.w = [np.ascontiguousarray(stored[f"fc{k}.weight"].T) for k in (1, 2, 3)]
        self.b = [stored[f"fc{k}.bias"].copy() for k in (1, 2, 3)]
        self.eye = np.eye(10, dtype=np.float32)

    def epoch(self, rows: Rows) -> None:
        """One pass over all rows, in batches."""
        w, b = self.w, self.b
        for begin in range(0, len(rows), BATCH):
            x, t = rows.x[begin : begin + BATCH], self.eye[rows.y[begin : begin + BATCH]]
            z1 = x @ w[0] + b[0]
            h1 = np.maximum(z1, 0)
            z2 = h1 @ w[1] + b[1]
            h2 = np.maximum(z2, 0)
            z3 = h2 @ w[2] + b[2]
            e = np.exp(z3 - z3.max(1, keepdims=True))
            d3 = (e / e.sum(1, keepdims=True) - t) / len(x)
            d2 = (d3 @ w[2].T) * (z2 > 0)
            d1 = (d2 @ w[1].T) * (z1 > 0)
            w[2] -= LR * h2.T @ d3
            w[1] -= LR * h1.T @ d2
            w[0] -= LR * x.T @ d1
            b[2] -= LR * d3.sum(0)
            b[1] -= LR * d2.sum(0)
            b[0] -= LR * d1.sum(0)


def chip_epoch(trainer: Trainer, epoch: int) -> None:
    """One epoch on the chip: what `Trainer` does, without evaluation."""
    for number, chosen in enumerate(trainer._batches(epoch), 1):
        trainer._batch(chosen, epoch, number)
    trainer.machine.close_epoch(epoch)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default="rpu-2016")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    target = load(options.target)
    data = load_data("digits", 0.0, 0.2, 0)
    with threadpool_limits(1):
        trainer = Trainer(Machine(compile_model(MODEL, target), target, 0), data, TrainOptions(batch=BATCH, lr=LR))
        trainer.program_weights()
        net = NumpyNet()
        chip_epoch(trainer, 1)
        net.epoch(data.train)
        chip, numpy = [], []
        for k in range(options.rounds):
            start = time.perf_counter()
            net.epoch(data.train)
            middle = time.perf_counter()
            chip_epoch(trainer, k + 2)
            numpy.append(middle - start)
            chip.append(time.perf_counter() - middle)
    ratio = statistics.median(c / n for c, n in zip(chip, numpy, strict=True))
    print(
        f"epoch of digits_mlp, batch {BATCH}, lr {LR}, {len(data.train)} rows, on {target.name} ({target.device.model})"
    )
    print(f"  numpy float32 {1e3 * statistics.median(numpy):8.1f} ms")
    print(
        f"  chip          {1e3 * statistics.median(chip):8.1f} ms   {ratio:.1f} x numpy (median of {len(chip)} ratios)"
    )


if __name__ == "__main__":
    main()
