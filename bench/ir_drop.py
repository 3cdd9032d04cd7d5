"""Time reads with resistive wires, beside the product that they are without; and say how far the fast one is off.

Run it as `python bench/ir_drop.py [--repeats N]`. The first table is time, with the most memory that the process ever
held; the second is the error of `fast_currents` against `exact_currents` over the drop κ = R·G·n², for n x n cells of
10 to 100 µS (G their mean) and voltages from 0 to 0.5 V, relative to what a column would carry with ideal wires and
0.5 V everywhere, beside the bound of `fast_error`.
"""

import resource

import numpy as np
import numpy.typing as npt
from comparison import Comparison, deliver, options, take_turns

from ohmflow.runtime.crossbar.ir_drop import Wires, exact_currents, fast_currents, fast_error

VECTORS = 16
VOLTS = 0.5
SIZES = (64, 256, 512)
OHMS = 1.0
DROPS = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0)

Matrix = npt.NDArray[np.float64]


def case(size: int, vectors: int = VECTORS) -> tuple[Matrix, Matrix]:
    """Draw cells [size, size], siemens, and voltages [vectors, size]."""
    rng = np.random.default_rng(size)
    return rng.uniform(1e-5, 1e-4, (size, size)), rng.uniform(0.0, VOLTS, (vectors, size))


def time_reads(size: int, repeats: int) -> list[Comparison]:
    """Time reads of one size."""
    g, volts = case(size)
    wires = Wires(OHMS, OHMS)
    works = {
        "exact": lambda: exact_currents(g, volts, wires),
        "fast, 2 sweeps": lambda: fast_currents(g, volts, wires, sweeps=2),
        "fast, 1 sweep": lambda: fast_currents(g, volts, wires),
        "product": lambda: volts @ g,
    }
    seconds = take_turns(works, repeats)
    names = [name for name in works if name != "product"]
    what = f"{size} x {size}, {VECTORS} vectors, {OHMS:g} ohm"
    return [Comparison(f"IR drop, {n}, {what}", "product without wires", seconds[n], seconds["product"]) for n in names]


def errors(size: int = 64) -> None:
    """Print how far fast reads are off."""
    g, volts = case(size)
    print(f"\n{'κ':>6} {'wires':>9}" + "".join(f" {f'{s} sweeps':>10} {'bound':>9}" for s in (1, 2, 3)))
    for drop in DROPS:
        ohms = drop / (g.mean() * size**2)
        wires = Wires(ohms, ohms)
        exact = exact_currents(g, volts, wires)
        full = VOLTS * g.sum(axis=0)
        ideal = np.abs((volts @ g - exact) / full).max()
        told = [
            (np.abs((fast_currents(g, volts, wires, sweeps=s) - exact) / full).max(), fast_error(g, wires, s))
            for s in (1, 2, 3)
        ]
        print(f"{drop:>6g} {ideal:>9.2g}" + "".join(f" {off:>10.1e} {bound:>9.1e}" for off, bound in told))


def main() -> None:
    """Print both tables."""
    asked = options(__doc__, 5).parse_args()
    found = [one for size in SIZES for one in time_reads(size, asked.repeats)]
    for one in found:
        print(f"{one.name:<60} {1e3 * min(one.ours):9.2f} ms, {one.ratio:8.1f} times the product")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"most memory held: {kilobytes / 1024:.0f} MiB")
    errors()
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
