"""Commands that look at one step: which program, target and counts they mean."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ohmflow.runtime.cli.options import (
    compile_options,
    load_target,
    make_compile_options,
    network_option,
    optional_target_options,
    program_of,
)

if TYPE_CHECKING:
    from ohmflow.runtime.critical.step import Step

F = TypeVar("F", bound=Callable[..., Any])

_BATCH = 10


def step_options(function: F) -> F:
    """Add what names a step: the source, target, entry, batch, counts, and how to compile."""
    for add in reversed(
        (
            click.argument("source", metavar="RUN|PROGRAM|MODEL"),
            optional_target_options,
            network_option,
            click.option("--entry", help="train_step, infer or program.  [default: train_step if there is one]"),
            click.option("--batch", type=int, help="Samples of the step.  [default: 10, or that of the run]"),
            click.option(
                "--assume",
                "texts",
                multiple=True,
                metavar="NAME=VALUE",
                help="Change an assumed count, as in ohmflow estimate; may be repeated.",
            ),
            click.option(
                "--counts",
                type=click.Path(path_type=Path),
                metavar="RUN",
                help="Folder of a run whose mean counts replace the assumed ones.",
            ),
            click.option(
                "--structure",
                is_flag=True,
                help="Go on where memories are too small; operators that can not be trained are timed by their shapes.",
            ),
            compile_options,
        )
    ):
        function = add(function)
    return function


def step_of(
    source: str,
    target_name: str | None,
    overrides: tuple[str, ...],
    entry: str | None,
    batch: int | None,
    texts: tuple[str, ...],
    counts: Path | None,
    structure: bool,
    **options: Any,
) -> "Step":
    """Time the step that the options name.

    A run's folder brings its program, its target, its batch and its mean counts; anything else needs a target.

    Raises:
        click.UsageError: there is no target, or one is given beside a run.
        CriticalError, EstimateError, ProgramError, TargetError, CompilerError: what is named can not be used.
    """
    from ohmflow.runtime.critical.step import time_step
    from ohmflow.runtime.estimate.assumptions import parse_assumptions
    from ohmflow.runtime.estimate.count_profile import Profile
    from ohmflow.runtime.estimate.record import load_counts
    from ohmflow.targets.capability import can_train

    folder = Path(source)
    if (folder / "summary.json").is_file():
        if target_name is not None or overrides or counts is not None:
            raise click.UsageError(
                f"{source}: must stand without --target, --set and --counts, since a run has its own; leave them out, "
                f"or name {folder / 'program'}"
            )
        target_name, source, counts = str(folder / "target.yaml"), str(folder / "program"), folder
        missing = [name for name in ("target.yaml", "program") if not (folder / name).exists()]
        if missing:
            raise click.UsageError(
                f"{folder}: must hold the run's {' and '.join(missing)}, and does not; name a run of ohmflow train"
            )
    if target_name is None:
        raise click.UsageError("-t: must name the target of a program or model, but is not given; add -t TARGET")
    target = load_target(target_name, overrides)
    chosen = replace(make_compile_options(**options, training=can_train(target)), structure=structure)
    program = program_of(source, target, chosen)
    given = parse_assumptions(texts, [a.name for a in program.arrays])
    if counts is None:
        size = _BATCH if batch is None else batch
        return time_step(program, target, Profile(program, target, given), entry, size, structure=structure)
    run = load_counts(counts)
    profile = run.profile(program, target, given)
    return time_step(program, target, profile, entry, run.batch if batch is None else batch, structure=structure)
