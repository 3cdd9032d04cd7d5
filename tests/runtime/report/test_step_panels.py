"""The panels of a step: power and critical path, as its files tell them."""

import csv
import json
from pathlib import Path

import pytest

from ohmflow.runtime.report.critical_view import critical_view
from ohmflow.runtime.report.power_view import power_view
from ohmflow.runtime.report.record import load_run


def test_a_run_has_the_files_of_a_step(run: Path) -> None:
    power, critical = (json.loads((run / name).read_text()) for name in ("power.json", "critical.json"))
    assert power["cycles"] == critical["cycles"]
    assert sum(span["cycles"] for span in critical["path"]) == critical["cycles"]
    with (run / "power.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    joules = sum(float(row["power_w"]) * int(row["cycles"]) / power["clock_hz"] for row in rows)
    assert joules == pytest.approx(power["energy_joules"], rel=1e-9)


def test_the_page_shows_peaks_and_gains(run: Path) -> None:
    power, critical = power_view(load_run(run)), critical_view(load_run(run))
    assert power is not None and critical is not None
    told = json.loads((run / "power.json").read_text())
    assert [row.watts for row in power.rows] == [
        *(told["peaks"][name]["watts"] for name in ("bin", "window", "cycle")),
        told["mean_watts"],
    ]
    page = (run / "report.html").read_text()
    assert 'id="power"' in page and 'id="critical"' in page
    assert critical.gains and all(f"<td>{gain.name}</td>" in page for gain in critical.gains)


def test_a_target_without_time_has_neither(ideal: Path) -> None:
    assert not any((ideal / name).exists() for name in ("power.csv", "power.json", "critical.json"))
    page = (ideal / "report.html").read_text()
    assert 'id="power"' not in page and 'id="critical"' not in page
