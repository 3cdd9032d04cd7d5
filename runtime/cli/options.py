"""Options that several commands share, and reading what they name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from ohmflow.compiler.compile import CompileOptions
    from ohmflow.compiler.program.program import Program
    from ohmflow.runtime.trace.window import Window
    from ohmflow.targets.schema.target import Target

_COMPILE_OPTIONS = (
    "loss",
    "rule",
    "rule_options",
    "layer_rules",
    "optimizer",
    "weight_scaling",
    "weight_fill",
    "weight_alpha",
    "packing",
    "placer",
    "passes",
    "init",
    "init_seed",
    "schedule",
    "pipeline_depth",
)

_FLAGS = {"rule_options": "--rule-option", "layer_rules": "--layer-rule"}
"""Options that may be repeated are called by one of what they collect."""

F = TypeVar("F", bound=Callable[..., Any])


def target_options(function: F) -> F:
    """Add `--target` and `--set`."""
    return _target_options(function, required=True)


def optional_target_options(function: F) -> F:
    """Add `--target` and `--set` to a command that sees for itself that it has a target."""
    return _target_options(function, required=False)


def _target_options(function: F, required: bool) -> F:
    function = click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change a value of the target, such as tile.crossbar.rows=64; may be repeated.",
    )(function)
    return click.option(
        "-t", "--target", "target_name", required=required, metavar="TARGET", help="Name of a target, or a YAML file."
    )(function)


_NETWORK_LEVEL = "ohmflow.network"
"""Key of the level of detail in a context: `load_target` sets it, whatever else a command does with targets."""


def _keep_level(context: click.Context, parameter: click.Parameter, level: str | None) -> None:
    context.meta[_NETWORK_LEVEL] = level


def network_option(function: F) -> F:
    """Add `--network`; `load_target` heeds it."""
    return click.option(
        "--network",
        type=click.Choice(["links", "flits"]),
        expose_value=False,
        callback=_keep_level,
        help="Reserve links for whole messages, or simulate the network flit by flit.  [default: chip.network.level]",
    )(function)


def compile_options(function: F) -> F:
    """Add the options that are fixed when compiling."""
    for option in reversed(
        (
            click.option("--loss", default="cross-entropy", show_default=True, help="cross-entropy or mse."),
            click.option("--rule", default="sgd", show_default=True, help="Update rule of the arrays."),
            click.option(
                "--rule-option",
                "rule_options",
                multiple=True,
                metavar="NAME=VALUE",
                help="Option of that rule, such as transfer_every=2; may be repeated.",
            ),
            click.option(
                "--layer-rule",
                "layer_rules",
                multiple=True,
                metavar="PATTERN=NAME[:k=v,...]",
                help="Rule of the arrays whose names match, such as 'fc*=tiki-taka:gamma=0.5'; the first that matches "
                "counts; may be repeated.",
            ),
            click.option(
                "--optimizer",
                default="sgd",
                show_default=True,
                help="Optimiser of digital parameters: sgd, momentum or adam.",
            ),
            click.option(
                "--weight-scaling",
                default="max",
                show_default=True,
                help="How weights are scaled to devices: max, fixed or none.",
            ),
            click.option(
                "--weight-fill",
                type=float,
                default=0.2,
                show_default=True,
                help="Share of the device range that the largest weight takes (max).",
            ),
            click.option("--weight-alpha", type=float, default=1.0, show_default=True, help="The scale (fixed)."),
            click.option(
                "--packing",
                default="share",
                show_default=True,
                help="share (small arrays share tiles) or spread (a tile for each, while tiles last).",
            ),
            click.option(
                "--placer",
                default="snake",
                show_default=True,
                help="How tiles are placed on the mesh: snake or scatter.",
            ),
            click.option(
                "--passes", default="", help="Passes on the tile IR, such as fuse-maps (see ohmflow opt --list)."
            ),
            click.option(
                "--init",
                default="stored",
                show_default=True,
                help="Initial weights: stored in the model, or drawn by kaiming or xavier.",
            ),
            click.option(
                "--schedule",
                default="sequential",
                show_default=True,
                help="sequential, or pipelined: updates after each sample, and samples overlap.",
            ),
            click.option(
                "--pipeline-depth",
                type=int,
                help="Samples under way at once in a pipelined step.  [default: one for each array on the way back]",
            ),
            click.option("--init-seed", type=int, help="Seed of drawn weights.  [default: --seed of train, else 0]"),
        )
    ):
        function = option(function)
    return function


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(function)


def trace_options(function: F) -> F:
    """Add `--trace` and `--trace-window`."""
    function = click.option(
        "--trace-window",
        metavar="FIRST:LAST",
        help="Training steps to trace, counted from 1 (implies --trace).  [default: 1:2]",
    )(function)
    return click.option("--trace", is_flag=True, help="Write trace.json, for Perfetto or chrome://tracing.")(function)


def make_window(trace: bool, text: str | None) -> "Window | None":
    """Training steps to trace, or None for no trace.

    Raises:
        TraceError: the window is not FIRST:LAST.
    """
    if not trace and text is None:
        return None
    from ohmflow.runtime.trace.window import Window, parse_window

    return Window() if text is None else parse_window(text)


def load_target(name: str, overrides: tuple[str, ...]) -> "Target":
    """Load a target with its overrides.

    Raises:
        click.UsageError: an override is not PATH=VALUE.
        TargetError: the target is unknown or wrong.
    """
    from ohmflow.targets.registry import load

    changes = {}
    for text in overrides:
        path, equals, value = text.partition("=")
        if not equals or not path:
            raise click.UsageError(f"--set: must be PATH=VALUE, not '{text}'; try --set tile.crossbar.rows=64")
        changes[path.strip()] = value.strip()
    context = click.get_current_context(silent=True)
    level = None if context is None else context.meta.get(_NETWORK_LEVEL)
    if level is not None:
        changes["chip.network.level"] = level
    return load(name, changes or None)


def make_compile_options(
    loss: str,
    rule: str,
    optimizer: str,
    weight_scaling: str,
    weight_fill: float,
    weight_alpha: float,
    packing: str,
    placer: str,
    passes: str,
    init: str = "stored",
    init_seed: int | None = None,
    schedule: str = "sequential",
    pipeline_depth: int | None = None,
    rule_options: tuple[str, ...] = (),
    layer_rules: tuple[str, ...] = (),
    training: bool = True,
    seed: int = 0,
) -> "CompileOptions":
    """Collect compile options.

    Raises:
        CompilerError: a value is not known or out of range.
    """
    from ohmflow.compiler.compile import CompileOptions
    from ohmflow.compiler.lowering.scaling import WeightScaling
    from ohmflow.compiler.rules.choosing import parse_layer_rule, parse_options

    scaling = WeightScaling(weight_scaling, weight_fill, weight_alpha)  # type: ignore[arg-type]  # checked inside
    drawn_from = seed if init_seed is None else init_seed
    return CompileOptions(
        loss,
        rule,
        optimizer,
        scaling,
        packing,
        placer,
        passes,
        training=training,
        init=init,
        init_seed=drawn_from,
        schedule=schedule,
        pipeline_depth=pipeline_depth if pipeline_depth is not None else 0,
        rule_options=parse_options("--rule-option", rule_options),
        layer_rules=tuple(parse_layer_rule(text) for text in layer_rules),
    )


def program_of(source: str, target: "Target", options: "CompileOptions") -> "Program":
    """Load a program folder, or compile an ONNX file.

    Raises:
        ProgramError, CompilerError, InfeasibleError: neither can be done.
        click.UsageError: a program folder is given with options that were fixed when it was compiled.
    """
    path = Path(source)
    if path.is_dir():
        _refuse_compile_options(path)
        from ohmflow.compiler.program.storage import load_program

        return load_program(path)
    from ohmflow.compiler.compile import compile_model

    return compile_model(path, target, options)


def _refuse_compile_options(folder: Path) -> None:
    """Refuse options of compiling beside a program, in which they are fixed; to ignore them would mislead."""
    context = click.get_current_context()
    for name in _COMPILE_OPTIONS:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = _FLAGS.get(name, f"--{name.replace('_', '-')}")
            raise click.UsageError(
                f"{option}: must be given when compiling, not with the program {folder}, in which it is fixed; "
                f"compile again with {option}"
            )


def echo_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=1, allow_nan=False))
