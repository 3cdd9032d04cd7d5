"""Cycles and energy of a wide layer's messages with and without multicast, and sums in routers or in nodes.

Run it as `python bench/several_ends.py [--model MODEL] [--tile N] [--batch N]`. One training step of a perceptron whose
first matrix takes many tiles is timed, cost only; counts are assumed, the same for all four. Cycles are exact, so one
run of each is enough, and `--repeats` changes nothing.

An adder of a router is taken to be 16 adders of 16 bit, one for each word of a flit of 256 bit: Aladdin has 0.21 pJ and
278 um^2 for one of 32 bit at 40 nm, so 8 times that, unscaled.
"""

from dataclasses import dataclass
from pathlib import Path

from comparison import Comparison, deliver, options

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.ledger.events import static_events
from ohmflow.runtime.machine.clock import Clock
from ohmflow.targets.costs import cost_table
from ohmflow.targets.registry import load

MODELS = Path(__file__).parents[1] / "examples" / "models"
ADDER = {"latency": "1", "energy": "1.68 pJ", "area": "2224 um^2"}
KINDS = {
    "unicast, nodes": {},
    "tree, nodes": {"multicast": "tree"},
    "unicast, routers": {"sum": "routers"},
    "tree, routers": {"multicast": "tree", "sum": "routers"},
}
"""How messages with several ends travel, and what that sets in the target."""


@dataclass(frozen=True)
class Found:
    """What one training step takes.

    Attributes:
        cycles: of the step.
        flits: moved over links, each link counted.
        link: joules of those, and of what routers add.
        gathering: joules of vector units and their scratchpads.
    """

    cycles: int
    flits: int
    link: float
    gathering: float


def step(model: Path, tile: int, batch: int, network: dict[str, str]) -> Found:
    """Time and price one training step."""
    changes = {"tile.crossbar.rows": str(tile), "tile.crossbar.cols": str(tile)}
    changes |= {f"chip.network.{key}": value for key, value in network.items()}
    if network.get("sum") == "routers":
        changes |= {f"chip.network.adder.{key}": value for key, value in ADDER.items()}
    target = load("protonic-psg", changes)
    program = compile_model(model, target, CompileOptions(packing="spread"))
    entry = program.entries["train_step"]
    counter = Counter(program, entry, Profile(program, target), batch)
    names = [unit.name for unit in program.chip.units]
    timeline = Clock(resolve(entry, counter.layout, program.chip.hop, names)).run(counter.flat())
    prices, joules = cost_table(target), dict.fromkeys(("link", "adder", "vector", "scratchpad"), 0.0)
    flits = 0
    for instruction, (_, _, component, event), amount in static_events(program, entry):
        times = int(timeline.executed[instruction]) * amount
        if component in joules:
            joules[component] += times * (prices[component, event] or 0.0)
        flits += times if component == "link" else 0
    return Found(timeline.cycles, flits, joules["link"] + joules["adder"], joules["vector"] + joules["scratchpad"])


def main() -> None:
    """Print the table."""
    parser = options(__doc__, 1)
    parser.add_argument("--model", default="fashion_mlp", help="file of examples/models, without its suffix")
    parser.add_argument("--tile", type=int, default=64, help="rows and columns of a tile")
    parser.add_argument("--batch", type=int, default=10, help="samples")
    asked = parser.parse_args()
    model = MODELS / f"{asked.model}.onnx"
    found = {name: step(model, asked.tile, asked.batch, network) for name, network in KINDS.items()}
    plain = found["unicast, nodes"]
    print(
        f"{'multicast, sums':<18} {'cycles':>10} {'ratio':>6} {'flits':>10} {'ratio':>6} {'link uJ':>8} {'units uJ':>9}"
    )
    for name, one in found.items():
        print(
            f"{name:<18} {one.cycles:>10,} {one.cycles / plain.cycles:>6.3f} {one.flits:>10,} "
            f"{one.flits / plain.flits:>6.3f} {one.link * 1e6:>8.3f} {one.gathering * 1e6:>9.3f}"
        )
    both = found["tree, routers"]
    work = f"a step of {asked.model} on tiles of {asked.tile}, batch {asked.batch}, multicast and sums in routers"
    deliver(
        [
            Comparison(f"{work}: time", "unicast, sums in nodes", [both.cycles], [plain.cycles], "cycles"),
            Comparison(f"{work}: energy of links", "unicast, sums in nodes", [both.link], [plain.link], "J"),
        ],
        asked.json,
    )


if __name__ == "__main__":
    main()
