"""The run folder: what a training leaves behind.

`summary.json` is a stable contract (`schema_version`); what does not apply is null. Host times and versions aside, its
bytes follow from the seed.
"""

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
from ohmflow.runtime.ledger.files import ledger_csv, write_events
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.trainer import Trainer
from ohmflow.targets.costs import area_mm2, cost_table

SCHEMA_VERSION = 1
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


def claim_folder(folder: Path, overwrite: bool) -> None:
    """Make the run folder, or refuse one that already holds something.

    Raises:
        RunError: it is a file, not writable, or not empty.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"-o {folder}: must be a folder, not a file; choose another name")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise RunError(
            f"-o {folder}: must be a new or empty folder, not one with files in it; use --overwrite, or another name"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(
            f"-o {folder}: must be a folder that can be made, not refused ({error.strerror}); choose another"
        ) from error
    if not os.access(folder, os.W_OK):
        raise RunError(f"-o {folder}: must be writable, but is not; choose another folder")


def bill_of(machine: Machine, epochs: set[int] | None = None) -> Bill:
    """The machine's ledger so far."""
    return make_bill(machine.book, cost_table(machine.target), epochs)


def summarise(trainer: Trainer, bill: Bill, host_seconds: float) -> dict[str, Any]:
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
        "seed": options.seed,
        "epochs": list(range(1, len(history.train_loss) + 1)),
        "lr": [options.lr] * len(history.train_loss),
        "batch": options.batch,
        "train_loss": history.train_loss,
        "val_accuracy": history.val_accuracy,
        "test_accuracy": history.test_accuracy,
        "test_accuracy_analog": history.test_accuracy_analog,
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
        },
        "weights_clipped_at_start": sum(machine.values.clipped_weights),
        "host_seconds": host_seconds,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}},
    }


def finish_run(trainer: Trainer, host_seconds: float) -> Run:
    """Make a finished run's summary, ledger and trained model."""
    bill = bill_of(trainer.machine)
    model = trainer.trained_model(
        {
            "ohmflow.target": f"{trainer.machine.target.name} {trainer.machine.target.content_hash}",
            "ohmflow.seed": str(trainer.options.seed),
            "ohmflow.epochs": str(len(trainer.history.train_loss)),
            "ohmflow.loss": str(trainer.machine.program.manifest["loss"]),
        }
    )
    return Run(None, summarise(trainer, bill, host_seconds), bill, model)


def write_run(folder: Path, trainer: Trainer, host_seconds: float) -> Run:
    """Write `model.onnx`, `summary.json`, `ledger.csv` and `events.npz`.

    Raises:
        RunError: a file can not be written.
    """
    run = replace(finish_run(trainer, host_seconds), folder=folder)
    try:
        (folder / "model.onnx").write_bytes(run.model.SerializeToString(deterministic=True))
        (folder / "ledger.csv").write_text(ledger_csv(run.bill))
        write_events(trainer.machine.book, folder / "events.npz")
        (folder / "summary.json").write_text(json.dumps(run.summary, indent=1) + "\n")
    except OSError as error:
        raise RunError(
            f"-o {folder}: must take the run's files, but {error.filename} failed ({error.strerror}); free space"
        ) from error
    return run
