"""What is written after a run's results: its page, and its trace if one was asked for."""

from dataclasses import asdict
from pathlib import Path

from ohmflow.runtime.report.facts import run_facts
from ohmflow.runtime.report.writing import write_report
from ohmflow.runtime.trace.recorder import TraceRecorder
from ohmflow.runtime.training.errors import RunError
from ohmflow.runtime.training.trainer import Trainer


def write_run_report(folder: Path, trainer: Trainer, command: str | None) -> None:
    """Write the report, what it is made from, a step's power and critical path, and a trace when there is one.

    Args:
        folder: of the run; its other files are written.
        trainer: that is through.
        command: the command line without the number of epochs, which a resumed run may have changed, and without the
            folder; None for a run from Python.

    Raises:
        RunError: a file can not be written.
    """
    machine, data = trainer.machine, trainer.data
    again = None if command is None else f"{command} --epochs {trainer.options.epochs} -o RUN"
    rows = {"name": data.name, "train": len(data.train), "val": len(data.val), "test": len(data.test)}
    try:
        facts = run_facts(machine, asdict(trainer.options), rows, again)
        write_report(folder, facts, machine.program, machine.target)
        if isinstance(machine.observer, TraceRecorder):
            machine.observer.write(folder)
    except OSError as error:
        raise RunError(
            f"-o {folder}: must take the run's files, but {error.filename} failed ({error.strerror}); free space"
        ) from error
