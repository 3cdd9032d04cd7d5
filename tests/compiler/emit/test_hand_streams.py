"""Streams of tile IR written by hand: what loops that depend on data cost, and what can not be emitted."""

import numpy as np
import pytest

from ohmflow.compiler.emit.errors import EmitError
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Mnemonic, Op, Trip
from tests.compiler.program.golden import check_golden
from tests.runtime.machine import test_recurrent_program as recurrent
from tests.runtime.machine import test_trips_from_data as trips
from tests.runtime.machine import test_two_array_rule as two_arrays
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_program import hand_program
from tests.runtime.machine.hand_target import hand_target


@pytest.mark.parametrize(
    "program", [trips.program(hand_target()), two_arrays.program(hand_target())], ids=["for", "when"]
)
def test_a_unit_knows_a_trip_from_data_before_it_loops(program: Program) -> None:
    entry = program.entries["train_step"]
    table = entry.instructions
    from_data = [row for row in entry.stream_loops if entry.loops["trip_kind"][row["loop"]] == Trip.DATA]
    assert from_data
    knowing = set()
    for loop in from_data:
        unit = int(table["unit"][loop["begin"]])
        begin = int(entry.stream[unit])
        before = table[begin : loop["begin"]]
        makes = set(before["operation"][before["mnemonic"] == Mnemonic.VEC].tolist())
        calls = {int(k) for k in makes if k >= 0 and entry.operations["code"][k] == Op.CALL}
        told = before[(before["mnemonic"] == Mnemonic.RECV) & (before["buffer_write"] + before["host_bytes"] == 4)]
        assert calls or len(told), program.chip.units[unit].name
        knowing.add(unit)
    assert len(knowing) > 2


def test_a_slow_count_delays_the_tiles_that_loop_by_it() -> None:
    issued = []
    for latency in (4, 5000):
        target = hand_target(chip__vector_unit__latency=latency)
        bench = Bench(trips.program(target), target)
        _, timeline, _ = bench.run("train_step", trips.rows([0]), trips.scalars(1))
        issued.append(timeline.cycles)
    assert issued[1] > issued[0] + 4000


def test_what_a_loop_carries_is_sent_once_after_it() -> None:
    target = hand_target()
    program = hand_program(recurrent.TEXT, recurrent.BODIES, recurrent.weights(), target, packing="spread")
    bench = Bench(program, target)
    x, t = recurrent.batches(1, 3)[0]
    _, timeline, _ = bench.run("train_step", {"xs": x, "targets": t}, recurrent.scalars(3, 0.1))
    table = program.entries["train_step"].instructions
    for block in program.arrays[program.array_number("V")].blocks:
        unit = next(k for k, u in enumerate(program.chip.units) if (u.kind, u.index) == ("tile", block.tile))
        received = (table["unit"] == unit) & (table["mnemonic"] == Mnemonic.RECV)
        sizes = table["buffer_write"][received].tolist()
        assert sorted(sizes) == sorted([4 * block.rows, 4 * block.cols])  # the last state, and its error
        assert timeline.executed[received].tolist() == [3, 3]


def test_memory_counts_every_time_step_of_what_is_kept() -> None:
    program = hand_program(recurrent.TEXT, recurrent.BODIES, recurrent.weights(), hand_target(), packing="spread")
    w, v = (program.arrays[program.array_number(name)] for name in "WV")
    kept = {unit: sizes[1] for unit, sizes in program.manifest["memory"]["train_step"].items()}
    names = {u.index: u.name for u in program.chip.units if u.kind == "tile"}
    for block in w.blocks:  # the sample for the first step and its state for the second; two errors
        assert kept[names[block.tile]] == 4 * (2 * block.rows + 2 * block.cols)
    for block in v.blocks:
        assert kept[names[block.tile]] == 4 * (block.rows + block.cols)


def refused(text: str) -> str:
    with pytest.raises(EmitError) as caught:
        hand_program(text, {}, {n: np.zeros((4, 4), np.float32) for n in "AC"}, hand_target())
    assert caught.value.exit_status == 3
    return str(caught.value)


def test_a_composite_is_refused_by_name() -> None:
    text = """
tile.array @A 4x4 rule "sgd"
tile.array @C 4x4 rule "sgd"
tile.composite @W sum (0.1 * @A, 1.0 * @C)
tile.entry @infer(%x: !tile.vec<4xf32>) -> !tile.vec<4xf32> {
  %w = tile.open @W
  %y, %done = tile.mvm @W site 0 forward (%x, %w) : !tile.vec<4xf32>
  tile.commit %w
  tile.return %y
}
"""
    check_golden("program/refusals/emit-composite.txt", refused(text))


def test_loops_nested_too_deep_are_refused() -> None:
    inner = "%y, %done = tile.mvm @A site 0 forward (%x, %v) : !tile.vec<4xf32>"
    ends = "%done"
    for k in range(5):
        inner = f"%d{k} = tile.for %i{k} to 2 {{\n{inner}\ntile.yield {ends}\n}}"
        ends = f"%d{k}"
    text = f"""
tile.array @A 4x4 rule "sgd"
tile.entry @infer(%x: !tile.vec<4xf32>) {{
  %v = tile.open @A
  {inner}
  tile.commit %v
  tile.return
}}
"""
    check_golden("program/refusals/emit-depth.txt", refused(text))
