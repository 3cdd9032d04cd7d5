"""A model with Dropout that is on trains from rows that hold its inputs alone: the machine draws the masks."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

import ohmflow.compiler
from ohmflow.compiler.compile import compile_model
from ohmflow.runtime.machine.masks import with_masks
from ohmflow.runtime.training.api import resume, train
from ohmflow.runtime.training.data import DataSource
from ohmflow.runtime.training.errors import StoppedError
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.registry import load
from tests.end_to_end.models import initializers
from tests.runtime.training.test_resume import SAME, stop_after

IDEAL = load("ideal")
RATIO = 0.4
OPTIONS = TrainOptions(epochs=2, batch=6, seed=3)


def dropping_model() -> onnx.ModelProto:
    """Dropout between x [n, 8] and one array of 3 outputs."""
    weights = np.random.default_rng(1).normal(size=(8, 3)).astype(np.float32)
    stored = ", ".join(f"{w:.8f}" for w in weights.ravel())
    return onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]>'
        "dropping (float[n, 8] x) => (float[n, 3] y)"
        f"<float[8, 3] w = {{{stored}}}, float r = {{{RATIO}}}, bool on = {{1}}>"
        "{ d = Dropout(x, r, on)  y = MatMul(d, w) }"
    )


@pytest.fixture(scope="module")
def program() -> ohmflow.compiler.Program:
    return compile_model(dropping_model(), IDEAL)


@pytest.fixture
def source(tmp_path: Path) -> DataSource:
    draws = np.random.default_rng(6)
    np.savez(tmp_path / "rows.npz", x=draws.normal(size=(20, 8)), y=draws.integers(0, 3, 20))
    return DataSource(str(tmp_path / "rows.npz"), val=0.0)


def test_one_step_is_a_step_of_the_masked_network(program: ohmflow.compiler.Program, source: DataSource) -> None:
    stored = np.load(source.source)
    whole = DataSource(source.source, val=0.0, test=0.0)
    run = train(program, IDEAL, whole, TrainOptions(batch=20, lr=0.5, seed=3))
    split = np.random.default_rng([3, 0x5917]).permutation(20)
    order = split[np.random.default_rng([3, 0x0DE5, 1]).permutation(20)]
    x, y = stored["x"].astype(np.float32)[order], stored["y"][order]
    (mask,) = with_masks(program.entries["train_step"], {}, 20, 3, 0).values()
    assert 0.3 < 1 - mask.mean() < 0.5
    x = x * mask / np.float32(1 - RATIO)
    w = initializers(dropping_model())["w"]
    scores = x @ w
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert run.summary["train_loss"][0] == pytest.approx(-np.log(shares[range(20), y]).mean(), rel=1e-5)
    shares[range(20), y] -= 1
    assert initializers(run.model)["w"] == pytest.approx(w - 0.5 * x.T @ shares / 20, abs=1e-6)


def test_run_that_stopped_draws_the_masks_that_it_would_have(
    program: ohmflow.compiler.Program, source: DataSource, tmp_path: Path
) -> None:
    train(program, IDEAL, source, OPTIONS, tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(program, IDEAL, source, OPTIONS, tmp_path / "parts", watch=stop_after(2))
    resume(tmp_path / "parts")
    for name in SAME:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    losses = [json.loads((tmp_path / f / "summary.json").read_text())["train_loss"] for f in ("whole", "parts")]
    assert losses[0] == losses[1]
