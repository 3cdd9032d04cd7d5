"""`ohmflow opt`."""

import sys
from pathlib import Path

import click

from ohmflow.runtime.cli.options import echo_json, json_option


@click.command("opt", short_help="Run passes on tile IR text.")
@click.argument("file", default="-", metavar="[FILE]")
@click.option(
    "-p", "--passes", default="", metavar="LIST", help="Passes, such as canonical-names,split-maps{at=backward}."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write here instead of standard output.")
@click.option("--full-tables", is_flag=True, help="Print block tables of any length readably.")
@click.option("--list", "list_passes", is_flag=True, help="List the known passes.")
@json_option
def command(file: str, passes: str, output: Path | None, full_tables: bool, list_passes: bool, as_json: bool) -> None:
    """Parse tile IR, verify it, run passes on it, and print it.

    FILE is a text file, or - for standard input.
    """
    from ohmflow.compiler.tile.dialect import parse_tile, print_tile, verify_tile
    from ohmflow.compiler.tile.passes import passes as known_passes
    from ohmflow.compiler.tile.passes import run_pipeline

    if list_passes:
        about = {name: (kind.__doc__ or "").strip().splitlines()[0] for name, kind in sorted(known_passes().items())}
        if as_json:
            echo_json(about)
        else:
            for name, text in about.items():
                click.echo(f"{name:<20} {text}")
        return
    if file != "-" and not Path(file).is_file():
        raise click.UsageError(f"FILE: must be an existing file or -, not '{file}'; check the path")
    module = parse_tile(_read(file), file)
    verify_tile(module)
    if passes:
        run_pipeline(module, passes)
        verify_tile(module)
    text = print_tile(module, full_tables)
    if as_json:
        echo_json({"passes": passes, "tile_ir": text})
    elif output is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")


def _read(file: str) -> str:
    data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(
            f"{file}: must be text in UTF-8, not other bytes (at byte {error.start}); give a .mlir file"
        ) from error
