"""`ohmflow disasm`."""

from pathlib import Path

import click


@click.command("disasm", short_help="Show a program's instructions as text.")
@click.argument("program", metavar="PROGRAM", required=False, type=click.Path(path_type=Path))
@click.option("--entry", help="program, infer or train_step.  [default: all that there are]")
@click.option("--unit", metavar="NAME", help="One unit, such as 'tile(0,0)'.  [default: all that have a stream]")
@click.option("--isa", is_flag=True, help="Print the instruction set instead, as a table in Markdown.")
def command(program: Path | None, entry: str | None, unit: str | None, isa: bool) -> None:
    """Print what each unit of a compiled PROGRAM, or of the run in whose folder one is, executes.

    A line is an instruction: number, mnemonic, phase, the block or segment that it works for, its timing, its count,
    its channels with the unit at their other end; after the semicolon what it costs each time.
    """
    if isa:
        from ohmflow.compiler.program.isa import isa_table

        click.echo(isa_table())
        return
    if program is None:
        raise click.UsageError("PROGRAM: must be the folder of a program, but is not given; name one, or use --isa")
    from ohmflow.compiler.program.disassembly import disassemble
    from ohmflow.compiler.program.storage import load_program

    folder = program / "program" if (program / "summary.json").is_file() else program
    click.echo(disassemble(load_program(folder), entry, unit), nl=False)
