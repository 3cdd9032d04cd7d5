"""`run` and `compile`: outputs, program folders, and what `--emit` writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from ohmflow.compiler.compile import compile_model, compile_stages
from ohmflow.runtime.training.data import load_data
from tests.end_to_end import float_network as oracle
from tests.end_to_end.models import DIGITS_MLP, digits_network
from tests.runtime.cli.shell import Shell, shell

__all__ = ["shell"]
EPOCH = ["--data", "digits", "--batch", "50"]


@pytest.fixture(scope="module")
def images() -> np.ndarray[Any, Any]:
    return load_data("digits", 0.0, 0.1, 0).test.x


@pytest.fixture
def inputs(tmp_path: Path, images: np.ndarray[Any, Any]) -> Path:
    np.savez(tmp_path / "inputs.npz", image=images)
    return tmp_path / "inputs.npz"


def logits(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    session = onnxruntime.InferenceSession(DIGITS_MLP)
    result: np.ndarray[Any, Any] = session.run(None, {"image": images})[0]
    return result


def test_run_on_ideal_equals_onnx_runtime(shell: Shell, tmp_path: Path, inputs: Path, images: Any) -> None:
    shell("run", DIGITS_MLP, "-t", "ideal", "--inputs", inputs, "-o", tmp_path / "out")
    with np.load(tmp_path / "out" / "outputs.npz") as out:
        assert out.files == ["logits"]
        assert np.abs(out["logits"] - logits(images)).max() <= 1e-5


@pytest.mark.parametrize("target", ["rpu-2016", "protonic-psg"])
def test_run_on_a_chip_equals_the_model_within_its_converters(
    shell: Shell, tmp_path: Path, inputs: Path, images: Any, target: str
) -> None:
    folder = tmp_path / "out"
    shell("run", DIGITS_MLP, "-t", target, "--inputs", inputs, "-o", folder, "--set", "tile.adc.noise=0")
    exact = logits(images)
    with np.load(folder / "outputs.npz") as out:
        analog = out["logits"]
    # Three layers of 7 and 9 bit converters, and 1 % of the range of programming error: right in kind, not in digits.
    error = np.linalg.norm(analog - exact) / np.linalg.norm(exact)
    assert 0.001 < error < 0.35
    fine = [f"tile.{path}" for path in ("dac.bits=14", "adc.bits=18", "program.error=0", "adc.noise=0")]
    shell(
        *("run", DIGITS_MLP, "-t", target, "--inputs", inputs, "-o", tmp_path / "fine"),
        *(word for change in fine for word in ("--set", change)),
        *(word for name in ("w_max_dtod", "w_min_dtod") for word in ("--set", f"device.parameters.{name}=0")),
    )
    with np.load(tmp_path / "fine" / "outputs.npz") as out:
        assert np.linalg.norm(out["logits"] - exact) / np.linalg.norm(exact) < 2e-3, "finer converters, finer results"


def test_run_writes_the_bill_beside_the_outputs(shell: Shell, tmp_path: Path, inputs: Path) -> None:
    out = shell("run", DIGITS_MLP, "-t", "rpu-2016", "--inputs", inputs, "-o", tmp_path / "out", "--json")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "events.npz",
        "ledger.csv",
        "ledger_by_layer.csv",
        "outputs.npz",
        "power.csv",
        "power.json",
        "summary.json",
    ]
    written = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert json.loads(out) == written
    assert written["samples"] == 180 and written["energy_joules"] > 0 and written["cycles"] > 0


@pytest.mark.parametrize("target", ["ideal", "protonic-psg"])
def test_training_a_program_folder_equals_training_the_model(shell: Shell, tmp_path: Path, target: str) -> None:
    shell("compile", DIGITS_MLP, "-t", target, "-o", tmp_path / "program")
    assert {p.name for p in (tmp_path / "program").iterdir()} == {
        "program.mlir",
        "streams.npz",
        "segments.onnx",
        "source.onnx",
        "weights.safetensors",
        "mapping.json",
        "manifest.json",
    }
    shell("train", tmp_path / "program", "-t", target, *EPOCH, "-o", tmp_path / "a")
    shell("train", DIGITS_MLP, "-t", target, *EPOCH, "-o", tmp_path / "b")
    for name in ("model.onnx", "ledger.csv", "events.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_compiling_twice_gives_the_same_bytes(shell: Shell, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shell("compile", DIGITS_MLP, "-t", "rpu-2016", "-o", tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_emitted_tile_ir_parses_verifies_and_prints_the_same(shell: Shell, tmp_path: Path) -> None:
    text = shell("compile", DIGITS_MLP, "-t", "rpu-2016", "--emit", "tile-ir")
    file = tmp_path / "mlp.mlir"
    file.write_text(text)
    assert shell("opt", file) == text
    written = tmp_path / "deep" / "mlp.mlir"
    shell("compile", DIGITS_MLP, "-t", "rpu-2016", "--emit", "tile-ir", "-o", written)
    assert written.read_text() == text
    for name in ("canonical-names", "dead-code", "fuse-maps"):
        assert "tile.entry @train_step" in shell("opt", file, "-p", name)


def test_emitted_training_graph_does_the_step_of_the_oracle(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "training.onnx"
    shell("compile", DIGITS_MLP, "-t", "ideal", "--emit", "training-onnx", "-o", file)
    onnx.checker.check_model(onnx.load(file), full_check=True)
    net = digits_network()
    rows = load_data("digits", 0.0, 0.2, 0).train
    x, y = rows.x[:10], rows.y[:10]
    expected, loss = oracle.step(net.layers, net.parameters, x, y, 0.1)
    session = onnxruntime.InferenceSession(file)
    given = {"image": x, "label": y, "lr": np.array(0.1, np.float32)}
    names = [o.name for o in session.get_outputs()]
    got = dict(zip(names, session.run(None, given | _stored(session, file)), strict=True))
    assert float(got["loss"]) == pytest.approx(loss, rel=1e-5)
    for name, value in expected.items():
        source = net.names[name]
        following = next(v for k, v in got.items() if k.startswith(f"{source}.next"))
        logical = following.T if name.startswith("w") else following
        np.testing.assert_allclose(logical, value, rtol=0, atol=1e-6)


def _stored(session: onnxruntime.InferenceSession, file: Path) -> dict[str, Any]:
    """Values of the weights that the session wants as inputs."""
    wanted = {i.name for i in session.get_inputs()} - {"image", "label", "lr"}
    return {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(file).graph.initializer if t.name in wanted}


def test_disassembly_names_every_unit_and_entry(shell: Shell) -> None:
    text = shell("compile", DIGITS_MLP, "-t", "rpu-2016", "--emit", "disassembly")
    for word in ("entry infer", "entry program", "entry train_step", "tile(0,0)", "vector(0,0)", "host", "mvm_t"):
        assert word in text


def test_python_and_shell_compile_the_same_program(shell: Shell) -> None:
    from ohmflow.compiler.compile import CompileOptions
    from ohmflow.targets.registry import load

    target = load("rpu-2016")
    text = shell("compile", DIGITS_MLP, "-t", "rpu-2016", "--emit", "tile-ir")
    assert compile_model(DIGITS_MLP, target).tile_ir == text
    assert compile_stages(DIGITS_MLP, target, CompileOptions()).program.tile_ir == text
