"""What a run recorded: counts and cycles out of its `events.npz`, and which executions it was made of.

`events.npz` holds sums over an epoch, not the counts of single vectors. So a recorded profile is a mean too, one per
array and phase; but the sums themselves, and the cycles, are those of the run, to the last one.
"""

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.compiler.program.program import ArrayRecord, Program
from ohmflow.runtime.estimate.assumptions import Given
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.errors import EstimateError
from ohmflow.runtime.estimate.part import Execution
from ohmflow.targets.schema.target import Target

CHUNK = 64
"""Rows that a run evaluates at once (`ohmflow.runtime.training.accuracy.CHUNK`, whose module loads ONNX Runtime)."""

Counts = dict[tuple[str, ...], float]


@dataclass(frozen=True)
class Epochs:
    """Sums over some epochs.

    Attributes:
        events: by (unit, phase, component, event).
        cycles: by (unit, phase).
        states: cycles by (unit, phase, state).
        links: (busy, wait) cycles by link.
        arrays: by (array, phase, component, event).
    """

    events: Counts
    cycles: Counts
    states: Counts
    links: dict[str, tuple[int, int]]
    arrays: Counts


@dataclass(frozen=True)
class Recorded:
    """A run's counts.

    Attributes:
        folder: of the run.
        phase: `training` for a run of `ohmflow train`, `inference` for one of `ohmflow run`.
        target_hash: of its target.
        batch: samples a step.
        executions: all steps and evaluations, programming aside.
        shapes: (rows, columns) of its arrays by name, as far as its files tell.
        programming: sums of epoch 0.
        work: sums of all later epochs.
    """

    folder: Path
    phase: str
    target_hash: str
    batch: int
    executions: tuple[Execution, ...]
    shapes: Mapping[str, tuple[int, int]]
    programming: Epochs
    work: Epochs

    def profile(self, program: Program, target: Target, given: tuple[Given, ...] = ()) -> Profile:
        """Mean counts of every array and phase.

        Args:
            program: with the arrays that the run had.
            target: the chip, the run's or another.
            given: values that replace recorded ones.

        Raises:
            EstimateError: the run had other arrays.
        """
        named = {array for array, *_ in self.work.arrays}
        for array in program.arrays:
            shape = (array.rows, array.cols)
            if array.name not in named or self.shapes.get(array.name, shape) != shape:
                raise EstimateError(
                    f"--counts {self.folder}: must be a run of the same model, not one without the array "
                    f"'{array.name}' of {array.rows} x {array.cols}; name a run of this model"
                )
        changed = {(g.name, g.array) for g in given}
        means = [
            mean
            for mean in self._means(program, Profile(program, target))
            if not changed & {(mean.name, mean.array), (mean.name, "")}
        ]
        return Profile(program, target, (*means, *given))

    def _means(self, program: Program, profile: Profile) -> Iterator[Given]:
        for array in program.arrays:
            for phase in sorted({phase for name, phase, *_ in self.work.arrays if name == array.name}):
                counted = {
                    f"{component}.{event}": n
                    for (name, p, component, event), n in self.work.arrays.items()
                    if name == array.name and p == phase
                }
                values = {**_read_means(array, counted, profile), **_update_means(array, counted)}
                yield from (Given(name, value, array.name, phase, "recorded") for name, value in values.items())


def _read_means(array: ArrayRecord, counted: Mapping[str, float], profile: Profile) -> dict[str, float]:
    """Means of the reads of an array in one phase."""
    reads = counted.get("work.read", 0.0)
    forward = "driver.read_row" in counted
    driven = counted.get("driver.read_row" if forward else "driver.read_col", 0.0)
    if not reads or not driven:
        return {}
    ins = sum(b.rows if forward else b.cols for b in array.blocks)
    outs = sum(b.cols if forward else b.rows for b in array.blocks)
    converted = reads * outs * profile.conversions
    attempts = counted["adc.adc_conversion"] / converted if "adc.adc_conversion" in counted else 1.0
    which = "" if forward else "error-"
    activity = driven / (reads * attempts * profile.passes * ins)
    means = {f"{which}activity": activity}
    if profile.cell is not None:
        full = reads * attempts * profile.passes * activity * array.rows * array.cols * profile.cell.base
        means |= {f"{which}level": counted.get("array.read_dose", 0.0) / full, "weight": 0.0}
    return means | {"retries": attempts - 1.0} if forward else means


def _update_means(array: ArrayRecord, counted: Mapping[str, float]) -> dict[str, float]:
    """Means of the updates of an array in one phase."""
    updates, slots = counted.get("work.update", 0.0), counted.get("work.pulse", 0.0)
    if not updates:
        return {}
    if not slots:
        return {"train": 0.0}
    rows, cols = sum(b.rows for b in array.blocks), sum(b.cols for b in array.blocks)
    return {
        "train": slots / updates,
        "row-rate": counted.get("driver.row_pulse", 0.0) / (slots * rows),
        "col-rate": counted.get("driver.col_pulse", 0.0) / (slots * cols),
        "coincidence-rate": counted.get("device.coincidence", 0.0) / (slots * array.rows * array.cols),
    }


def load_counts(folder: Path) -> Recorded:
    """Read a run of `ohmflow train` or `ohmflow run`.

    Raises:
        EstimateError: the folder is not that of a finished run with time.
    """
    if not (folder / "events.npz").is_file() or not (folder / "summary.json").is_file():
        raise EstimateError(
            f"--counts {folder}: must be the folder of a finished run, with summary.json and events.npz, not one "
            "without them; name a folder that 'ohmflow train -o' wrote"
        )
    if not zipfile.is_zipfile(folder / "events.npz"):
        raise EstimateError(
            f"--counts {folder / 'events.npz'}: must be an archive of arrays, not a damaged file; run it again"
        )
    try:
        shapes: dict[str, tuple[int, int]]
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        with np.load(folder / "events.npz", allow_pickle=False) as tables:
            clocked = bool(np.isfinite(tables["clock_hz"]))
            programming, work = _epochs(tables, False), _epochs(tables, True)
        if "samples" in summary:
            phase, batch = "inference", min(CHUNK, int(summary["samples"]))
            executions, shapes = _chunks(int(summary["samples"]), 1), {}
        else:
            facts = json.loads((folder / "report.json").read_text(encoding="utf-8"))
            phase, batch = "training", int(facts["options"]["batch"])
            executions = _training(summary, facts)
            shapes = {a["name"]: (int(a["rows"]), int(a["cols"])) for a in facts["arrays"]}
        target_hash = str(summary["target_hash"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise EstimateError(
            f"--counts {folder}: must hold the files of one run as they were written, not changed ones ({error}); "
            "run it again"
        ) from error
    if not clocked:
        raise EstimateError(
            f"--counts {folder}: must be a run on a target with time, not on {summary['target']}, which has none; "
            "name another run"
        )
    return Recorded(folder, phase, target_hash, batch, executions, shapes, programming, work)


def _training(summary: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Execution, ...]:
    options, rows, epochs = facts["options"], facts["data"], len(summary["epochs"])
    whole, rest = divmod(int(rows["train"]), int(options["batch"]))
    steps = [Execution("train_step", int(options["batch"]), whole * epochs), Execution("train_step", rest, epochs)]
    if options["update_at"] == "sample":
        steps = [Execution("train_step", 1, int(rows["train"]) * epochs)]
    evaluated = sum(accuracy is not None for accuracy in summary["test_accuracy_analog"])
    return tuple(s for s in (*steps, *_chunks(int(rows["test"]), evaluated)) if s.batch and s.times)


def _chunks(samples: int, times: int) -> tuple[Execution, ...]:
    whole, rest = divmod(samples, CHUNK)
    some = (Execution("infer", CHUNK, whole * times), Execution("infer", rest, times))
    return tuple(e for e in some if e.batch and e.times)


def _epochs(tables: Mapping[str, NDArray[Any]], later: bool) -> Epochs:
    def sums(table: str, names: tuple[str, ...], count: str) -> Counts:
        chosen = (tables[f"{table}epoch"] > 0) == later
        columns = [tables[f"{table}{name}"][chosen].tolist() for name in names]
        found: Counts = {}
        for *key, n in zip(*columns, tables[count][chosen].tolist(), strict=True):
            found[tuple(key)] = found.get(tuple(key), 0.0) + n
        return found

    busy, wait = (sums("link_", ("name",), f"link_{column}") for column in ("busy", "wait"))
    return Epochs(
        events=sums("", ("unit", "phase", "component", "event"), "count"),
        cycles=sums("cycles_", ("unit", "phase"), "cycles"),
        states=sums("activity_", ("unit", "phase", "state"), "activity_cycles"),
        links={name: (int(n), int(wait.get((name,), 0))) for (name,), n in busy.items()},
        arrays=sums("array_", ("name", "phase", "component", "event"), "array_count"),
    )
