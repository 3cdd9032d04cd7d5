"""docs/tile-ir.md shows tile IR as it is."""

import re
from pathlib import Path

import pytest

from ohmflow.compiler.tile.dialect import Tile, parse_tile, print_tile, verify_tile
from ohmflow.compiler.tile.passes import passes

PAGE = (Path(__file__).parents[3] / "docs" / "tile-ir.md").read_text()
BLOCKS = re.findall(r"^```mlir\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_block_of_the_page_verifies_and_prints_as_shown(block: str) -> None:
    module = parse_tile(block, "docs/tile-ir.md")
    verify_tile(module)
    assert print_tile(module) == block


def test_page_tells_every_operation_and_pass() -> None:
    assert [op.name for op in Tile.operations if f"`{op.name}" not in PAGE and f"{op.name} " not in PAGE] == []
    ours = [name for name, made in passes().items() if made.__module__.startswith("ohmflow.")]
    assert [name for name in ours if f"| `{name}" not in PAGE] == []
