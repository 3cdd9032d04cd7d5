"""How often the 95 % intervals of `ohmflow targets fit` hold what is true: devices measured by simulation and fitted.

    python examples/reproduce/fit_coverage.py --trials 100 --model soft-bounds

Trial k has seed k. Devices, pulses and reads are drawn by the machine's own crossbar arrays. Prints what each trial
missed as it goes, and a table of counts; for 100 trials at 95 %, counts below 90 have a chance of 0.03
each. A hundred trials of all models take about 25 minutes of one core.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections import Counter

from ohmflow.runtime.fit.recovery import KNOWN, held, trial


def main() -> None:
    """Run the trials and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="seed of the first trial")
    parser.add_argument("--devices", type=int, default=16)
    parser.add_argument("--model", action="append", choices=tuple(KNOWN), help="may be repeated; default: all")
    options = parser.parse_args()
    for name in options.model or KNOWN:
        holds, told = Counter[str](), Counter[str]()
        for seed in range(options.first, options.first + options.trials):
            found = held(KNOWN[name], trial(KNOWN[name], seed, options.devices))
            for number, true in found.items():
                holds[number] += true
                told[number] += 1
            missed = ", ".join(number for number, true in found.items() if not true)
            print(f"{name} {seed}: missed {missed or 'none'}", file=sys.stderr, flush=True)
        print(name)
        for number, count in told.items():
            print(f"  {number:<16} {holds[number]:>4} of {count}", flush=True)


if __name__ == "__main__":
    main()
