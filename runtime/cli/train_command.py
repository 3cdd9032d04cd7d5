"""`ohmflow train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ohmflow.runtime.cli.options import (
    compile_options,
    echo_json,
    json_option,
    load_target,
    make_compile_options,
    program_of,
    target_options,
)

if TYPE_CHECKING:
    from ohmflow.runtime.training.trainer import Trainer


@click.command("train", short_help="Train a model on a simulated chip.")
@click.argument("source", metavar="MODEL|PROGRAM")
@target_options
@click.option("--data", required=True, metavar="DATA", help="digits, or an .npz with x and y.")
@click.option("--epochs", type=int, default=1, show_default=True, help="Passes over the training rows.")
@click.option("--batch", type=int, default=10, show_default=True, help="Rows per step; the last step may be short.")
@click.option("--lr", type=float, default=0.1, show_default=True, help="Learning rate, in logical weight units.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of split, shuffling, devices and noise.")
@click.option("--val", type=float, default=0.1, show_default=True, help="Share of rows to validate on.")
@click.option("--test", type=float, default=0.2, show_default=True, help="Share of rows to test on.")
@click.option("--update-at", default="batch", show_default=True, help="Apply updates after each batch or each sample.")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds files.")
@compile_options
@json_option
def command(
    source: str,
    target_name: str,
    overrides: tuple[str, ...],
    data: str,
    epochs: int,
    batch: int,
    lr: float,
    seed: int,
    val: float,
    test: float,
    update_at: str,
    output: Path,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Train MODEL (an ONNX file) or a compiled PROGRAM on a simulated chip.

    OUTPUT receives the trained model.onnx, summary.json, ledger.csv and events.npz.
    """
    from ohmflow.runtime.cli.show import TrainingDisplay, show_run
    from ohmflow.runtime.training.api import check_program_data, train
    from ohmflow.runtime.training.data import load_data
    from ohmflow.runtime.training.run_folder import claim_folder
    from ohmflow.runtime.training.trainer import TrainOptions

    settings = TrainOptions(epochs, batch, lr, seed, update_at)  # type: ignore[arg-type]  # checked inside
    target = load_target(target_name, overrides)
    program = program_of(source, target, make_compile_options(**options))
    rows = check_program_data(program, load_data(data, val, test, seed))
    claim_folder(output, overwrite)
    with TrainingDisplay(program, target, rows, settings, quiet=as_json) as display:

        def epoch_done(trainer: "Trainer", epoch: int) -> None:
            display.epoch_done(trainer.history, epoch)

        run = train(program, target, rows, settings, output, overwrite=True, watch=display.watch, epoch_done=epoch_done)
    if as_json:
        echo_json(run.summary)
    else:
        show_run(run, target, program)
