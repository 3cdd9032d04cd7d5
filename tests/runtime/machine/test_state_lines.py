"""A line of a hidden matrix is read and written in time and energy of the line, not of the matrix."""

import numpy as np

from ohmflow.compiler.program.program import Program
from ohmflow.compiler.tile.dialect import parse_tile, print_tile, verify_tile
from ohmflow.targets.schema.target import Target
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import body, constant, hand_program, node
from tests.runtime.machine.hand_target import hand_target

ROWS = 12


def text(cols: int) -> str:
    return f"""
tile.array @A {ROWS}x{cols} rule "hidden"
tile.state @H hidden : !tile.vec<{ROWS}x{cols}xf32> init 0.0
tile.state @k counter : !tile.vec<i64> init 0
tile.segment @add row (!tile.vec<{ROWS}xf32>, !tile.vec<{ROWS}xf32>) -> !tile.vec<{ROWS}xf32> work [simple {ROWS}]
tile.segment @next row (!tile.vec<i64>) -> !tile.vec<i64> work [simple 2]
tile.segment @double row (!tile.vec<{cols}xf32>) -> !tile.vec<{cols}xf32> work [simple 1]

tile.entry @train_step(%batch: !tile.scalar<index>) -> !tile.vec<{ROWS}x{cols}xf32> {{
  %a = tile.open @A
  %h = tile.open @H
  %s = tile.open @k
  %k0, %k_read = tile.state_get @k (%s) : !tile.vec<i64>
  %before, %h_read = tile.state_get @H (%h) : !tile.vec<{ROWS}x{cols}xf32>
  %k_end, %a_end, %h_end = tile.for %i to %batch carry (%k = %k0, %a_i = %a, %h_i = %h) after (%h_read) {{
    %line, %read = tile.read @A col site 0 (%k, %a_i) : !tile.vec<{ROWS}xf32>
    %old, %old_read = tile.state_get @H col %k (%h_i) : !tile.vec<{ROWS}xf32>
    %new = tile.call @add (%old, %line) : !tile.vec<{ROWS}xf32> attributes {{phase = "transfer"}}
    %h_new = tile.state_set @H col %k (%new, %h_i) after (%old_read)
    %row, %row_read = tile.state_get @H row %i (%h_new) : !tile.vec<{cols}xf32>
    %twice = tile.call @double (%row) : !tile.vec<{cols}xf32> attributes {{phase = "transfer"}}
    %h_out = tile.state_set @H row %i (%twice, %h_new) after (%row_read)
    %k_next = tile.call @next (%k) : !tile.vec<i64> attributes {{phase = "transfer"}}
    tile.yield (%k_next, %a_i, %h_out) after (%read)
  }}
  %k_new = tile.state_set @k (%k_end, %s) after (%k_read)
  tile.commit %a_end
  tile.commit %h_end
  tile.commit %k_new
  tile.return %before
}}
"""


def program(target: Target, cols: int) -> Program:
    bodies = {
        "add": body("a b", "c", node("Add", "a b", "c")),
        "double": body("a", "b", node("Add", "a a", "b")),
        "next": body(
            "n",
            "m",
            constant("one", np.int64(1)),
            constant("cols", np.int64(cols)),
            node("Add", "n one", "up"),
            node("Mod", "up cols", "m"),
        ),
    }
    start = np.random.default_rng(0).standard_normal((ROWS, cols)).astype(np.float32)
    return hand_program(text(cols), bodies, {"A": start}, target)


def test_lines_are_read_and_written_as_numpy_does() -> None:
    target = hand_target(device="ideal")
    bench = Bench(program(target, 5), target)
    a, h, k = bench.weights("A"), np.zeros((ROWS, 5), np.float32), 0
    for size in (3, 7, 2):
        returned, _, _ = bench.run("train_step", {}, {"batch": size})
        np.testing.assert_array_equal(returned["result0"], h)  # the whole, as it was when it was read
        for i in range(size):
            h[:, k] += a[:, k]
            h[i] += h[i]
            k = (k + 1) % 5
        np.testing.assert_allclose(bench.machine.values.states[0], h, rtol=1e-6)


def test_a_line_moves_only_its_own_bytes() -> None:
    target = hand_target()
    moved = []
    for cols in (4, 16):
        made = program(target, cols).entries["train_step"]
        adds = {k for k, row in enumerate(made.operations) if made.operations["symbol"][k] == 0 and row["code"] == 6}
        rows = [row for row in made.instructions if int(row["operation"]) in adds and row["simple"]]
        moved.append([(int(row["buffer_read"]), int(row["buffer_write"])) for row in rows])
    assert moved[0] == moved[1] == [(2 * ROWS * 4, ROWS * 4)]


def test_lines_print_parse_and_are_verified() -> None:
    module = parse_tile(text(5), "lines.mlir")
    verify_tile(module)
    printed = print_tile(module)
    assert "tile.state_set @H col %k" in printed and "tile.read @A col site 0" in printed
    assert print_tile(parse_tile(printed, "again")) == printed
