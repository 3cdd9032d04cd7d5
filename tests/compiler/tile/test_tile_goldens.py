"""Golden files of tile IR. OHMFLOW_UPDATE_GOLDEN=1 rewrites what is given; a golden without it fails.

programs/: the text must print as it is. passes/: first line the pipeline, then the input, then what it gives.
errors/: the input, then the whole message.
"""

import os
from io import StringIO
from pathlib import Path

import pytest
from xdsl.printer import Printer

from ohmflow.compiler.tile.dialect import TileError, parse_tile, print_tile, verify_tile
from ohmflow.compiler.tile.passes import passes, run_pipeline

GOLDEN = Path(__file__).parents[2] / "golden" / "tile"
GIVES = "// ----- gives\n"
PROGRAMS = sorted((GOLDEN / "programs").glob("*.mlir"))
PASSES = sorted((GOLDEN / "passes").glob("*/*.mlir"))
ERRORS = sorted((GOLDEN / "errors").glob("*.mlir"))


def check(path: Path, source: str, given: str) -> None:
    if os.environ.get("OHMFLOW_UPDATE_GOLDEN") == "1":
        path.write_text(f"{source}{GIVES}{given}")
    assert path.read_text().partition(GIVES)[2] == given, f"{path}: OHMFLOW_UPDATE_GOLDEN=1 rewrites it"


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_verifies_and_prints_as_it_is_written(path: Path) -> None:
    module = parse_tile(path.read_text(), path.name)
    verify_tile(module)
    if os.environ.get("OHMFLOW_UPDATE_GOLDEN") == "1":
        path.write_text(print_tile(module))
    assert print_tile(module) == path.read_text()


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_survives_the_generic_form(path: Path) -> None:
    module = parse_tile(path.read_text(), path.name)
    stream = StringIO()
    Printer(stream, print_generic_format=True).print_op(module)
    again = parse_tile(stream.getvalue(), "generic")
    verify_tile(again)
    assert print_tile(again) == print_tile(module)


@pytest.mark.parametrize("path", PASSES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_pass_gives_what_its_golden_says(path: Path) -> None:
    source = path.read_text().partition(GIVES)[0]
    pipeline = source.splitlines()[0].removeprefix("// ")
    assert pipeline.partition("{")[0] == path.parent.name
    module = parse_tile(source, path.name)
    verify_tile(module)
    check(path, source, print_tile(run_pipeline(module, pipeline)))


@pytest.mark.parametrize("path", PASSES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_pass_has_nothing_left_to_do_after_it_ran(path: Path) -> None:
    pipeline = path.read_text().splitlines()[0].removeprefix("// ")
    module = run_pipeline(parse_tile(path.read_text().partition(GIVES)[0], path.name), pipeline)
    once = print_tile(module)
    assert print_tile(run_pipeline(module, pipeline)) == once


def test_every_pass_of_ours_has_a_golden() -> None:
    ours = {name for name, made in passes().items() if made.__module__.startswith("ohmflow.")}
    assert ours == {path.parent.name for path in PASSES}


@pytest.mark.parametrize("path", ERRORS, ids=lambda path: path.stem)
def test_wrong_text_gives_its_message(path: Path) -> None:
    source = path.read_text().partition(GIVES)[0]
    with pytest.raises(TileError) as caught:
        verify_tile(parse_tile(source, path.name))
    assert caught.value.exit_status == 2
    check(path, source, f"{caught.value}\n")


def test_every_operation_is_in_a_golden_program() -> None:
    from ohmflow.compiler.tile.dialect import Tile

    text = "".join(path.read_text() for path in PROGRAMS)
    assert [op.name for op in Tile.operations if f"{op.name} " not in text] == []


def test_empty_text_is_refused() -> None:
    with pytest.raises(TileError, match=r"^empty\.mlir:1:1: text must hold tile IR, not nothing; "):
        parse_tile(" \n", "empty.mlir")
    assert not list(parse_tile("builtin.module {}", "none.mlir").body.block.ops)
