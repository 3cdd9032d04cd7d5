"""`ohmflow train`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ohmflow.runtime.cli.options import (
    compile_options,
    echo_json,
    json_option,
    load_target,
    make_compile_options,
    make_window,
    network_option,
    optional_target_options,
    program_of,
    trace_options,
)
from ohmflow.runtime.cli.report_command import reproducing_command

if TYPE_CHECKING:
    from ohmflow.runtime.trace.window import Window
    from ohmflow.runtime.training.plan import TrainingPlan
    from ohmflow.runtime.training.trainer import Progress, Trainer

_NEEDED = ("source", "target_name", "data", "output")
"""What a new run needs, and a resumed one has already."""

_OF_A_RESUMPTION = ("resume", "epochs", "as_json", "trace", "trace_window")
"""All that may be said when a run is resumed."""


@click.command("train", short_help="Train a model on a simulated chip.")
@click.argument("source", metavar="MODEL|PROGRAM", required=False)
@optional_target_options
@network_option
@click.option(
    "--data", metavar="DATA", help="digits, a folder of IDX files, a .csv, or an .npz with y and x (or named inputs)."
)
@click.option("--epochs", type=int, default=1, show_default=True, help="Passes over the training rows.")
@click.option("--batch", type=int, default=10, show_default=True, help="Rows per step; the last step may be short.")
@click.option("--lr", type=float, default=0.1, show_default=True, help="Learning rate, in logical weight units.")
@click.option(
    "--lr-schedule",
    default="constant",
    show_default=True,
    help="constant, cosine, or steps:0.1@10,20 (times 0.1 from epoch 10 and from epoch 20 on).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of split, shuffling, devices and noise.")
@click.option("--val", type=float, default=0.1, show_default=True, help="Share of rows to validate on.")
@click.option("--test", type=float, default=0.2, show_default=True, help="Share of rows to test on, if DATA has none.")
@click.option("--limit", type=int, help="Train on at most so many rows.")
@click.option("--limit-test", type=int, help="Test on at most so many rows.")
@click.option("--label", metavar="COLUMN", help="Column of labels of a .csv.  [default: label, y, or the last]")
@click.option(
    "--normalize", default="none", show_default=True, help="Scale inputs: none, standard (mean and deviation) or range."
)
@click.option("--update-at", default="batch", show_default=True, help="Apply updates after each batch or sample.")
@click.option("--eval-every", type=int, default=1, show_default=True, help="Epochs between evaluations.")
@click.option("--patience", type=int, help="End when so many evaluations in a row did not improve.")
@click.option(
    "--memory", type=int, default=64, show_default=True, help="MiB of this computer for windows of images at a time."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Run folder.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds files.")
@click.option("--checkpoint-every", type=int, metavar="STEPS", help="Also save every STEPS steps, not only each epoch.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was stopped or killed; only --epochs may be changed.",
)
@trace_options
@compile_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    /,
    resume: Path | None,
    epochs: int,
    output: Path,
    as_json: bool,
    trace: bool,
    trace_window: str | None,
    **options: Any,
) -> None:
    """Train MODEL (an ONNX file) or a compiled PROGRAM on a simulated chip.

    OUTPUT receives the trained model.onnx, summary.json, ledger.csv, events.npz and report.html, and what it takes to
    go on with the run. Ctrl-C ends the training at the next step, with its state saved; a second one ends it at once.
    """
    from ohmflow.runtime.training.errors import StoppedError

    window = make_window(trace, trace_window)
    if resume is not None:
        plan = _resumption(context, resume, epochs)
    else:
        _need(context)
        plan = _new_run(output, epochs, **options)
        plan = replace(plan, record=plan.record.model_copy(update={"command": reproducing_command(context)}))
    try:
        _carry_out(plan, as_json, window)
    except StoppedError as stop:
        click.echo(str(stop), err=True)
        context.exit(stop.exit_status)


def _need(context: click.Context) -> None:
    """Refuse a new run without what it needs.

    Raises:
        click.MissingParameter: something is left out.
    """
    for parameter in context.command.params:
        if parameter.name in _NEEDED and context.params[parameter.name] is None:
            raise click.MissingParameter(ctx=context, param=parameter)


def _resumption(context: click.Context, folder: Path, epochs: int) -> "TrainingPlan":
    """Plan to go on with a run.

    Raises:
        click.UsageError: something is given that the run keeps as it began.
        RunError: the folder can not be used.
    """
    from ohmflow.runtime.training.plan import plan_resumption

    given = {
        parameter
        for parameter in context.command.params
        if context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    }
    for parameter in context.command.params:
        if parameter in given and parameter.name not in _OF_A_RESUMPTION:
            name = parameter.make_metavar(context) if parameter.param_type_name == "argument" else parameter.opts[-1]
            raise click.UsageError(
                f"{name}: must be left out with --resume, as the run keeps what it began with; only --epochs may change"
            )
    changed = any(parameter.name == "epochs" for parameter in given)
    return plan_resumption(folder, epochs if changed else None)


def _new_run(
    output: Path,
    epochs: int,
    *,
    source: str,
    target_name: str,
    overrides: tuple[str, ...],
    data: str,
    batch: int,
    lr: float,
    lr_schedule: str,
    seed: int,
    val: float,
    test: float,
    limit: int | None,
    limit_test: int | None,
    label: str | None,
    normalize: str,
    update_at: str,
    eval_every: int,
    patience: int | None,
    memory: int,
    overwrite: bool,
    checkpoint_every: int | None,
    **options: Any,
) -> "TrainingPlan":
    """Plan a new run.

    Raises:
        RunError, CompilerError, TargetError, ProgramError: what is given does not fit.
    """
    from ohmflow.runtime.training.data import DataSource
    from ohmflow.runtime.training.plan import plan_training
    from ohmflow.runtime.training.train_options import TrainOptions

    settings = TrainOptions(
        epochs,
        batch,
        lr,
        seed,
        update_at,  # type: ignore[arg-type]  # checked inside
        lr_schedule,
        normalize,
        eval_every,
        patience,
        memory,
    )
    where = DataSource(data, val, test, limit, limit_test, label)
    target = load_target(target_name, overrides)
    program = program_of(source, target, make_compile_options(**options, seed=seed))
    return plan_training(program, target, where, settings, output, overwrite, checkpoint_every)


def _carry_out(plan: "TrainingPlan", as_json: bool, window: "Window | None") -> None:
    from ohmflow.runtime.cli.show import TrainingDisplay, show_run
    from ohmflow.runtime.training.api import carry_out
    from ohmflow.runtime.training.host_estimate import HostEstimate

    estimate = HostEstimate()
    with TrainingDisplay(plan.program, plan.target, plan.data, plan.options, quiet=as_json) as display:
        if plan.is_resumed and not as_json:
            click.echo(f"  going on from {_place(plan)}", err=True)

        def watch(step: "Progress") -> None:
            display.watch(step)
            said = estimate.after(step)
            if said is not None and not as_json:
                click.echo(f"  {said}", err=True)

        def epoch_done(trainer: "Trainer", epoch: int) -> None:
            display.epoch_done(trainer.history, epoch)

        run = carry_out(plan, watch, epoch_done, window)
    if as_json:
        echo_json(run.summary)
    else:
        show_run(run, plan.target, plan.program)


def _place(plan: "TrainingPlan") -> str:
    if plan.checkpoint is None:
        return "the beginning: no checkpoint was written yet"
    at = plan.checkpoint.state["training"]["position"]
    done = f"epoch {at['epoch']}, step {at['batch'] + 1:,}" if at["epoch"] <= plan.options.epochs else "the last epoch"
    return f"{done} ({plan.checkpoint.file.name})"
