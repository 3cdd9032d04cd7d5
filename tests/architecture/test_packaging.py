"""The package list, the wheel's files, entry points, and the size and shape of modules."""

import ast
import re
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = sorted(p for top in ("compiler", "runtime", "targets") for p in (ROOT / top).rglob("*.py"))

LONGEST = 400
LONGER: dict[str, str] = {
    "runtime/machine/clock_kernel.py": "one loop over one state; what is split off is no longer inlined",
}
"""Modules that may be longer, and why."""


def test_package_list_is_the_tree() -> None:
    folders = {p.parent for p in SOURCES} | {p.parent for p in (ROOT / "targets").rglob("*.yaml")}
    found = sorted("ohmflow." + ".".join(folder.relative_to(ROOT).parts) for folder in folders)
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == found


def test_every_package_has_an_init() -> None:
    assert [str(f) for f in {p.parent for p in SOURCES} if not (f / "__init__.py").exists()] == []


def test_packages_are_typed_and_data_are_shipped() -> None:
    assert all((ROOT / top / "py.typed").exists() for top in ("compiler", "runtime", "targets"))
    kinds = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    kept = [p for top in ("compiler", "runtime", "targets") for p in (ROOT / top).rglob("*") if p.is_file()]
    others = [p for p in kept if p.suffix not in (".py", ".pyc")]
    assert [str(p) for p in others if not any(p.match(kind) for kind in kinds)] == []


@pytest.mark.parametrize("group", sorted(PROJECT["project"]["entry-points"]))
def test_entry_points_load_and_are_installed(group: str) -> None:
    stated = PROJECT["project"]["entry-points"][group]
    installed = {point.name: point.value for point in entry_points(group=group)}
    assert stated.items() <= installed.items(), "pip install -e . again"
    for value in stated.values():
        module, _, name = value.partition(":")
        assert hasattr(import_module(module), name)


def test_modules_are_short() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES}
    long = {name for name, lines in lengths.items() if lines > LONGEST}
    assert sorted(long - LONGER.keys()) == []
    assert all((ROOT / name).exists() for name in LONGER)


def test_modules_and_public_definitions_have_docstrings() -> None:
    missing = []
    for path in SOURCES:
        name = str(path.relative_to(ROOT))
        module = ast.parse(path.read_text())
        if not ast.get_docstring(module):
            missing.append(name)
        missing += [
            f"{name}: {node.name}"
            for node in module.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]
    assert missing == []


SHADOWS = {"runtime/crossbar/array.py", "targets/components/array.py"}
"""Named like the standard module `array`; the names are the field's, and neither folder holds scripts to run."""


def test_no_module_is_named_after_a_library() -> None:
    """Running a neighbour as a script puts its folder first on the path, where `onnx.py` would be found."""
    stated = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["dev"]]
    packages = {re.split(r"[^\w-]", requirement)[0].lower().replace("-", "_") for requirement in stated}
    libraries = {*sys.stdlib_module_names, *packages, "yaml", "sklearn"}
    named = {str(p.relative_to(ROOT)) for p in SOURCES if p.stem in libraries}
    assert sorted(named - SHADOWS) == []


def test_there_is_no_room_for_odds_and_ends() -> None:
    names = ("utils", "util", "common", "helpers", "misc")
    assert [
        str(p)
        for top in ("compiler", "runtime", "targets", "tests")
        for p in (ROOT / top).rglob("*.py")
        if p.stem in names
    ] == []
