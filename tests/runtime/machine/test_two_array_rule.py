"""A rule with two arrays, in the manner of Tiki-Taka: A takes every update; at times a column of it goes over to C."""

import numpy as np
import pytest

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import PHASES, Timeline
from ohmflow.compiler.program.tables import Mnemonic, Op
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import Body, body, constant, hand_program, node
from tests.runtime.machine.hand_target import hand_target

ROWS, COLS, EVERY = 20, 6, 3

TEXT = """
tile.array @A 20x6 rule "transfer"
tile.array @C 20x6 rule "transfer"
tile.state @samples counter : !tile.vec<i64> init 0
tile.segment @error row (!tile.vec<6xf32>, !tile.vec<6xf32>, !tile.vec<6xf32>, !tile.scalar<f32>) 
  -> !tile.vec<6xf32> work [simple 18]
tile.segment @count row (!tile.vec<i64>) -> (!tile.vec<i64>, !tile.vec<i64>) work [simple 3]

tile.entry @train_step(
  %xs: !tile.stash<!tile.vec<20xf32>>,
  %targets: !tile.stash<!tile.vec<6xf32>>,
  %lr: !tile.scalar<f32>,
  %transfer_lr: !tile.scalar<f32>,
  %inv_batch: !tile.scalar<f32>,
  %batch: !tile.scalar<index>
) -> !tile.stash<!tile.vec<6xf32>> {
  %a = tile.open @A
  %c = tile.open @C
  %s = tile.open @samples
  %ds, %a_read, %c_read = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %target = tile.unstash %targets[%i]
    %ya, %ya_done = tile.mvm @A site 0 forward (%x, %a) : !tile.vec<6xf32>
    %yc, %yc_done = tile.mvm @C site 0 forward (%x, %c) : !tile.vec<6xf32>
    %d = tile.call @error (%ya, %yc, %target, %inv_batch) : !tile.vec<6xf32>
    tile.yield %d, %ya_done, %yc_done
  }
  %n0, %n0_done = tile.state_get @samples (%s) : !tile.vec<i64>
  %n_end, %a_end, %c_end = tile.for %i to %batch carry (%n = %n0, %a_i = %a, %c_i = %c) after (%a_read, %c_read) {
    %x = tile.unstash %xs[%i]
    %d = tile.unstash %ds[%i]
    %a_new = tile.update @A site 0 (%x, %d, %lr, %a_i)
    %next, %column = tile.call @count (%n) : !tile.vec<i64>, !tile.vec<i64>
    %a_out, %c_out = tile.when %next every 3 carry (%a_w = %a_new, %c_w = %c_i) {
      %a_read_done, %c_new = tile.transfer @A to @C col (%column, %transfer_lr, %a_w, %c_w)
      tile.yield (%a_w, %c_new) after (%a_read_done)
    }
    tile.yield (%next, %a_out, %c_out)
  }
  %s_new = tile.state_set @samples (%n_end, %s) after (%n0_done)
  tile.commit %a_end
  tile.commit %c_end
  tile.commit %s_new
  tile.return %ds
}
"""

BODIES: dict[str, Body] = {
    "error": body("a c t inv", "d", node("Add", "a c", "y"), node("Sub", "y t", "e"), node("Mul", "e inv", "d")),
    "count": body(
        "n",
        "next column",
        constant("one", np.int64(1)),
        constant("every", np.int64(EVERY)),
        constant("cols", np.int64(COLS)),
        node("Add", "n one", "next"),
        node("Div", "next every", "turn"),
        node("Mod", "turn cols", "column"),
    ),
}


def start() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: (rng.standard_normal((ROWS, COLS)) * 0.2).astype(np.float32) for name in "AC"}


def program(target: Target, alphas: dict[str, float] | None = None) -> Program:
    return hand_program(TEXT, BODIES, start(), target, alphas, packing="spread")


def batch(size: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "xs": rng.standard_normal((size, ROWS)).astype(np.float32),
        "targets": rng.standard_normal((size, COLS)).astype(np.float32),
    }


def scalars(size: int) -> dict[str, float | int]:
    return {"lr": 0.1, "transfer_lr": 0.5, "inv_batch": 1 / size, "batch": size}


def numpy_step(a: np.ndarray, c: np.ndarray, n: int, rows: dict[str, np.ndarray]) -> int:
    """One step, in place; gives the counter."""
    x = rows["xs"]
    d = (x @ a + x @ c - rows["targets"]) / np.float32(len(x))
    for i in range(len(x)):
        a -= np.float32(0.1) * np.outer(x[i], d[i])
        n += 1
        if n % EVERY == 0:
            column = (n // EVERY) % COLS
            c[:, column] += np.float32(0.5) * a[:, column]
    return n


@pytest.mark.parametrize("alphas", [None, {"A": 0.4, "C": 1.7}], ids=["alpha 1", "alpha scaled"])
def test_both_arrays_and_the_counter_equal_numpy_on_ideal_devices(alphas: dict[str, float] | None) -> None:
    target = hand_target(device="ideal")
    bench = Bench(program(target, alphas), target)
    a, c = (value.copy() for value in start().values())
    n = 0
    for step, size in enumerate((4, 1, 1, 5, 2)):
        rows = batch(size, step)
        bench.run("train_step", rows, scalars(size))
        n = numpy_step(a, c, n, rows)
        assert bench.machine.values.states[0] == n
    assert np.abs(c - start()["C"]).max() > 0.1
    np.testing.assert_allclose(bench.weights("A"), a, rtol=1e-6, atol=2e-6)
    np.testing.assert_allclose(bench.weights("C"), c, rtol=1e-6, atol=2e-6)


def transfer_rows(made: Program, what: Mnemonic) -> np.ndarray:
    """Instructions of one kind that belong to transfers."""
    rows = made.entries["train_step"].instructions
    return np.flatnonzero((rows["mnemonic"] == what) & (rows["phase"] == PHASES.index("transfer")))


def update(train_length: int) -> dict[str, object]:
    return {
        "train_length": train_length,
        "scheme": "stochastic-compressed",
        "update_management": True,
        "train_length_management": False,
        "setup": 4,
    }


def test_a_transfer_takes_time_only_when_it_happens() -> None:
    target = hand_target()
    bench = Bench(program(target), target)
    seen: list[tuple[bool, Timeline]] = []
    for _ in range(4):
        _, timeline, counts = bench.run("train_step", batch(1, 0), scalars(1))
        when = next(r for r in bench.program.entries["train_step"].operations if r["code"] == Op.WHEN)
        seen.append((bool(counts[int(when["group"])].sum()), timeline))
    assert [taken for taken, _ in seen] == [False, False, True, False]
    reads = transfer_rows(bench.program, Mnemonic.MVM_T)
    assert [set(t.executed[reads].tolist()) for _, t in seen] == [{0}, {0}, {1}, {0}]
    assert seen[2][1].cycles > max(t.cycles for taken, t in seen if not taken)


def test_counts_of_a_transfer_are_the_retries_of_each_block_and_its_train_length() -> None:
    target = hand_target(tile__adc__bound=0.05)
    bench = Bench(program(target), target)
    bench.machine.values.states[0] = np.int64(EVERY - 1)
    _, timeline, counts = bench.run("train_step", batch(1, 0), scalars(1))
    entry = bench.program.entries["train_step"]
    transfer = next(r for r in entry.operations if r["code"] == Op.TRANSFER)
    given = counts[int(transfer["group"])].reshape(-1)
    blocks = len(bench.program.arrays[0].blocks)
    assert len(given) == blocks + 1 and given[-1] > 0
    mvm = next(r for r in entry.operations if r["code"] == Op.MVM)
    assert counts[int(mvm["group"])].max() > 0  # the small bound makes forward reads retry
    pulsed = transfer_rows(bench.program, Mnemonic.UPDATE)
    assert len(pulsed) == len(bench.program.arrays[1].blocks)
    setup, each = target.tile.update.setup, 2  # 1 ns and a gap of 1 ns at 1 GHz
    for i, issue, _, end in timeline.issues.tolist():
        if i in pulsed:
            assert end - issue == setup + each * given[-1]


def test_cycles_follow_the_train_lengths() -> None:
    cycles = []
    for t in (hand_target(tile__update=update(10)), hand_target(tile__update=update(60))):
        bench = Bench(program(t), t)
        _, timeline, _ = bench.run("train_step", batch(4, 0), scalars(4))
        cycles.append(timeline.cycles)
    # Four updates of A and one transfer, one after another on each tile: fifty slots of two cycles more each.
    assert cycles[1] - cycles[0] >= 4 * 50 * 2


def test_three_of_a_batch_of_seven_transfer_and_both_clocks_agree() -> None:
    target = hand_target()
    bench = Bench(program(target), target)
    bench.machine.values.states[0] = np.int64(2)
    _, timeline, counts = bench.run("train_step", batch(7, 2), scalars(7))
    entry = bench.program.entries["train_step"]
    when = next(r for r in entry.operations if r["code"] == Op.WHEN)
    assert counts[int(when["group"])].reshape(-1).tolist() == [1, 0, 0, 1, 0, 0, 1]
    assert set(timeline.executed[transfer_rows(bench.program, Mnemonic.MVM_T)].tolist()) == {3}
