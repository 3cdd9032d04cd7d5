"""Reference pages are what their generators write, and leave nothing out."""

import re
from collections.abc import Callable

import pytest

from ohmflow.compiler.tile.dialect import Tile
from ohmflow.compiler.tile.reference import tile_ir_page
from ohmflow.targets.docstrings import opening, section
from ohmflow.targets.registry import available, load
from ohmflow.targets.schema.reference import target_files_page
from tests.docs.pages import ROOT


@pytest.mark.parametrize(
    ("name", "made"),
    [("reference-tile-ir.md", tile_ir_page), ("reference-target-files.md", target_files_page)],
    ids=["tile-ir", "target-files"],
)
def test_reference_is_up_to_date(name: str, made: Callable[[], str]) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == made(), "run `make docs`"


def test_every_operation_has_grammar_and_parts() -> None:
    page = tile_ir_page()
    for operation in Tile.operations:
        (own,) = re.findall(rf"^### {re.escape(operation.name)}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
        assert operation.name in "".join(re.findall(r"```\n(.*?)```", own, re.DOTALL)), operation.name
        assert f"`{operation.__name__}(" in own, operation.name


def test_every_type_and_attribute_of_tile_ir_is_told() -> None:
    page = tile_ir_page()
    for kind in Tile.attributes:
        assert re.search(rf"^\* `[!#]{re.escape(kind.name)}<", page, re.MULTILINE), kind.name


def test_every_key_of_the_shipped_targets_is_listed_in_its_section() -> None:
    page = target_files_page()
    tables = {head: body for head, body in re.findall(r"^##+ (\S+)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)}
    for target in (load(known.name) for known in available()):
        for path in target.origins:
            place, _, key = path.rpartition(".")
            place = "inventory.NAME" if place.startswith("inventory.") else place
            table = tables[target.device.model if place == "device.parameters" else place]
            assert f"| `{key}` |" in table, path


def test_every_key_of_a_target_has_a_meaning() -> None:
    rows = [line.split(" | ") for line in target_files_page().splitlines() if line.startswith("| `")]
    assert [row[0] for row in rows if not row[3].strip(" |")] == []


def test_docstrings_are_taken_apart() -> None:
    def fire(lines: int) -> None:
        """Fire lines.

        All of them,
        at once.

        Args:
            lines: how many | which;
                at least 1.

        Raises:
            ValueError: none.
        """

    assert opening(fire) == "Fire lines.\n\nAll of them,\nat once."
    assert section(fire, "Args") == {"lines": "how many \\| which; at least 1."}
    assert section(fire, "Attributes") == {}
