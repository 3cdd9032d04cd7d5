"""`train` and `resume`: a whole training from Python; the shell is a thin skin over them."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.trace.recorder import TraceRecorder
from ohmflow.runtime.trace.window import Window
from ohmflow.runtime.training.accuracy import CHUNK
from ohmflow.runtime.training.checkpoint import checkpoints
from ohmflow.runtime.training.data import DataSet, DataSource
from ohmflow.runtime.training.fitting import check_program_data as check_program_data
from ohmflow.runtime.training.keeper import Keeper
from ohmflow.runtime.training.plan import TrainingPlan, plan_resumption, plan_training
from ohmflow.runtime.training.run_folder import Run, finish_run, write_run
from ohmflow.runtime.training.run_record import CHECKPOINTS, clean_folder, discard_start, start_folder
from ohmflow.runtime.training.signals import StopRequest
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.runtime.training.trainer import Trainer, Watcher
from ohmflow.runtime.training.training_state import restore_training
from ohmflow.runtime.training.write_report import write_run_report
from ohmflow.targets.costs import cost_table
from ohmflow.targets.schema.target import Target

EpochDone = Callable[[Trainer, int], None]


def train(
    program: Program,
    target: Target,
    data: DataSet | DataSource | str,
    options: TrainOptions | None = None,
    folder: Path | str | None = None,
    *,
    val: float = 0.1,
    test: float = 0.2,
    overwrite: bool = False,
    checkpoint_every: int | None = None,
    trace: Window | None = None,
    watch: Watcher | None = None,
    epoch_done: EpochDone | None = None,
) -> Run:
    """Train a program on a simulated chip.

    Args:
        program: what `ohmflow.compiler.compile_model` gave.
        target: what it was compiled for.
        data: a data set, or where to load one (see `load_data`), which is then split with the options' seed.
        options: how to train.
        folder: where to write the run's files, or None to write nothing.
        val: share to set aside for validation when `data` is a name or file.
        test: share to set aside for the test.
        overwrite: whether `folder` may hold files already; those of an earlier run are removed.
        checkpoint_every: steps between checkpoints, beside those after every epoch.
        trace: training steps to trace into the folder's `trace.json`, or None for no trace.
        watch: called after every batch.
        epoch_done: called after every epoch, with the trainer and the epoch's number.

    Returns:
        The run: summary, ledger, trained model.

    Raises:
        RunError: data, options or folder do not fit.
        DivergenceError: the loss is no longer finite (NotFiniteError, if an update meets it first).
        ScratchpadError: the batch does not fit the memories of the chip.
        ProgramError: the program was compiled for another target.
        StoppedError: a signal asked to stop; `resume` goes on.
        UntimedError: a trace is asked for on a target without time.
        TraceError: it is asked for steps that the training does not have.
    """
    source = DataSource(data, val, test) if isinstance(data, str) else data
    place = None if folder is None else Path(folder)
    plan = plan_training(program, target, source, options or TrainOptions(), place, overwrite, checkpoint_every)
    return carry_out(plan, watch, epoch_done, trace)


def resume(
    folder: Path | str,
    *,
    epochs: int | None = None,
    data: DataSet | None = None,
    target: Target | None = None,
    watch: Watcher | None = None,
    epoch_done: EpochDone | None = None,
) -> Run:
    """Go on with a run from its last checkpoint, bit for bit as if it had never stopped.

    Args:
        folder: of the run.
        epochs: a new number of epochs; None for what it was.
        data: the rows, for a run whose rows were made in memory.
        target: the chip, for a run whose target was made in memory.
        watch: called after every batch.
        epoch_done: called after every epoch.

    Raises:
        CheckpointError: the folder, its program or its checkpoints can not be used.
        RunError: the data are not those of the run, or `epochs` does not fit.
        StoppedError: a signal asked to stop again.
    """
    return carry_out(plan_resumption(Path(folder), epochs, data, target), watch, epoch_done)


def carry_out(
    plan: TrainingPlan,
    watch: Watcher | None = None,
    epoch_done: EpochDone | None = None,
    trace: Window | None = None,
) -> Run:
    """Train what was planned; see `train` for what it raises."""
    started = time.perf_counter()
    # One BLAS thread: results must not depend on how many cores there are, and matrices here are small. Numbers that
    # grow beyond float32 end in a DivergenceError, so numpy need not warn of them.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        machine = Machine(plan.program, plan.target, plan.options.seed, plan.options.memory << 20)
        if trace is not None and plan.folder is not None:
            tile, prices = machine.book.tile, cost_table(plan.target)
            machine.observer = TraceRecorder(plan.program, tile, prices, trace)
        trainer = Trainer(machine, plan.data, plan.options)
        if trace is not None:
            done_steps = 0 if plan.checkpoint is None else int(plan.checkpoint.state["training"]["step"])
            trace.check(done_steps, trainer.executions)
        machine.check_memory("train_step", min(plan.options.batch, len(plan.data.train)))
        machine.check_memory("infer", min(CHUNK, len(plan.data.test)))
        done = None if epoch_done is None else lambda epoch: epoch_done(trainer, epoch)
        if plan.folder is None:
            trainer.program_weights()
            trainer.run(watch, done)
            return finish_run(trainer, plan.normalisation.described(), time.perf_counter() - started)
        return _in_folder(plan, plan.folder, trainer, started, watch, done)


def _in_folder(
    plan: TrainingPlan,
    folder: Path,
    trainer: Trainer,
    started: float,
    watch: Watcher | None,
    done: Callable[[int], None] | None,
) -> Run:
    existed, record = folder.is_dir(), plan.record
    if not plan.is_resumed:
        record = start_folder(folder, record, plan.program, plan.target, plan.overwrite)
    else:
        clean_folder(folder)
    try:
        with StopRequest() as stop:
            spent = 0.0
            if plan.checkpoint is None:
                trainer.program_weights()
            else:
                restore_training(trainer, plan.checkpoint.state["training"], str(plan.checkpoint.file))
                spent = float(plan.checkpoint.state["host_seconds"])
            keeper = Keeper(trainer, folder, record, stop, started - spent)
            trainer.run(watch, done, keeper.stepped)
            # Still listening: who asks to stop now gets the whole run, whose end is a moment away.
            run = finish_run(trainer, plan.normalisation.described(), keeper.host_seconds)
            written = write_run(folder, run, trainer.machine.book)
            write_run_report(folder, trainer, record.command)
        return written
    except Exception:
        # A run that failed before its first checkpoint has nothing to go on with.
        if not plan.is_resumed and not checkpoints(folder / CHECKPOINTS):
            discard_start(folder, keep_folder=existed)
        raise
