"""Tiki-Taka as the framework's first user: two arrays, a counter, transfers, a composite read; it does what it says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import numpy_helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.lowering.scaling import WeightScaling
from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.plan import Node
from ohmflow.runtime.rules import fused
from ohmflow.runtime.training.api import resume, train
from ohmflow.runtime.training.data import DataSet, Rows
from ohmflow.runtime.training.export import export_model, trained_weights
from ohmflow.runtime.training.run_folder import bill_of
from ohmflow.runtime.training.train_options import TrainOptions
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_target import hand_target
from tests.runtime.rules.one_array import Case, convolution, dense, tied

LR, TRANSFER_LR, SIZES = 0.2, 0.3, (4, 1, 3)
CASES = {"dense": dense, "tied": tied, "convolution": convolution}


def compiled(case: Case, target: Target, alpha: float = 1.0, **options: Any) -> Program:
    chosen = CompileOptions(
        loss="mse",
        rule="tiki-taka",
        rule_options={"transfer_lr": TRANSFER_LR, **options},
        scaling=WeightScaling("fixed", alpha=alpha),
        packing="spread",
    )
    return compile_model(case.model, target, chosen)


def batch(case: Case, step: int) -> tuple[Any, Any]:
    draws, size = np.random.default_rng(step), SIZES[step % len(SIZES)]
    return tuple(draws.standard_normal((size, *shape)).astype(np.float32) for shape in (case.x, case.y))


def inputs(program: Program, x: Any, wanted: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [a.name for a in program.entries["train_step"].arguments if a.kind == "rows"]
    return dict(zip(names, (x, wanted), strict=True)), {"lr": LR, "inv_batch": 1 / len(x), "batch": len(x)}


class Plain:
    """The rule in numpy."""

    def __init__(self, case: Case, gamma: float, every: int) -> None:
        self.case, self.gamma, self.every, self.n = case, np.float32(gamma), every, 0
        self.slow, self.fast = case.start.copy(), np.zeros_like(case.start)

    @property
    def weights(self) -> Any:
        return self.slow + self.gamma * self.fast

    def step(self, x: Any, wanted: Any) -> None:
        for vector, error in list(self.case.pairs(self.weights, x, wanted)):
            self.fast -= np.float32(LR) * np.outer(vector, error)
            self.n += 1
            if self.n % self.every == 0:
                column = (self.n // self.every - 1) % self.slow.shape[1]
                self.slow[:, column] += np.float32(TRANSFER_LR) * self.fast[:, column]


@pytest.mark.parametrize("alpha", [1.0, 0.4])
@pytest.mark.parametrize("gamma", [0.0, 0.5])
@pytest.mark.parametrize("name", CASES)
def test_both_arrays_equal_numpy_on_ideal_devices(name: str, gamma: float, alpha: float) -> None:
    case, target = CASES[name](), load("ideal")
    program = compiled(case, target, alpha, gamma=gamma, transfer_every=2, fast_alpha=1.7)
    machine, plain = Machine(program, target, 0), Plain(case, gamma, 2)
    machine.execute("program", {}, {}, 0)
    for step in range(6):
        x, wanted = batch(case, step)
        machine.execute("train_step", *inputs(program, x, wanted), step)
        plain.step(x, wanted)
        assert machine.values.states[0] == plain.n
    slow, fast = (array.weights() for array in machine.values.arrays)
    assert np.abs(slow - case.start).max() > 0.01
    # Sums of some dozen float32 products and additions, in another order.
    np.testing.assert_allclose(slow, plain.slow, rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(fast, plain.fast, rtol=2e-5, atol=2e-6)
    exported = trained_weights(program, machine.values)["W"]
    # The composite is what the layer computes with, and what is given back.
    stored = exported.reshape(case.start.shape[::-1]).T if name == "convolution" else exported
    np.testing.assert_allclose(stored, plain.weights, rtol=2e-5, atol=2e-6)
    model = export_model(program, {"W": exported}, {})
    assert (
        numpy_helper.to_array(model.graph.initializer[0]).shape
        == numpy_helper.to_array(case.model.graph.initializer[0]).shape
    )
    out = machine.execute("infer", {"x": x}, {"batch": len(x)}, 9)["y"]
    if name == "dense":
        np.testing.assert_allclose(out, x @ plain.weights, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
@pytest.mark.parametrize("name", CASES)
def test_both_clocks_agree(name: str, gamma: float) -> None:
    case, target = CASES[name](), hand_target()
    program = compiled(case, target, gamma=gamma, transfer_every=3)
    bench = Bench(program, target)
    for step in range(3):
        _, timeline, _ = bench.run("train_step", *inputs(program, *batch(case, step)))
        assert timeline.cycles > 0
    bench.run("infer", {"x": batch(case, 0)[0]}, {"batch": SIZES[0]})
    bench.run("program", {}, {})


def test_transfers_take_time_and_energy_of_their_own() -> None:
    case, target = dense(), load("rpu-2016")
    program = compiled(case, target, transfer_every=1)
    machine = Machine(program, target, 0)
    machine.execute("program", {}, {}, 0)
    machine.close_epoch(0)
    before = bill_of(machine).by("phase")["program"]
    for step in range(3):
        machine.execute("train_step", *inputs(program, *batch(case, step)), step)
    machine.close_epoch(1)
    bill = bill_of(machine)
    assert before > 0  # zeros were written to the fast array, and verified
    assert bill.by("phase")["transfer"] > 0
    assert sum(n for (_, phase), n in bill.phase_cycles.items() if phase == "transfer") > 0


def test_stored_program_goes_on_from_a_state_bit_by_bit(tmp_path: Path) -> None:
    case, target = dense(), hand_target()
    save_program(compiled(case, target, gamma=0.5, transfer_every=2), tmp_path / "p")
    program = load_program(tmp_path / "p")
    assert program.manifest["rules"]["W"]["options"]["transfer_every"] == 2
    marks = [mark for mark in program.entries["train_step"].marks.values()]
    assert marks == [LoopMark("tiki-taka", {"transfer_every": 2, "lines": 4})]
    whole, first, second = (Machine(program, target, 3) for _ in range(3))
    for machine, steps in ((whole, range(6)), (first, range(3))):
        machine.execute("program", {}, {}, 0)
        for step in steps:
            machine.execute("train_step", *inputs(program, *batch(case, step)), step)
    for array, kept in zip(second.values.arrays, first.values.arrays, strict=True):
        array.restore(kept.state())
    second.values.states = [np.array(value) for value in first.values.states]
    for step in range(3, 6):
        second.execute("train_step", *inputs(program, *batch(case, step)), step)
    for array, other in zip(whole.values.arrays, second.values.arrays, strict=True):
        assert array.weights().tobytes() == other.weights().tobytes()


def test_fused_kernel_is_asked_and_may_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    class Count:
        def __init__(self, loop: Node) -> None:
            self.loop = loop

        def run(self, engine: Any, frame: Any, tally: Any, trip: int) -> None:
            ran.append(trip)
            for out, init in zip(self.loop.outs, self.loop.ins[len(self.loop.ins) - self.loop.carried :], strict=True):
                frame.env[out] = frame.env[init]

    def known(loop: Node, mark: LoopMark, program: Program) -> Count | None:
        return Count(loop) if mark.parameters["transfer_every"] == 2 else None

    monkeypatch.setattr(fused, "_OURS", {"tiki-taka": known})
    case, target = dense(), load("ideal")
    for every, switched, expected in ((2, True, [4]), (2, False, []), (3, True, [])):
        ran.clear()
        program = compiled(case, target, transfer_every=every)
        machine = Machine(program, target, 0)
        machine.values.fused = switched
        machine.execute("program", {}, {}, 0)
        machine.execute("train_step", *inputs(program, *batch(case, 0)), 0)
        assert ran == expected
        assert (machine.values.states[0] == 0) == bool(expected)


def test_run_that_is_resumed_ends_in_the_same_bytes(tmp_path: Path) -> None:
    target, case = load("rpu-2016"), dense()
    program = compiled(case, target, gamma=0.5, transfer_every=2)
    draws = np.random.default_rng(2)
    rows = Rows(draws.normal(size=(20, 6)).astype(np.float32), draws.normal(size=(20, 4)).astype(np.float32))
    data = DataSet("drawn", rows, rows.take(slice(0)), rows.take(slice(4)))
    train(program, target, data, TrainOptions(epochs=2, batch=5), tmp_path / "whole")
    train(program, target, data, TrainOptions(epochs=1, batch=5), tmp_path / "cut")
    resume(tmp_path / "cut", epochs=2, data=data, target=target)
    for name in ("model.onnx", "ledger.csv", "events.npz"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes(), name
