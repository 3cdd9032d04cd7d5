"""`train`: a whole training from Python; the shell is a thin skin over it."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.accuracy import CHUNK
from ohmflow.runtime.training.data import DataSet, Rows, check_against, load_data
from ohmflow.runtime.training.errors import UntrainableError
from ohmflow.runtime.training.run_folder import Run, claim_folder, finish_run, write_run
from ohmflow.runtime.training.trainer import Trainer, TrainOptions, Watcher
from ohmflow.targets.schema.target import Target


def train(
    program: Program,
    target: Target,
    data: DataSet | str,
    options: TrainOptions | None = None,
    folder: Path | str | None = None,
    *,
    val: float = 0.1,
    test: float = 0.2,
    overwrite: bool = False,
    watch: Watcher | None = None,
    epoch_done: Callable[[Trainer, int], None] | None = None,
) -> Run:
    """Train a program on a simulated chip.

    Args:
        program: what `ohmflow.compiler.compile_model` gave.
        target: what it was compiled for.
        data: a data set, or its name or file (see `load_data`), which is then split with the options' seed.
        options: how to train.
        folder: where to write the run's files, or None to write nothing.
        val: share to set aside for validation when `data` is a name or file.
        test: share to set aside for the test.
        overwrite: whether `folder` may hold files already.
        watch: called after every batch.
        epoch_done: called after every epoch, with the trainer and the epoch's number.

    Returns:
        The run: summary, ledger, trained model.

    Raises:
        RunError: data, options or folder do not fit.
        DivergenceError: the loss is no longer finite (NotFiniteError, if an update meets it first).
        ScratchpadError: the batch does not fit the memories of the chip.
        ProgramError: the program was compiled for another target.
    """
    options = options or TrainOptions()
    started = time.perf_counter()
    if isinstance(data, str):
        data = load_data(data, val, test, options.seed)
    data = check_program_data(program, data)
    place = None if folder is None else Path(folder)
    if place is not None:
        claim_folder(place, overwrite)
    # One BLAS thread: results must not depend on how many cores there are, and matrices here are small. Numbers that
    # grow beyond float32 end in a DivergenceError, so numpy need not warn of them.
    with threadpool_limits(1), np.errstate(over="ignore", invalid="ignore"):
        machine = Machine(program, target, options.seed)
        trainer = Trainer(machine, data, options)
        machine.check_memory("train_step", min(options.batch, len(data.train)))
        machine.check_memory("infer", min(CHUNK, len(data.test)))
        trainer.program_weights()
        trainer.run(watch, None if epoch_done is None else lambda epoch: epoch_done(trainer, epoch))
    seconds = time.perf_counter() - started
    return finish_run(trainer, seconds) if place is None else write_run(place, trainer, seconds)


def check_program_data(program: Program, data: DataSet) -> DataSet:
    """Check that a data set fits a program's training step.

    Returns:
        The data set with labels of the type that the program takes: targets of `mse` may be given as whole numbers.

    Raises:
        RunError: it does not.
        UntrainableError: the model has more inputs than a data set can give.
    """
    if "train_step" not in program.entries:
        raise UntrainableError(
            f"{program.manifest['model']}: the program must hold a training step, but was compiled to infer only; "
            "compile it for training"
        )
    rows = [a for a in program.entries["train_step"].arguments if a.kind == "rows"]
    if len(rows) != 2:
        names = ", ".join(a.name for a in rows[:-1])
        raise UntrainableError(
            f"{program.manifest['model']}: the model must have one data input to be trained, not {len(rows) - 1} "
            f"({names}); join them to one, and split it in the model"
        )
    x, y = rows
    output = program.entries["infer"].results[0]
    classes = output.shape[-1] if program.manifest["loss"] == "cross-entropy" and output.shape else None
    check_against(data, x.shape, y.dtype, y.shape, classes)
    parts = (Rows(part.x, part.y.astype(y.dtype, copy=False)) for part in (data.train, data.val, data.test))
    return DataSet(data.name, *parts)
