"""An estimate that is given a run's counts is the run's ledger; one whose counts need no numbers needs no run."""

import json
from collections import defaultdict
from pathlib import Path

import onnx
import pytest

from ohmflow.runtime.estimate.api import estimate
from ohmflow.runtime.estimate.count_profile import Profile
from ohmflow.runtime.estimate.part import Estimator, Execution, Part
from ohmflow.runtime.estimate.record import CHUNK, load_counts
from ohmflow.runtime.estimate.replay import estimate_run
from ohmflow.runtime.estimate.result import Estimate
from ohmflow.runtime.training import accuracy
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.schema.target import Target
from tests.end_to_end.models import Layer, network
from tests.runtime.estimate.runs import CONV, MLP, Case, chip, inferred, trained

TWO_EPOCHS = TrainOptions(epochs=2, batch=5, lr=0.1, eval_every=2)
CASES: dict[str, tuple[onnx.ModelProto, Target, TrainOptions]] = {
    "perceptron on rpu-2016": (MLP, chip("rpu-2016"), TWO_EPOCHS),
    "perceptron on protonic-psg, updates by sample": (MLP, chip("protonic-psg"), TrainOptions(update_at="sample")),
    "convolution on protonic-psg": (CONV, chip("protonic-psg"), TWO_EPOCHS),
    "reads that retry": (MLP, chip("rpu-2016", tile__adc__bound="0.3"), TWO_EPOCHS),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return trained(tmp_path_factory.mktemp("run") / "run", *CASES[request.param])


@pytest.fixture(scope="module")
def again(case: Case) -> Estimate:
    return estimate_run(case.program, case.target, load_counts(case.folder))


def joules(*parts: Part) -> dict[tuple[str, str, str], float]:
    sums: dict[tuple[str, str, str], float] = defaultdict(float)
    for part in parts:
        for row in part.bill.rows:
            if row.energy is not None:
                sums[row.unit, row.phase, row.component] += row.energy
    return dict(sums)


def test_energies_by_unit_phase_and_component_are_those_of_the_ledger(case: Case, again: Estimate) -> None:
    assert joules(again.once, again.work) == pytest.approx(case.ledger(), rel=1e-9, abs=0)


def test_cycles_by_unit_and_phase_are_those_of_the_ledger(case: Case, again: Estimate) -> None:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for part in (again.once, again.work):
        for key, n in part.bill.phase_cycles.items():
            sums[key] += n
    assert dict(sums) == case.cycles()
    cycles = (again.once.cycles or 0) + (again.work.cycles or 0)
    assert cycles == json.loads((case.folder / "summary.json").read_text())["cycles"]


def test_mean_counts_give_all_energies_of_crossbars_and_nearly_all_cycles(again: Estimate) -> None:
    assert again.means is not None
    exact, means = again.work.bill.by("component"), again.means.bill.by("component")
    assert {k: v for k, v in means.items() if k != "leakage"} == pytest.approx(
        {k: v for k, v in exact.items() if k != "leakage"}, rel=1e-6
    )
    # Trains and waits do not add up alike: blocks that retry at different times make the others wait each time.
    assert again.means.cycles == pytest.approx(again.work.cycles, rel=0.15)


def test_a_run_has_nothing_left_to_assume(again: Estimate) -> None:
    assert {row.origin for row in again.assumptions} == {"recorded"}
    assert all(row.array and row.phase for row in again.assumptions)


def test_an_inference_gives_its_own_ledger(tmp_path: Path) -> None:
    case = inferred(tmp_path / "out", CONV, chip("rpu-2016"), 70)
    again = estimate_run(case.program, case.target, load_counts(case.folder))
    assert joules(again.once, again.work) == pytest.approx(case.ledger(), rel=1e-9, abs=0)
    assert again.work.executions == (Execution("infer", 64, 1), Execution("infer", 6, 1))
    assert again.work.samples == 70


def test_cycles_of_inference_without_retries_need_no_run(tmp_path: Path) -> None:
    case = inferred(tmp_path / "out", CONV, chip("protonic-psg", tile__read__bound_management="none"), 64)
    blind = estimate(case.program, case.target, batch=64, phase="inference")
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for part in (blind.once, blind.work):
        for key, n in part.bill.phase_cycles.items():
            sums[key] += n
    assert dict(sums) == case.cycles()


def test_cycles_of_fixed_trains_need_no_run(tmp_path: Path) -> None:
    """Without train-length management every train is the longest, unless x or d is zero, which Gemms alone avoid."""
    model = network(12, Layer("gemm", 10), Layer("gemm", 3)).proto
    target = chip("rpu-2016", tile__update__train_length_management="false", tile__read__bound_management="none")
    case = trained(tmp_path / "run", model, target, TrainOptions(batch=5, lr=0.01), n=20, tested=0)
    blind = estimate(case.program, case.target, batch=5, steps=4)
    cycles = (blind.once.cycles or 0) + (blind.work.cycles or 0)
    assert cycles == json.loads((case.folder / "summary.json").read_text())["cycles"]


@pytest.mark.parametrize("name", ["rpu-2016", "protonic-psg"])
def test_programming_follows_from_the_program(name: str, tmp_path: Path) -> None:
    target = chip(name, tile__program__error="0")
    case = inferred(tmp_path / "out", MLP, target, 3)
    blind = Estimator(case.program, target, Profile(case.program, target)).part((Execution("program", 0),))
    real = {k: v for k, v in case.ledger().items() if k[1] == "program"}
    assert {k: v for k, v in joules(blind).items() if k[1] == "program"} == pytest.approx(real, rel=1e-6)


def test_chunks_are_those_of_evaluations() -> None:
    assert CHUNK == accuracy.CHUNK
