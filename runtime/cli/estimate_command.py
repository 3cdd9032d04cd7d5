"""`ohmflow estimate`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ohmflow.runtime.cli.options import (
    compile_options,
    echo_json,
    json_option,
    load_target,
    make_compile_options,
    network_option,
    program_of,
    target_options,
)

if TYPE_CHECKING:
    from ohmflow.compiler.program.program import Program
    from ohmflow.runtime.estimate.record import Recorded
    from ohmflow.runtime.estimate.result import Estimate
    from ohmflow.targets.schema.target import Target


@click.command("estimate", short_help="Estimate time, energy, power and area.")
@click.argument("source", metavar="MODEL|PROGRAM")
@target_options
@network_option
@click.option(
    "--phase", help="training or inference.  [default: training if TARGET can, or what the run of --counts did]"
)
@click.option("--batch", type=int, help="Samples a step.  [default: 10, or that of the run of --counts]")
@click.option("--steps", type=int, help="Steps.  [default: 1, or all that the run of --counts did]")
@click.option(
    "--assume",
    "texts",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change an assumption, such as activity=0.3, or activity@ARRAY=0.3 for one array; may be repeated.",
)
@click.option(
    "--counts",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Folder of a run whose counts replace the assumed ones.",
)
@click.option(
    "--structure",
    is_flag=True,
    help="Go on where memories are too small for what is kept, and say which; operators that can not be trained are "
    "timed by their shapes.",
)
@compile_options
@json_option
def command(
    source: str,
    target_name: str,
    overrides: tuple[str, ...],
    phase: str | None,
    batch: int | None,
    steps: int | None,
    texts: tuple[str, ...],
    counts: Path | None,
    structure: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Estimate what MODEL (an ONNX file) or a compiled PROGRAM takes on a target, without executing it.

    Time is that of the clock engine on the compiled program; what depends on numbers is assumed, or is what a run
    counted, and is printed.
    """
    from ohmflow.runtime.estimate.record import load_counts
    from ohmflow.targets.capability import can_train

    target = load_target(target_name, overrides)
    run = None if counts is None else load_counts(counts)
    does = phase or (run.phase if run is not None else "training" if can_train(target) else "inference")
    chosen = replace(make_compile_options(**options, training=does != "inference"), structure=structure)
    program = program_of(source, target, chosen)
    estimate = _estimate(program, target, does, batch, steps, texts, run, structure)
    from ohmflow.runtime.trace.estimate_peak import estimate_peak

    if as_json:
        from ohmflow.runtime.estimate.as_json import estimate_json

        echo_json(estimate_json(estimate) | {"peak_power": estimate_peak(estimate)})
    else:
        from ohmflow.runtime.cli.show_estimate import show_estimate

        show_estimate(estimate, estimate_peak(estimate))


def _estimate(
    program: "Program",
    target: "Target",
    phase: str,
    batch: int | None,
    steps: int | None,
    texts: tuple[str, ...],
    run: "Recorded | None",
    structure: bool,
) -> "Estimate":
    from ohmflow.runtime.estimate.api import estimate
    from ohmflow.runtime.estimate.assumptions import parse_assumptions
    from ohmflow.runtime.estimate.count_profile import Profile
    from ohmflow.runtime.estimate.replay import estimate_run

    given = parse_assumptions(texts, [a.name for a in program.arrays])
    if run is None:
        profile = Profile(program, target, given)
        return estimate(program, target, profile, 10 if batch is None else batch, phase, steps, structure)
    if phase == run.phase and batch is None and steps is None:
        return estimate_run(program, target, run, given)
    profile = run.profile(program, target, given)
    return estimate(program, target, profile, run.batch if batch is None else batch, phase, steps, structure)
