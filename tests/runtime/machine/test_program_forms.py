"""Forms of tile IR that a perceptron does not use: nested stashes, sites, conditions, values from everywhere."""

import numpy as np
import pytest

from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Mnemonic, Op
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import Body, body, constant, hand_program, node
from tests.runtime.machine.hand_target import hand_target

W = (np.random.default_rng(0).standard_normal((6, 6)) * 0.4).astype(np.float32)
DOUBLE = {"double": body("x", "y", node("Add", "x x", "y"))}
SEGMENT = "tile.segment @double row (!tile.vec<6xf32>) -> !tile.vec<6xf32> work [simple 6]\n"


def bench_of(text: str, bodies: dict[str, Body] | None = None, device: str = "ideal") -> Bench:
    target = hand_target(device=device)
    module = f'tile.array @W 6x6 rule "sgd"\n{text}'
    return Bench(hand_program(module, bodies or {}, {"W": W}, target), target)


def rows(size: int) -> dict[str, np.ndarray]:
    return {"xs": np.random.default_rng(4).standard_normal((size, 6)).astype(np.float32)}


NESTED = """
tile.entry @train_step(%xs: !tile.stash<!tile.vec<6xf32>>, %lr: !tile.scalar<f32>, %batch: !tile.scalar<index>) {
  %w = tile.open @W
  %all, %read = LOOP %i to %batch {
    %x = tile.unstash %xs[%i]
    %outer_end, %outer, %outer_done = tile.for %s to 3 carry (%h = %x) {
      %inner_end, %inner, %inner_done = tile.for %t to 2 carry (%g = %h) {
        %z, %z_done = tile.mvm @W site 0 forward (%g, %w) : !tile.vec<6xf32>
        tile.yield (%z), (%z, %z_done)
      }
      tile.yield (%inner_end), (%inner, %inner_done)
    }
    tile.yield %outer, %outer_done
  }
  %end = tile.for %i to %batch carry (%w_i = %w) after (%read) {
    %x = tile.unstash %xs[%i]
    %sample = tile.unstash %all[%i]
    %w_s_out = tile.for %s to 3 reverse carry (%w_s = %w_i) {
      %one = tile.unstash %sample[%s]
      %w_t_out = tile.for %t to 2 reverse carry (%w_t = %w_s) {
        %z = tile.unstash %one[%t]
        %w_u = tile.update @W site 0 (%x, %z, %lr, %w_t)
        tile.yield (%w_u)
      }
      tile.yield (%w_t_out)
    }
    tile.yield (%w_s_out)
  }
  tile.commit %end
  tile.return
}
"""


@pytest.mark.parametrize("loop", ["tile.map", "tile.for"])
def test_a_stash_of_stashes_is_read_back_in_reverse(loop: str) -> None:
    bench = bench_of(NESTED.replace("LOOP", loop))
    given = rows(3)
    _, timeline, _ = bench.run("train_step", given, {"lr": 0.1, "batch": 3})
    w = W.copy()
    zs = []
    for x in given["xs"]:
        h, visits = x, []
        for _ in range(6):
            h = h @ W
            visits.append(h)
        zs.append(visits)
    for x, visits in zip(given["xs"], zs, strict=True):
        for z in reversed(visits):
            w -= np.float32(0.1) * np.outer(x, z)
    np.testing.assert_allclose(bench.weights("W"), w, rtol=1e-6, atol=1e-6)
    kinds = bench.program.entries["train_step"].instructions["mnemonic"]
    assert timeline.executed[kinds == Mnemonic.UPDATE].tolist() == [18]


TWO_SITES = """
tile.entry @train_step(%xs: !tile.stash<!tile.vec<6xf32>>, %lr: !tile.scalar<f32>, %batch: !tile.scalar<index>) {
  %w = tile.open @W
  %ys, %zs, %d0, %d1 = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %y, %y_done = tile.mvm @W site 0 forward (%x, %w) : !tile.vec<6xf32>
    %z, %z_done = tile.mvm @W site 1 forward (%y, %w) : !tile.vec<6xf32>
    tile.yield %y, %z, %y_done, %z_done
  }
  %end = tile.for %i to %batch carry (%w_i = %w) after (%d0, %d1) {
    %x = tile.unstash %xs[%i]
    %y = tile.unstash %ys[%i]
    %z = tile.unstash %zs[%i]
    %w_a = tile.update @W site 0 (%x, %y, %lr, %w_i)
    %w_b = tile.update @W site 1 (%y, %z, %lr, %w_a)
    tile.yield (%w_b)
  }
  tile.commit %end
  tile.return
}
"""


def test_several_sites_of_one_array_update_in_sample_then_site_order() -> None:
    bench = bench_of(TWO_SITES)
    given = rows(4)
    bench.run("train_step", given, {"lr": 0.1, "batch": 4})
    w = W.copy()
    for x in given["xs"]:
        y = x @ W
        w -= np.float32(0.1) * np.outer(x, y)
        w -= np.float32(0.1) * np.outer(y, y @ W)
    np.testing.assert_allclose(bench.weights("W"), w, rtol=1e-6, atol=1e-6)


def test_sites_draw_apart_on_pulsed_devices() -> None:
    same = TWO_SITES.replace("(%y, %z, %lr, %w_a)", "(%x, %y, %lr, %w_a)")
    bench = bench_of(same, device="pulsed")
    _, _, counts = bench.run("train_step", rows(2), {"lr": 0.1, "batch": 2})
    updates = [r for r in bench.program.entries["train_step"].operations if r["code"] == Op.UPDATE]
    first, second = (counts[int(r["group"])].reshape(-1).tolist() for r in updates)
    assert first == second  # one train length for equal factors,
    table = bench.machine.values.tallies["train_step"].table
    rows_of = [k for k, r in enumerate(bench.program.entries["train_step"].operations) if r["code"] == Op.UPDATE]
    assert table[rows_of[0]].tolist() != table[rows_of[1]].tolist()  # but pulses of its own for each site


def test_a_value_that_is_the_same_for_all_samples_can_be_read_and_carried_in_a_map() -> None:
    text = (
        "tile.state @h0 hidden : !tile.vec<6xf32> init 1.0\n"
        + SEGMENT
        + """
tile.entry @infer(
  %xs: !tile.stash<!tile.vec<6xf32>>, %batch: !tile.scalar<index>
) -> (!tile.stash<!tile.vec<6xf32>>, !tile.stash<!tile.vec<6xf32>>) {
  %w = tile.open @W
  %s = tile.open @h0
  %h, %h_done = tile.state_get @h0 (%s) : !tile.vec<6xf32>
  %ends, %reads, %d0, %d1 = tile.map %i to %batch {
    %end, %done = tile.for %t to 2 carry (%g = %h) {
      %z, %z_done = tile.mvm @W site 0 forward (%g, %w) : !tile.vec<6xf32>
      tile.yield (%z), (%z_done)
    }
    %y, %y_done = tile.mvm @W site 1 forward (%h, %w) : !tile.vec<6xf32>
    %two = tile.call @double (%h) : !tile.vec<6xf32>
    tile.yield %end, %two, %done, %y_done
  }
  tile.commit %w
  tile.commit %s
  tile.return %ends, %reads
}
"""
    )
    bench = bench_of(text, DOUBLE)
    bench.machine.values.states[0] = np.ones(6, np.float32)
    results, timeline, _ = bench.run("infer", rows(3), {"batch": 3})
    table = bench.program.entries["infer"].instructions
    tile = [u.kind for u in bench.program.chip.units].index("tile")
    received = (table["unit"] == tile) & (table["mnemonic"] == Mnemonic.RECV)
    # The state is sent to the tile once; what the loop carries, at both steps of each of three samples.
    assert sorted(timeline.executed[received].tolist()) == [1, 6]
    h = np.ones(6, np.float32)
    np.testing.assert_allclose(results["result0"], np.tile(h @ W @ W, (3, 1)), rtol=1e-5)
    np.testing.assert_array_equal(results["result1"], np.full((3, 6), 2, np.float32))


def test_a_condition_in_a_map_holds_for_each_sample_by_itself() -> None:
    text = (
        SEGMENT
        + """
tile.segment @whole row (!tile.vec<6xf32>) -> !tile.vec<i64> work [simple 1]
tile.entry @infer(%xs: !tile.stash<!tile.vec<6xf32>>, %batch: !tile.scalar<index>) -> !tile.stash<!tile.vec<6xf32>> {
  %w = tile.open @W
  %ys = tile.map %i to %batch {
    %x = tile.unstash %xs[%i]
    %n = tile.call @whole (%x) : !tile.vec<i64>
    %y = tile.when %n every 3 carry (%h = %x) {
      %z, %z_done = tile.mvm @W site 0 forward (%h, %w) : !tile.vec<6xf32>
      %two = tile.call @double (%z) : !tile.vec<6xf32>
      tile.yield (%two)
    }
    tile.yield %y
  }
  tile.commit %w
  tile.return %ys
}
"""
    )
    whole = body(
        "x", "n", constant("zero", np.int64(0)), node("Gather", "x zero", "f", axis=1), node("Cast", "f", "n", to=7)
    )
    bench = bench_of(text, DOUBLE | {"whole": whole})
    given = rows(7)
    given["xs"][:, 0] = [0, 1, 2, 3, 4, 5, 6]
    results, timeline, _ = bench.run("infer", given, {"batch": 7})
    taken = np.array([True, False, False, True, False, False, True])
    expected = np.where(taken[:, None], 2 * (given["xs"] @ W), given["xs"])
    np.testing.assert_allclose(results["result0"], expected, rtol=1e-5, atol=1e-6)
    kinds = bench.program.entries["infer"].instructions["mnemonic"]
    assert timeline.executed[kinds == Mnemonic.MVM].tolist() == [3]


def test_vectors_given_whole_are_sent_by_the_host() -> None:
    text = """
tile.entry @train_step(%x: !tile.vec<6xf32>, %d: !tile.vec<6xf32>, %lr: !tile.scalar<f32>) -> !tile.vec<6xf32> {
  %v = tile.open @W
  %y, %y_done = tile.mvm @W site 0 forward (%x, %v) : !tile.vec<6xf32>
  %v2 = tile.update @W site 0 (%x, %d, %lr, %v) after (%y_done)
  tile.commit %v2
  tile.return %y
}
"""
    bench = bench_of(text)
    x, d = rows(2)["xs"]
    results, timeline, _ = bench.run("train_step", {}, {"x": x, "d": d, "lr": 0.5})
    np.testing.assert_allclose(results["result0"], x @ W, rtol=1e-5)
    np.testing.assert_allclose(bench.weights("W"), W - np.float32(0.5) * np.outer(x, d), rtol=1e-6, atol=1e-6)
    instructions = bench.program.entries["train_step"].instructions
    sent = instructions[(instructions["mnemonic"] == Mnemonic.SEND) & (instructions["host_bytes"] > 0)]
    assert sorted(sent["host_bytes"].tolist()) == [24, 24]
    assert timeline.cycles > 0


def test_a_batch_segment_gets_rows_that_only_the_host_has() -> None:
    text = """
tile.segment @mean batch (!tile.stash<!tile.vec<6xf32>>) -> !tile.vec<6xf32> work [simple 6 + 6]
tile.segment @center batch (!tile.stash<!tile.vec<6xf32>>) -> !tile.stash<!tile.vec<6xf32>> work [simple 12]
tile.entry @infer(
  %xs: !tile.stash<!tile.vec<6xf32>>, %batch: !tile.scalar<index>
) -> (!tile.vec<6xf32>, !tile.stash<!tile.vec<6xf32>>) {
  %w = tile.open @W
  %m = tile.call @mean (%xs) : !tile.vec<6xf32>
  %c = tile.call @center (%xs) : !tile.stash<!tile.vec<6xf32>>
  %ys, %done = tile.map %i to %batch {
    %x = tile.unstash %c[%i]
    %y, %y_done = tile.mvm @W site 0 forward (%x, %w) : !tile.vec<6xf32>
    tile.yield %y, %y_done
  }
  tile.commit %w
  tile.return %m, %ys
}
"""
    bodies = {
        "mean": body("xs", "m", constant("zero", np.array([0])), node("ReduceMean", "xs zero", "m", keepdims=0)),
        "center": body(
            "xs",
            "c",
            constant("zero", np.array([0])),
            node("ReduceMean", "xs zero", "m", keepdims=1),
            node("Sub", "xs m", "c"),
        ),
    }
    bench = bench_of(text, bodies)
    given = rows(5)
    results, timeline, _ = bench.run("infer", given, {"batch": 5})
    x = given["xs"]
    np.testing.assert_allclose(results["result0"], x.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(results["result1"], (x - x.mean(axis=0)) @ W, rtol=1e-4, atol=1e-5)
    instructions = bench.program.entries["infer"].instructions
    from_host = (instructions["mnemonic"] == Mnemonic.SEND) & (instructions["host_bytes"] > 0)
    assert set(timeline.executed[from_host].tolist()) == {5}
    assert int((timeline.executed * instructions["host_bytes"])[from_host].sum()) == 5 * 24


def test_a_row_segment_works_outside_of_a_map_too() -> None:
    text = (
        SEGMENT
        + """
tile.entry @infer(%x: !tile.vec<6xf32>) -> !tile.vec<6xf32> {
  %two = tile.call @double (%x) : !tile.vec<6xf32>
  tile.return %two
}
"""
    )
    bench = bench_of(text, DOUBLE)
    x = rows(1)["xs"][0]
    results, _, _ = bench.run("infer", {}, {"x": x})
    np.testing.assert_array_equal(results["result0"], 2 * x)


def test_one_line_of_an_array_is_read_by_its_number() -> None:
    text = """
tile.entry @infer(%n: !tile.vec<i64>) -> (!tile.vec<6xf32>, !tile.vec<6xf32>) {
  %w = tile.open @W
  %row, %row_done = tile.read @W row (%n, %w) : !tile.vec<6xf32>
  %col, %col_done = tile.read @W col (%n, %w) : !tile.vec<6xf32>
  tile.commit %w
  tile.return %row, %col
}
"""
    bench = bench_of(text)
    results, timeline, _ = bench.run("infer", {}, {"n": np.int64(4)})
    np.testing.assert_allclose(results["result0"], W[4], rtol=1e-6)
    np.testing.assert_allclose(results["result1"], W[:, 4], rtol=1e-6)
    assert timeline.phase_cycles[:, PHASES.index("transfer")].sum() > 0
