"""The run folder: what a training leaves behind.

`summary.json` is a stable contract (`schema_version`); what does not apply is null. Host times and versions aside, its
bytes follow from the seed.
"""

import errno
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx

from ohmflow.runtime.ledger.bill import Bill, make_bill
from ohmflow.runtime.ledger.by_layer_file import ledger_by_layer_csv
from ohmflow.runtime.ledger.events import EventBook
from ohmflow.runtime.ledger.files import ledger_csv, write_events
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.wear_facts import wear_facts
from ohmflow.runtime.training.atomic import replace_bytes, replace_file, replace_text
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.trainer import Trainer
from ohmflow.targets.costs import area_mm2, cost_table

SCHEMA_VERSION = 1
RESULTS = (
    *("model.onnx", "ledger.csv", "ledger_by_layer.csv", "events.npz", "report.json", "report.html", "trace.json"),
    *("power.csv", "power.json", "critical.json"),
)
"""Files of a finished run beside `summary.json`, which is written after all but the report."""

STARTING = ".starting"
"""Folder in a run folder that is there until all is written that it takes to go on with the run."""

_UNFINISHED = (STARTING, "program", "target.yaml", ".run.json.part")

_VERSIONED = ("ohmflow", "numpy", "numba", "onnx", "onnxruntime", "xdsl")


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes:
        folder: where its files are, or None when nothing was written.
        summary: the content of `summary.json`.
        bill: the ledger.
        model: the trained model.
    """

    folder: Path | None
    summary: Mapping[str, Any]
    bill: Bill
    model: onnx.ModelProto


def is_unfinished_start(folder: Path) -> bool:
    """Whether a run was killed here before its folder said what it is; what it wrote counts for nothing."""
    return (folder / STARTING).is_dir() and not (folder / "run.json").exists()


def check_folder(folder: Path, overwrite: bool) -> None:
    """Refuse a run folder that can not be made or already holds something, without making it.

    Raises:
        RunError: it, or what it would stand in, is a file, not writable, or not empty.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"-o {folder}: must be a folder, not a file; choose another name")
    ours = _UNFINISHED if is_unfinished_start(folder) else ()
    held = folder.is_dir() and any(entry.name not in ours for entry in folder.iterdir())
    if held and not overwrite and (folder / "run.json").is_file():
        raise RunError(
            f"-o {folder}: must be a new or empty folder, not one that holds a run; go on with --resume {folder}, use "
            "--overwrite, or choose another name"
        )
    if held and not overwrite:
        raise RunError(
            f"-o {folder}: must be a new or empty folder, not one with files in it; use --overwrite, or another name"
        )
    stands_in = next(p for p in (folder, *folder.absolute().parents) if p.exists())
    if not stands_in.is_dir():
        reason = os.strerror(errno.ENOTDIR)
        raise RunError(f"-o {folder}: must be a folder that can be made, not refused ({reason}); choose another")
    if not os.access(stands_in, os.W_OK):
        raise RunError(f"-o {folder}: must be writable, but is not; choose another folder")


def claim_folder(folder: Path, overwrite: bool) -> None:
    """Make the run folder, or refuse one that already holds something.

    Raises:
        RunError: it is a file, not writable, or not empty.
    """
    check_folder(folder, overwrite)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"-o {folder}: must be a folder that can be made, not refused ({error.strerror}); choose another"
        ) from error


def bill_of(machine: Machine, epochs: set[int] | None = None) -> Bill:
    """The machine's ledger so far."""
    return make_bill(machine.book, cost_table(machine.target), epochs)


def summarise(
    trainer: Trainer, bill: Bill, normalisation: Mapping[str, Any] | None, host_seconds: float
) -> dict[str, Any]:
    """Make the content of `summary.json`."""
    machine, options, history = trainer.machine, trainer.options, trainer.history
    vectors = sum(u.vectors for u in machine.values.updates)
    # Only a crossbar with time or energy has a bill; `ideal` has none of them.
    joules = bill.joules
    missing = sorted({*machine.target.not_modelled, *bill.missing})
    return {
        "schema_version": SCHEMA_VERSION,
        "model": machine.program.manifest["model"],
        "target": machine.target.name,
        "target_hash": machine.target.content_hash,
        "network": None if machine.target.chip is None else machine.target.chip.network_level,
        "seed": options.seed,
        "epochs": list(range(1, len(history.train_loss) + 1)),
        "lr": history.lr,
        "lr_schedule": options.lr_schedule,
        "batch": options.batch,
        "init": machine.program.manifest.get("init", "stored"),
        "normalize": normalisation,
        "train_loss": history.train_loss,
        "val_accuracy": history.val_accuracy,
        "test_accuracy": history.test_accuracy,
        "test_accuracy_analog": history.test_accuracy_analog,
        "stopped_by": "patience" if len(history.train_loss) < options.epochs else "epochs",
        "simulated_seconds": machine.seconds,
        "cycles": bill.cycles,
        "energy_joules": joules,
        "energy_by_phase": bill.by("phase") if joules is not None else None,
        "energy_by_component": bill.by("component") if joules is not None else None,
        "not_modelled": missing,
        "area_mm2": area_mm2(machine.target),
        "tiles": len({b.tile for a in machine.program.arrays for b in a.blocks}),
        "updates": {
            "vectors": vectors,
            "clipped": sum(u.clipped for u in machine.values.updates) / vectors if vectors else None,
            "lost": sum(u.lost for u in machine.values.updates) / vectors if vectors else None,
            "half_moves": sum(u.half_moves for u in machine.values.updates) if vectors else None,
        },
        "weights_clipped_at_start": sum(machine.values.clipped_weights),
        "ageing": list(machine.target.device.ageing) or None,
        "wear": wear_facts(machine, trainer.step),
        "host_seconds": host_seconds,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}},
    }


def finish_run(trainer: Trainer, normalisation: Mapping[str, Any] | None, host_seconds: float) -> Run:
    """Make a finished run's summary, ledger and trained model."""
    bill = bill_of(trainer.machine)
    notes = {
        "ohmflow.target": f"{trainer.machine.target.name} {trainer.machine.target.content_hash}",
        "ohmflow.seed": str(trainer.options.seed),
        "ohmflow.epochs": str(len(trainer.history.train_loss)),
        "ohmflow.loss": str(trainer.machine.program.manifest["loss"]),
    }
    if normalisation is not None:
        notes["ohmflow.normalize"] = json.dumps(normalisation, sort_keys=True)
    model = trainer.trained_model(notes)
    return Run(None, summarise(trainer, bill, normalisation, host_seconds), bill, model)


def write_run(folder: Path, run: Run, book: EventBook) -> Run:
    """Write `model.onnx`, both ledgers and `events.npz`, each whole or not at all, and `summary.json` last.

    Raises:
        RunError: a file can not be written.
    """
    run = replace(run, folder=folder)
    summary = folder / "summary.json"
    try:
        summary.unlink(missing_ok=True)  # what it says would no longer be true of the others
        replace_bytes(folder / "model.onnx", run.model.SerializeToString(deterministic=True))
        replace_text(folder / "ledger.csv", ledger_csv(run.bill))
        replace_text(folder / "ledger_by_layer.csv", ledger_by_layer_csv(book.layers, run.bill))
        replace_file(folder / "events.npz", lambda part: write_events(book, part))
        replace_text(summary, json.dumps(run.summary, indent=1) + "\n")
    except OSError as error:
        raise RunError(
            f"-o {folder}: must take the run's files, but {error.filename} failed ({error.strerror}); free space"
        ) from error
    return run
