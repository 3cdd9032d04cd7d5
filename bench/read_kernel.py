"""Time crossbar reads, what their options cost, and a training step of a small perceptron on real digits.

Run it as `python bench/read_kernel.py [--repeats N] [--epochs N]`. Ratios compare runs that take turns in one process;
the median is printed.
OpenBLAS variables that pin another processor's kernels slow numpy down: unset OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import numpy as np
import numpy.typing as npt
from comparison import Comparison, deliver, options, take_turns
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_limits

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.ir_drop import Wires
from ohmflow.runtime.crossbar.spec import Block, ConductanceSpec, Converter, DrawSite, ReadSpec, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep

Matrix = npt.NDArray[np.float32]

LAYERS = ((64, 256), (256, 128), (128, 10))
BATCH = 10
RATE = 0.1


PERIPHERY = ReadSpec(dac_bits=7, adc_bits=9, out_bound=12.0, out_noise=0.06)
SIZES = (
    (4, 4, 1),
    (128, 10, 10),
    (64, 256, 10),
    (256, 128, 10),
    *((side, side, n) for side in (128, 256, 512, 1024, 2048) for n in (1, 10, 64)),
)
OPTIONS = {
    "stochastic rounding": replace(PERIPHERY, dac=Converter("stochastic"), adc=Converter("stochastic")),
    "converters that differ": replace(PERIPHERY, dac=Converter("nearest", 0.01, 0.01)),
    "average scale": replace(PERIPHERY, noise_management="average-abs-max"),
    "thermal noise": replace(PERIPHERY, thermal=1e-9),
    "1/f noise": replace(PERIPHERY, flicker=0.01),
    "fast IR drop": replace(PERIPHERY, ir_drop="fast", wires=Wires(0.1, 0.1)),
    "bit-serial": replace(PERIPHERY, inputs="bit-serial", bound_management="none"),
}


def make_array(
    number: int, rows: int, cols: int, weights: Matrix, alpha: float, read: ReadSpec = PERIPHERY
) -> CrossbarArray:
    """Make an array of constant-step devices behind 7-bit inputs and 9-bit outputs."""
    device = ConstantStep(
        ConstantStep.Parameters(
            dw_min=0.001,
            dw_min_dtod=0.3,
            dw_min_ctoc=0.3,
            up_down_dtod=0.01,
            w_max=0.6,
            w_min=-0.6,
            w_max_dtod=0.3,
            w_min_dtod=0.3,
        )
    )
    array = CrossbarArray(
        f"W{number}",
        number,
        rows,
        cols,
        alpha,
        device,
        (Block(0, 0, rows, cols),),
        read,
        UpdateSpec(),
        ConductanceSpec(65e-9, 1.2e-6),
        seed=1,
    )
    array.program(weights)
    return array


def compare_reads(repeats: int) -> list[Comparison]:
    """Print the time of forward and transposed reads beside numpy's products."""
    print(
        f"{'array':>10} {'vectors':>7} {'forward us':>11} {'transposed us':>14} {'numpy us':>9} {'fwd/numpy':>10} "
        f"{'tr/numpy':>9}"
    )
    rng = np.random.default_rng(0)
    found = []
    for rows, cols, n in SIZES:
        array = make_array(0, rows, cols, rng.uniform(-0.3, 0.3, (rows, cols)).astype(np.float32), 1.0)
        x = rng.standard_normal((n, rows)).astype(np.float32)
        d = rng.standard_normal((n, cols)).astype(np.float32)
        at = DrawSite(Purpose.FORWARD, 0, 0)
        works: dict[str, Callable[[], object]] = {
            "forward": lambda a=array, x=x, at=at: a.forward(x, at),  # type: ignore[misc]
            "transposed": lambda a=array, d=d, at=at: a.transposed(d, at),  # type: ignore[misc]
            "numpy": lambda a=array, x=x: x @ a.w,  # type: ignore[misc]
            "numpy, transposed": lambda a=array, d=d: d @ a.w.T,  # type: ignore[misc]
        }
        seconds = take_turns(works, repeats)
        size = f"{rows} x {cols}, {n} vectors"
        forward = Comparison(f"forward read, {size}", "numpy product", seconds["forward"], seconds["numpy"])
        back = seconds["transposed"], seconds["numpy, transposed"]
        backward = Comparison(f"transposed read, {size}", "numpy product", *back)
        found += [forward, backward]
        t = {name: 1e6 * median(values) for name, values in seconds.items()}
        print(
            f"{rows:>5}x{cols:<4} {n:>7} {t['forward']:>11.1f} {t['transposed']:>14.1f} {t['numpy']:>9.1f} "
            f"{forward.ratio:>10.2f} {backward.ratio:>9.2f}"
        )
    return found


def compare_options(repeats: int) -> list[Comparison]:
    """Print the time of reads with each option beside those without, 64 vectors on 512 x 512."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(-0.3, 0.3, (512, 512)).astype(np.float32)
    x = rng.standard_normal((64, 512)).astype(np.float32)
    at = DrawSite(Purpose.FORWARD, 0, 0)
    arrays = {
        name: make_array(0, 512, 512, weights, 1.0, spec) for name, spec in ({"plain": PERIPHERY} | OPTIONS).items()
    }
    works: dict[str, Callable[[], object]] = {
        name: lambda a=array: a.forward(x, at)  # type: ignore[misc]
        for name, array in arrays.items()
    }
    seconds = take_turns(works, max(repeats // 4, 1))
    print("\nforward reads of 64 vectors, 512 x 512, over those without the option")
    found = []
    for name in OPTIONS:
        one = Comparison(f"forward read, {name}", "the same without", seconds[name], seconds["plain"])
        print(f"{name:<24} {one.ratio:8.2f}")
        found.append(one)
    return found


class Perceptron:
    """Digits, 64-256-128-10, trained with numpy around arrays or all in numpy."""

    def __init__(self, analog: bool) -> None:
        """Start from the same weights either way."""
        pixels, labels = load_digits(return_X_y=True)
        self.x = (pixels[:1437] / 16).astype(np.float32)
        self.targets = np.eye(10, dtype=np.float32)[labels[:1437]]
        rng = np.random.default_rng(0)
        self.weights = [(rng.uniform(-1, 1, s) / np.sqrt(s[0])).astype(np.float32) for s in LAYERS]
        self.biases = [np.zeros(cols, np.float32) for _, cols in LAYERS]
        self.arrays: list[CrossbarArray] = []
        self.crossbar_seconds = 0.0
        self.lengths: list[float] = []
        self.epochs = 0
        if analog:
            self.arrays = [
                make_array(k, *LAYERS[k], w, float(np.abs(w).max()) / (0.6 * 0.6)) for k, w in enumerate(self.weights)
            ]

    def _layer(self, k: int, h: Matrix, step: int) -> Matrix:
        if not self.arrays:
            return h @ self.weights[k] + self.biases[k]
        start = time.perf_counter()
        y, _ = self.arrays[k].forward(h, DrawSite(Purpose.FORWARD, 0, step))
        self.crossbar_seconds += time.perf_counter() - start
        return y + self.biases[k]

    def _back(self, k: int, d: Matrix, step: int) -> Matrix:
        if not self.arrays:
            return d @ self.weights[k].T
        start = time.perf_counter()
        back, _ = self.arrays[k].transposed(d, DrawSite(Purpose.BACKWARD, 0, step))
        self.crossbar_seconds += time.perf_counter() - start
        return back

    def _update(self, k: int, h: Matrix, d: Matrix, step: int) -> None:
        self.biases[k] -= RATE * d.sum(0)
        if not self.arrays:
            self.weights[k] -= RATE * (h.T @ d)
            return
        start = time.perf_counter()
        counts = self.arrays[k].update(h, d, RATE, DrawSite(Purpose.UPDATE, 0, step))
        self.crossbar_seconds += time.perf_counter() - start
        self.lengths.append(float(counts.train_length.mean()))

    def epoch(self) -> float:
        """Train one epoch; mean loss."""
        total = 0.0
        for step, first in enumerate(range(0, len(self.x), BATCH), start=1000 * self.epochs):
            x, target = self.x[first : first + BATCH], self.targets[first : first + BATCH]
            z1 = self._layer(0, x, step)
            h1 = np.maximum(z1, 0)
            z2 = self._layer(1, h1, step)
            h2 = np.maximum(z2, 0)
            z3 = self._layer(2, h2, step)
            e = np.exp(z3 - z3.max(1, keepdims=True))
            p = e / e.sum(1, keepdims=True)
            total -= float(np.log((p * target).sum(1) + 1e-12).sum())
            d3 = (p - target) / np.float32(len(x))
            d2 = self._back(2, d3, step) * (z2 > 0)
            d1 = self._back(1, d2, step) * (z1 > 0)
            self._update(2, h2, d3, step)
            self._update(1, h1, d2, step)
            self._update(0, x, d1, step)
        self.epochs += 1
        return total / len(self.x)


def time_digits(epochs: int) -> Comparison:
    """Print seconds of an epoch with arrays and in numpy, and the arrays' share of a step."""
    analog, digital = Perceptron(True), Perceptron(False)
    analog.epoch()
    digital.epoch()
    steps = -(-len(analog.x) // BATCH)
    analog_s, crossbar_s, digital_s = [], [], []
    for _ in range(epochs):
        analog.crossbar_seconds = 0.0
        start = time.perf_counter()
        loss = analog.epoch()
        analog_s.append(time.perf_counter() - start)
        crossbar_s.append(analog.crossbar_seconds)
        start = time.perf_counter()
        digital_loss = digital.epoch()
        digital_s.append(time.perf_counter() - start)
    print(f"\ndigits 64-256-128-10, batch {BATCH}, lr {RATE}, {steps} steps an epoch")
    print(f"numpy epoch                     {1e3 * median(digital_s):8.1f} ms   loss {digital_loss:.3f}")
    print(f"epoch with crossbar arrays      {1e3 * median(analog_s):8.1f} ms   loss {loss:.3f}")
    print(f"ratio                           {median(analog_s) / median(digital_s):8.1f}")
    print(f"reads and updates of one step   {1e3 * median(crossbar_s) / steps:8.3f} ms")
    print(f"mean train length               {np.mean(analog.lengths):8.1f}")
    return Comparison("digits epoch, arrays alone (no clock)", "numpy epoch", analog_s, digital_s)


def main() -> None:
    """Print all parts."""
    parser = options(__doc__, 100)
    parser.add_argument("--epochs", type=int, default=10, help="counted epochs of digits")
    asked = parser.parse_args()
    with threadpool_limits(1):
        reads = compare_reads(asked.repeats) + compare_options(asked.repeats)
        deliver([*reads, time_digits(min(asked.epochs, asked.repeats))], asked.json)


if __name__ == "__main__":
    main()
