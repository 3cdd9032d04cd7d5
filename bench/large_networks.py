"""What timing large networks takes: CPU seconds of `estimate`, the share of cycles that were reused, and memory.

ResNet-18 reads one image and takes a training step of 8, VGG-8 an epoch of 50,000 images in steps of 8. Steps whose
counts are equal are timed once, as an epoch of an estimate is; without that, a rate in cycles would mean nothing, so
rates are given of the cycles that were really stepped or skipped by the clock in one step. Each case has a process of
its own, so that its peak memory is its own; kernels are compiled before anything is counted.

In brackets stand what two simulators took for like work on such a machine: PIMSIM-NN 20 CPU seconds and 1.5 million
cycles a CPU second for an image of ResNet-18, NeuroSim V2.1 150 CPU seconds for an epoch of VGG-8. They model other
chips at other levels of detail, so they say what a user waits for, not which program does the same faster: here counts
are assumed and no value is computed, an instruction is a whole vector read, and an event engine passes over cycles in
which nothing happens, so that instructions a second say more of its speed than cycles do.

The default chip has DRAM, to which goes what its memories do not hold: time and energy of moving it are in the figures.
On a chip without, such as `rpu-2016`, those of training are lower bounds, and the last column says what is too small.

    python bench/large_networks.py [--target rpu-2016-hbm2] [--only resnet18-image] [--json FILE]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
from comparison import Comparison, deliver, options
from numpy.typing import NDArray

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.program.entry import resolve
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.estimate.api import ENTRIES, estimate
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.counts import Counter
from ohmflow.runtime.machine.clock import Clock
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

T = TypeVar("T")
MODELS = Path(__file__).resolve().parents[1] / "examples" / "models"


@dataclass(frozen=True)
class Case:
    """What is timed: a model, a phase, samples of a step and steps; and what a peer took, where one is known.

    Attributes:
        model: name of a script `make_<model>.py`.
        phase: `training` or `inference`.
        batch: samples of a step.
        steps: how many.
        peer: its name.
        seconds: CPU seconds that it took.
        rate: simulated cycles that it did a CPU second.
    """

    model: str
    phase: str
    batch: int
    steps: int
    peer: str = ""
    seconds: float | None = None
    rate: float | None = None


CASES = {
    "resnet18-image": Case("resnet18", "inference", 1, 1, "PIMSIM-NN", 20.0, 1.5e6),
    "resnet18-step": Case("resnet18", "training", 8, 1),
    "vgg8-epoch": Case("vgg8", "training", 8, 50_000 // 8, "NeuroSim V2.1", 150.0),
}


@dataclass(frozen=True)
class Taken:
    """What a case took.

    Attributes:
        compile_cpu: CPU seconds of compiling, apart from the rest.
        estimate_cpu: CPU seconds of `estimate`, programming of the chip included.
        clock_cpu: CPU seconds of the clock alone in one step.
        step_cycles: simulated cycles of that step.
        step_instructions: executed in it, those of skipped periods included.
        step_reused: share of the cycles that the clock skipped.
        cycles: of all steps.
        reused: share of them that were not stepped, equal steps included.
        short: memories that are too small for the batch.
        peak_bytes: most memory held by the process, compiling included.
    """

    compile_cpu: float
    estimate_cpu: float
    clock_cpu: float
    step_cycles: int
    step_instructions: int
    step_reused: float
    cycles: int
    reused: float
    short: int
    peak_bytes: int


def take(name: str, target: Target) -> Taken:
    """Measure one case in this process."""
    case = CASES[name]
    _warm(target)
    chosen = CompileOptions(training=case.phase == "training", structure=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{case.model}.onnx"
        subprocess.run([sys.executable, str(MODELS / f"make_{case.model}.py"), str(file)], check=True)
        model = onnx.load(file)
    compile_cpu, program = _cpu(lambda: compile_model(model, target, chosen))
    estimate_cpu, result = _cpu(
        lambda: estimate(program, target, batch=case.batch, phase=case.phase, steps=case.steps, structure=True)
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    clock, counts = _clock(program, target, case)
    clock_cpu, timeline = _cpu(lambda: clock.run(counts))
    cycles = result.work.cycles or 0
    return Taken(
        compile_cpu,
        estimate_cpu,
        clock_cpu,
        timeline.cycles,
        int(timeline.executed.sum()),
        timeline.reused / timeline.cycles,
        cycles,
        result.work.reused / cycles,
        len(result.work.shortages),
        peak,
    )


def _cpu(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of a piece of work, all threads, and what it gave."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _warm(target: Target) -> None:
    """Have the kernels compiled or loaded."""
    estimate(compile_model(MODELS / "digits_mlp.onnx", target), target, batch=2)


def _clock(program: Program, target: Target, case: Case) -> tuple[Clock, NDArray[np.int64]]:
    """The clock of the case's entry, and the counts of its first step."""
    entry = program.entries[ENTRIES[case.phase]]
    counter = Counter(program, entry, Profile(program, target), case.batch)
    names = tuple(u.name for u in program.chip.units)
    return Clock(resolve(entry, counter.layout, program.chip.hop, names)), counter.flat(0)


def line(name: str, taken: Taken) -> str:
    """A row of the table, with the peer's numbers in brackets."""
    case = CASES[name]
    seconds = "" if case.seconds is None else f" [{case.peer}: {case.seconds:.0f}]"
    rate = "" if case.rate is None else f" [{case.peer}: {case.rate / 1e6:.1f}]"
    clock, whole = (taken.step_cycles / s / 1e6 for s in (taken.clock_cpu, taken.estimate_cpu))
    return (
        f"| {name} | {taken.compile_cpu:.1f} | {taken.estimate_cpu:.2f}{seconds} | {taken.cycles:,} | "
        f"{taken.step_instructions:,} | {taken.step_reused:.1%} | {taken.reused:.1%} | {clock:,.1f} | "
        f"{whole:,.2f}{rate} | {taken.peak_bytes / 2**20:,.0f} | {taken.short} |"
    )


COLUMNS = (
    *("case", "compile, CPU s", "estimate, CPU s", "cycles", "instructions of a step", "reused in a step"),
    *("reused in all", "clock, Mcycles of a step/CPU s", "whole estimate, the same", "peak MiB", "memories too small"),
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|---|{'---:|' * (len(COLUMNS) - 1)}"


def arguments() -> argparse.Namespace:
    """Options; a hidden one is how a case gets a process of its own."""
    parser = options(__doc__, 1)
    parser.add_argument("--target", default="rpu-2016-hbm2", help="name or file")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES), help="some cases")
    parser.add_argument("--details", type=Path, metavar="FILE", help="also write all figures there")
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Print the table."""
    asked = arguments()
    if asked.case:
        print(json.dumps(asdict(take(asked.case, load(asked.target)))))
        return
    found: list[Comparison] = []
    details: dict[str, list[dict[str, float]]] = {}
    print(HEAD, flush=True)
    for name in asked.only:
        command = [sys.executable, __file__, "--target", asked.target, "--case", name]
        turns = [
            Taken(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
            for _ in range(asked.repeats)
        ]
        details[name] = [asdict(taken) for taken in turns]
        for taken in turns:
            print(line(name, taken), flush=True)
        case = CASES[name]
        if case.seconds is not None:
            ours = [taken.estimate_cpu for taken in turns]
            title = f"{name} on {asked.target}: CPU time of estimate"
            found.append(
                Comparison(title, f"{case.peer}, measured once, on its own chip", ours, [case.seconds] * len(ours))
            )
    if asked.details is not None:
        asked.details.write_text(json.dumps(details, indent=1) + "\n", encoding="utf-8")
    deliver(found, asked.json)


if __name__ == "__main__":
    main()
