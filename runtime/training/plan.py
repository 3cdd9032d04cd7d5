"""What is to be trained, checked and put together before anything is written: a new run, or one to go on with."""

from dataclasses import dataclass, replace
from pathlib import Path

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.storage import load_program
from ohmflow.runtime.training.checkpoint import Checkpoint, newest_checkpoint
from ohmflow.runtime.training.data import DataSet, DataSource, load_data
from ohmflow.runtime.training.errors import CheckpointError, RunError
from ohmflow.runtime.training.fitting import check_program_data, data_hash, training_arguments
from ohmflow.runtime.training.normalise import Normalisation, normalise
from ohmflow.runtime.training.run_folder import check_folder
from ohmflow.runtime.training.run_record import (
    CHECKPOINTS,
    PROGRAM,
    TARGET,
    RunRecord,
    make_record,
    program_hash,
    read_record,
    write_record,
)
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.capability import require_training
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target


@dataclass(frozen=True)
class TrainingPlan:
    """A training that can begin.

    Attributes:
        program: what is trained.
        target: on what.
        data: scaled rows that fit the program.
        normalisation: how they were scaled.
        options: how it is trained.
        folder: of the run, or None to write nothing.
        record: what `run.json` says, or will say.
        overwrite: whether a new run may use a folder with files.
        is_resumed: whether the folder is that of a run that began.
        checkpoint: where it goes on, or None for the beginning.
    """

    program: Program
    target: Target
    data: DataSet
    normalisation: Normalisation
    options: TrainOptions
    folder: Path | None
    record: RunRecord
    overwrite: bool = False
    is_resumed: bool = False
    checkpoint: Checkpoint | None = None


def plan_training(
    program: Program,
    target: Target,
    data: DataSet | DataSource | str,
    options: TrainOptions,
    folder: Path | None,
    overwrite: bool = False,
    checkpoint_every: int | None = None,
) -> TrainingPlan:
    """Check that a new run can begin.

    Args:
        program: compiled for `target`.
        target: the chip.
        data: a data set, or where to load one.
        options: how to train.
        folder: of the run, or None to write nothing.
        overwrite: whether it may hold files.
        checkpoint_every: steps between checkpoints, beside those after every epoch; None for these alone.

    Raises:
        RunError: data, options or folder do not fit.
        CapabilityError: the target can not train.
    """
    require_training(target)
    if checkpoint_every is not None and checkpoint_every < 1:
        raise RunError(f"--checkpoint-every: must be at least 1, not {checkpoint_every}; try 1000, or leave it out")
    if "train_step" in program.pipelined and options.update_at != "sample":
        raise RunError(
            "--update-at: must be sample with --schedule pipelined, which updates after each sample, not "
            f"{options.update_at}; add --update-at sample"
        )
    if folder is not None:
        check_folder(folder, overwrite)
    fitting, digest, scaled, normalisation = _rows(program, data, options)
    record = make_record(target, fitting.origin, digest, options, checkpoint_every, normalisation.described())
    return TrainingPlan(program, target, scaled, normalisation, options, folder, record, overwrite)


def plan_resumption(
    folder: Path, epochs: int | None = None, data: DataSet | None = None, target: Target | None = None
) -> TrainingPlan:
    """Check that a run can go on.

    Args:
        folder: of the run.
        epochs: new number of epochs, not below those that are done; None for what it was.
        data: the rows, for a run whose rows were made in memory.
        target: the chip, for a run whose target was made in memory.

    Raises:
        CheckpointError: the folder, its program or its checkpoints can not be used.
        RunError: the data are not those of the run, or `epochs` does not fit.
        ProgramError: the stored program is damaged.
        TargetError: the stored target is damaged.
    """
    record = read_record(folder)
    program = load_program(folder / PROGRAM)
    if program_hash(folder / PROGRAM) != record.program_hash:
        raise CheckpointError(f"{folder / PROGRAM}: must be the program that run.json names, not another; start again")
    target = target or _stored_target(folder)
    if target.content_hash != record.target_hash:
        raise CheckpointError(f"{folder / TARGET}: must be the target that run.json names, not another; start again")
    options = record.train_options()
    checkpoint = newest_checkpoint(folder / CHECKPOINTS, record.identity)
    if epochs is not None and epochs != options.epochs:
        options = _with_epochs(options, epochs, checkpoint)
        record = record.model_copy(update={"options": record.options.model_copy(update={"epochs": epochs})})
    given = data or record.data_source()
    if given is None:
        raise CheckpointError(
            f"--resume {folder}: the run's data must be given, since they were made in memory, not left out; resume it "
            "from Python with ohmflow.runtime.training.api.resume(…, data=…)"
        )
    fitting, digest, scaled, normalisation = _rows(program, given, options)
    if digest != record.data.hash:
        raise RunError(f"{fitting.name}: must hold the rows that the run began with, not others; bring them back")
    write_record(folder, record)
    return TrainingPlan(
        program, target, scaled, normalisation, options, folder, record, is_resumed=True, checkpoint=checkpoint
    )


def _rows(
    program: Program, data: DataSet | DataSource | str, options: TrainOptions
) -> tuple[DataSet, str, DataSet, Normalisation]:
    """The rows as they fit, their hash, the rows scaled, and how."""
    inputs, _ = training_arguments(program)
    names = tuple(a.name for a in inputs)
    loaded = data if isinstance(data, DataSet) else load_data(data, seed=options.seed, inputs=inputs)
    fitting = check_program_data(program, loaded)
    return fitting, data_hash(fitting, names), *normalise(fitting, options.normalize, names)


def _stored_target(folder: Path) -> Target:
    file = folder / TARGET
    if not file.is_file():
        raise CheckpointError(
            f"--resume {folder}: the run's target must be given, since it was made in memory, not left out; resume it "
            "from Python with ohmflow.runtime.training.api.resume(…, target=…)"
        )
    return load(file)


def _with_epochs(options: TrainOptions, epochs: int, checkpoint: Checkpoint | None) -> TrainOptions:
    if options.schedule.depends_on_epochs:
        raise RunError(
            f"--epochs: must stay {options.epochs} with --lr-schedule {options.lr_schedule}, whose rates follow from "
            f"it, not become {epochs}; start another run"
        )
    changed = replace(options, epochs=epochs)
    begun = 1 if checkpoint is None else int(checkpoint.state["training"]["position"]["epoch"])
    least = begun if checkpoint is not None and checkpoint.state["training"]["position"]["batch"] else begun - 1
    if epochs < max(least, 1):
        raise RunError(f"--epochs: must be at least {least}, which the run has begun, not {epochs}; give more")
    return changed
