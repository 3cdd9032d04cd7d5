"""Whole networks with branches: gradients against central differences, training on a machine against ONNX Runtime."""

import numpy as np
import pytest

from ohmflow.compiler.autodiff import training_onnx
from ohmflow.compiler.compile import CompileOptions, compile_stages
from ohmflow.runtime.machine.machine import Machine
from tests.compiler.autodiff.conftest import check_gradients, parse, run
from tests.compiler.autodiff.networks import BRANCHES, CONVOLUTIONS, RESIDUAL
from tests.compiler.autodiff.test_gradients import drawn
from tests.runtime.machine.hand_target import hand_target


@pytest.mark.parametrize("digital", [(), ("MatMul.c",), ("MatMul.a", "MatMul.c", "MatMul.i")])
def test_joined_and_residual_branches(digital: tuple[str, ...]) -> None:
    check_gradients(BRANCHES, {"x": drawn(5, 4, 3), "label": drawn(6, 4, 4)}, digital=digital)


def test_residual_network_with_batch_statistics_and_digital_convolutions() -> None:
    feeds = {"x": drawn(20, 3, 2, 4, 4), "label": np.array([0, 2, 1])}
    check_gradients(RESIDUAL, feeds, "cross-entropy", digital=CONVOLUTIONS)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_residual_network_trains_on_a_machine_as_the_plain_graph_does(optimizer: str) -> None:
    target = hand_target(device="ideal")
    stages = compile_stages(parse(RESIDUAL), target, CompileOptions(optimizer=optimizer))
    program = stages.program
    machine = Machine(program, target, 0)
    machine.execute("program", {}, {}, 0)
    assert stages.training is not None
    plain = training_onnx(stages.training)
    held: dict[str, np.ndarray] = {}
    for step in range(2):
        feeds = {"x": drawn(20 + step, 4, 2, 4, 4), "label": np.array([0, 2, 1, 1])}
        given = machine.execute("train_step", feeds, {"lr": 0.02, "inv_batch": 0.25, "batch": 4}, step)
        out = run(plain, {**feeds, "lr": np.array(0.02, np.float32), **held})
        held = {name.removesuffix(".next"): value for name, value in out.items() if name.endswith(".next")}
        assert float(given["loss"]) == pytest.approx(out["loss"], rel=1e-4)
    for state, value in zip(program.states, machine.values.states, strict=True):
        np.testing.assert_allclose(value, held[state.name], rtol=1e-3, atol=1e-4, err_msg=state.name)
    for record, array in zip(program.arrays, machine.values.arrays, strict=True):
        np.testing.assert_allclose(array.weights(), held[record.name], rtol=1e-3, atol=1e-4, err_msg=record.name)
