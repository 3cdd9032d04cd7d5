"""One training epoch of the digits perceptron on a chip, over a float32 epoch of the same net in numpy.

Both run in this process, one thread, turn and turn about; the table gives medians and the median ratio. The chip's
epoch holds values, clock and ledger, without evaluation.

    python bench/epoch.py [--target rpu-2016] [--repeats 9]
"""

import os
import statistics
from collections.abc import Callable
from pathlib import Path

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # settings that slow some builds of numpy
    os.environ.pop(name, None)

import numpy as np
import onnx
from comparison import Comparison, deliver, options, take_turns
from threadpoolctl import threadpool_limits

from ohmflow.compiler import compile_model
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.data import Rows, load_data
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

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


class ChipNet:
    """The perceptron on a chip, its weights programmed: values, clock and ledger, without evaluation."""

    def __init__(self, target: Target) -> None:
        program = compile_model(MODEL, target)
        self.machine = Machine(program, target, 0)
        self.image, self.label = (a.name for a in program.entries["train_step"].arguments if a.kind == "rows")
        self.step = self.epochs = 0
        self.machine.execute("program", {}, {}, 0)
        self.machine.close_epoch(0)

    def epoch(self, rows: Rows) -> None:
        """One pass over all rows, in batches."""
        for begin in range(0, len(rows), BATCH):
            x, y = rows.x[begin : begin + BATCH], rows.y[begin : begin + BATCH]
            scalars = {"lr": LR, "inv_batch": 1 / len(x), "batch": len(x)}
            self.machine.execute("train_step", {self.image: x, self.label: y}, scalars, self.step)
            self.step += 1
        self.epochs += 1
        self.machine.close_epoch(self.epochs)


def main() -> None:
    """Print the table."""
    parser = options(__doc__, 9)
    parser.add_argument("--target", default="rpu-2016", help="name or file")
    asked = parser.parse_args()
    target = load(asked.target)
    data = load_data("digits", 0.0, 0.2, 0)
    with threadpool_limits(1):
        on_chip, in_numpy = ChipNet(target), NumpyNet()
        works: dict[str, Callable[[], object]] = {
            "numpy": lambda: in_numpy.epoch(data.train),
            "chip": lambda: on_chip.epoch(data.train),
        }
        seconds = take_turns(works, asked.repeats)
    chip, numpy = seconds["chip"], seconds["numpy"]
    found = Comparison(f"digits epoch on {target.name}: values, clock, ledger", "numpy epoch", chip, numpy)
    print(
        f"epoch of digits_mlp, batch {BATCH}, lr {LR}, {len(data.train)} rows, on {target.name} ({target.device.model})"
    )
    print(f"  numpy float32 {1e3 * statistics.median(numpy):8.1f} ms")
    told = f"{found.ratio:.1f} x numpy (median of {len(chip)} ratios)"
    print(f"  chip          {1e3 * statistics.median(chip):8.1f} ms   {told}")
    deliver([found], asked.json)


if __name__ == "__main__":
    main()
