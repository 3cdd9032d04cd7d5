"""`ohmflow report`, and the command line that does a run again."""

import shlex
from pathlib import Path

import click
from click.core import ParameterSource

_LEFT_OUT = ("output", "overwrite", "as_json", "epochs", "checkpoint_every", "trace", "trace_window")
"""Where a run is written and what is written besides, which changes no result; and `--epochs`, which may change when a
run is resumed, and is added when the run ends."""


@click.command("report", short_help="Make a run's page again, or compare runs.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The page to write (needed to compare runs).")
def command(runs: tuple[Path, ...], output: Path | None) -> None:
    """Make RUN/report.html again from the files of a run, or one page that compares several RUNs."""
    from ohmflow.runtime.report.comparison import comparison_page
    from ohmflow.runtime.report.page import run_page
    from ohmflow.runtime.report.record import load_run
    from ohmflow.runtime.report.writing import REPORT
    from ohmflow.runtime.training.atomic import replace_text

    if len(runs) > 1 and output is None:
        raise click.UsageError(
            f"-o: must name the page when {len(runs)} runs are compared, but is not given; try -o comparison.html"
        )
    records = [load_run(run) for run in runs]
    page = run_page(records[0]) if len(records) == 1 else comparison_page(records)
    place = output or runs[0] / REPORT
    replace_text(place, page)
    click.echo(f"wrote {place}")


def reproducing_command(context: click.Context) -> str:
    """The command line of a command as it was given, without its output folder and its epochs.

    Args:
        context: of the command that runs.
    """
    words = [context.command_path]
    options = []
    for parameter in context.command.params:
        name = parameter.name
        if name is None or name in _LEFT_OUT or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        if isinstance(parameter, click.Argument):
            words.append(str(value))
            continue
        assert isinstance(parameter, click.Option)
        if parameter.is_flag:
            options.append(parameter.opts[0] if value else parameter.secondary_opts[0])
            continue
        for one in value if parameter.multiple else (value,):
            options += [parameter.opts[0], str(one)]
    return shlex.join([*words[0].split(), *words[1:], *options])
