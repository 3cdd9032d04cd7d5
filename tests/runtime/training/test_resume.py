"""Stopping after any step and going on gives the bytes of a run without a break."""

import json
import os
import shutil
import signal
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import ohmflow.compiler
from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.trace.errors import TraceError
from ohmflow.runtime.trace.window import Window
from ohmflow.runtime.training.api import carry_out, resume, train
from ohmflow.runtime.training.checkpoint import CheckpointWarning, checkpoints
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.errors import CheckpointError, DivergenceError, RunError, StoppedError
from ohmflow.runtime.training.plan import plan_resumption
from ohmflow.runtime.training.run_folder import write_run
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.runtime.training.trainer import Progress
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.end_to_end.models import Layer, network

SAME = ("model.onnx", "ledger.csv", "events.npz")
OPTIONS = TrainOptions(epochs=3, batch=10, lr_schedule="cosine", normalize="standard", eval_every=2, patience=5, seed=4)
STEPS = 4


def data(rows: int = 37) -> DataSet:
    draws = np.random.default_rng(6)
    part = Rows(draws.normal(size=(rows, 4)).astype(np.float32), draws.integers(0, 3, rows))
    return DataSet("drawn", part, part.take(slice(5)), part.take(slice(5, 20)))


@pytest.fixture(scope="module", params=["rpu-2016", "protonic-psg", "ideal"])
def target(request: pytest.FixtureRequest) -> Target:
    return load(request.param)


@pytest.fixture(scope="module")
def chip() -> Target:
    return load("rpu-2016")


def compiled(chip: Target) -> ohmflow.compiler.Program:
    net = network(4, Layer("gemm", 6), Layer("tanh"), Layer("gain"), Layer("gemm", 3))
    return compile_model(net.proto, chip, CompileOptions(optimizer="adam"))


def contents(folder: Path) -> dict[str, Any]:
    summary = json.loads((folder / "summary.json").read_text())
    del summary["host_seconds"]
    return {name: (folder / name).read_bytes() for name in SAME} | {"summary": summary}


def stop_after(steps: int) -> Any:
    """Ask to stop as Ctrl-C does, at some step of the session."""
    seen = 0

    def watch(_: Progress) -> None:
        nonlocal seen
        seen += 1
        if seen == steps:
            signal.raise_signal(signal.SIGINT)

    return watch


def test_run_that_stops_after_any_step_goes_on_bit_for_bit(target: Target, tmp_path: Path) -> None:
    program = compiled(target)
    train(program, target, data(), OPTIONS, tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    steps = range(1, OPTIONS.epochs * STEPS + 1)
    for after in steps if target.name == "rpu-2016" else (1, STEPS, STEPS + 2, 3 * STEPS):
        folder = tmp_path / str(after)
        with pytest.raises(StoppedError, match="ohmflow train --resume") as caught:
            train(program, target, data(), OPTIONS, folder, watch=stop_after(after))
        assert caught.value.exit_status == 130
        resume(folder, data=data())
        assert contents(folder) == expected, f"stopped after {after} steps"


def test_run_that_stops_at_every_step_goes_on_bit_for_bit(chip: Target, tmp_path: Path) -> None:
    options = TrainOptions(epochs=2, batch=10, update_at="sample", seed=1)
    program = compiled(chip)
    train(program, chip, data(), options, tmp_path / "whole")
    folder = tmp_path / "run"
    with pytest.raises(StoppedError):
        train(program, chip, data(), options, folder, watch=stop_after(1))
    for _ in range(2 * STEPS - 1):
        with pytest.raises(StoppedError):
            resume(folder, data=data(), watch=stop_after(1))
    resume(folder, data=data())
    assert contents(folder) == contents(tmp_path / "whole")


def test_finished_run_resumes_to_more_epochs_as_if_it_had_them_from_the_start(chip: Target, tmp_path: Path) -> None:
    program = compiled(chip)
    train(program, chip, data(), TrainOptions(epochs=2), tmp_path / "run")
    resume(tmp_path / "run", epochs=4, data=data())
    train(program, chip, data(), TrainOptions(epochs=4), tmp_path / "whole")
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_finished_run_resumes_to_itself(chip: Target, tmp_path: Path) -> None:
    train(compiled(chip), chip, data(), TrainOptions(epochs=2), tmp_path)
    before = contents(tmp_path)
    (tmp_path / "model.onnx").unlink()  # as if it was killed while the last files were written
    (tmp_path / "summary.json").unlink()
    resume(tmp_path, data=data())
    assert contents(tmp_path) == before


def test_checkpoints_are_written_every_epoch_and_every_so_many_steps_and_two_are_kept(
    chip: Target, tmp_path: Path
) -> None:
    seen: list[list[str]] = []

    def watch(_: Progress) -> None:
        seen.append([p.name.removesuffix(".safetensors") for p in checkpoints(tmp_path / "checkpoints")])

    train(compiled(chip), chip, data(), TrainOptions(epochs=2), tmp_path, checkpoint_every=3, watch=watch)
    assert seen[2] == [] and seen[3] == ["epoch-0001-batch-000003"]
    assert seen[4] == ["epoch-0001-batch-000003", "epoch-0002-batch-000000"]
    assert len(checkpoints(tmp_path / "checkpoints")) == 2
    assert checkpoints(tmp_path / "checkpoints")[-1].name == "epoch-0003-batch-000000.safetensors"


@pytest.fixture
def stopped(chip: Target, tmp_path: Path) -> Path:
    """A run that stopped in its third epoch, with two checkpoints."""
    with pytest.raises(StoppedError):
        train(compiled(chip), chip, data(), OPTIONS, tmp_path / "run", watch=stop_after(2 * STEPS + 1))
    assert len(checkpoints(tmp_path / "run" / "checkpoints")) == 2
    return tmp_path / "run"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def flip(file: Path) -> None:
    held = bytearray(file.read_bytes())
    held[-50] ^= 1
    file.write_bytes(bytes(held))


def empty(file: Path) -> None:
    file.write_bytes(b"")


def foreign(file: Path) -> None:
    safetensors.numpy.save_file({"w": np.zeros(3)}, file)


@pytest.mark.parametrize("damage", [cut, flip, empty, foreign])
def test_damaged_newest_checkpoint_is_said_and_the_one_before_is_used(
    damage: Any, stopped: Path, chip: Target, tmp_path: Path
) -> None:
    damage(checkpoints(stopped / "checkpoints")[-1])
    with pytest.warns(CheckpointWarning, match="going on from epoch-0003-batch-000000.safetensors, the one before"):
        resume(stopped, data=data())
    train(compiled(chip), chip, data(), OPTIONS, tmp_path / "whole")
    assert contents(stopped) == contents(tmp_path / "whole")


@pytest.mark.parametrize("damage", [cut, flip, empty, foreign])
def test_run_with_only_damaged_checkpoints_is_refused(damage: Any, stopped: Path) -> None:
    for file in checkpoints(stopped / "checkpoints"):
        damage(file)
    with pytest.raises(CheckpointError, match="must"):
        resume(stopped, data=data())


def test_checkpoint_of_another_run_is_refused(stopped: Path, chip: Target, tmp_path: Path) -> None:
    other = compile_model(network(4, Layer("gemm", 3)).proto, chip)
    train(other, chip, data(), OPTIONS, tmp_path / "other")
    for file in checkpoints(stopped / "checkpoints"):
        file.unlink()
    for file in checkpoints(tmp_path / "other" / "checkpoints"):
        shutil.copy(file, stopped / "checkpoints")
    with pytest.raises(CheckpointError, match="must be of this run, not of another program"):
        resume(stopped, data=data())


def test_run_without_a_checkpoint_begins_again(stopped: Path, chip: Target, tmp_path: Path) -> None:
    shutil.rmtree(stopped / "checkpoints")
    resume(stopped, data=data())
    train(compiled(chip), chip, data(), OPTIONS, tmp_path / "whole")
    assert contents(stopped) == contents(tmp_path / "whole")


def test_other_rows_are_refused(stopped: Path) -> None:
    with pytest.raises(RunError, match="must hold the rows that the run began with"):
        resume(stopped, data=data(38))


def test_rows_of_memory_must_be_given_again(stopped: Path) -> None:
    with pytest.raises(CheckpointError, match="must be given, since they were made in memory"):
        resume(stopped)


def test_epochs_that_are_done_can_not_be_taken_back(chip: Target, tmp_path: Path) -> None:
    train(compiled(chip), chip, data(), TrainOptions(epochs=3), tmp_path)
    with pytest.raises(RunError, match="--epochs: must be at least 3"):
        resume(tmp_path, epochs=2, data=data())


def test_epochs_of_a_cosine_can_not_change(stopped: Path) -> None:
    with pytest.raises(RunError, match="--epochs: must stay 3"):
        resume(stopped, epochs=5, data=data())


def test_changed_target_file_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\nsummary: A test\nextends: rpu-2016\n")
    chip = load(file, {"tile.crossbar.rows": "64"})
    train(compiled(chip), chip, data(), TrainOptions(), tmp_path / "run")
    file.unlink()
    assert resume(tmp_path / "run", epochs=2, data=data()).summary["target_hash"] == chip.content_hash


def test_failed_start_leaves_no_folder(chip: Target, tmp_path: Path) -> None:
    rows = data()
    huge = Rows(rows.train.x * np.float32(1e18), rows.train.y)
    with pytest.raises(DivergenceError):
        options = TrainOptions(epochs=20, lr=1e18)
        train(compiled(load("ideal")), load("ideal"), DataSet("huge", huge, huge, huge), options, tmp_path / "run")
    with pytest.raises(RunError):
        train(compiled(chip), chip, str(tmp_path / "absent.npz"), TrainOptions(), tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_overwritten_run_leaves_nothing_of_the_one_before(chip: Target, tmp_path: Path) -> None:
    train(compiled(chip), chip, data(), TrainOptions(epochs=3), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(StoppedError):
        train(compiled(chip), chip, data(), TrainOptions(), tmp_path, overwrite=True, watch=stop_after(1))
    assert {p.name for p in tmp_path.iterdir()} == {"notes.txt", "run.json", "program", "target.yaml", "checkpoints"}
    resume(tmp_path, data=data())
    train(compiled(chip), chip, data(), TrainOptions(), tmp_path / "whole")
    assert contents(tmp_path) == contents(tmp_path / "whole")


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
def test_second_interrupt_ends_at_once_and_leaves_the_signals_as_they_were(chip: Target, tmp_path: Path) -> None:
    def twice(_: Progress) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train(compiled(chip), chip, data(), TrainOptions(), tmp_path, watch=twice)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resume(tmp_path, data=data())


@pytest.mark.parametrize("written", [(), ("program",), ("program", "target.yaml", ".run.json.part")])
def test_start_that_was_killed_at_any_point_can_be_started_again(
    written: tuple[str, ...], chip: Target, tmp_path: Path
) -> None:
    train(compiled(chip), chip, data(), TrainOptions(), tmp_path / "whole")
    folder = tmp_path / "run"
    (folder / ".starting" / "program").mkdir(parents=True)
    for name in written:
        (folder / name).mkdir() if name == "program" else (folder / name).write_text("half")
    with pytest.raises(CheckpointError, match="start it again"):
        resume(folder, data=data())
    train(compiled(chip), chip, data(), TrainOptions(), folder)
    assert contents(folder) == contents(tmp_path / "whole") and not list(folder.glob(".*"))


def test_start_that_was_killed_just_after_its_record_goes_on(chip: Target, tmp_path: Path) -> None:
    train(compiled(chip), chip, data(), TrainOptions(), tmp_path / "run")
    before = contents(tmp_path / "run")
    (tmp_path / "run" / ".starting").mkdir()
    with pytest.raises(RunError, match="--overwrite"):
        train(compiled(chip), chip, data(), TrainOptions(), tmp_path / "run")
    resume(tmp_path / "run", data=data())
    assert contents(tmp_path / "run") == before and not list((tmp_path / "run").glob(".*"))


def test_run_that_is_asked_to_stop_while_it_writes_its_results_writes_them(
    chip: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = compiled(chip)
    train(program, chip, data(), OPTIONS, tmp_path / "whole")

    def asked(*given: Any) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return write_run(*given)

    monkeypatch.setattr("ohmflow.runtime.training.api.write_run", asked)
    train(program, chip, data(), OPTIONS, tmp_path / "asked")
    assert contents(tmp_path / "asked") == contents(tmp_path / "whole")
    assert (tmp_path / "asked" / "report.html").exists()


@pytest.mark.parametrize(("window", "told"), [((13, 20), "1 to 12"), ((40, 41), "1 to 12")])
def test_trace_of_steps_that_will_not_come_is_refused_before_any_work(
    chip: Target, tmp_path: Path, window: tuple[int, int], told: str
) -> None:
    with pytest.raises(TraceError, match=f"must hold one of the steps {told}, not only .*; try 1:2$"):
        train(compiled(chip), chip, data(), OPTIONS, tmp_path / "run", trace=Window(*window))
    assert not (tmp_path / "run").exists()


def test_trace_of_a_resumed_run_must_hold_a_step_that_is_left(chip: Target, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(StoppedError):
        train(compiled(chip), chip, data(), OPTIONS, folder, watch=stop_after(5))
    with pytest.raises(TraceError, match="one of the steps 6 to 12, not only 1:5; try 6:7"):
        carry_out(plan_resumption(folder, data=data()), trace=Window(1, 5))
    carry_out(plan_resumption(folder, data=data()), trace=Window(1, 6))
    assert json.loads((folder / "trace.json").read_text())["otherData"]["steps"] == [6]
    with pytest.raises(TraceError, match="all 12 are done"):
        carry_out(plan_resumption(folder, data=data()), trace=Window(1, 6))


def test_checkpoint_of_a_run_with_other_options_is_not_used(chip: Target, tmp_path: Path) -> None:
    for name, rate in (("mine", 0.1), ("other", 0.05)):
        with pytest.raises(StoppedError):
            train(compiled(chip), chip, data(), replace(OPTIONS, lr=rate), tmp_path / name, watch=stop_after(3))
    for file in checkpoints(tmp_path / "other" / "checkpoints"):
        shutil.copy(file, tmp_path / "mine" / "checkpoints" / file.name)
    with pytest.raises(CheckpointError, match="must be of this run, not of another set of options than"):
        resume(tmp_path / "mine", data=data())
