"""Who may import whom, and what starting costs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("numba", "onnx", "onnx_ir", "onnxruntime", "xdsl", "ortools", "networkx", "llvmlite")


def imported(path: Path) -> set[str]:
    """Every module of ours that a file names, also inside functions and under TYPE_CHECKING."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import absolutely, as in ohmflow.{path.parent.name}"
            names.add(node.module or "")
    return {name for name in names if name.split(".")[0] in ("ohmflow", "compiler", "runtime", "targets")}


def files(top: str) -> list[Path]:
    return sorted((ROOT / top).rglob("*.py"))


def test_everything_is_imported_under_ohmflow() -> None:
    everything = [p for top in ("compiler", "runtime", "targets", "tests", "bench", "examples") for p in files(top)]
    assert [f"{p}: {n}" for p in everything for n in imported(p) if not n.startswith("ohmflow.")] == []


def test_targets_import_nothing_of_ours() -> None:
    found = {n for p in files("targets") for n in imported(p)}
    assert {n for n in found if not n.startswith("ohmflow.targets")} == set()


def test_compiler_imports_no_runtime() -> None:
    found = {n for p in files("compiler") for n in imported(p)}
    assert {n for n in found if not n.startswith(("ohmflow.compiler", "ohmflow.targets"))} == set()


def test_runtime_reads_programs_only() -> None:
    shell = ROOT / "runtime" / "cli"
    # runtime/__init__ names nothing of the compiler either.
    found = {
        f"{p.relative_to(ROOT)}: {n}"
        for p in files("runtime")
        if shell not in p.parents
        for n in imported(p)
        if n.startswith("ohmflow.compiler") and not n.startswith("ohmflow.compiler.program")
    }
    assert found == set()


def test_only_the_shell_is_above_the_runtime() -> None:
    shell = ROOT / "runtime" / "cli"
    found = {n for p in files("runtime") if shell not in p.parents for n in imported(p)}
    assert {n for n in found if n.startswith("ohmflow.runtime.cli")} == set()


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded after some code in a fresh interpreter."""
    report = "import json, sys; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import ohmflow.compiler, ohmflow.runtime, ohmflow.targets.registry",
        "import ohmflow.compiler.program",
        "from ohmflow.targets.registry import load; load('rpu-2016'); load('protonic-psg')",
    ],
    ids=["packages", "program", "load a target"],
)
def test_importing_packages_loads_nothing_heavy(code: str) -> None:
    heavy = set(HEAVY)
    if "load(" in code:
        heavy -= {"numba", "llvmlite"}  # a device's parameters live beside its pulse, which is compiled by numba
    assert loaded_by(code) & heavy == set()


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["targets", "list"], ["train", "--help"], ["trian"]])
def test_shell_starts_without_anything_heavy(words: list[str]) -> None:
    code = f"from ohmflow.runtime.cli import main\ntry:\n    main({words})\nexcept SystemExit:\n    pass"
    assert loaded_by(code) & {*HEAVY, "numpy", "pydantic"} <= ({"pydantic"} if words[0] == "targets" else set())
