"""Five networks on three chips: time and energy a sample, communication, peak power, and what holds a step up.

    python examples/reproduce/scenarios.py [--batch 8] [--processes 2] [--only lenet5/rpu-2016] [--page FILE]

Nothing is executed: counts are assumed, as `ohmflow estimate` assumes them. Chips that can not train are timed in
inference. Models are written by the scripts in `examples/models`. Every row has a process of its own.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from ohmflow.compiler import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.critical.analysis import Analysis, analyse
from ohmflow.runtime.critical.step import longest_step
from ohmflow.runtime.estimate.api import estimate
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.report.quantities import scaled
from ohmflow.runtime.trace.step_power import power_of_step
from ohmflow.targets.capability import can_train
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # also where this file is run by another script

from sweeps import table, write_block  # noqa: E402

NAME = "scenarios"
MODELS = ("lenet5", "resnet_small", "vgg8", "recurrent", "transformer")
MAKERS = {"lenet5": "lenet"}
"""Names of scripts that are not the model's."""

TARGETS = ("protonic-psg", "rpu-2016", "puma")
PHASES = ("forward", "backward", "update", "evaluation")
MOST_RECORDS = 3_000_000
"""Instructions and packets of the step whose path and power are looked at; fewer samples are taken to stay below."""


@dataclass(frozen=True)
class Row:
    """What a network takes on a chip; seconds and joules are of one sample.

    Attributes:
        model: name.
        target: name.
        phase: `training` or `inference`.
        batch: samples of the step.
        seconds: of each phase, a mean over tiles in use; what is left of the step is `idle`.
        joules: of each phase; leakage is in `idle`.
        leakage: share of leakage.
        moved: share of links, chip links, memory and host in the energy without leakage.
        looked: samples of the step whose path and power were looked at.
        waiting: share of its critical path in which messages were sent, carried and received.
        peak: highest mean power over a microsecond, watts.
        mean: mean power, watts.
        place: class of units with most of the critical path, then its layer.
        held: share of that class.
        short: memories that are too small.
    """

    model: str
    target: str
    phase: str
    batch: int
    seconds: dict[str, float] = field(default_factory=dict)
    joules: dict[str, float] = field(default_factory=dict)
    leakage: float = 0.0
    moved: float = 0.0
    looked: int = 0
    waiting: float = 0.0
    peak: float = 0.0
    mean: float = 0.0
    place: str = ""
    held: float = 0.0
    short: int = 0


MOVING = ("link", "router", "host", "dram", "chip_link")
"""Components of the energy that moves data between units."""

MESSAGES = ("send", "recv")
"""Instructions that are nothing but movement."""


def take(model: Path, name: str, target_name: str, batch: int) -> Row:
    """Estimate one network on one chip, and look at its critical path and power."""
    target = load(target_name)
    training = can_train(target)
    phase = "training" if training else "inference"
    program = compile_model(onnx.load(model), target, CompileOptions(training=training, structure=True))
    found = estimate(program, target, batch=batch, phase=phase, steps=1, structure=True)
    work = found.work
    seconds = {p: s / batch for p, s in work.phase_seconds().items()}
    joules = {p: j / batch for p, j in work.bill.by("phase").items()}
    parts = work.bill.by("component")
    leakage = parts.pop("leakage", 0.0)
    spent = sum(parts.values())
    analysis, peak, mean = look(program, target, batch)
    classes, layers = analysis.sums("kind"), analysis.sums("layer")
    cycles = analysis.step.timeline.cycles
    waiting = sum(s.cycles for s in analysis.sums("kind") if s.name == "links")
    waiting += sum(s.cycles for s in analysis.sums("mnemonic") if s.name in MESSAGES)
    return Row(
        name,
        target_name,
        phase,
        batch,
        seconds,
        joules,
        leakage / (spent + leakage),
        sum(parts.get(p, 0.0) for p in MOVING) / spent,
        analysis.step.batch,
        waiting / cycles,
        peak,
        mean,
        f"{classes[0].name}, {layers[0].name}",
        classes[0].cycles / cycles,
        len(work.shortages),
    )


def look(program: Program, target: Target, batch: int) -> tuple[Analysis, float, float]:
    """The critical path of a step, and its peak and mean power in watts."""
    step = longest_step(program, target, Profile(program, target), None, batch, MOST_RECORDS, structure=True)
    power = power_of_step(step).power
    return analyse(step, gains=False), power.window.watts, power.mean_watts


def markdown(rows: Sequence[Row]) -> str:
    """The tables of the page: time, then energy and power, then what could not be kept."""
    name = ("network", "chip", "what")
    times = table(
        (*name, "time", *PHASES, "idle", "messages", "most of the critical path"), [_time_cells(row) for row in rows]
    )
    energies = table(
        (*name, "energy", *PHASES, "leakage", "movement", "mean power", "peak power"),
        [_energy_cells(row) for row in rows],
    )
    short = [f"{row.model} on {row.target}: memories too small: {row.short}." for row in rows if row.short]
    return "\n\n".join([times, energies, *short])


def _time_cells(row: Row) -> list[str]:
    where = f"{row.place} ({row.held:.0%}{'' if row.looked == row.batch else f'; of {row.looked} samples'})"
    parts = [scaled(row.seconds[p], "s") if p in row.seconds else "–" for p in (*PHASES, "idle")]
    return [
        row.model,
        row.target,
        row.phase,
        scaled(sum(row.seconds.values()), "s"),
        *parts,
        f"{row.waiting:.1%}",
        where,
    ]


def _energy_cells(row: Row) -> list[str]:
    parts = [scaled(row.joules[p], "J") if p in row.joules else "–" for p in PHASES]
    shares = [f"{row.leakage:.1%}", f"{row.moved:.1%}"]
    powers = [scaled(row.mean, "W"), scaled(row.peak, "W")]
    return [row.model, row.target, row.phase, scaled(sum(row.joules.values()), "J"), *parts, *shares, *powers]


def _cell(model: str, target: str, batch: int) -> Row:
    """One row, in a process of its own."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{model}.onnx"
        maker = HERE.parent / "models" / f"make_{MAKERS.get(model, model)}.py"
        subprocess.run([sys.executable, str(maker), str(file)], check=True, stdout=subprocess.DEVNULL)
        return take(file, model, target, batch)


def main() -> int:
    """Fill the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=8, help="samples of a step")
    parser.add_argument("--processes", type=int, default=2, help="rows at a time")
    parser.add_argument("--only", nargs="+", metavar="TEXT", default=[""], help="NETWORK/CHIP that hold one of these")
    parser.add_argument("--page", type=Path, help="page whose table is rewritten")
    parser.add_argument("--json", type=Path, help="write all figures there, too")
    asked = parser.parse_args()
    cells = [(m, t) for m in MODELS for t in TARGETS if any(text in f"{m}/{t}" for text in asked.only)]
    with ProcessPoolExecutor(asked.processes, max_tasks_per_child=1) as pool:
        rows = list(pool.map(_cell, *zip(*cells, strict=True), [asked.batch] * len(cells)))
    text = markdown(rows) + f"\n\nBatch {asked.batch}; counts are assumed."
    print(text)
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    if asked.page:
        write_block(asked.page, NAME, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
