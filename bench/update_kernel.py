"""Time the pulsed update, and the reads, beside numpy doing the same without draws.

Run it as `python bench/update_kernel.py [--repeats N]`. Both take turns in one process; the fastest of each is printed.
The first table is a fully connected layer: the figure of merit is crosspoints per second over numpy's `W += x⊗d`, which
moves every weight once and draws nothing, as the median over the turns; for both kernels, over sizes, with what aihwkit
reaches in brackets. The last has the arrays of a LeNet's convolutions, with as many vector pairs a call as eight images
have.

Times of the first table are processor time: other work on the machine does not count.

What bounds it: instructions. Parameters and weights of a row stay in the first-level cache, so numpy's memory traffic
is not paid for. A row is counted in a tenth of a nanosecond a crosspoint; a hash with its normal number takes some 20
vector instructions for 16 crosspoints, whether they are pulsed or not, and a constant step some 30 more, once for all
coincidences of a vector. Linear steps come at once too, for some more instructions, except where a bound is near:
measured at lr 0.1, constant-step 0.26 of numpy, linear-step 0.17, soft-bounds 0.20; at lr 0.01, 0.55, 0.40, 0.41. What
is left near bounds is done in pieces of 32 columns; pieces of 128 cost constant-step a quarter. Elsewhere every pulse
has its hash and its step, on `exp-step` some 65 vector instructions, on `pow-step` 85 (0.063 and 0.037 at lr 0.1, 0.34
and 0.21 at lr 0.01); and a piece of 128 columns waits for the one with most pulses, which at lr 0.1 has three times
the mean. Smaller pieces would wait less, but were measured slower: each start of the loop sets up 20 to 30 constants.
"""

import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
from comparison import Comparison, deliver, options, take_turns

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, ReadSpec, UpdateSpec
from ohmflow.runtime.devices.protocol import Device
from ohmflow.runtime.devices.registry import device_class

Kernel = Literal["fused", "reference"]
SIZE = 512
BATCH = 64
STEPS = {
    "dw_min": 0.001,
    "dw_min_dtod": 0.3,
    "dw_min_ctoc": 0.3,
    "up_down_dtod": 0.01,
    "w_max": 0.6,
    "w_min": -0.6,
    "w_max_dtod": 0.3,
    "w_min_dtod": 0.3,
}
SLOPES = {"gamma_up": 0.3, "gamma_down": 0.3}
CURVE = {"A_up": 0.02, "A_down": 0.05, "gamma_up": 3.0, "gamma_down": 3.0, "a": 0.8, "b": 0.1}
DEVICES: dict[str, dict[str, float]] = {
    "constant-step": {},
    "linear-step": SLOPES,
    "soft-bounds": {},
    "exp-step": CURVE,
    "pow-step": SLOPES,
}
SIZES = (128, 256, 1024, 2048)
AIHWKIT = {("constant-step", 0.01): 0.063, ("constant-step", 0.1): 0.0068}
"""Its ratio at 512 x 512: measured once, aihwkit 1.2.0, constant-step, on one core."""
CONVOLUTIONS = ((25, 6, 784), (150, 16, 100))  # rows, columns, positions of an image
IMAGES = 8
READ = ReadSpec(7, 9, 12.0, 0.06, "abs-max", "iterative", 4)


def make(model: str, **more: float) -> Device:
    """Make a device with 30 % spread of both kinds."""
    kind = device_class(model)
    return kind(kind.Parameters(**STEPS, **DEVICES[model], **more))


def rank_one(w: npt.NDArray[np.float32], x: npt.NDArray[np.float32], d: npt.NDArray[np.float32]) -> float:
    """Add x⊗d for every pair, one after the other; seconds."""
    product = np.empty_like(w)
    start = time.process_time()
    for row, column in zip(x, d, strict=True):
        np.multiply.outer(row, column, out=product)
        np.add(w, product, out=w)
    return time.process_time() - start


def measure(device: Device, rate: float, repeats: int, kernel: Kernel = "fused", size: int = SIZE) -> Comparison:
    """Print one line of the table."""
    rng = np.random.default_rng(0)
    x = (0.5 * rng.standard_normal((BATCH, size))).astype(np.float32)
    d = (0.1 * rng.standard_normal((BATCH, size))).astype(np.float32)
    weights = rng.uniform(-0.3, 0.3, (size, size)).astype(np.float32)
    block = Block(0, 0, size, size)
    array = CrossbarArray("W", 0, size, size, 1.0, device, (block,), None, UpdateSpec(kernel=kernel), None, seed=1)
    plain = weights.copy()
    ours, numpys = [], []
    for turn in range(repeats + 1):
        array.program(weights)
        start = time.process_time()
        counts = array.update(x, d, rate, DrawSite(Purpose.UPDATE, 0, turn))
        elapsed = time.process_time() - start
        reference = rank_one(plain, x, d)
        if turn:
            ours.append(elapsed)
            numpys.append(reference)
    crosspoints = size * size * BATCH
    peer = f"  [{AIHWKIT[device.name, rate]}]" if size == SIZE and (device.name, rate) in AIHWKIT else ""
    print(
        f"{device.name:>14} {kernel:>9} {size:>5} {rate:>6} {counts.train_length.mean():>5.1f} "
        f"{counts.coincidences.sum() / crosspoints:>11.2f} {1e9 * min(ours) / crosspoints:>10.2f} "
        f"{1e9 * min(numpys) / crosspoints:>9.2f} {np.median(np.array(numpys) / np.array(ours)):>9.3f}{peer}"
    )
    name = f"update, {device.name}, {size} x {size}, {BATCH} vectors, lr {rate}"
    if kernel != "fused":
        name += f", {kernel} kernel"
    return Comparison(name, "numpy rank-1 updates", ours, numpys)


def measure_convolution(
    model: str, rows: int, cols: int, positions: int, size: float, repeats: int, update: UpdateSpec, **more: float
) -> Comparison:
    """Print one line of the second table: a convolution's array, d of standard deviation `size`, lr 0.01."""
    rng = np.random.default_rng(0)
    n = positions * IMAGES
    x = rng.random((n, rows)).astype(np.float32)
    d = (size * rng.standard_normal((n, cols))).astype(np.float32)
    weights = rng.uniform(-0.3, 0.3, (rows, cols)).astype(np.float32)
    block = Block(0, 0, rows, cols)
    array = CrossbarArray("W", 0, rows, cols, 1.0, make(model, **more), (block,), READ, update, None, seed=1)
    array.program(weights)
    pulses: list[float] = []

    def site(purpose: Purpose) -> DrawSite:
        return DrawSite(purpose, 0, len(pulses), 0, 0, positions)

    def pulse() -> None:
        pulses.append(array.update(x, d, 0.01, site(Purpose.UPDATE)).coincidences.sum() / n)

    works: dict[str, Callable[[], object]] = {
        "update": pulse,
        "forward": lambda: array.forward(x, site(Purpose.FORWARD)),
        "transposed": lambda: array.transposed(d, site(Purpose.BACKWARD)),
        "numpy": lambda: rank_one(weights.copy(), x, d),
    }
    seconds = take_turns(works, repeats)
    best = {name: 1e9 * min(each) / n for name, each in seconds.items()}
    kind = f"{', '.join(more)}{'half-selected devices move' if update.half_select_step else ''}"
    print(
        f"{model:>14} {rows:>4} x {cols:<3} {np.mean(pulses):>9.1f} {best['update']:>9.0f} {best['numpy']:>9.0f} "
        f"{best['numpy'] / best['update']:>7.2f} {best['forward']:>9.0f} {best['transposed']:>9.0f}  {kind}".rstrip()
    )
    name = f"update of a convolution, {model}{', ' + kind if kind else ''}, {rows} x {cols}, d {size}"
    return Comparison(name, "numpy rank-1 updates", seconds["update"], seconds["numpy"])


def main() -> None:
    """Print both tables."""
    asked = options(__doc__, 15).parse_args()
    repeats = asked.repeats
    print(f"{BATCH} vectors, dw_min 0.001, 30 % spread of both kinds")
    print(
        f"{'device':>14} {'kernel':>9} {'size':>5} {'lr':>6} {'BL':>5} {'pulses/xp':>11} {'ours ns/xp':>10} "
        f"{'numpy':>9} {'ratio':>9}"
    )
    found = [measure(make(model), rate, repeats) for model in DEVICES for rate in (0.01, 0.1)]
    found += [measure(make("constant-step"), rate, repeats, "reference") for rate in (0.01, 0.1)]
    found += [measure(make("constant-step"), rate, repeats, size=size) for size in SIZES for rate in (0.01, 0.1)]
    print(f"\nconvolutions, {IMAGES} images a call, nanoseconds a vector")
    print(
        f"{'device':>14} {'array':>10} {'pulses':>9} {'update':>9} {'numpy':>9} {'ratio':>7} {'forward':>9} "
        f"{'transposed':>9}"
    )
    for rows, cols, positions in CONVOLUTIONS:
        for size in (0.01, 0.1):
            shape = rows, cols, positions, size, repeats
            found += [measure_convolution(model, *shape, UpdateSpec()) for model in DEVICES]
            found.append(measure_convolution("linear-step", *shape, UpdateSpec(), write_noise=1.0))
            found.append(measure_convolution("linear-step", *shape, UpdateSpec(half_select_step=0.02)))
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
