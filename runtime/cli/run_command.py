"""`ohmflow run`."""

from pathlib import Path
from typing import Any

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

_FILES = ("outputs.npz", "ledger.csv", "ledger_by_layer.csv", "events.npz", "power.csv", "power.json", "summary.json")
"""What is written, where there is something to write."""


@click.command("run", short_help="Run a model forward on a simulated chip.")
@click.argument("source", metavar="MODEL|PROGRAM")
@target_options
@network_option
@click.option("--inputs", required=True, type=click.Path(path_type=Path), help=".npz with one array per graph input.")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for outputs.npz and the bill."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of devices and converter noise.")
@click.option(
    "--wait",
    type=float,
    default=0.0,
    metavar="SECONDS",
    help="Simulated seconds that the chip idles between programming and the first read, while its devices age.",
)
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds files.")
@compile_options
@json_option
def command(
    source: str,
    target_name: str,
    overrides: tuple[str, ...],
    inputs: Path,
    output: Path,
    seed: int,
    wait: float,
    overwrite: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Run MODEL (an ONNX file) or a compiled PROGRAM forward on a simulated chip.

    Its weights are programmed, the rows of INPUTS are read through them, and OUTPUT receives outputs.npz, summary.json,
    ledger.csv, events.npz and the power of a step.
    """
    from ohmflow.runtime.cli.show import console, show_bill
    from ohmflow.runtime.cli.show_peak import show_peak
    from ohmflow.runtime.report.step_files import write_step_files
    from ohmflow.runtime.training.inference import run_inference
    from ohmflow.runtime.training.run_folder import claim_folder
    from ohmflow.targets.capability import require_execution

    target = load_target(target_name, overrides)
    program = program_of(source, target, make_compile_options(**options, training=False))
    require_execution(target)
    is_new = not output.exists()
    claim_folder(output, overwrite)
    try:
        result = run_inference(program, target, inputs, output, seed, wait)
        write_step_files(output, program, target, critical=False)
    except BaseException:
        if is_new and not any(output.iterdir()):
            output.rmdir()
        raise
    if as_json:
        echo_json(result.summary)
    else:
        show_bill(result.summary, result.bill, target, program)
        show_peak(output, console())
        written = [name for name in _FILES if (output / name).is_file()]
        click.echo(f"wrote {output}/{', '.join(written)}")
