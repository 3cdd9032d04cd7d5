"""The same IR drop by badcrossbar, which fills a sparse matrix and solves it directly.

    python bench/peers/badcrossbar.py [--repeats 5]

Both take turns in one process: currents of 16 vectors through resistive wires. badcrossbar is not a dependency and has
to be installed beside ohmflow (`pip install badcrossbar`; only its plots need Cairo, so that `pip install --no-deps
badcrossbar pathvalidate sigfig scipy` does too). Tried with badcrossbar 1.1.0. Times are those of the processor.
"""

import logging
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
# `import badcrossbar` is to find the library and not this file; the benchmarks' own modules are a folder up.
sys.path[:] = [str(HERE.parent), *(place for place in sys.path if Path(place).resolve() != HERE)]

import numpy as np
import numpy.typing as npt
from comparison import Comparison, deliver, options
from ir_drop import OHMS, VECTORS, case
from threadpoolctl import threadpool_limits

from ohmflow.runtime.crossbar.ir_drop import Wires, exact_currents

NOT_INSTALLED = 3
"""Exit status where there is no badcrossbar: nothing is wrong, and nothing was measured."""

SIZES = (64, 256)

Matrix = npt.NDArray[np.float64]

try:
    with warnings.catch_warnings(record=True):  # it warns where its plots can not be imported
        import badcrossbar
    logging.disable(logging.INFO)
    solve = badcrossbar.compute
except (ModuleNotFoundError, AttributeError) as error:
    print(f"badcrossbar is not installed here ({error}); 'pip install badcrossbar', run this again", file=sys.stderr)
    sys.exit(NOT_INSTALLED)


def theirs(g: Matrix, volts: Matrix) -> Matrix:
    """Currents [vectors, cols] by badcrossbar."""
    solution = solve(volts.T, 1.0 / g, r_i_word_line=OHMS, r_i_bit_line=OHMS)
    return np.asarray(solution.currents.output)


def compare(size: int, repeats: int) -> Comparison:
    """Let both solve one case in turns, after one that is not counted, in which they must agree."""
    g, volts = case(size)
    wires = Wires(OHMS, OHMS)
    apart = float(np.abs(exact_currents(g, volts, wires) / theirs(g, volts) - 1.0).max())
    if apart > 1e-9:
        raise SystemExit(f"both must agree within 1e-9, not differ by {apart}; one of them is wrong")

    def timed(work: Callable[[], Matrix]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    turns = [(timed(lambda: exact_currents(g, volts, wires)), timed(lambda: theirs(g, volts))) for _ in range(repeats)]
    name = f"IR drop, exact, {size} x {size}, {VECTORS} vectors, {OHMS:g} ohm, processor time"
    print(f"{name}: both agree within {apart:.0e}")
    return Comparison(name, "badcrossbar", [ours for ours, _ in turns], [other for _, other in turns])


def main() -> None:
    """Print the comparisons."""
    asked = options(__doc__, 5).parse_args()
    with threadpool_limits(1):
        found = [compare(size, asked.repeats) for size in SIZES]
    for one in found:
        low, high = one.quartiles
        took = f"{min(one.ours):.3f} s against {min(one.theirs):.3f} s"
        print(f"{one.name:<60} {took}, ours / badcrossbar {one.ratio:.3f} ({low:.3f} to {high:.3f})")
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
