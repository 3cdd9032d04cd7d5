"""The command group, and how failures end: one block on stderr and an exit status.

0 done; 1 a defect of ohmflow; 2 bad usage or bad input; 3 sound input that can not be done. Commands are imported
when they are called, so `--help` is quick.
"""

import errno
import sys
import traceback
import warnings
from importlib import import_module
from importlib.metadata import version

import click

from ohmflow.runtime.cli.usage import CommandGroup, sentence

_COMMANDS = {
    "compile": ("ohmflow.runtime.cli.compile_command", "Compile an ONNX model for a target."),
    "train": ("ohmflow.runtime.cli.train_command", "Train a model on a simulated chip."),
    "run": ("ohmflow.runtime.cli.run_command", "Run a model forward on a simulated chip."),
    "estimate": ("ohmflow.runtime.cli.estimate_command", "Estimate time, energy, power and area."),
    "network": ("ohmflow.runtime.cli.network_command", "Run the network on chip alone, flit by flit."),
    "disasm": ("ohmflow.runtime.cli.disasm_command", "Show a program's instructions as text."),
    "power": ("ohmflow.runtime.cli.power_command", "Show the power of a step over time."),
    "critical": ("ohmflow.runtime.cli.critical_command", "Show what makes a step as long as it is."),
    "report": ("ohmflow.runtime.cli.report_command", "Make a run's page again, or compare runs."),
    "device": ("ohmflow.runtime.cli.device_command", "Show what a target's devices do under pulses."),
    "targets": ("ohmflow.runtime.cli.targets_command", "List, show, check and validate targets."),
    "opt": ("ohmflow.runtime.cli.opt_command", "Run passes on tile IR text."),
}

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _LazyGroup(CommandGroup):
    """A group whose commands live in modules that are imported when needed; help texts stand here."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("ohmflow"), prog_name="ohmflow")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Compile ONNX models to chips of programmable-resistor crossbars, and train them there.

    Start with: ohmflow targets list
    """
    ctx.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run the shell and leave with its exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    try:
        # --debug is accepted anywhere on the line.
        words = [*(["--debug"] if debug else []), *(a for a in given if a != "--debug")]
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status = cli.main(words, prog_name="ohmflow", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(_fail("interrupted", 130))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        sys.exit(_fail(sentence(error), 2))
    except click.ClickException as error:
        sys.exit(_fail(error.format_message(), 2))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        if debug:
            traceback.print_exc()
        known = getattr(error, "exit_status", None)
        if isinstance(known, int):
            sys.exit(_fail(str(error), known))
        if isinstance(error, OSError) and error.errno in _FULL:
            reason = (error.strerror or "it is full").lower()
            text = f"{error.filename or 'output'}: must be written whole, not cut short ({reason}); free space"
            sys.exit(_fail(text, 2))
        if isinstance(error, OSError) and error.filename is not None:
            reason = (error.strerror or type(error).__name__).lower()
            text = f"{error.filename}: must be a path that can be used, not refused ({reason}); check it"
            sys.exit(_fail(text, 2))
        sys.exit(
            _fail(f"{type(error).__name__}: {error}\nThis is a defect of ohmflow; --debug shows where it happened.", 1)
        )
    sys.exit(status if isinstance(status, int) else 0)


def _show_warning(message: Warning | str, *details: object, **more: object) -> None:
    """Print a warning, such as of a broken plug-in, as a line without the place in our sources."""
    click.echo(f"warning: {message}", err=True)


def _fail(text: str, status: int) -> int:
    """Print one block on stderr and return the exit status."""
    click.echo(f"error: {text}", err=True)
    return status
