"""On the chip `ideal`, LeNet-5 and a residual network train as in float32, up to the order of sums.

LeNet-5's oracle is `lenet_oracle.py`: plain numpy, gradients by hand, no ohmflow, itself held against finite
differences. The residual network's is its training graph as plain ONNX, run by ONNX Runtime; what that graph means is
tested with the gradients.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from ohmflow.compiler.arrays import extract_arrays
from ohmflow.compiler.autodiff import training_graph, training_onnx
from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.frontend import load_model
from ohmflow.compiler.lowering.scaling import WeightScaling
from ohmflow.compiler.program.program import Program
from ohmflow.runtime.digital.sessions import session_options
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.training.export import trained_weights
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.end_to_end import lenet_oracle as oracle

MODELS = Path(__file__).parents[2] / "examples" / "models"
BATCH = 8
LR = 0.1


def stored_in(model: str) -> oracle.Parameters:
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(MODELS / model).graph.initializer}


def images(rows: int, seed: int = 31) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Drawn images, each of a class: a bright square at the class's place, in noise."""
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, 10, rows)
    x = draws.random((rows, 1, 28, 28))
    for k, label in enumerate(labels):
        top, left = divmod(int(label), 4)
        x[k, 0, 8 * top + 1 : 8 * top + 7, 7 * left : 7 * left + 6] += 1
    return (x / 2).astype(np.float32), labels


def test_oracle_computes_what_the_model_file_says() -> None:
    x, _ = images(BATCH)
    session = onnxruntime.InferenceSession(MODELS / "lenet5.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"image": x})
    np.testing.assert_allclose(oracle.logits(stored_in("lenet5.onnx"), x), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", sorted(stored_in("lenet5.onnx")))
def test_gradient_of_the_oracle_equals_central_differences(name: str) -> None:
    p = {key: value.astype(np.float64) for key, value in stored_in("lenet5.onnx").items()}
    x, labels = images(2)
    x = x.astype(np.float64)
    _, gradients = oracle.loss_and_gradients(p, x, labels)
    gradient = gradients[name]
    assert gradient.dtype == np.float64 and gradient.shape == p[name].shape
    # Differences of 2h in a loss of about 2.3 with 2^-53 of rounding are good to 1e-9; gradients are about 1e-3.
    h = 1e-6
    chosen = np.random.default_rng(7).choice(gradient.size, min(gradient.size, 8), replace=False)
    for index in [*chosen, np.abs(gradient).argmax()]:
        step = np.zeros(gradient.size)
        step[index] = h
        step = step.reshape(gradient.shape)
        above, _ = oracle.loss_and_gradients(p | {name: p[name] + step}, x, labels)
        below, _ = oracle.loss_and_gradients(p | {name: p[name] - step}, x, labels)
        difference = (above - below) / (2 * h)
        assert abs(difference - gradient.flat[index]) <= 1e-5 * np.abs(gradient).max()


def program_for(model: str, lines: int) -> tuple[Program, Target]:
    chip = load("ideal", {"tile.crossbar.rows": str(lines), "tile.crossbar.cols": str(lines)})
    # α = 1, so that nothing is rounded between logical and device weights.
    return compile_model(MODELS / model, chip, CompileOptions(scaling=WeightScaling("none"))), chip


def put(machine: Machine, p: oracle.Parameters) -> None:
    """Give a machine the parameters of a model without groups."""
    for record, array in zip(machine.program.arrays, machine.values.arrays, strict=True):
        stored = p[record.initializer]
        array.w[:] = stored.reshape(len(stored), -1).T if record.transposed else stored
        array.touch()
    machine.values.states[:] = [p[state.initializer or ""] for state in machine.program.states]


def taken(machine: Machine, like: oracle.Parameters) -> oracle.Parameters:
    """A machine's parameters in the shapes of the model's initialisers."""
    return {
        name: value.reshape(like[name].shape)
        for name, value in trained_weights(machine.program, machine.values).items()
    }


def stepped(machine: Machine, x: NDArray[np.float32], labels: NDArray[np.int64], number: int) -> float:
    image, label = (a.name for a in machine.program.entries["train_step"].arguments if a.kind == "rows")
    scalars = {"lr": LR, "inv_batch": 1 / len(x), "batch": len(x)}
    return float(machine.execute("train_step", {image: x, label: labels}, scalars, number)["loss"])


def assert_same_step(before: oracle.Parameters, ours: oracle.Parameters, theirs: oracle.Parameters, what: str) -> None:
    """Values to 1e-5 of the largest, and the step itself, of which the values' own rounding is a larger part."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        given = ours[name]
        assert given.dtype == expected.dtype == np.float32, name
        distance = np.abs(given.astype(np.float64) - expected).max()
        largest = np.abs(expected).max()
        assert distance <= 1e-5 * largest, f"{what}, {name}"
        step = np.abs(expected.astype(np.float64) - before[name]).max()
        assert distance <= 1e-4 * step + 2.0**-22 * largest, f"{what}, {name}: the step"


@pytest.mark.parametrize("lines", [64, 512])
def test_twenty_single_steps_of_lenet_equal_those_of_the_oracle(lines: int) -> None:
    program, chip = program_for("lenet5.onnx", lines)
    # fc1 alone, 400 × 120, fills 14 tiles of 64; all 61,470 weights fit one tile of 512.
    assert len({block.tile for array in program.arrays for block in array.blocks}) >= {64: 15, 512: 1}[lines]
    machine = Machine(program, chip, 0)
    machine.execute("program", {}, {}, 0)
    p = stored_in("lenet5.onnx")
    x, labels = images(20 * BATCH)
    for number in range(20):
        rows = slice(number * BATCH, (number + 1) * BATCH)
        put(machine, p)
        loss = stepped(machine, x[rows], labels[rows], number)
        following, expected = oracle.step(p, x[rows], labels[rows], LR)
        assert_same_step(p, taken(machine, p), following, f"step {number}")
        assert loss == pytest.approx(expected, rel=1e-5)
        p = following
    moved = [np.abs(p[name] - value).max() / np.abs(value).max() for name, value in stored_in("lenet5.onnx").items()]
    assert min(moved) > 0.005, "the oracle must have trained for the comparison to mean anything"


def test_steps_of_a_residual_network_equal_those_of_its_plain_training_graph() -> None:
    """Batch normalisation, strides and shared inputs, with running statistics; the weights are those of the run."""
    training = training_graph(extract_arrays(load_model(MODELS / "resnet_small.onnx")), "cross-entropy", "resnet_small")
    plain = onnxruntime.InferenceSession(training_onnx(training).SerializeToString(), session_options())
    following = {update.array: update.next for update in training.updates}
    following |= {kept.name: kept.next for kept in (*training.parameters, *training.states)}
    sources = {info.name: info for info in training.arrays}
    program, chip = program_for("resnet_small.onnx", 64)
    machine = Machine(program, chip, 0)
    machine.execute("program", {}, {}, 0)
    start = stored_in("resnet_small.onnx")
    statistics = [name for name in start if name.endswith((".mean", ".var"))]
    assert len(statistics) == 18 and {state.name for state in training.states} == set(statistics)
    x, labels = images(4 * BATCH)
    p = start
    for number in range(4):
        rows = slice(number * BATCH, (number + 1) * BATCH)
        put(machine, p)
        loss = stepped(machine, x[rows], labels[rows], number)
        feeds = {
            name: p[name].reshape(len(p[name]), -1).T if name in sources and sources[name].transposed else p[name]
            for name in following
        }
        feeds |= {training.data_inputs[0]: x[rows], training.label.name: labels[rows]}
        feeds[training.lr] = np.array(LR, np.float32)
        expected, *values = plain.run([training.loss, *following.values()], feeds)
        found = dict(zip(following, values, strict=True))
        after = {
            name: (value.T if name in sources and sources[name].transposed else value).reshape(p[name].shape)
            for name, value in found.items()
        }
        assert_same_step(p, taken(machine, p), after, f"step {number}")
        assert loss == pytest.approx(float(expected), rel=1e-5)
        p = after
    assert min(np.abs(p[name] - start[name]).max() for name in p) > 1e-3, "every value must have moved"
