"""Training on the ideal device, through the machine: optimisers, batch statistics and masks against numpy and ONNX."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.frontend import load_model
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.export import export_model, trained_weights
from tests.compiler.autodiff.conftest import parse, run
from tests.compiler.autodiff.test_gradients import drawn, rows, stored
from tests.compiler.autodiff.test_training_form_gradients import DROPPED, normalised
from tests.runtime.machine.hand_target import hand_target

TARGET = hand_target(device="ideal")
LR = 0.05


def machine_of(text: str, optimizer: str = "sgd", seed: int = 0) -> Machine:
    return programmed(compile_model(parse(text), TARGET, CompileOptions(loss="mse", optimizer=optimizer)), seed)


def programmed(program: Program, seed: int = 0) -> Machine:
    machine = Machine(program, TARGET, seed)
    machine.execute("program", {}, {}, 0)
    return machine


def train(machine: Machine, x: np.ndarray, label: np.ndarray, step: int, **more: np.ndarray) -> float:
    scalars = {"lr": LR, "inv_batch": 1 / len(x), "batch": len(x)}
    return float(machine.execute("train_step", {"x": x, "label": label, **more}, scalars, step)["loss"])


def states(machine: Machine) -> dict[str, np.ndarray]:
    return {s.name: v for s, v in zip(machine.program.states, machine.values.states, strict=True)}


BIASED = f"""g (float{rows(3)} x) => (float{rows(2)} y) <{stored("w", 1, (3, 2))}, {stored("b", 2, (2,))}>
  {{ a = MatMul(x, w)  c = Tanh(a)  y = Add(c, b) }}"""


def momentum(p: np.ndarray, g: np.ndarray, held: dict[str, np.ndarray], step: int) -> np.ndarray:
    held["velocity"] = 0.9 * held.get("velocity", 0) + g
    return p - LR * held["velocity"]


def adam(p: np.ndarray, g: np.ndarray, held: dict[str, np.ndarray], step: int) -> np.ndarray:
    held["first_moment"] = 0.9 * held.get("first_moment", 0) + 0.1 * g
    held["second_moment"] = 0.999 * held.get("second_moment", 0) + 0.001 * g * g
    unbiased = held["first_moment"] / (1 - 0.9**step), held["second_moment"] / (1 - 0.999**step)
    return p - LR * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)


def sgd(p: np.ndarray, g: np.ndarray, held: dict[str, np.ndarray], step: int) -> np.ndarray:
    return p - LR * g


@pytest.mark.parametrize("rule", [sgd, momentum, adam], ids=lambda rule: rule.__name__)
def test_an_optimiser_steps_digital_parameters_as_its_equations_say(rule: Any) -> None:
    machine = machine_of(BIASED, rule.__name__)
    w, b = drawn(1, 3, 2).astype(np.float64), drawn(2, 2).astype(np.float64)
    held: dict[str, np.ndarray] = {}
    for step in range(6):
        x, label = drawn(10 + step, 4, 3), drawn(30 + step, 4, 2)
        train(machine, x, label, step)
        c = np.tanh(x @ w)
        d = 2 / 8 * (c + b - label)
        # The array is trained by its own rule, plain SGD, whatever steps the bias.
        w, b = w - LR * x.T @ (d * (1 - c * c)), rule(b, d.sum(0), held, step + 1)
        np.testing.assert_allclose(states(machine)["b"], b, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(machine.values.arrays[0].weights(), w, rtol=2e-5, atol=1e-6)
    for name, value in held.items():
        np.testing.assert_allclose(states(machine)[f"b.{name}"], value, rtol=2e-5, atol=1e-6)
    if rule is adam:
        assert states(machine)["optimizer.steps"] == 6


def test_what_an_optimiser_remembers_is_state_and_is_not_exported() -> None:
    machine = machine_of(normalised(), "adam")
    kinds = {s.name: (s.kind, s.dtype, s.initializer) for s in machine.program.states}
    assert kinds["optimizer.steps"] == ("counter", "int64", "")
    assert kinds["p.first_moment"] == ("hidden", "float32", "")
    assert [name for name, (kind, _, _) in kinds.items() if kind == "counter"] == ["optimizer.steps"]
    assert set(trained_weights(machine.program, machine.values)) == {"p", "s", "b", "m", "v"}


def both(text: str, optimizer: str, batch: int, **more: np.ndarray) -> tuple[Machine, dict[str, np.ndarray]]:
    """Three steps on a machine, and of the plain training graph on ONNX Runtime."""
    machine = machine_of(text, optimizer)
    training = training_graph(extract_arrays(load_model(parse(text))), "mse", "test.onnx", optimizer)
    plain = training_onnx(training)
    shape = [d.dim_value for d in plain.graph.output[0].type.tensor_type.shape.dim][1:]
    inner = [d.dim_value for d in plain.graph.input[0].type.tensor_type.shape.dim][1:]
    held: dict[str, np.ndarray] = {}
    for step in range(3):
        x, label = drawn(10 + step, batch, *inner), drawn(30 + step, batch, *shape)
        loss = train(machine, x, label, step, **more)
        out = run(plain, {"x": x, "label": label, "lr": np.array(LR, np.float32), **more, **held})
        assert loss == pytest.approx(out["loss"], rel=1e-5)
        held = {name.removesuffix(".next"): value for name, value in out.items() if name.endswith(".next")}
    return machine, held


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batch_statistics_on_a_machine_equal_the_plain_graph(optimizer: str, batch: int) -> None:
    machine, held = both(normalised(), optimizer, batch)
    for name, value in states(machine).items():
        np.testing.assert_allclose(value, held[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("mode", ["", "<training_mode=1>"])
def test_a_trained_model_holds_the_running_statistics_that_inference_on_the_chip_uses(mode: str) -> None:
    text = normalised(mode)
    machine = machine_of(text)
    x = drawn(2, 4, 2, 3, 2)
    train(machine, x, drawn(3, 4, 2, 3, 2), 0)
    on_chip = machine.execute("infer", {"x": x}, {"batch": 4}, 1)["y"]
    exported = export_model(machine.program, trained_weights(machine.program, machine.values), {})
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in exported.graph.initializer}
    for name in ("s", "b", "m", "v"):
        np.testing.assert_array_equal(stored[name], states(machine)[name])
    shape = (1, 2, 1, 1)
    s, b, m, v = (stored[n].reshape(shape) for n in ("s", "b", "m", "v"))
    np.testing.assert_allclose(on_chip, (x * stored["p"] - m) / np.sqrt(v + 1e-5) * s + b, rtol=1e-4, atol=1e-5)
    assert not np.array_equal(stored["m"], drawn(21, 2))
    np.testing.assert_allclose(run(exported, {"x": x})["y"], on_chip, rtol=1e-4, atol=1e-5)


def test_a_program_that_only_infers_keeps_running_statistics_as_statistics() -> None:
    program = compile_model(parse(normalised()), TARGET, CompileOptions(training=False))
    assert {s.name: s.kind for s in program.states if s.kind != "parameter"} == {"m": "statistic", "v": "statistic"}


def test_a_trained_model_no_longer_drops_anything() -> None:
    machine = machine_of(DROPPED)
    x = drawn(2, 4, 2, 3)
    train(machine, x, drawn(3, 4, 2, 3), 0)
    exported = export_model(machine.program, trained_weights(machine.program, machine.values), {})
    on_chip = machine.execute("infer", {"x": x}, {"batch": 4}, 1)["y"]
    np.testing.assert_allclose(run(exported, {"x": x})["y"], on_chip, rtol=1e-5)


def test_given_masks_are_used() -> None:
    mask = (np.random.default_rng(5).random((4, 2, 3)) < 0.8).astype(np.float32)
    machine, held = both(DROPPED, "sgd", 4, **{"c.mask": mask})
    for name, value in states(machine).items():
        np.testing.assert_allclose(value, held[name], rtol=1e-5, atol=1e-6, err_msg=name)


WIDE = f"""g (float{rows(400)} x) => (float{rows(400)} y)
  <{stored("q", 2, (400,))}, float r = {{0.2}}, bool on = {{1}}> {{ c = Dropout(x, r, on)  y = Mul(c, q) }}"""


def kept(machine: Machine, step: int, batch: int = 5) -> np.ndarray:
    """The masks of a step, read off the gradient of a factor: 1/0.8 for each sample that keeps the element."""
    before = states(machine)["q"].copy()
    x = np.ones((batch, 400), np.float32)
    train(machine, x, np.zeros((batch, 400), np.float32), step)
    gradient = (before - states(machine)["q"]) / LR
    return np.rint(gradient / (2 / (batch * 400) * before * 1.25**2))


def test_masks_keep_elements_with_their_probability() -> None:
    count = np.concatenate([kept(machine_of(WIDE), step) for step in range(3)])
    # 6000 draws: five standard deviations of their mean are 0.026.
    assert count.sum() / 6000 == pytest.approx(0.8, abs=0.026)


def test_masks_follow_from_seed_and_step_alone() -> None:
    first, again, other = (machine_of(WIDE, seed=seed) for seed in (1, 1, 2))
    mask = kept(first, 7)
    np.testing.assert_array_equal(mask, kept(again, 7))
    assert (mask != kept(other, 7)).mean() > 0.3
    assert (mask != kept(first, 8)).mean() > 0.3


def test_a_sample_has_its_mask_whatever_the_batch() -> None:
    one, three = (kept(machine_of(WIDE), 0, batch) for batch in (1, 3))
    assert (three >= one).all() and (three - one).max() == 2


def test_a_stored_program_still_knows_its_masks(tmp_path: Path) -> None:
    program = compile_model(parse(DROPPED), TARGET, CompileOptions(loss="mse"))
    save_program(program, tmp_path)
    read = load_program(tmp_path)
    assert read.entries["train_step"].arguments == program.entries["train_step"].arguments
    assert [a.keep for a in read.entries["train_step"].arguments if a.name == "c.mask"] == [pytest.approx(0.8)]
    x, label = drawn(2, 4, 2, 3), drawn(3, 4, 2, 3)
    assert train(programmed(read), x, label, 0) == train(programmed(program), x, label, 0)
