"""Wrong words on the command line, said as every other error is: where: what must be …, not …; do this."""

import re
from difflib import get_close_matches

import click


class CommandGroup(click.Group):
    """A group that names its commands when it is given an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or raise a UsageError that offers the nearest."""
        known = self.list_commands(ctx)
        name = args[0]
        if name not in known and not name.startswith("-"):
            near = get_close_matches(name, known, 1)
            advice = f"did you mean '{near[0]}'?" if near else f"see '{ctx.command_path} --help'"
            raise click.UsageError(f"COMMAND: must be one of {', '.join(known)}, not '{name}'; {advice}")
        return super().resolve_command(ctx, args)


def sentence(error: click.UsageError) -> str:
    """Say what is wrong with a command line.

    Args:
        error: what click found, or one of ours, which is a whole sentence already.

    Returns:
        One sentence without a full stop.
    """
    command = error.ctx.command_path if error.ctx is not None else "ohmflow"
    see = f"see '{command} --help'"
    match error:
        case click.NoSuchOption():
            near = error.possibilities
            advice = f"did you mean '{near[0]}'?" if near else see
            return f"{error.option_name}: must be an option of '{command}', not an unknown one; {advice}"
        case click.MissingParameter():
            return f"{_where(error)}: must be given, not left out; {see}"
        case click.BadOptionUsage():
            return f"{error.option_name}: must be followed by its value, not by nothing; {see}"
        case click.BadParameter():
            return f"{_where(error)}: must be {_wanted(error)}, not {_value(error)}; {see}"
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in error.format_message()).rstrip(".")
    extra = re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", text)
    if extra:
        return f"{command}: the words must be those it takes, not also '{extra[1]}'; {see}"
    return text


def _where(error: click.BadParameter) -> str:
    if error.param is None:
        return str(error.param_hint or "command line")
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    return error.param.make_metavar(error.ctx) if error.ctx is not None else error.param.name or "argument"


def _wanted(error: click.BadParameter) -> str:
    kind = error.param.type if error.param is not None else None
    if isinstance(kind, click.Choice):
        return f"one of {', '.join(map(str, kind.choices))}"
    return {"integer": "a whole number", "float": "a number"}.get(getattr(kind, "name", ""), "valid")


def _value(error: click.BadParameter) -> str:
    quoted = re.search(r"'.*?'", error.message)
    return quoted[0] if quoted else f"such that {error.message.rstrip('.')}"
