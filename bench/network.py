"""Speed of the network alone, in flit-hops per second, beside a plain Python network and the fast mode.

    python bench/network.py [--repeats N] [--json FILE]

A flit-hop is one flit moved through one router. The plain network is that of the tests, of the same rules; it runs for
fewer cycles, and both are compared as seconds per million flit-hops. The target is 5 million flit-hops a second and
core at rate 0.2 on 8 x 8. BookSim 2 reaches 0.5 to 0.9 million on machines of this class.
"""

import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from comparison import Comparison, deliver, options

from ohmflow.runtime.network.fast import simulate_fast
from ohmflow.runtime.network.simulate import run_cycles
from ohmflow.runtime.network.spec import NetworkSpec, Watch
from ohmflow.runtime.network.state import TRAVERSED, make_state
from tests.runtime.network.slow_network import SlowNetwork

SPECS = (
    NetworkSpec((8, 8), vcs=8, packet_flits=4, rate=0.2, seed=1),
    NetworkSpec((8, 8), vcs=1, packet_flits=4, rate=0.2, seed=1),
    NetworkSpec((8, 8), vcs=8, packet_flits=1, rate=0.2, seed=1),
)
CYCLES, PLAIN_CYCLES = 20_000, 100


def per_million(seconds: float, flit_hops: int) -> float:
    """Seconds of the processor for a million flit-hops."""
    return seconds / flit_hops * 1e6


def compiled(spec: NetworkSpec, cycles: int = CYCLES) -> float:
    """Run the compiled network."""
    state = make_state(spec)
    run_cycles(state, spec, 500)
    before, start = int(state.counters[TRAVERSED]), time.process_time()
    run_cycles(state, spec, cycles)
    return per_million(time.process_time() - start, int(state.counters[TRAVERSED]) - before)


def plain(spec: NetworkSpec) -> float:
    """Run the plain network."""
    network = SlowNetwork(spec)
    network.run(50)
    before, start = len(network.grants), time.process_time()
    network.run(PLAIN_CYCLES)
    return per_million(time.process_time() - start, len(network.grants) - before)


def fast(spec: NetworkSpec) -> float:
    """Run the fast mode."""
    start = time.process_time()
    result = simulate_fast(spec, Watch(500, CYCLES))
    return per_million(time.process_time() - start, result.flit_hops)


def compare(repeats: int) -> list[Comparison]:
    """Print the speed of each, and return the times side by side."""
    compiled(SPECS[0], 10), fast(SPECS[0])  # compile first
    found = []
    print(f"{'channels':>8} {'flits':>5} {'million flit-hops/s':>20} {'fast mode':>10} {'plain':>8} {'ours/plain':>11}")
    for spec in SPECS:
        turns = [(compiled(spec), fast(spec), plain(spec)) for _ in range(repeats)]
        ours, quick, slow = (list(column) for column in zip(*turns, strict=True))
        name = f"8 x 8, {spec.vcs} channels, packets of {spec.packet_flits}, rate {spec.rate}: a million flit-hops"
        found.append(Comparison(name, "plain Python of the same rules", ours, slow))
        found.append(Comparison(name + ", links reserved", "flit by flit", quick, ours))
        speeds = [1 / median(column) for column in (ours, quick, slow)]
        print(
            f"{spec.vcs:>8} {spec.packet_flits:>5} {speeds[0]:>20.2f} {speeds[1]:>10.2f} {speeds[2]:>8.4f} "
            f"{found[-2].ratio:>11.5f}",
            flush=True,
        )
    return found


def main() -> None:
    """Compare, and write the comparisons."""
    asked = options(__doc__, repeats=5).parse_args()
    deliver(compare(asked.repeats), asked.json)


if __name__ == "__main__":
    main()
