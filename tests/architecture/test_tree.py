"""What holds for every file of the tree."""

import re
import subprocess
from pathlib import Path

import pytest

from ohmflow.compiler.tile.dialect import Tile

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    """Files under version control, or all but caches where there is none (an unpacked archive)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [p for name in listed.stdout.split("\0") if name and (p := ROOT / name).is_file()]
    hidden = ("__pycache__", ".venv", "build", "dist")
    return [p for p in ROOT.rglob("*") if p.is_file() and not any(part in hidden for part in p.parts)]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        if path.is_symlink() or path.suffix in (".onnx", ".npz", ".png"):
            continue
        found.append((str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")))
    return found


# A root folder at the start of a word; spelled in parts, so that this file does not mention one either.
PLACE = re.compile(
    r"(?<![\w.~>}/-])/(?:" + "|".join(("wo" + "rk", "ho" + "me", "Us" + "ers", "ro" + "ot", "mn" + "t")) + r")/\w"
)


def test_no_file_mentions_a_place_on_somebodys_computer() -> None:
    assert [name for name, text in texts() if PLACE.search(text)] == []


def test_text_ends_with_a_newline_and_has_no_trailing_blanks() -> None:
    generated = ("tests/",)  # expected texts, in files and in strings, are as a printer printed them
    wrong = [
        name
        for name, text in texts()
        if text
        and not name.startswith(generated)
        and (not text.endswith("\n") or re.search(r"[ \t]+$", text, re.MULTILINE))
    ]
    assert wrong == []


def test_nothing_generated_is_under_version_control() -> None:
    assert [str(p) for p in tracked() if p.suffix in (".pyc", ".nbi", ".nbc") or "egg-info" in str(p)] == []


def test_links_of_documents_lead_somewhere() -> None:
    broken = []
    for name, text in texts():
        if not name.endswith(".md"):
            continue
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            if not (ROOT / name).parent.joinpath(target).exists():
                broken.append(f"{name}: {target}")
    assert broken == []


@pytest.mark.parametrize("operation", sorted(op.name for op in Tile.operations))
def test_every_tile_operation_has_a_golden_and_is_on_its_page(operation: str) -> None:
    goldens = "".join(p.read_text() for p in (ROOT / "tests" / "golden" / "tile" / "programs").glob("*.mlir"))
    assert re.search(rf"\b{re.escape(operation)}\b", goldens)
    assert f"{operation}" in (ROOT / "docs" / "tile-ir.md").read_text()


def test_every_event_of_the_ledger_is_on_its_page() -> None:
    from ohmflow.targets.components.registry import all_events

    page = (ROOT / "docs" / "ledger.md").read_text()
    assert [e.name for e in all_events() if e.component != "leakage" and e.name not in page] == []


def test_every_option_that_the_documents_show_exists() -> None:
    from click import Command, Group

    from ohmflow.runtime.cli.main import _COMMANDS, cli

    known = {"--debug", "--version", "--help"}
    stack: list[Command] = [cli.get_command(None, name) for name in _COMMANDS]  # type: ignore[arg-type, misc]
    while stack:
        command = stack.pop()
        known |= {option for parameter in command.params for option in parameter.opts}
        if isinstance(command, Group):
            stack += command.commands.values()
    told = {
        (name, option)
        for name, text in texts()
        if name.endswith(".md")
        for line in re.findall(r"^\s*(?:\$ )?(?:\.venv/bin/)?ohmflow .*(?:\\\n.*)*", text, re.MULTILINE)
        for option in re.findall(r"(?<!\S)--[a-z][a-z-]+", line)
    }
    assert sorted(f"{name}: {option}" for name, option in told if option not in known) == []
