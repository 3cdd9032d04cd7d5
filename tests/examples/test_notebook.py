"""The notebook is one that Jupyter opens, holds no outputs, and runs from top to bottom."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "examples" / "first_look.ipynb"
NOTEBOOK = json.loads(FILE.read_text(encoding="utf-8"))


def sources(kind: str) -> list[str]:
    return ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == kind]


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell as Jupyter does: the value of an expression at its end is what it shows."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), str(FILE), "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), str(FILE), "eval"), names)


def test_it_is_a_notebook_of_format_4_5_without_outputs() -> None:
    # https://nbformat.readthedocs.io/en/latest/format_description.html
    assert (NOTEBOOK["nbformat"], NOTEBOOK["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in NOTEBOOK["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    for cell in NOTEBOOK["cells"]:
        required = {"cell_type", "id", "metadata", "source"}
        code = {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        assert set(cell) == required | code, cell["id"]
        assert not code or (cell["outputs"] == [] and cell["execution_count"] is None), cell["id"]


def test_every_cell_of_code_has_its_text_before_it() -> None:
    kinds = [cell["cell_type"] for cell in NOTEBOOK["cells"]]
    assert kinds == ["markdown"] + ["markdown", "code"] * (len(kinds) // 2)


def test_its_cells_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "models").symlink_to(FILE.parent / "models")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = [run_cell(source, names) for source in sources("code")]
    (page,) = [one._repr_html_() for one in shown if hasattr(one, "_repr_html_")]
    assert page.startswith("<iframe") and "&lt;svg" in page
    printed = capsys.readouterr().out
    shares = [float(share) for share in re.findall(r"(\d+\.\d)%", printed)]
    assert min(shares) > 20 and shares[-1] > 85, printed  # the exported model is good, and nothing is below chance
