"""The comparison page and `ohmflow report`."""

import json
import shutil
from pathlib import Path

import pytest

from ohmflow.runtime.cli import main
from ohmflow.runtime.report.comparison import comparison_page
from ohmflow.runtime.report.record import load_run
from tests.runtime.report.conftest import Page


def test_comparison_gives_every_run_its_numbers(run: Path, ideal: Path) -> None:
    page = Page(comparison_page([load_run(run), load_run(ideal)]))
    assert page.unclosed == []
    head, timed, untimed = page.tables["comparison"]
    summary = json.loads((run / "summary.json").read_text())
    assert timed[head.index("Simulated time")] == summary["simulated_seconds"]
    assert timed[head.index("Energy")] == summary["energy_joules"]
    assert timed[head.index("Accuracy on the chip")] == summary["test_accuracy_analog"][-1]
    assert untimed[head.index("Energy")] == "not modelled"


def test_what_has_no_price_has_no_bar_rather_than_an_empty_one(run: Path, ideal: Path) -> None:
    text = comparison_page([load_run(run), load_run(ideal)])
    bars = text[text.index('<section id="energy">') :]
    assert "<span>timed</span>" in bars and "<span>ideal</span>" not in bars
    assert "Energy is not modelled in ideal" in bars


def test_what_is_not_modelled_is_said_only_where_something_is_not(run: Path, ideal: Path) -> None:
    told = "Not modelled, so in no total: area, energy, time in ideal."
    assert told in comparison_page([load_run(run), load_run(ideal)])
    assert "Not modelled, so" not in comparison_page([load_run(run), load_run(run)])


def test_runs_of_one_name_are_told_apart(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "timed")
    page = Page(comparison_page([load_run(run), load_run(tmp_path / "timed")]))
    assert [row[0] for row in page.tables["comparison"][1:]] == ["timed (1)", "timed (2)"]


def test_shell_remakes_a_page_and_compares_runs(run: Path, ideal: Path, tmp_path: Path) -> None:
    place = tmp_path / "timed"
    shutil.copytree(run, place)
    (place / "report.html").unlink()
    with pytest.raises(SystemExit) as left:
        main(["report", str(place)])
    assert left.value.code == 0
    assert (place / "report.html").read_bytes() == (run / "report.html").read_bytes()
    with pytest.raises(SystemExit) as left:
        main(["report", str(run), str(ideal), "-o", str(tmp_path / "both.html")])
    assert left.value.code == 0
    assert (tmp_path / "both.html").read_text() == comparison_page([load_run(run), load_run(ideal)])


def test_comparison_without_a_place_is_refused(run: Path, ideal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["report", str(run), str(ideal)])
    assert left.value.code == 2
    assert "-o: must name the page when 2 runs are compared" in capsys.readouterr().err


def test_page_that_can_not_stand_where_a_folder_is_is_refused_by_its_name(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["report", str(run), "-o", str(tmp_path)])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}: must be a path that can be used, not refused")
