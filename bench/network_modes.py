"""The fast mode of the network against flits: the error in a step's time, and what both take.

    python bench/network_modes.py [--only lenet5-puma ...] [--json FILE]

A step of each mapped model is timed twice by the clock, with links reserved for whole messages and flit by flit with
the routers of its target (`chip.router`). Arrays are spread over tiles where there are enough, so that there is
traffic. The error is that of the step's cycles; both take the same counts, so all of it is the network's. CPU seconds
are those of the clock alone; cycles a CPU second are simulated ones, those that were skipped as repeated included.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from comparison import Comparison, deliver, options
from numpy.typing import NDArray

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.schedule import Timeline
from ohmflow.runtime.estimate.api import ENTRIES
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.clock_flits import network_of
from ohmflow.targets.capability import can_train
from ohmflow.targets.registry import load

MODELS = Path(__file__).resolve().parents[1] / "examples" / "models"


@dataclass(frozen=True)
class Case:
    """A mapped model: that of `examples/models`, or what `make_<model>.py` there makes; target, samples, packing."""

    model: str
    target: str
    batch: int
    packing: str = "spread"


CASES = {
    f"{case.model}-{case.target}": case
    for case in (
        Case("digits_mlp", "protonic-psg", 32),
        Case("digits_mlp", "rpu-2016", 32),
        Case("fashion_mlp", "rpu-2016", 32),
        Case("lenet5", "protonic-psg", 4),
        Case("lenet5", "puma", 4),
        Case("resnet_small", "protonic-psg", 2),
        Case("recurrent", "rpu-2016", 4),
        Case("transformer", "rpu-2016", 2),
        Case("vgg8", "rpu-2016", 1),
        Case("resnet18", "rpu-2016", 1),
    )
}


@dataclass(frozen=True)
class Found:
    """Cycles and CPU seconds of a step at both levels, and the share of flits' cycles that was skipped."""

    links: Timeline
    flits: Timeline
    links_cpu: float
    flits_cpu: float

    @property
    def error(self) -> float:
        """How much shorter or longer the fast mode says the step is, as a part of what it is with flits."""
        return self.links.cycles / self.flits.cycles - 1


def measure(case: Case) -> Found:
    """Time a step of a case at both levels."""
    target = load(case.target, {"chip.network.level": "flits"})
    training = can_train(target)
    program = compile_model(
        _model(case.model), target, CompileOptions(training=training, structure=True, packing=case.packing)
    )
    entry = program.entries[ENTRIES["training" if training else "inference"]]
    counter = Counter(program, entry, Profile(program, target), case.batch)
    chip = program.chip
    schedule = resolve(entry, counter.layout, chip.hop, tuple(u.name for u in chip.units), chip.flit_cycles)
    by_links, by_flits = Clock(schedule), Clock(schedule, network=network_of(chip, target))
    counts = counter.flat(0)
    links_cpu, links = _timed(by_links, counts)
    flits_cpu, flits = _timed(by_flits, counts)
    assert (links.link_busy == flits.link_busy).all(), "both levels move the same flits over the same links"
    return Found(links, flits, links_cpu, flits_cpu)


def _model(name: str) -> onnx.ModelProto:
    """The model that is there, or a new one."""
    if (MODELS / f"{name}.onnx").is_file():
        return onnx.load(MODELS / f"{name}.onnx")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.onnx"
        subprocess.run([sys.executable, str(MODELS / f"make_{name}.py"), str(file)], check=True)
        return onnx.load(file)


def _timed(clock: Clock, counts: NDArray[np.int64]) -> tuple[float, Timeline]:
    start = time.process_time()
    timeline = clock.run(counts)
    return time.process_time() - start, timeline


def main() -> None:
    """Print the table."""
    parser = options(__doc__, 1)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES), help="some cases")
    asked = parser.parse_args()
    measure(Case("digits_mlp", "protonic-psg", 1))  # kernels are compiled before anything is counted
    print(
        "| model, target, samples | cycles, flits | cycles, links | error | flit-hops | waits/hop, flits (links) |",
        end="",
    )
    print(" CPU s, flits | links | Mcycles/CPU s, flits | links | skipped, flits |")
    print(f"|---|{'---:|' * 10}")
    found: list[Comparison] = []
    errors = []
    for name in asked.only:
        case = CASES[name]
        turns = [measure(case) for _ in range(max(asked.repeats, 1))]
        one = turns[0]
        errors.append(one.error)
        hops = max(int(one.flits.link_busy.sum()), 1)
        cells = [
            f"{case.model}, {case.target}, {case.batch}",
            f"{one.flits.cycles:,}",
            f"{one.links.cycles:,}",
            f"{one.error:+.2%}",
            f"{hops:,}",
            f"{one.flits.link_wait.sum() / hops:.2f} ({one.links.link_wait.sum() / hops:.2f})",
            f"{one.flits_cpu:.3f}",
            f"{one.links_cpu:.3f}",
            f"{one.flits.cycles / one.flits_cpu / 1e6:.1f}",
            f"{one.links.cycles / one.links_cpu / 1e6:.1f}",
            f"{one.flits.reused / one.flits.cycles:.0%}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
        found.append(
            Comparison(
                f"a step of {case.model} on {case.target}: CPU time of the clock, links reserved",
                "flit by flit",
                [turn.links_cpu for turn in turns],
                [turn.flits_cpu for turn in turns],
            )
        )
    within = sum(abs(error) <= 0.05 for error in errors)
    print(f"\nWithin 5 % of flits: {within} of {len(errors)}; largest error {max(map(abs, errors)):.2%}")
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
