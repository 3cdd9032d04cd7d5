"""Emitted streams run to their end whatever the counts, and hold exactly the work and the messages that are needed."""

from collections import Counter

import numpy as np
import onnx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.mapping.packing import PACKINGS
from ohmflow.compiler.program.entry import CountLayout, Entry, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Mnemonic, Op
from tests.compiler.emit.perceptrons import Case, cases
from tests.compiler.lowering.random_graphs import models
from tests.runtime.machine.both_clocks import same_timeline
from tests.runtime.machine.hand_target import hand_target

WORD = 4
"""Bytes of an element of the hand-made target."""

PER_BLOCK = {Op.MVM: Mnemonic.MVM, Op.MVM_T: Mnemonic.MVM_T, Op.UPDATE: Mnemonic.UPDATE, Op.PROGRAM: Mnemonic.PROGRAM}

quick = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def compiled(case: Case) -> Program:
    return compile_model(case.model, case.target, case.options)


@quick
@given(cases())
def test_every_entry_runs_to_its_end_with_any_counts_alike_in_both_clocks(case: Case) -> None:
    program = compiled(case)
    rng = np.random.default_rng(case.seed)
    for entry in program.entries.values():
        layout = CountLayout.of(entry, {"batch": case.batch})
        schedule = resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units])
        schedule.counts[:] = rng.integers(0, 4, layout.size)
        timeline = same_timeline(schedule)
        assert (timeline.phase_cycles.sum(axis=1) == timeline.cycles).all()
        loops = {int(k): layout.trips[int(k)] for k in entry.stream_loops["loop"]}
        assert set(loops.values()) <= {case.batch}
        for i, row in enumerate(entry.instructions):
            assert timeline.executed[i] == (case.batch if _looped(entry, i) else 1), row


def _looped(entry: Entry, i: int) -> bool:
    return bool(((entry.stream_loops["begin"] <= i) & (i < entry.stream_loops["end"])).any())


@quick
@given(cases())
def test_every_block_of_every_array_operation_has_one_instruction_on_its_tile(case: Case) -> None:
    program = compiled(case)
    for entry in program.entries.values():
        instructions = entry.instructions
        seen = 0
        for number, operation in enumerate(entry.operations):
            what = PER_BLOCK.get(Op(int(operation["code"])))
            if what is None:
                continue
            mine = instructions[(instructions["operation"] == number) & (instructions["mnemonic"] == what)]
            blocks = program.arrays[int(operation["symbol"])].blocks
            assert Counter(mine["block"].tolist()) == Counter(range(len(blocks)))
            assert set(mine["array"].tolist()) == {int(operation["symbol"])}
            for row in mine:
                unit = program.chip.units[int(row["unit"])]
                assert (unit.kind, unit.index) == ("tile", blocks[int(row["block"])].tile)
            assert set(mine["phase"].tolist()) == {int(operation["phase"])}
            seen += len(mine)
        assert seen == np.isin(instructions["mnemonic"], list(PER_BLOCK.values())).sum()


@quick
@given(cases())
def test_every_channel_has_one_sender_and_one_receiver_of_as_many_bytes(case: Case) -> None:
    program = compiled(case)
    for entry in program.entries.values():
        table = entry.instructions
        for number, channel in enumerate(entry.channels):
            (sender,) = table[table["signal"] == number]
            (receiver,) = table[(table["wait0"] == number) | (table["wait1"] == number)]
            assert (sender["unit"], receiver["unit"]) == (channel["src"], channel["dst"])
            given_bytes, got = (_payload(program, row, end) for row, end in ((sender, "out"), (receiver, "in")))
            assert given_bytes == got
            assert channel["flits"] == 1 + -(-got * 8 // 64)
            assert _looped(entry, int(np.flatnonzero(table["signal"] == number)[0])) == _looped(
                entry, int(np.flatnonzero(table["wait0"] == number)[0])
            )


def _payload(program: Program, row: np.void, end: str) -> int:
    """Bytes that an instruction sends or receives."""
    if row["mnemonic"] in (Mnemonic.MVM, Mnemonic.MVM_T):
        block = program.arrays[int(row["array"])].blocks[int(row["block"])]
        return WORD * (block.cols if row["mnemonic"] == Mnemonic.MVM else block.rows)
    if program.chip.units[int(row["unit"])].kind == "host":
        return int(row["host_bytes"])
    return int(row["buffer_read" if end == "out" else "buffer_write"])


@quick
@given(cases())
def test_tiles_get_from_the_host_just_the_rows_of_their_blocks(case: Case) -> None:
    program = compiled(case)
    entry = program.entries["infer"]
    spans: dict[int, tuple[int, int]] = {}
    for b in program.arrays[0].blocks:
        low, high = spans.get(b.tile, (b.row0, b.row0))
        spans[b.tile] = (min(low, b.row0), max(high, b.row0 + b.rows))
    sent = {}
    for row in entry.instructions[entry.instructions["mnemonic"] == Mnemonic.SEND]:
        if program.chip.units[int(row["unit"])].kind == "host":
            unit = program.chip.units[int(entry.channels["dst"][row["signal"]])]
            assert unit.kind == "tile"
            sent[unit.index] = int(row["host_bytes"])
    assert sent == {tile: WORD * (high - low) for tile, (low, high) in spans.items()}


@quick
@given(cases())
def test_buffers_move_what_reads_and_updates_need(case: Case) -> None:
    program = compiled(case)
    entry = program.entries["train_step"]
    table = entry.instructions
    for kind in (Mnemonic.MVM, Mnemonic.MVM_T):
        for row in table[table["mnemonic"] == kind]:
            block = program.arrays[int(row["array"])].blocks[int(row["block"])]
            assert row["buffer_read"] == WORD * (block.rows if kind == Mnemonic.MVM else block.cols)
    for i in np.flatnonzero(table["mnemonic"] == Mnemonic.UPDATE):
        block = program.arrays[int(table["array"][i])].blocks[int(table["block"][i])]
        load = table[i - 1]  # right before, on the same unit
        assert load["mnemonic"] == Mnemonic.LOAD and load["unit"] == table["unit"][i]
        assert load["buffer_read"] == WORD * (block.rows + block.cols)
    for number, operation in enumerate(entry.operations):
        if operation["code"] in (Op.MVM, Op.MVM_T):
            array = program.arrays[int(operation["symbol"])]
            forward = operation["code"] == Op.MVM
            (gather,) = table[(table["operation"] == number) & (table["mnemonic"] == Mnemonic.VEC)]
            lines = sum(b.cols if forward else b.rows for b in array.blocks)
            assert gather["buffer_read"] == WORD * lines
            assert gather["buffer_write"] == WORD * (array.cols if forward else array.rows)


@quick
@given(cases())
def test_placement_changes_where_and_when_but_not_what(case: Case) -> None:
    program = compiled(case)
    used = {b.tile for a in program.arrays for b in a.blocks}
    assert {u.index for u in program.chip.units if u.kind == "tile"} == used
    names = [u.name for u in program.chip.units]
    assert len(set(names)) == len(names)
    for entry in program.entries.values():
        for channel in entry.channels:
            route = entry.route[channel["route_begin"] : channel["route_end"]]
            links = [program.chip.links[int(k)] for k in route]
            source, target = program.chip.units[int(channel["src"])], program.chip.units[int(channel["dst"])]
            hops = abs(source.x - target.x) + abs(source.y - target.y)
            assert len(links) == (1 if (source.x, source.y) == (target.x, target.y) else 2 + hops)
            assert links[0].split("(")[0] in ("local", "inject")


@quick
@given(models(), st.integers(1, 2), st.sampled_from(PACKINGS), st.integers(0, 100))
def test_graphs_that_branch_and_join_run_to_their_end_alike_in_both_clocks(
    model: onnx.ModelProto, vectors: int, packing: str, seed: int
) -> None:
    target = hand_target(
        tile__crossbar={"rows": 4, "cols": 4, "cell": "single-with-reference"},
        tile__buffer={"size": "64 KiB", "port": "32 B", "vectors": vectors},
        chip__mesh="8 x 8",
    )
    program = compile_model(model, target, CompileOptions(loss="mse", packing=packing))
    rng = np.random.default_rng(seed)
    for entry in program.entries.values():
        layout = CountLayout.of(entry, {"batch": 3})
        schedule = resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units])
        schedule.counts[:] = rng.integers(0, 4, layout.size)
        same_timeline(schedule)
