"""Time the pulsed update beside numpy's plain rank-1 update of the same array.

Run it as `python bench/update_kernel.py [--repeats N]`. Both take turns in one process; medians are printed. The figure
of merit is crosspoints per second over numpy's `W += x⊗d`, which moves every weight once and draws nothing.
"""

import argparse
import time
from statistics import median

import numpy as np
import numpy.typing as npt

from ohmflow.runtime.crossbar.array import CrossbarArray
from ohmflow.runtime.crossbar.draws import Purpose
from ohmflow.runtime.crossbar.spec import Block, DrawSite, UpdateSpec
from ohmflow.runtime.devices.constant_step import ConstantStep
from ohmflow.runtime.devices.linear_step import LinearStep
from ohmflow.runtime.devices.protocol import Device

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


def rank_one(w: npt.NDArray[np.float32], x: npt.NDArray[np.float32], d: npt.NDArray[np.float32]) -> float:
    """Add x⊗d for every pair, one after the other; seconds."""
    product = np.empty_like(w)
    start = time.perf_counter()
    for row, column in zip(x, d, strict=True):
        np.multiply.outer(row, column, out=product)
        np.add(w, product, out=w)
    return time.perf_counter() - start


def measure(device: Device, rate: float, repeats: int) -> None:
    """Print one line of the table."""
    rng = np.random.default_rng(0)
    x = (0.5 * rng.standard_normal((BATCH, SIZE))).astype(np.float32)
    d = (0.1 * rng.standard_normal((BATCH, SIZE))).astype(np.float32)
    weights = rng.uniform(-0.3, 0.3, (SIZE, SIZE)).astype(np.float32)
    block = Block(0, 0, SIZE, SIZE)
    array = CrossbarArray("W", 0, SIZE, SIZE, 1.0, device, (block,), None, UpdateSpec(), None, seed=1)
    plain = weights.copy()
    ours, numpys = [], []
    for turn in range(repeats + 1):
        array.program(weights)
        start = time.perf_counter()
        counts = array.update(x, d, rate, DrawSite(Purpose.UPDATE, 0, turn))
        elapsed = time.perf_counter() - start
        reference = rank_one(plain, x, d)
        if turn:
            ours.append(elapsed)
            numpys.append(reference)
    crosspoints = SIZE * SIZE * BATCH
    print(
        f"{type(device).__name__:>14} {rate:>6} {counts.train_length.mean():>5.1f} "
        f"{counts.coincidences.sum() / crosspoints:>11.2f} {1e9 * median(ours) / crosspoints:>10.2f} "
        f"{1e9 * median(numpys) / crosspoints:>9.2f} {median(numpys) / median(ours):>9.3f}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15, help="counted runs of each")
    repeats = parser.parse_args().repeats
    print(f"{SIZE} x {SIZE}, {BATCH} vectors, dw_min 0.001, 30 % spread of both kinds")
    print(f"{'device':>14} {'lr':>6} {'BL':>5} {'pulses/xp':>11} {'ours ns/xp':>10} {'numpy':>9} {'ratio':>9}")
    constant = ConstantStep(ConstantStep.Parameters(**STEPS))
    linear = LinearStep(LinearStep.Parameters(**STEPS, gamma_up=0.3, gamma_down=0.3))
    for device in (constant, linear):
        for rate in (0.01, 0.1):
            measure(device, rate, repeats)


if __name__ == "__main__":
    main()
