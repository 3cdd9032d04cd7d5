"""A run's page says what its files say, needs nothing else, and can not be made to say more."""

import csv
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from ohmflow.runtime.report.errors import ReportError
from ohmflow.runtime.report.page import run_page
from ohmflow.runtime.report.record import load_run
from ohmflow.runtime.report.writing import remake_report
from tests.runtime.report.conftest import Page


def summary_of(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary


def ledger_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "ledger.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def changed(run: Path, place: Path, **facts: Any) -> str:
    """The page of a copy of the run whose report.json says something else."""
    shutil.copytree(run, place)
    known = json.loads((place / "report.json").read_text()) | facts
    (place / "report.json").write_text(json.dumps(known))
    return run_page(load_run(place))


def test_headline_numbers_are_those_of_the_summary(run: Path, page: Page) -> None:
    summary = summary_of(run)
    assert page.numbers == {
        "accuracy-analog": summary["test_accuracy_analog"][-1],
        "accuracy-exported": summary["test_accuracy"][-1],
        "seconds": summary["simulated_seconds"],
        "cycles": summary["cycles"],
        "joules": summary["energy_joules"],
        "tiles": summary["tiles"],
        "seed": 3,
    } | ({"area": summary["area_mm2"]} if summary["area_mm2"] is not None else {})


def test_epochs_are_those_of_the_summary(run: Path, page: Page) -> None:
    summary = summary_of(run)
    assert [row[1:] for row in page.tables["epochs"][1:]] == [
        [summary[key][k] for key in ("lr", "train_loss", "val_accuracy", "test_accuracy_analog", "test_accuracy")]
        for k in range(2)
    ]


def test_energies_are_those_of_the_ledger_to_the_last_digit(run: Path, page: Page) -> None:
    cells: dict[tuple[str, str], float] = {}
    for row in ledger_of(run):
        if row["energy_j"]:
            key = (row["phase"], row["component"])
            cells[key] = cells.get(key, 0.0) + float(row["energy_j"])
    head, *body = page.tables["energy-table"]
    shown = {
        (str(row[0]), str(name)): value
        for row in body[:-1]
        for name, value in zip(head[2:], row[2:], strict=True)
        if value != ""
    }
    assert shown == cells
    summary = summary_of(run)
    assert {row[0]: row[1] for row in body[:-1]} == summary["energy_by_phase"]
    assert (
        dict(zip(head[1:], body[-1][1:], strict=True))
        == {"All": summary["energy_joules"]} | summary["energy_by_component"]
    )


def test_layers_do_not_cost_more_than_the_run_and_are_all_there(run: Path, page: Page) -> None:
    head, *body = page.tables["layer-table"]
    facts = json.loads((run / "report.json").read_text())
    assert [row[0] for row in body] == [a["name"] for a in facts["arrays"]]
    joules, share = head.index("Energy"), head.index("Share")
    total = summary_of(run)["energy_joules"]
    assert 0 < sum(float(row[joules]) for row in body) < total
    assert [float(row[share]) for row in body] == pytest.approx([float(row[joules]) / total for row in body])
    assert [row[head.index("Updates")] for row in body] == [46.0, 46.0]
    # 23 rows twice, forward each time; the second array is read backward too; 18 test rows after each epoch.
    assert [row[head.index("Vectors read")] for row in body] == [2 * (23 + 18), 2 * (23 + 23 + 18)]


def test_uncertain_figures_that_price_something_are_listed_with_their_sources(run: Path, page: Page) -> None:
    facts = json.loads((run / "report.json").read_text())
    sources = {f["path"]: (f["value"], f["source"]) for f in facts["uncertain"]}
    listed = page.tables["priced"][1:]
    assert len(listed) > 3
    for path, value, joules, share, source in listed:
        assert (value, source) == sources[str(path)]
        assert 0 <= float(joules) <= summary_of(run)["energy_joules"] and 0 <= float(share) <= 1


def test_page_is_well_formed_and_needs_nothing_from_elsewhere(run: Path, page: Page) -> None:
    assert page.unclosed == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert [a for a in page.attributes if a[1] in ("src", "href", "srcset") or a[1].startswith("on")] == []
    text = (run / "report.html").read_text()
    assert "@import" not in text and "url(" not in text
    for part in text.split("<svg")[1:]:
        ET.fromstring("<svg" + part.split("</svg>")[0] + "</svg>")


def test_page_is_remade_to_the_same_bytes_and_knows_no_host_time(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "timed"
    shutil.copytree(run, copy)
    (copy / "report.html").unlink()
    summary = summary_of(copy)
    (copy / "summary.json").write_text(json.dumps(summary | {"host_seconds": 1e9}))
    assert remake_report(copy).read_bytes() == (run / "report.html").read_bytes()


def test_names_from_a_model_are_shown_and_do_nothing(run: Path, tmp_path: Path) -> None:
    evil = "</title></svg><script>alert('x')</script>\"'&"
    facts = json.loads((run / "report.json").read_text())
    for array in facts["arrays"]:
        array["name"] = evil
    facts["command"] = evil
    facts["data"]["name"] = evil
    facts["target"]["summary"] = evil
    for figure in facts["uncertain"]:
        figure["source"] = evil
    place = tmp_path / "evil"
    shutil.copytree(run, place)
    (place / "summary.json").write_text(json.dumps(summary_of(run) | {"model": evil}))
    (place / "report.json").write_text(json.dumps(facts))
    page = Page(run_page(load_run(place)))
    assert "script" not in page.tags and page.unclosed == []
    assert page.text.count(evil) > 5
    assert [a for a in page.attributes if a[1].startswith("on")] == []


def test_sixty_arrays_on_a_mesh_of_sixteen_by_sixteen_stay_inside_their_drawings(run: Path, tmp_path: Path) -> None:
    facts = json.loads((run / "report.json").read_text())
    units = [{"name": f"tile({k % 16},{k // 16})", "kind": "tile", "x": k % 16, "y": k // 16} for k in range(0, 256, 4)]
    arrays = [
        facts["arrays"][0]
        | {
            "name": f"encoder.layers.{k}.self_attention.output.weight",
            "blocks": [
                {"row0": 0, "col0": 0, "rows": 3, "cols": 6, "tile": units[k]["name"], "tile_row": r, "tile_col": 0}
                for r in (0, 3)
            ],
        }
        for k in range(60)
    ]
    page = Page(changed(run, tmp_path / "large", units=units, arrays=arrays))
    assert page.unclosed == []
    assert len(page.tables["layer-table"]) == 61
    text = run_page(load_run(tmp_path / "large"))
    drawings = ["<svg" + part.split("</svg>")[0] + "</svg>" for part in text.split("<svg")[1:]]
    assert len(drawings) == 2 + 2 + 1 + 60  # of epochs; power and critical path of a step; mesh; tiles
    for drawing in map(ET.fromstring, drawings):
        _, _, width, height = map(float, drawing.attrib["viewBox"].split())
        for box in drawing.iter("rect"):
            x, y, w, h = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
            assert x >= 0 and y >= 0 and w >= 0 and h >= 0 and x + w <= width + 0.1 and y + h <= height + 0.1


def test_page_of_ideal_says_what_is_not_modelled(ideal: Path) -> None:
    page = Page((ideal / "report.html").read_text())
    assert page.unclosed == []
    assert page.text.count("not modelled") >= 3
    assert "seconds" not in page.numbers and "joules" not in page.numbers
    assert "energy-table" not in page.tables and "time-table" not in page.tables
    assert page.numbers["accuracy-exported"] == summary_of(ideal)["test_accuracy"][-1]


def test_folder_without_a_run_is_refused_by_what_it_lacks(run: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="must be a run folder"):
        load_run(tmp_path / "nothing")
    with pytest.raises(ReportError, match=r"has no summary\.json, ledger\.csv, events\.npz, report\.json"):
        load_run(tmp_path)
    place = tmp_path / "torn"
    shutil.copytree(run, place)
    (place / "summary.json").write_text("{")
    with pytest.raises(ReportError, match="as they were written"):
        load_run(place)
    (place / "summary.json").write_text((run / "summary.json").read_text())
    (place / "report.json").write_text('{"facts_version": 99}')
    with pytest.raises(ReportError, match="facts_version must be 1, not 99"):
        load_run(place)
