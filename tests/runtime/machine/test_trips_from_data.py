"""Loops whose trip every sample decides for itself: forward, backward in reverse, and updates of every visit."""

import numpy as np
import pytest

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import Body, body, constant, hand_program, node
from tests.runtime.machine.hand_target import hand_target

WIDTH = 18

TEXT = """
tile.array @W 18x18 rule "sgd"
tile.segment @length row (!tile.vec<18xf32>) -> !tile.vec<i64> work [simple 18]
tile.segment @tanh row (!tile.vec<18xf32>) -> !tile.vec<18xf32> work [special 18]
tile.segment @error row (!tile.vec<18xf32>, !tile.vec<18xf32>, !tile.scalar<f32>) -> !tile.vec<18xf32> work [simple 36]
tile.segment @tanh_grad row (!tile.vec<18xf32>, !tile.vec<18xf32>) -> !tile.vec<18xf32> work [simple 54]

tile.entry @train_step(
  %xs: !tile.stash<!tile.vec<18xf32>>,
  %targets: !tile.stash<!tile.vec<18xf32>>,
  %lr: !tile.scalar<f32>,
  %inv_batch: !tile.scalar<f32>,
  %batch: !tile.scalar<index>
) -> (!tile.stash<!tile.vec<18xf32>>, !tile.stash<!tile.vec<18xf32>>) {
  %w = tile.open @W
  %ns, %ins, %outs, %ends, %ds, %read = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %n = tile.call @length (%x) : !tile.vec<i64>
    %end, %in, %out, %done = tile.for %t to %n carry (%h = %x) {
      %z, %z_done = tile.mvm @W site 0 forward (%h, %w) : !tile.vec<18xf32>
      %next = tile.call @tanh (%z) : !tile.vec<18xf32>
      tile.yield (%next), (%h, %next, %z_done)
    }
    %target = tile.unstash %targets[%i]
    %d = tile.call @error (%end, %target, %inv_batch) : !tile.vec<18xf32>
    tile.yield %n, %in, %out, %end, %d, %done
  }
  %n2s, %hs, %dzs, %dxs, %back = tile.map %i to %batch {
    %n = tile.unstash %ns[%i]
    %d = tile.unstash %ds[%i]
    %in = tile.unstash %ins[%i]
    %out = tile.unstash %outs[%i]
    %dx, %h_in, %dz, %done = tile.for %t to %n reverse carry (%g = %d) {
      %h = tile.unstash %out[%t]
      %one = tile.call @tanh_grad (%g, %h) : !tile.vec<18xf32> attributes {phase = "backward"}
      %before, %b_done = tile.mvm_t @W site 0 backward (%one, %w) : !tile.vec<18xf32>
      %h_before = tile.unstash %in[%t]
      tile.yield (%before), (%h_before, %one, %b_done)
    }
    tile.yield %n, %h_in, %dz, %dx, %done
  }
  %w_end = tile.for %i to %batch carry (%w_i = %w) after (%read, %back) {
    %n = tile.unstash %n2s[%i]
    %in = tile.unstash %hs[%i]
    %dz = tile.unstash %dzs[%i]
    %w_out = tile.for %t to %n reverse carry (%w_t = %w_i) {
      %h = tile.unstash %in[%t]
      %d = tile.unstash %dz[%t]
      %w_next = tile.update @W site 0 (%h, %d, %lr, %w_t)
      tile.yield (%w_next)
    }
    tile.yield (%w_out)
  }
  tile.commit %w_end
  tile.return %ends, %dxs
}
"""

BODIES: dict[str, Body] = {
    "length": body(  # the first number of a sample says how often it is read
        "x",
        "n",
        constant("zero", np.int64(0)),
        node("Gather", "x zero", "first", axis=1),
        node("Cast", "first", "n", to=7),
    ),
    "tanh": body("z", "h", node("Tanh", "z", "h")),
    "error": body("y t inv", "d", node("Sub", "y t", "e"), node("Mul", "e inv", "d")),
    "tanh_grad": body(
        "g h",
        "d",
        node("Mul", "h h", "hh"),
        constant("one", np.float32(1)),
        node("Sub", "one hh", "s"),
        node("Mul", "g s", "d"),
    ),
}


def weights() -> dict[str, np.ndarray]:
    return {"W": (np.random.default_rng(9).standard_normal((WIDTH, WIDTH)) * 0.25).astype(np.float32)}


def program(target: Target, serial: str = "") -> Program:
    """The program; the loops over samples whose first result is named in `serial` are no maps but serial."""
    text = "\n".join(
        line.replace("tile.map", "tile.for") if line.split(",")[0].strip() in serial.split() else line
        for line in TEXT.splitlines()
    )
    assert text.count("tile.map") == 2 - len(serial.split())
    return hand_program(text, BODIES, weights(), target)


def rows(lengths: list[int], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((len(lengths), WIDTH)).astype(np.float32)
    x[:, 0] = lengths
    return {"xs": x, "targets": rng.standard_normal((len(lengths), WIDTH)).astype(np.float32)}


def scalars(size: int) -> dict[str, float | int]:
    return {"lr": 0.05, "inv_batch": 1 / size, "batch": size}


def numpy_step(w: np.ndarray, given: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """One step sample by sample, in place; gives the last states and the gradients of the inputs."""
    pairs, ends, dxs = [], [], []
    size = np.float32(len(given["xs"]))
    for x, target in zip(given["xs"], given["targets"], strict=True):
        hs = [x]
        for _ in range(int(x[0])):
            hs.append(np.tanh(hs[-1] @ w))
        g = (hs[-1] - target) / size
        for t in reversed(range(int(x[0]))):
            dz = g * (1 - hs[t + 1] ** 2)
            pairs.append((hs[t], dz))
            g = dz @ w.T
        ends.append(hs[-1])
        dxs.append(g)
    for h, dz in pairs:
        w -= np.float32(0.05) * np.outer(h, dz)
    return np.array(ends), np.array(dxs)


@pytest.mark.parametrize("lengths", [[3, 1, 0, 4, 2], [0], [0, 0, 0], [2, 2], [1, 0, 5]], ids=str)
def test_training_equals_numpy_whatever_the_trips_of_the_samples(lengths: list[int]) -> None:
    target = hand_target(device="ideal")
    bench = Bench(program(target), target)
    w = weights()["W"]
    for step in range(3):
        given = rows(lengths, step)
        results, _, _ = bench.run("train_step", given, scalars(len(lengths)))
        ends, dxs = numpy_step(w, given)
        np.testing.assert_allclose(results["result0"], ends, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(results["result1"], dxs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(bench.weights("W"), w, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("serial", ["%ns", "%n2s", "%ns %n2s"])
@pytest.mark.parametrize("lengths", [[3, 0, 4, 1], [0, 0], [2, 2, 2]], ids=str)
def test_serial_loops_over_samples_give_what_maps_give(lengths: list[int], serial: str) -> None:
    target = hand_target(device="ideal")
    given, size = rows(lengths), len(lengths)
    bench, other = Bench(program(target, serial), target), Bench(program(target), target)
    one, other_one = (b.run("train_step", given, scalars(size))[0] for b in (bench, other))
    for name in one:
        np.testing.assert_allclose(one[name], other_one[name], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(bench.weights("W"), other.weights("W"), rtol=1e-6, atol=1e-6)


def test_the_clock_reads_and_updates_as_often_as_the_samples_ask() -> None:
    target = hand_target()
    bench = Bench(program(target), target)
    for lengths in ([3, 1, 0, 4], [0, 0, 0, 0], [1, 5, 2, 0]):
        _, timeline, _ = bench.run("train_step", rows(lengths), scalars(4))
        kinds = bench.program.entries["train_step"].instructions["mnemonic"]
        for kind in (Mnemonic.MVM, Mnemonic.MVM_T, Mnemonic.UPDATE):
            assert set(timeline.executed[kinds == kind].tolist()) == {sum(lengths)}


def test_a_sample_that_reads_longer_takes_longer() -> None:
    target = hand_target()
    bench = Bench(program(target), target)
    cycles = [bench.run("train_step", rows([n]), scalars(1))[1].cycles for n in (0, 1, 2, 6)]
    assert cycles == sorted(cycles) and len(set(cycles)) == 4


def test_the_machine_itself_times_every_step_with_its_own_trips() -> None:
    target = hand_target(device="ideal")
    made = program(target)
    bench = Bench(made, target)
    expected = 0
    for lengths in ([2, 1], [0, 3], [2, 1], [4, 4]):
        bench.machine.execute("train_step", rows(lengths), scalars(2), 0)
        other = Bench(made, target)
        expected += other.run("train_step", rows(lengths), scalars(2))[1].cycles
    bench.machine.close_epoch(1)
    assert bench.machine.book.cycles == expected


def test_what_one_sample_gets_does_not_depend_on_the_trips_of_the_others() -> None:
    target = hand_target()
    given = rows([3, 1, 2])
    alone = []
    for lengths in ([3, 1, 2], [3, 7, 0]):
        given["xs"][:, 0] = lengths
        bench = Bench(program(target), target)
        results, _, _ = bench.run("train_step", given, scalars(3))
        alone.append((results["result0"][0], results["result1"][0]))
    np.testing.assert_array_equal(alone[0][0], alone[1][0])
    np.testing.assert_array_equal(alone[0][1], alone[1][1])
