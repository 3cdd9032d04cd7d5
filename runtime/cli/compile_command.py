"""`ohmflow compile`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ohmflow.runtime.cli.options import (
    compile_options,
    echo_json,
    json_option,
    load_target,
    make_compile_options,
    target_options,
)
from ohmflow.runtime.cli.show_rules import rule_lines

if TYPE_CHECKING:
    from ohmflow.compiler.compile import CompileOptions, Stages
    from ohmflow.targets.schema.target import Target

_KINDS = ("program", "tile-ir", "training-onnx", "disassembly")


@click.command("compile", short_help="Compile an ONNX model for a target.")
@click.argument("model", type=click.Path(path_type=Path))
@target_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Program folder; or a .mlir, .onnx or .txt file with --emit.",
)
@click.option("--emit", type=click.Choice(_KINDS), default="program", show_default=True, help="What to write.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that holds files.")
@click.option("--explain", is_flag=True, help="Tell for each node where it runs and why; writes nothing.")
@compile_options
@json_option
def command(
    model: Path,
    target_name: str,
    overrides: tuple[str, ...],
    output: Path | None,
    emit: str,
    overwrite: bool,
    explain: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compile MODEL (an ONNX file) to a program for a target.

    With --emit tile-ir or disassembly the text goes to standard output, or to OUTPUT if that ends in .mlir or .txt.
    With --explain a table goes there: each node of the model, where it runs, why, and what it costs. A model that is
    refused is explained too, and the exit status is 3. For a target that can not train, the program only infers.
    """
    from ohmflow.compiler.compile import compile_stages
    from ohmflow.compiler.program.storage import save_program
    from ohmflow.runtime.training.run_folder import claim_folder
    from ohmflow.targets.capability import can_train, require_training

    if explain and (output is not None or emit != "program"):
        option = "-o" if output is not None else "--emit"
        raise click.UsageError(f"{option}: must be left out with --explain, which writes nothing; compile without it")
    target = load_target(target_name, overrides)
    chosen = make_compile_options(**options, training=can_train(target))
    if explain:
        _explain(model, target, chosen, as_json)
        return
    if output is None and emit in ("program", "training-onnx"):
        raise click.UsageError(
            f"-o: must be given with --emit {emit}; name a {'folder' if emit == 'program' else 'file'}"
        )
    if emit == "training-onnx" and not chosen.training:
        require_training(target)
    stages = compile_stages(model, target, chosen)
    text = _text(stages, emit)
    if output is not None and output.suffix in (".mlir", ".txt", ".onnx"):
        if emit == "program":
            raise click.UsageError(f"-o {output}: must be a folder for a program, not a file name; drop the suffix")
        output.parent.mkdir(parents=True, exist_ok=True)
        _write(output, text.encode() if isinstance(text, str) else text)
        if as_json:
            echo_json(_summary(stages) | {"output": str(output)})
        else:
            click.echo(f"wrote {output}", err=True)
        return
    if output is not None:
        claim_folder(output, overwrite)
        save_program(stages.program, output)
        if isinstance(text, bytes):
            _write(output / "training.onnx", text)
    if as_json:
        emitted = {emit.replace("-", "_"): text} if emit in ("tile-ir", "disassembly") else {}
        echo_json(_summary(stages) | emitted | {"output": None if output is None else str(output)})
    elif emit in ("tile-ir", "disassembly"):
        assert isinstance(text, str)
        click.echo(text, nl=not text.endswith("\n"))
    else:
        _show(stages, output)


def _explain(model: Path, target: "Target", options: "CompileOptions", as_json: bool) -> None:
    """Print what becomes of each node; a refusal ends as every error does, after the table."""
    from ohmflow.compiler.explain import explain
    from ohmflow.runtime.cli.show_explanation import show_explanation

    told, error = explain(model, target, options)
    if as_json:
        echo_json(told.as_json())
    else:
        show_explanation(told)
    if error is not None:
        raise error


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        error.filename = str(file)  # a full disk is found while writing, when Python no longer knows the name
        raise


def _text(stages: "Stages", emit: str) -> str | bytes:
    match emit:
        case "tile-ir":
            return stages.program.tile_ir
        case "training-onnx":
            from ohmflow.compiler.autodiff.export import training_onnx

            assert stages.training is not None, "this command compiles for training"
            return bytes(training_onnx(stages.training).SerializeToString(deterministic=True))
        case "disassembly":
            from ohmflow.compiler.program.disassembly import disassemble

            return disassemble(stages.program)
        case _:
            return ""


def _summary(stages: "Stages") -> dict[str, Any]:
    program = stages.program
    return {
        "model": program.manifest["model"],
        "target": program.manifest["target"],
        "target_hash": program.manifest["target_hash"],
        "arrays": [
            {
                "name": a.name,
                "rows": a.rows,
                "cols": a.cols,
                "alpha": a.alpha,
                "blocks": len(a.blocks),
                "tiles": sorted({b.tile for b in a.blocks}),
            }
            for a in program.arrays
        ],
        "rules": program.manifest["rules"],
        "states": [s.name for s in program.states],
        "segments": len(program.segments),
        "digital_products": [{"node": node, "reason": reason} for node, reason in stages.arrays.digital],
        "tiles": len({b.tile for a in program.arrays for b in a.blocks}),
        "instructions": {name: len(e.instructions) for name, e in program.entries.items()},
    }


def _show(stages: "Stages", output: Path | None) -> None:
    summary = _summary(stages)
    click.echo(f"{summary['model']} for {summary['target']}")
    for array in summary["arrays"]:
        blocks = "1 block" if array["blocks"] == 1 else f"{array['blocks']} blocks"
        tiles = ", ".join(map(str, array["tiles"][:6])) + (", …" if len(array["tiles"]) > 6 else "")
        click.echo(f"  array {array['name']:<20} {array['rows']:>5} x {array['cols']:<5} {blocks} on tile {tiles}")
    for line in rule_lines(stages.program.manifest["rules"]):
        click.echo(f"  {line}")
    for product in summary["digital_products"]:
        click.echo(f"  digital {product['node']}: {product['reason']}")
    click.echo(
        f"  {summary['tiles']} tile{'s' if summary['tiles'] != 1 else ''}, {summary['segments']} digital segments, "
        f"{sum(not state.layer for state in stages.program.states)} digital parameters"
    )
    if "train_step" not in stages.program.entries:
        click.echo(f"  for inference only: {summary['target']} can not train")
    if output is not None:
        click.echo(f"wrote {output}")
