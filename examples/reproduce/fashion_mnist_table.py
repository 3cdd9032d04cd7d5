"""The results of the Fashion-MNIST study: confidence intervals, files, and the table of its page.

*Accuracy*: Wilson's interval of a binomial share, 95 %, over the test images. *Gap to float32*: both trained nets
classify the same images, so only images that one of them gets right and the other wrong tell: with b and c such images
of n, the gap is (b − c)/n and its standard error √(b + c − (b − c)²/n)/n (the paired test of McNemar 1947,
10.1007/BF02295996). Neither interval knows how much another seed would have changed.
"""

import csv
import json
from dataclasses import asdict, dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ohmflow.runtime.digital.sessions import session_options
from ohmflow.runtime.training.data import DataSource, load_data

Z_95 = 1.959964
BEGIN, END = "<!-- results: written by examples/reproduce/fashion_mnist.py -->", "<!-- end of results -->"


@dataclass(frozen=True)
class Recipe:
    """What is trained and how, the same on every chip.

    Attributes:
        title: what the table calls the network.
        model: file under examples/models.
        images: rows to train on.
        epochs, batch, lr, schedule: as of `ohmflow train`.
        fill, packing: `--weight-fill` and `--packing` on the chips.
        eval_every: epochs between readings of the test set.
    """

    title: str
    model: str
    images: int
    epochs: int
    batch: int
    lr: float
    schedule: str
    fill: float
    packing: str = "share"
    eval_every: int = 4


@dataclass(frozen=True)
class Cell:
    """One training."""

    recipe: Recipe
    chip: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{Path(self.recipe.model).stem}-{self.chip}" + (f"-seed{self.seed}" if self.seed else "")


@dataclass(frozen=True)
class Result:
    """A row of the results; what does not apply is None.

    Attributes:
        model, chip, images, epochs, batch, lr, lr_schedule, weight_fill, seed: what was trained.
        tests: test images.
        on_chip, exported: test accuracy, each with the ends of its 95 % interval.
        gap, gap_error: float32's accuracy minus that of the exported weights, and half the width of its interval.
        simulated_seconds, joules, idle_joules: of the chip.
        clipped, lost: shares of the vector updates.
        host_seconds: what the training took here.
    """

    model: str
    chip: str
    images: int
    epochs: int
    batch: int
    lr: float
    lr_schedule: str
    weight_fill: float | None
    seed: int
    tests: int
    on_chip: float | None
    on_chip_low: float | None
    on_chip_high: float | None
    exported: float
    exported_low: float
    exported_high: float
    gap: float | None
    gap_error: float | None
    simulated_seconds: float | None
    joules: float | None
    idle_joules: float | None
    clipped: float | None
    lost: float | None
    host_seconds: float


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` independent trials (Wilson 1927, 10.1080/01621459.1927.10502953)."""
    middle = (share + Z_95**2 / (2 * count)) / (1 + Z_95**2 / count)
    half = Z_95 / (1 + Z_95**2 / count) * sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2))
    return middle - half, middle + half


def paired_gap(theirs: NDArray[np.bool_], ours: NDArray[np.bool_]) -> tuple[float, float]:
    """How much more often they are right than we, on the same images, and half the width of its 95 % interval."""
    count = len(ours)
    b, c = int(np.sum(theirs & ~ours)), int(np.sum(ours & ~theirs))
    return (b - c) / count, Z_95 * sqrt(b + c - (b - c) ** 2 / count) / count


def right(model: Path, x: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which images a model classifies rightly."""
    session = onnxruntime.InferenceSession(model, session_options(), providers=["CPUExecutionProvider"])
    (argument,) = session.get_inputs()
    x = x.reshape(len(x), *argument.shape[1:])
    parts = [session.run(None, {argument.name: x[k : k + 500]})[0] for k in range(0, len(x), 500)]
    return np.concatenate(parts).argmax(axis=1) == labels


def collect(folder: Path, cells: list[Cell], data: str, tests: int | None) -> list[Result]:
    """Read what the finished cells left behind.

    Args:
        folder: of the study.
        cells: those that are done.
        data: folder of the IDX files.
        tests: test images that were taken, None for all.
    """
    if not cells:
        return []
    test = load_data(DataSource(data, val=0.0, limit=1, limit_test=tests)).test
    hits = {cell.name: right(folder / cell.name / "model.onnx", np.asarray(test.x), test.y) for cell in cells}
    return [_result(folder, cell, hits, len(test)) for cell in cells]


def _result(folder: Path, cell: Cell, hits: dict[str, NDArray[np.bool_]], count: int) -> Result:
    summary: dict[str, Any] = json.loads((folder / cell.name / "summary.json").read_text())
    recipe = cell.recipe
    on_chip = summary.get("test_accuracy_analog", [None])[-1]
    exported = float(hits[cell.name].mean())
    float_cell = Cell(recipe, "float", cell.seed).name
    gap = paired_gap(hits[float_cell], hits[cell.name]) if cell.chip != "float" and float_cell in hits else (None, None)
    phases, updates = summary.get("energy_by_phase") or {}, summary.get("updates") or {}
    return Result(
        model=recipe.title,
        chip=cell.chip,
        images=recipe.images,
        epochs=len(summary["epochs"]),
        batch=recipe.batch,
        lr=recipe.lr,
        lr_schedule=recipe.schedule,
        weight_fill=None if cell.chip in ("float", "ideal") else recipe.fill,
        seed=cell.seed,
        tests=count,
        on_chip=on_chip,
        on_chip_low=None if on_chip is None else wilson(on_chip, count)[0],
        on_chip_high=None if on_chip is None else wilson(on_chip, count)[1],
        exported=exported,
        exported_low=wilson(exported, count)[0],
        exported_high=wilson(exported, count)[1],
        gap=gap[0],
        gap_error=gap[1],
        simulated_seconds=summary.get("simulated_seconds"),
        joules=summary.get("energy_joules"),
        idle_joules=phases.get("idle"),
        clipped=updates.get("clipped"),
        lost=updates.get("lost"),
        host_seconds=summary["host_seconds"],
    )


def write_results(folder: Path, results: list[Result]) -> None:
    """Write `results.json` and `results.csv`."""
    rows = [asdict(result) for result in results]
    (folder / "results.json").write_text(json.dumps(rows, indent=1) + "\n")
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(Result.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(rows)


def markdown(results: list[Result]) -> str:
    """The table and the recipes as Markdown."""
    head = "network | trained on | read on the chip | exported | behind float32 | chip time | energy | idle | host"
    lines = [f"| {head} |", "|---|---|---|---|---|---|---|---|---|"]
    for r in results:
        cells = [
            r.model,
            "float32" if r.chip == "float" else r.chip,
            _share(r.on_chip, r.on_chip_low, r.on_chip_high),
            _share(r.exported, r.exported_low, r.exported_high),
            "–" if r.gap is None or r.gap_error is None else f"{100 * r.gap:.1f} ± {100 * r.gap_error:.1f}",
            "–" if r.simulated_seconds is None else f"{r.simulated_seconds:.3g} s",
            "–" if r.joules is None else f"{r.joules:.3g} J",
            "–" if r.idle_joules is None or not r.joules else f"{r.idle_joules / r.joules:.0%}",
            f"{r.host_seconds / 3600:.2f} h",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    seen = {r.model: r for r in results if r.chip != "float"} or {r.model: r for r in results}
    lines.append("")
    for r in seen.values():
        fill = {x.weight_fill for x in results if x.model == r.model and x.weight_fill is not None}
        lines.append(
            f"* {r.model}: {r.images:,} images, epochs: {r.epochs}, batch {r.batch}, learning rate {r.lr:g} "
            f"({r.lr_schedule}), seed {r.seed}" + "".join(f", initial weights fill {f:g} of the range" for f in fill)
        )
    return "\n".join(lines)


def _share(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return "–"
    return f"{100 * value:.2f} % ({100 * low:.1f}–{100 * high:.1f})"


def write_page(page: Path | None, results: list[Result]) -> str:
    """Put the table between the page's markers, if there are a page and results, and return the table."""
    table = markdown(results) if results else "(no results yet)"
    if page is not None and results:
        before, found, rest = page.read_text().partition(BEGIN)
        _, ended, after = rest.partition(END)
        if not (found and ended):
            raise SystemExit(f"--page {page}: must hold the lines '{BEGIN}' and '{END}', but does not; add them")
        page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}")
    return table
