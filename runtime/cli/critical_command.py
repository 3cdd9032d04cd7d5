"""`ohmflow critical`."""

from typing import Any

import click

from ohmflow.runtime.cli.options import echo_json, json_option
from ohmflow.runtime.cli.step_source import step_of, step_options


@click.command("critical", short_help="Show what makes a step as long as it is.")
@step_options
@click.option("--units", type=click.IntRange(0), default=8, show_default=True, help="Units whose own gain is found.")
@click.option("--no-gains", is_flag=True, help="Leave gains out; each takes a run of the clock.")
@click.option("--spans", type=click.IntRange(0), default=16, show_default=True, help="Spans of the path to print.")
@json_option
def command(units: int, no_gains: bool, spans: int, as_json: bool, **source: Any) -> None:
    """Find the critical path of a step: the chain of instructions and packets whose cycles are the step's.

    RUN is the folder of a run, with its own program, target and mean counts; a PROGRAM or MODEL (an ONNX file) needs a
    target, and counts are assumed. Gains say what the step would take with service times 10 % shorter.
    """
    from ohmflow.runtime.critical.analysis import analyse

    analysis = analyse(step_of(**source), units, not no_gains)
    if as_json:
        from ohmflow.runtime.critical.as_json import analysis_json

        echo_json(analysis_json(analysis))
    else:
        from ohmflow.runtime.cli.show_critical import show_critical

        show_critical(analysis, spans)
