"""Python on the pages runs: the README's, and that of the how-tos with their packages installed.

A how-to's block with a file name after its language is a file; its `toml` block is the pyproject.toml of the package.
What pip would install is laid beside them, so that entry points are found.
"""

import sys
import tomllib
from pathlib import Path

import pytest

import ohmflow.runtime.kernel_cache  # noqa: F401  (before a plug-in is there: its kernels are not to be kept)
from ohmflow.compiler.tile.passes import passes
from tests.docs.pages import HOW_TOS, README, ROOT, Fence, fences, page_id


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which `examples/` can be reached as from the root."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def install(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the files of a how-to into a folder, and let Python find them as an installed package."""
    for fence in fences(page):
        if fence.name:
            (folder / fence.name).write_text(fence.text)
            monkeypatch.delitem(sys.modules, fence.name.removesuffix(".py"), raising=False)
    (toml,) = [tomllib.loads(fence.text)["project"] for fence in fences(page) if fence.language == "toml"]
    info = folder / f"{toml['name'].replace('-', '_')}-{toml['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {toml['name']}\nVersion: {toml['version']}\n")
    lines = []
    for group, points in toml["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(folder)


def execute(page: Path, fence: Fence) -> None:
    """Run a block; a traceback names the page and its line."""
    source = "\n" * (fence.line - 1) + fence.text
    exec(compile(source, str(page), "exec"), {"__name__": "snippet"})


def snippets(page: Path) -> list[Fence]:
    return [fence for fence in fences(page) if fence.language == "python" and not fence.name]


def test_python_of_the_readme_runs(elsewhere: Path) -> None:
    assert snippets(README)
    for fence in snippets(README):
        execute(README, fence)


@pytest.mark.parametrize("page", HOW_TOS, ids=page_id)
def test_python_of_a_how_to_runs(page: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(page, elsewhere, monkeypatch)
    assert snippets(page)
    for fence in snippets(page):
        execute(page, fence)


@pytest.mark.parametrize("page", HOW_TOS, ids=page_id)
def test_files_of_a_how_to_are_short(page: Path) -> None:
    assert max(fence.text.count("\n") for fence in fences(page)) <= 70


def test_plug_ins_of_the_pages_are_gone_afterwards() -> None:
    assert "one-unstash" not in passes()
