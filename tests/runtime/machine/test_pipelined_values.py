"""A pipelined step on values: each read sees the version that its lag implies."""

from typing import Any

import numpy as np

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.machine.hand_target import hand_target

SIZES, SAMPLES, LR = (6, 5, 3), 7, 0.3


def data() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(SAMPLES, SIZES[0])).astype(np.float32)
    return {"x": rows, "label": rng.integers(0, SIZES[-1], SAMPLES)}


def machine(target: Any, **options: Any) -> Machine:
    model = perceptron(SIZES, ("Tanh",), biased=True)
    made = Machine(compile_model(model, target, CompileOptions(**options)), target, seed=5)
    made.execute("program", {}, {}, 0)
    return made


def delayed(weights: list[np.ndarray], biases: list[np.ndarray], lag: int) -> list[np.ndarray]:
    """The same training in numpy: the first layer steps `lag` samples late, the last one at once."""
    w, b = [m.astype(np.float64) for m in weights], [v.astype(np.float64) for v in biases]
    given, late = data(), {}
    for beat in range(SAMPLES + lag):
        if beat < SAMPLES:
            x = given["x"][beat].astype(np.float64)
            hidden = np.tanh(x @ w[0] + b[0])
            scores = hidden @ w[1] + b[1]
            error = np.exp(scores - scores.max())
            error /= error.sum()
            error[given["label"][beat]] -= 1.0
            error /= SAMPLES
            late[beat] = (x, (w[1] @ error) * (1.0 - hidden**2))
            b[1] = b[1] - LR * error
            w[1] = w[1] - LR * np.outer(hidden, error)
        if beat >= lag:
            x, first = late[beat - lag]
            b[0] = b[0] - LR * first
            w[0] = w[0] - LR * np.outer(x, first)
    return [*w, *b]


def test_updates_are_as_late_as_the_depth_says() -> None:
    for depth, lag in ((1, 0), (2, 1), (4, 3), (20, 7)):
        made = machine(load("ideal"), schedule="pipelined", pipeline_depth=depth)
        names = [a.name for a in made.program.arrays]
        start = [np.array(made.program.weights[name]) for name in names]
        states = [s.name for s in made.program.states]
        made.execute("train_step", data(), {"lr": LR, "inv_batch": 1 / SAMPLES, "batch": SAMPLES}, 0)
        expected = delayed(start, [np.array(made.program.weights[name]) for name in states], lag)
        got = [np.asarray(a.w) * r.alpha for a, r in zip(made.values.arrays, made.program.arrays, strict=True)]
        for ours, reference in zip([*got, *made.values.states], expected, strict=True):
            np.testing.assert_allclose(ours, reference, atol=2e-6)


def test_depth_one_is_one_sample_after_the_other_bit_for_bit() -> None:
    target, rows = hand_target(), data()
    sequential, pipelined = machine(target), machine(target, schedule="pipelined", pipeline_depth=1)
    scalars = {"lr": LR, "inv_batch": 1 / SAMPLES}
    losses = [
        sequential.execute("train_step", {k: v[j : j + 1] for k, v in rows.items()}, {**scalars, "batch": 1}, j)["loss"]
        for j in range(SAMPLES)
    ]
    result = pipelined.execute("train_step", rows, {**scalars, "batch": SAMPLES}, 0)
    np.testing.assert_array_equal(result["loss"], losses)
    for a, b in zip(sequential.values.arrays, pipelined.values.arrays, strict=True):
        np.testing.assert_array_equal(a.w, b.w)
    for a, b in zip(sequential.values.states, pipelined.values.states, strict=True):
        np.testing.assert_array_equal(a, b)
