"""The loop: order, evaluation, progress, folders, and what a run leaves behind."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import ohmflow.compiler
import ohmflow.runtime
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.runtime import TrainOptions, train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.errors import DivergenceError, RunError
from ohmflow.runtime.training.run_folder import claim_folder
from ohmflow.runtime.training.trainer import Progress, Trainer
from ohmflow.targets.registry import load
from tests.end_to_end.models import Layer, network


def data(rows: int = 23) -> DataSet:
    draws = np.random.default_rng(6)
    part = Rows(draws.normal(size=(rows, 4)).astype(np.float32), draws.integers(0, 3, rows))
    return DataSet("drawn", part, Rows(part.x[:5], part.y[:5]), Rows(part.x[5:], part.y[5:]))


@pytest.fixture(scope="module")
def program() -> ohmflow.compiler.Program:
    return ohmflow.compiler.compile_model(network(4, Layer("gemm", 3)).proto, load("ideal"))


def test_progress_counts_steps_and_ends_with_the_loss_of_the_epoch(program: ohmflow.compiler.Program) -> None:
    seen: list[Progress] = []
    run = train(program, load("ideal"), data(), TrainOptions(epochs=2, batch=10), watch=seen.append)
    assert [(p.epoch, p.step) for p in seen] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert {(p.epochs, p.steps) for p in seen} == {(2, 3)}
    assert [seen[2].loss, seen[5].loss] == pytest.approx(run.summary["train_loss"])


def test_epoch_done_sees_the_trainer_after_every_epoch(program: ohmflow.compiler.Program) -> None:
    seen: list[tuple[int, int]] = []

    def done(trainer: Trainer, epoch: int) -> None:
        seen.append((epoch, len(trainer.history.train_loss)))

    train(program, load("ideal"), data(), TrainOptions(epochs=3), epoch_done=done)
    assert seen == [(1, 1), (2, 2), (3, 3)]


def test_every_row_is_used_once_an_epoch_in_another_order(program: ohmflow.compiler.Program) -> None:
    rows = data()
    used: list[list[int]] = []
    target = load("ideal")
    from ohmflow.runtime.machine.machine import Machine

    machine = Machine(program, target, 0)
    execute = machine.execute

    def listen(entry: str, given: dict[str, np.ndarray], scalars: dict[str, float], step: int) -> object:
        if entry == "train_step":
            used.append([int(np.flatnonzero((rows.train.x == row).all(axis=1))[0]) for row in given["x"]])
        return execute(entry, given, scalars, step)

    machine.execute = listen  # type: ignore[method-assign, assignment]
    trainer = Trainer(machine, rows, TrainOptions(epochs=2, batch=10))
    trainer.program_weights()
    trainer.run()
    assert [len(chosen) for chosen in used] == [10, 10, 3] * 2
    first, second = ([row for chosen in used[k : k + 3] for row in chosen] for k in (0, 3))
    assert sorted(first) == sorted(second) == list(range(23)) and first != second


def test_run_without_a_folder_writes_nothing(program: ohmflow.compiler.Program, tmp_path: Path) -> None:
    run = train(program, load("ideal"), data())
    assert run.folder is None and run.model.graph.node and run.summary["epochs"] == [1]
    assert list(tmp_path.iterdir()) == []


def test_written_summary_is_the_returned_one(program: ohmflow.compiler.Program, tmp_path: Path) -> None:
    run = train(program, load("ideal"), data(), folder=tmp_path / "deep" / "run")
    assert run.folder == tmp_path / "deep" / "run"
    assert json.loads((run.folder / "summary.json").read_text()) == run.summary


def test_data_without_validation_and_test_have_no_accuracies(program: ohmflow.compiler.Program) -> None:
    only = data().train
    empty = Rows(only.x[:0], only.y[:0])
    run = train(program, load("ideal"), DataSet("drawn", only, empty, empty))
    for name in ("val_accuracy", "test_accuracy", "test_accuracy_analog"):
        assert run.summary[name] == [None]


def test_whole_numbers_may_be_targets_of_mean_squared_error() -> None:
    target = load("ideal")
    options = ohmflow.compiler.CompileOptions(loss="mse")
    program = ohmflow.compiler.compile_model(network(4, Layer("gemm", 3)).proto, target, options)
    rows = data()
    losses = []
    for kind in (np.int64, np.float32):
        parts = [Rows(p.x, np.eye(3, dtype=kind)[p.y]) for p in (rows.train, rows.val, rows.test)]
        run = train(program, target, DataSet("one-hot", *parts))
        losses.append(run.summary["train_loss"])
        assert run.summary["test_accuracy"] == [None]
    assert losses[0] == losses[1]


def test_weights_beyond_the_devices_are_clipped_and_counted() -> None:
    target = load("rpu-2016")
    scaling = ohmflow.compiler.CompileOptions(scaling=_none())
    net = network(4, Layer("gemm", 3))
    net.parameters["w0"] *= 10
    net.proto.graph.initializer[0].raw_data = net.parameters["w0"].tobytes()
    program = ohmflow.compiler.compile_model(net.proto, target, scaling)
    run = train(program, target, data())
    assert 1 <= run.summary["weights_clipped_at_start"] <= 12
    assert (
        train(ohmflow.compiler.compile_model(net.proto, load("ideal")), load("ideal"), data()).summary[
            "weights_clipped_at_start"
        ]
        == 0
    )


def _none() -> "ohmflow.compiler.lowering.scaling.WeightScaling":  # type: ignore[name-defined]
    from ohmflow.compiler.lowering.scaling import WeightScaling

    return WeightScaling("none")


def test_diverging_training_is_an_error_with_status_3(program: ohmflow.compiler.Program) -> None:
    rows = data()
    huge = Rows(rows.train.x * np.float32(1e18), rows.train.y)
    with pytest.raises(DivergenceError, match="must stay finite") as caught:
        train(program, load("ideal"), DataSet("huge", huge, rows.val, rows.test), TrainOptions(epochs=20, lr=1e18))
    assert caught.value.exit_status == 3


def test_program_for_another_target_is_refused(program: ohmflow.compiler.Program) -> None:
    with pytest.raises(ProgramError, match="compile the model for this target"):
        train(program, load("rpu-2016"), data())
    with pytest.raises(ProgramError):
        train(program, load("ideal", {"tile.crossbar.rows": "64"}), data())


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch": 0}, {"lr": 0.0}, {"lr": float("inf")}, {"seed": -1}, {"update_at": "never"}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RunError, match=f"^--{next(iter(wrong)).replace('_', '-')}: must"):
        TrainOptions(**wrong)  # type: ignore[arg-type]


def test_options_survive_pickling() -> None:
    assert pickle.loads(pickle.dumps(TrainOptions(epochs=3))) == TrainOptions(epochs=3)


def test_folder_is_claimed_only_if_new_or_empty(tmp_path: Path) -> None:
    claim_folder(tmp_path / "new" / "er", False)
    claim_folder(tmp_path / "new" / "er", False)
    (tmp_path / "new" / "er" / "note").write_text("mine")
    with pytest.raises(RunError, match="--overwrite"):
        claim_folder(tmp_path / "new" / "er", False)
    claim_folder(tmp_path / "new" / "er", True)
    assert (tmp_path / "new" / "er" / "note").read_text() == "mine"


def test_public_names_are_offered_by_the_packages() -> None:
    assert ohmflow.runtime.TrainOptions is TrainOptions and ohmflow.runtime.train is train
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        ohmflow.runtime.trian  # noqa: B018
