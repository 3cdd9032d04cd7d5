"""A recurrent network with tied weights: forward in a serial loop, backward in a reverse one, updates at every step."""

import numpy as np
import pytest

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import Body, body, hand_program, node
from tests.runtime.machine.hand_target import hand_target

STATES, OUTPUTS, STEPS = 20, 5, 2

TEXT = """
tile.array @W 20x20 rule "sgd"
tile.array @V 20x5 rule "sgd"
tile.segment @relu row (!tile.vec<20xf32>) -> !tile.vec<20xf32> work [simple 20]
tile.segment @relu_grad row (!tile.vec<20xf32>, !tile.vec<20xf32>) -> !tile.vec<20xf32> work [simple 60]
tile.segment @error row (!tile.vec<5xf32>, !tile.vec<5xf32>, !tile.scalar<f32>) -> !tile.vec<5xf32> work [simple 10]

tile.entry @train_step(
  %xs: !tile.stash<!tile.vec<20xf32>>,
  %targets: !tile.stash<!tile.vec<5xf32>>,
  %lr: !tile.scalar<f32>,
  %inv_batch: !tile.scalar<f32>,
  %batch: !tile.scalar<index>
) -> !tile.stash<!tile.vec<5xf32>> {
  %w = tile.open @W
  %v = tile.open @V
  %ins, %outs, %lasts, %ys, %ds, %w_read, %v_read = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %last, %in, %out, %w_done = tile.for %t to 2 carry (%h = %x) {
      %z, %z_done = tile.mvm @W site 0 forward (%h, %w) : !tile.vec<20xf32>
      %next = tile.call @relu (%z) : !tile.vec<20xf32>
      tile.yield (%next), (%h, %next, %z_done)
    }
    %y, %y_done = tile.mvm @V site 0 forward (%last, %v) : !tile.vec<5xf32>
    %target = tile.unstash %targets[%i]
    %d = tile.call @error (%y, %target, %inv_batch) : !tile.vec<5xf32>
    tile.yield %in, %out, %last, %y, %d, %w_done, %y_done
  }
  %dzs, %w_back, %v_back = tile.map %i to %batch {
    %d = tile.unstash %ds[%i]
    %out = tile.unstash %outs[%i]
    %g, %g_done = tile.mvm_t @V site 0 backward (%d, %v) : !tile.vec<20xf32>
    %first, %dz, %w_done = tile.for %t to 2 reverse carry (%dh = %g) {
      %h = tile.unstash %out[%t]
      %one = tile.call @relu_grad (%dh, %h) : !tile.vec<20xf32> attributes {phase = "backward"}
      %before, %before_done = tile.mvm_t @W site 0 backward (%one, %w) : !tile.vec<20xf32>
      tile.yield (%before), (%one, %before_done)
    }
    tile.yield %dz, %w_done, %g_done
  }
  %v_end = tile.for %i to %batch carry (%v_i = %v) after (%v_read, %v_back) {
    %h = tile.unstash %lasts[%i]
    %d = tile.unstash %ds[%i]
    %v_next = tile.update @V site 0 (%h, %d, %lr, %v_i)
    tile.yield (%v_next)
  }
  %w_end = tile.for %i to %batch carry (%w_i = %w) after (%w_read, %w_back) {
    %in = tile.unstash %ins[%i]
    %dz = tile.unstash %dzs[%i]
    %w_out = tile.for %t to 2 carry (%w_t = %w_i) {
      %h = tile.unstash %in[%t]
      %d = tile.unstash %dz[%t]
      %w_next = tile.update @W site 0 (%h, %d, %lr, %w_t)
      tile.yield (%w_next)
    }
    tile.yield (%w_out)
  }
  tile.commit %v_end
  tile.commit %w_end
  tile.return %ys
}
"""

BODIES: dict[str, Body] = {
    "relu": body("z", "h", node("Relu", "z", "h")),
    "relu_grad": body(
        "d h", "g", node("Sign", "h", "s"), node("Mul", "d s", "g")
    ),  # h is a ReLU's output: its sign is the derivative
    "error": body("y t inv", "d", node("Sub", "y t", "e"), node("Mul", "e inv", "d")),
}


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {
        "W": (rng.standard_normal((STATES, STATES)) * 0.3).astype(np.float32),
        "V": (rng.standard_normal((STATES, OUTPUTS)) * 0.3).astype(np.float32),
    }


def program(target: Target, alphas: dict[str, float] | None = None) -> Program:
    return hand_program(TEXT, BODIES, weights(), target, alphas)


def batches(number: int, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(5)
    return [
        (
            rng.standard_normal((size, STATES)).astype(np.float32),
            rng.standard_normal((size, OUTPUTS)).astype(np.float32),
        )
        for _ in range(number)
    ]


def scalars(size: int, lr: float) -> dict[str, float | int]:
    return {"lr": lr, "inv_batch": 1 / size, "batch": size}


def numpy_step(w: np.ndarray, v: np.ndarray, x: np.ndarray, target: np.ndarray, lr: float) -> np.ndarray:
    """One step of SGD on ½|y − t|², in place, straight from the mathematics; gives y."""
    hs = [x]
    for _ in range(STEPS):
        hs.append(np.maximum(hs[-1] @ w, 0))
    y = hs[-1] @ v
    d = (y - target) / np.float32(len(x))
    g = d @ v.T
    dzs: list[np.ndarray] = [np.empty(0)] * STEPS
    for t in reversed(range(STEPS)):
        dzs[t] = g * (hs[t + 1] > 0)
        g = dzs[t] @ w.T
    for i in range(len(x)):
        v -= np.float32(lr) * np.outer(hs[-1][i], d[i])
    for i in range(len(x)):
        for t in range(STEPS):
            w -= np.float32(lr) * np.outer(hs[t][i], dzs[t][i])
    return y


@pytest.mark.parametrize("alphas", [None, {"W": 0.37, "V": 2.5}], ids=["alpha 1", "alpha scaled"])
def test_training_on_ideal_devices_equals_numpy_for_several_steps(alphas: dict[str, float] | None) -> None:
    target = hand_target(device="ideal")
    bench = Bench(program(target, alphas), target)
    w, v = (a.copy() for a in weights().values())
    for x, t in batches(4, 6):
        results, _, _ = bench.run("train_step", {"xs": x, "targets": t}, scalars(6, 0.1))
        np.testing.assert_allclose(results["result0"], numpy_step(w, v, x, t, 0.1), rtol=2e-5, atol=2e-6)
    assert np.abs(w - weights()["W"]).max() > 0.01
    np.testing.assert_allclose(bench.weights("W"), w, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(bench.weights("V"), v, rtol=1e-6, atol=1e-6)


def test_pulsed_devices_follow_numpy_on_the_average() -> None:
    target = hand_target(tile__adc={**_no_noise(), "bits": 12}, tile__dac={"bits": 12})
    x, t = batches(1, 4)[0]
    w, v = (a.copy() for a in weights().values())
    numpy_step(w, v, x, t, 0.02)
    moved = []
    for seed in range(20):
        bench = Bench(program(target), target, seed)
        bench.machine.values.run("train_step", {"xs": x, "targets": t}, scalars(4, 0.02), 0)
        moved.append(bench.weights("W") - weights()["W"])
    expected = w - weights()["W"]
    slope = float((np.mean(moved, axis=0) * expected).sum() / (expected * expected).sum())
    assert slope == pytest.approx(1.0, abs=0.1)


def _no_noise() -> dict[str, object]:
    return {"bound": 40, "noise": 0, "rate": "1 GHz", "latency": 4, "shared_by": 8, "banks": 2}


def test_every_step_gives_the_same_timeline_in_both_clocks_and_counts_reach_it() -> None:
    target = hand_target()
    bench = Bench(program(target), target)
    cycles = []
    for x, t in batches(3, 3):
        _, timeline, _ = bench.run("train_step", {"xs": x, "targets": t}, scalars(3, 0.1))
        cycles.append(timeline.cycles)
        phases = dict(zip(PHASES, timeline.phase_cycles.sum(axis=0).tolist(), strict=True))
        assert phases["forward"] > 0 and phases["backward"] > 0 and phases["update"] > 0
        assert (timeline.phase_cycles.sum(axis=1) == timeline.cycles).all()
    assert len(set(cycles)) > 1  # train lengths and retries differ from step to step


def test_a_read_and_an_update_run_once_for_every_sample_and_time_step() -> None:
    target = hand_target()
    made = program(target)
    bench = Bench(made, target)
    x, t = batches(1, 3)[0]
    _, timeline, _ = bench.run("train_step", {"xs": x, "targets": t}, scalars(3, 0.1))
    rows = made.entries["train_step"].instructions
    w = made.array_number("W")
    for block in range(len(made.arrays[w].blocks)):
        for kind in (Mnemonic.MVM, Mnemonic.MVM_T, Mnemonic.UPDATE):
            mine = (rows["array"] == w) & (rows["block"] == block) & (rows["mnemonic"] == kind)
            assert timeline.executed[mine].tolist() == [3 * STEPS]


def test_a_larger_batch_uses_the_same_program() -> None:
    target = hand_target(device="ideal")
    bench = Bench(program(target), target)
    w, v = (a.copy() for a in weights().values())
    for size in (1, 5, 2):
        x, t = batches(1, size)[0]
        bench.run("train_step", {"xs": x, "targets": t}, scalars(size, 0.1))
        numpy_step(w, v, x, t, 0.1)
    np.testing.assert_allclose(bench.weights("W"), w, rtol=1e-6, atol=1e-6)
