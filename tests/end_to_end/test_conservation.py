"""Nothing is lost between events, ledger and summary, and an independent script gets the same bill."""

import ast
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ohmflow.targets
from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.training.api import train
from ohmflow.runtime.training.inference import run_inference
from ohmflow.runtime.training.trainer import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import DIGITS_MLP

LIBRARY = Path(ohmflow.targets.__file__).parent / "library"
SCRIPT = Path(__file__).with_name("recompute_ledger.py")
SMALL_CHIP = """\
name: small-chip
summary: rpu-2016 with small tiles on a small mesh, converters for free and leakage of routers unknown
extends: rpu-2016
source: "assumption: a test"
confidence: low
tile:
  crossbar: {rows: 96, cols: 80}
  adc: {energy: 0 J}
  dac: {energy: null}
  update: {train_length: 10, update_management: false, train_length_management: false}
device:
  pulse: {scheme: full, gap: 1 ns}
chip:
  mesh: 3 x 4
  tiles_per_node: 2
  router: {leakage: null}
not_modelled: [area, chip.router, tile.dac.energy]
"""


@pytest.fixture(scope="module", params=["protonic-psg", "rpu-2016", "small-chip"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run folder and the file of its target."""
    folder = tmp_path_factory.mktemp(request.param)
    file = LIBRARY / f"{request.param}.yaml"
    if not file.exists():
        file = folder / f"{request.param}.yaml"
        file.write_text(SMALL_CHIP)
    target = load(file)
    train(compile_model(DIGITS_MLP, target), target, "digits", TrainOptions(epochs=2, batch=16, seed=4), folder / "run")
    return folder / "run", file


def ledger(run: Path) -> list[dict[str, str]]:
    with (run / "ledger.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_independent_script_gets_the_same_ledger(finished: tuple[Path, Path]) -> None:
    run, target = finished
    done = subprocess.run(
        [sys.executable, "-S", "-c", _ISOLATED, str(SCRIPT), str(run), str(target), str(LIBRARY)],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "the ledger is what its events and the target say\n", "")


_ISOLATED = """
import runpy, site, sys
site.main()
class Blocker:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("ohmflow", "compiler", "runtime", "targets"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocker())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_independent_script_shares_no_code() -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "yaml"}
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= allowed


def test_independent_script_finds_a_changed_ledger(finished: tuple[Path, Path], tmp_path: Path) -> None:
    run, target = finished
    changed = tmp_path / "run"
    changed.mkdir()
    for file in filter(Path.is_file, run.iterdir()):
        (changed / file.name).write_bytes(file.read_bytes())
    lines = (run / "ledger.csv").read_text().splitlines(keepends=True)
    at, line = next((k, text) for k, text in enumerate(lines) if "adc_conversion" in text)
    count = line.split("adc_conversion,")[1].split(",")[0]
    lines[at] = line.replace(count, repr(float(count) + 1), 1)
    (changed / "ledger.csv").write_text("".join(lines))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(changed), str(target), str(LIBRARY)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "count is" in done.stdout and len(done.stdout.splitlines()) == 1


def test_total_is_the_sum_of_the_rows_by_any_division(finished: tuple[Path, Path]) -> None:
    run, _ = finished
    summary = json.loads((run / "summary.json").read_text())
    energies = [float(row["energy_j"]) for row in ledger(run) if row["energy_j"]]
    total = pytest.approx(summary["energy_joules"], rel=1e-12)
    assert sum(energies) == total
    assert sum(summary["energy_by_phase"].values()) == total
    assert sum(summary["energy_by_component"].values()) == total
    assert min(energies) >= 0
    for row in ledger(run):
        if row["energy_j"]:
            assert float(row["energy_j"]) == float(row["count"]) * float(row["energy_per_event_j"])


def test_phases_of_every_unit_sum_to_the_cycles_of_the_run(finished: tuple[Path, Path]) -> None:
    run, _ = finished
    summary = json.loads((run / "summary.json").read_text())
    cycles: dict[str, int] = {}
    for row in ledger(run):
        if row["component"] == "time":
            cycles[row["unit"]] = cycles.get(row["unit"], 0) + int(row["cycles"])
    assert set(cycles.values()) == {summary["cycles"]}
    assert any(unit.startswith("tile(") for unit in cycles) and "host" in cycles


def test_every_unit_that_has_time_leaks_for_all_of_it(finished: tuple[Path, Path]) -> None:
    run, _ = finished
    rows = ledger(run)
    cycles = {(row["unit"], row["phase"]): int(row["cycles"]) for row in rows if row["component"] == "time"}
    leaks = {(row["unit"], row["phase"]): float(row["count"]) for row in rows if row["component"] == "leakage"}
    several = {unit for unit, _ in leaks if unit.startswith("unused")}
    # The host's two units are the two directions of one port, which leaks once: under the name of the first.
    assert "host.results" not in {unit for unit, _ in leaks} and "host.results" in {unit for unit, _ in cycles}
    assert {k: n for k, n in leaks.items() if k[0] not in several} == {
        k: n for k, n in cycles.items() if k[0] not in {*several, "host.results"}
    }
    for key in leaks:  # the units that do nothing stand together, so theirs is a multiple
        assert leaks[key] % cycles[key] == 0


def test_rows_stand_once_and_sorted(finished: tuple[Path, Path]) -> None:
    run, _ = finished
    keys = [tuple(row[c] for c in ("unit", "phase", "component", "event")) for row in ledger(run)]
    events, times = [k for k in keys if k[2] != "time"], [k for k in keys if k[2] == "time"]
    assert events == sorted(set(events)) and times == sorted(set(times)) and keys == events + times


def test_epochs_of_the_events_begin_with_programming(finished: tuple[Path, Path]) -> None:
    run, _ = finished
    with np.load(run / "events.npz") as table:
        epochs, phases = table["epoch"], table["phase"]
        assert sorted(set(epochs.tolist())) == [0, 1, 2]
        assert set(phases[epochs == 0].tolist()) <= {"program", "idle"}
        assert "program" not in set(phases[epochs > 0].tolist())
        # 1258 = 78 · 16 + 10 rows, both epochs read each once, so they convert equally often but for retries.
        backward = (table["event"] == "adc_conversion") & (phases == "backward")
        first, second = (table["count"][backward & (epochs == e)].sum() for e in (1, 2))
        assert first == second > 0


def test_what_is_not_modelled_has_no_energy_and_is_named(tmp_path: Path) -> None:
    file = tmp_path / "small-chip.yaml"
    file.write_text(SMALL_CHIP)
    target = load(file)
    run = train(compile_model(DIGITS_MLP, target), target, "digits", TrainOptions(batch=16))
    assert set(run.summary["not_modelled"]) == {
        "area",
        "chip.router",
        "tile.dac.energy",
        "dac.dac_conversion",
        "leakage.leak_cycle",
    }
    free = [
        row for row in run.bill.rows if row.component == "dac" or (row.component, row.unit[:6]) == ("leakage", "router")
    ]
    assert free and all(row.energy is None and row.count > 0 for row in free)
    zero = [row for row in run.bill.rows if row.component == "adc"]
    assert zero and all(row.energy == 0.0 for row in zero), "free is not the same as not modelled"


def test_ideal_chip_has_neither_time_nor_energy(tmp_path: Path) -> None:
    target = load("ideal")
    run = train(compile_model(DIGITS_MLP, target), target, "digits", TrainOptions(batch=100), tmp_path / "run")
    for name in ("simulated_seconds", "cycles", "energy_joules", "energy_by_phase", "energy_by_component"):
        assert run.summary[name] is None
    assert run.summary["not_modelled"] == ["area", "energy", "time"]
    assert len((tmp_path / "run" / "ledger.csv").read_text().splitlines()) == 1


def test_inference_is_billed_too(tmp_path: Path) -> None:
    target = load("rpu-2016")
    rows = {"image": np.random.default_rng(1).random((70, 64), np.float32)}
    run_inference(compile_model(DIGITS_MLP, target), target, rows, tmp_path, seed=2)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), str(LIBRARY / "rpu-2016.yaml")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "the ledger is what its events and the target say\n")
    assert {row["phase"] for row in ledger(tmp_path)} == {"program", "evaluation", "idle"}
