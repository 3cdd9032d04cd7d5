"""Sweeps of trainings: the same network under several conditions and seeds, each training a command with a folder.

A study (`rpu_specification.py` and its kin) lists conditions; `carry_out` trains what is not done yet, some at a time,
and goes on with what was broken off; `spread` sums up over seeds; `write_block` puts a table between the marks of a
page. A training is `ohmflow train …`, or `float_training.py …` for the float32 that it is compared with.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DATA = "/usr/share/datasets/fashion-mnist"
"""Where Debian's package dataset-fashion-mnist puts its files."""
PAGE = ROOT / "docs" / "reproductions.md"


@dataclass(frozen=True)
class Condition:
    """A row of a study.

    Attributes:
        name: of its folders, unique in the study.
        label: what the table calls it.
        target: chip, or `float` for float32 on ONNX Runtime.
        words: further words of the command, beside those that all share.
        group: heading under which the table lists it.
    """

    name: str
    label: str
    target: str
    words: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Sweep:
    """What is trained.

    Attributes:
        name: of the study's folder and of its block in the page.
        model: file under examples/models.
        shared: words that every training has.
        chips: words that trainings on chips have beside.
        conditions: rows.
        seeds: of order, devices and noise; a seed stands for the same order of images in every condition.
    """

    name: str
    model: str
    shared: tuple[str, ...]
    chips: tuple[str, ...]
    conditions: tuple[Condition, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Training:
    """One condition with one seed."""

    condition: Condition
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.condition.name}-seed{self.seed}"


def trainings(sweep: Sweep) -> list[Training]:
    """All trainings of a sweep, seed by seed, so that a study that is broken off has whole tables."""
    return [Training(condition, seed) for seed in sweep.seeds for condition in sweep.conditions]


def command(sweep: Sweep, training: Training, folder: Path) -> list[str]:
    """The command line of a training, or the one that goes on with it."""
    output = folder / training.name
    ohmflow = str(Path(sys.executable).with_name("ohmflow"))
    model = str(ROOT / "examples" / "models" / sweep.model)
    words = [*sweep.shared, "--seed", str(training.seed), "-o", str(output)]
    if training.condition.target == "float":
        return [sys.executable, str(HERE / "float_training.py"), model, *words, *training.condition.words]
    if (output / "run.json").is_file():
        return [ohmflow, "train", "--resume", str(output)]
    words += [*sweep.chips, *training.condition.words, "--overwrite"]
    return [ohmflow, "train", model, "-t", training.condition.target, *words]


def carry_out(sweep: Sweep, folder: Path, processes: int, only: Sequence[str] = ("",)) -> list[Training]:
    """Train what is not done yet; returns what failed, with its log beside its folder.

    Raises:
        SystemExit: the folder holds trainings with other words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"model": sweep.model, "shared": sweep.shared, "chips": sweep.chips}, indent=1) + "\n"
    claim = folder / "sweep.json"
    if not claim.is_file():
        claim.write_text(told)
    if claim.read_text() != told:
        raise SystemExit(f"--folder {folder}: must be new or hold this study, not another; choose another folder")
    every = [t for t in trainings(sweep) if any(text in t.name for text in only)]
    waiting = [t for t in every if summary(folder, t) is None]
    print(f"{sweep.name}: {len(every) - len(waiting)} of {len(every)} trainings are done", flush=True)
    failed = []
    with ThreadPoolExecutor(processes) as pool:
        running = {pool.submit(_train, sweep, t, folder): t for t in waiting}
        try:
            for future in as_completed(running):
                training, fault = running[future], future.exception()
                if isinstance(fault, subprocess.CalledProcessError):
                    failed.append(training)
                    print(f"{training.name:40} failed; see {folder / training.name}.log", flush=True)
                else:
                    print(f"{training.name:40} {future.result():7.0f} s", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)  # trainings got the signal too, and save their state
            raise SystemExit(130) from None
    return failed


def _train(sweep: Sweep, training: Training, folder: Path) -> float:
    words = command(sweep, training, folder)
    started = time.perf_counter()
    with (folder / f"{training.name}.log").open("a") as log:
        print("$", *words, file=log, flush=True)
        subprocess.run(words, stdout=log, stderr=subprocess.STDOUT, check=True)
    return time.perf_counter() - started


def summary(folder: Path, training: Training) -> dict[str, Any] | None:
    """What a finished training says of itself, or None; it is written last."""
    file = folder / training.name / "summary.json"
    return json.loads(file.read_text()) if file.is_file() else None


@dataclass(frozen=True)
class Spread:
    """A figure over seeds: mean, standard deviation (None of a single one), and how many."""

    mean: float
    deviation: float | None
    count: int

    def text(self, digits: int = 2, factor: float = 1.0) -> str:
        """As `mean ± deviation`."""
        own = f"{factor * self.mean:.{digits}f}"
        return own if self.deviation is None else f"{own} ± {factor * self.deviation:.{digits}f}"


def spread(values: Sequence[float]) -> Spread:
    """Mean and sample standard deviation.

    Args:
        values: one a seed, at least one.
    """
    mean = sum(values) / len(values)
    if len(values) == 1:
        return Spread(mean, None, 1)
    return Spread(mean, sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)), len(values))


def by_seed(
    sweep: Sweep, folder: Path, condition: Condition, figure: Callable[[dict[str, Any]], float | None]
) -> dict[int, float]:
    """A figure of each finished training of a condition, by seed."""
    found: dict[int, float] = {}
    for seed in sweep.seeds:
        said = summary(folder, Training(condition, seed))
        value = None if said is None else figure(said)
        if value is not None:
            found[seed] = value
    return found


def differences(ours: Mapping[int, float], theirs: Mapping[int, float]) -> list[float]:
    """Ours less theirs, seed by seed, where both are there."""
    return [ours[seed] - theirs[seed] for seed in ours if seed in theirs]


def error(said: dict[str, Any]) -> float | None:
    """Test error of a training after its last epoch: read on the chip, or of float32's weights."""
    on_chip = [v for v in said.get("test_accuracy_analog") or [] if v is not None]
    digital = [v for v in said.get("test_accuracy") or [] if v is not None]
    accuracy = on_chip or digital
    return 1.0 - accuracy[-1] if accuracy else None


def write_block(page: Path, name: str, text: str) -> None:
    """Put a text between the marks of a study in a page.

    Args:
        page: Markdown with the lines `<!-- NAME: … -->` and `<!-- end of NAME -->`.
        name: of the study.
        text: Markdown.

    Raises:
        SystemExit: the page has no such marks.
    """
    begin, end = f"<!-- {name}: written by examples/reproduce/{name}.py -->", f"<!-- end of {name} -->"
    before, found, rest = page.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise SystemExit(f"--page {page}: must hold the lines '{begin}' and '{end}', but does not; add them")
    page.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def options(description: str, needs_data: bool = True) -> argparse.ArgumentParser:
    """The options that all studies have."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    if needs_data:
        parser.add_argument("--data", default=DATA, help=f"folder of the four IDX files, or digits [{DATA}]")
        parser.add_argument("--only", nargs="+", metavar="TEXT", default=[""], help="trainings whose names hold one")
    parser.add_argument("--folder", type=Path, help="where runs and results go [runs/NAME]")
    parser.add_argument("--processes", type=int, default=2, help="trainings at a time")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds")
    parser.add_argument("--quick", action="store_true", help="few images and one epoch, to see that all is in place")
    parser.add_argument("--table", action="store_true", help="compute nothing, tabulate what is done")
    parser.add_argument("--page", type=Path, help="page whose table is rewritten [docs/reproductions.md, quick: none]")
    return parser


def learning(images: int, epochs: int, batch: int, lr: float, data: str, *more: str) -> tuple[str, ...]:
    """The words that say on what and how a network learns, without validation rows."""
    words = ("--data", data, "--val", "0", "--limit", str(images), "--epochs", str(epochs))
    return (*words, "--batch", str(batch), "--lr", str(lr), *more)


def recipe(sweep: Sweep) -> str:
    """What all trainings of a sweep have in common, for the line under its table."""
    words = dict(zip(sweep.shared[::2], sweep.shared[1::2], strict=True))
    told = [f"{int(words['--limit']):,} training images", f"epochs: {words['--epochs']}", f"batch {words['--batch']}"]
    schedule = f" ({words['--lr-schedule']})" if "--lr-schedule" in words else ""
    return ", ".join([*told, f"learning rate {words['--lr']}{schedule}"])


def run_study(description: str, made: Callable[[str, int, bool], Sweep], markdown: Callable[[Sweep, Path], str]) -> int:
    """Take a study's options, train what is not done, and deliver its table.

    Args:
        description: the study's docstring.
        made: makes its sweep of the data, the number of seeds, and whether it is a quick one.
        markdown: tabulates the sweep and its folder.

    Returns:
        Exit status: 1 if a training failed.
    """
    asked = options(description).parse_args()
    study = made(asked.data, asked.seeds, asked.quick)
    folder = asked.folder or Path(f"runs/{study.name}{'-quick' if asked.quick else ''}")
    failed = [] if asked.table else carry_out(study, folder, asked.processes, asked.only)
    deliver(asked, study.name, markdown(study, folder))
    return 1 if failed else 0


def deliver(asked: argparse.Namespace, name: str, text: str) -> None:
    """Print a table, and write it to the page that was asked for."""
    print(text)
    page = asked.page or (None if asked.quick else PAGE)
    if page is not None:
        write_block(page, name, text)
