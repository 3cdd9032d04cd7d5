"""`ohmflow power`."""

from pathlib import Path
from typing import Any

import click

from ohmflow.runtime.cli.options import echo_json, json_option
from ohmflow.runtime.cli.step_source import step_of, step_options


@click.command("power", short_help="Show the power of a step over time.")
@step_options
@click.option("--bin", "bin_text", metavar="TIME", help="Length of a bin, such as 100ns.  [default: about 1,000 bins]")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write every bin to this .csv file."
)
@json_option
def command(bin_text: str | None, output: Path | None, as_json: bool, **source: Any) -> None:
    """Find the power of a step over time, and its peaks.

    RUN is the folder of a run, with its own program, target and mean counts; a PROGRAM or MODEL (an ONNX file) needs a
    target, and counts are assumed. A peak depends on the time over which it is a mean, so three are told: the highest
    bin, the highest microsecond, and the highest cycle.
    """
    from ohmflow.runtime.trace.bin_length import parse_bin
    from ohmflow.runtime.trace.power_files import power_csv, power_json
    from ohmflow.runtime.trace.step_power import power_of_step
    from ohmflow.runtime.training.atomic import replace_text

    length = None if bin_text is None else parse_bin(bin_text)
    step = power_of_step(step_of(**source), bin_seconds=length)
    if output is not None:
        replace_text(output, power_csv(step.power))
    if as_json:
        echo_json(power_json(step))
    else:
        from ohmflow.runtime.cli.show_power import show_power

        show_power(step)
        if output is not None:
            click.echo(f"wrote {output}")
