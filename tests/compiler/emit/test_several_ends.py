"""Multicast, sums in routers and packages change when things happen and what messages cost, and nothing else."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.disassembly import disassemble
from ohmflow.compiler.program.entry import CountLayout, resolve
from ohmflow.compiler.program.errors import ProgramError
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import MULTICAST, SUM, TREE, Schedule
from ohmflow.compiler.program.storage import load_program, save_program
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.compiler.program.verify import verify_program
from ohmflow.compiler.program.ways import way_faults
from ohmflow.runtime.ledger.events import static_events
from ohmflow.runtime.machine.clock import Clock
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.schema.target import Target
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.machine.both_clocks import same_timeline
from tests.runtime.machine.hand_target import hand_target

NETWORK: dict[str, Any] = {"multicast": "tree", "sum": "routers", "adder": {"latency": 2}}
PACKAGE: dict[str, Any] = {"chips": "2 x 2", "link": {"flit_cycles": 3, "hop": 4}}
SIZES = (40, 36, 10)
"""On tiles of 16 lines: 3 × 3 blocks, then 3 × 1."""


def target(**changes: Any) -> Target:
    return hand_target(**changes)


def compiled(on: Target, sizes: tuple[int, ...] = SIZES) -> Program:
    model: onnx.ModelProto = perceptron(sizes, ("Tanh",) * len(sizes), biased=True)
    return compile_model(model, on, CompileOptions(packing="spread"))


def schedule_of(program: Program, entry: str, batch: int, seed: int = 0) -> Schedule:
    layout = CountLayout.of(program.entries[entry], {"batch": batch})
    chip = program.chip
    schedule = resolve(program.entries[entry], layout, chip.hop, [u.name for u in chip.units], chip.flit_cycles)
    schedule.counts[:] = np.random.default_rng(seed).integers(0, 4, layout.size)
    return schedule


@pytest.fixture(scope="module")
def plain() -> Program:
    return compiled(target())


@pytest.fixture(scope="module")
def trees() -> Program:
    return compiled(target(chip__network=NETWORK))


@pytest.fixture(scope="module")
def package() -> Program:
    return compiled(target(chip__network=NETWORK, chip__package=PACKAGE))


def test_without_the_keys_there_is_no_tree(plain: Program) -> None:
    assert all(len(entry.trees) == 0 for entry in plain.entries.values())
    assert not plain.chip.crossing.any() and (plain.chip.flit_cycles == 1).all()


def test_inputs_of_a_row_of_tiles_are_one_multicast_and_results_of_a_column_one_sum(trees: Program) -> None:
    entry = trees.entries["infer"]
    kinds = Counter((int(row["kind"]), int(row["end"] - row["begin"])) for row in entry.trees)
    # fc0: 3 rows of 3 blocks are sent the same part of the input; fc1: its 3 parts go to one block each.
    assert kinds == {(MULTICAST, 3): 3, (SUM, 3): 3 + 1}


def test_all_units_do_the_same_work_with_fewer_messages(plain: Program, trees: Program) -> None:
    for name in plain.entries:
        one, other = plain.entries[name].instructions, trees.entries[name].instructions
        for what in (Mnemonic.MVM, Mnemonic.MVM_T, Mnemonic.UPDATE, Mnemonic.LOAD, Mnemonic.PROGRAM):
            assert (one["mnemonic"] == what).sum() == (other["mnemonic"] == what).sum()
        if name != "program":
            for what in (Mnemonic.SEND, Mnemonic.RECV):
                assert (one["mnemonic"] == what).sum() > (other["mnemonic"] == what).sum()


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(2, 34), min_size=2, max_size=3),
    st.sampled_from(["unicast", "tree"]),
    st.sampled_from(["nodes", "routers"]),
    st.sampled_from([None, "2 x 2", "4 x 1"]),
    st.integers(1, 2),
    st.integers(1, 2),
)
def test_both_clocks_agree_whatever_the_network(
    sizes: list[int], multicast: str, adds: str, chips: str | None, batch: int, per_node: int
) -> None:
    network = {"multicast": multicast, "sum": adds} | ({"adder": {"latency": 1}} if adds == "routers" else {})
    changes: dict[str, Any] = {"chip__network": network, "chip__tiles_per_node": per_node}
    if chips is not None:
        changes["chip__package"] = PACKAGE | {"chips": chips}
    program = compiled(target(tile__buffer__vectors=batch, **changes), tuple(sizes))
    for name in program.entries:
        same_timeline(schedule_of(program, name, batch))


def test_periods_are_skipped_with_trees_too(package: Program) -> None:
    schedule = schedule_of(package, "infer", 400)
    schedule.counts[:] = 0
    clock = Clock(schedule)
    with_reuse, without = clock.run(schedule.counts), clock.run(schedule.counts, reuse=False)
    assert with_reuse.reused > 0.5 * with_reuse.cycles
    for name in ("cycles", "phase_cycles", "executed", "link_busy", "activity", "link_wait"):
        np.testing.assert_array_equal(getattr(with_reuse, name), getattr(without, name))


def test_flits_of_the_ledger_are_those_of_the_links(package: Program) -> None:
    chip = package.chip
    for name, entry in package.entries.items():
        timeline = Clock(schedule_of(package, name, 3)).run(schedule_of(package, name, 3).counts)
        counted: Counter[tuple[str, str]] = Counter()
        for i, (router, _, _, event), amount in static_events(package, entry):
            counted[router, event] += int(timeline.executed[i]) * amount
        flits = timeline.link_busy // chip.flit_cycles
        for router in {r for r, event in counted if event.startswith("flit")}:
            own = [k for k, at in enumerate(chip.link_router) if router == f"router({at[0]},{at[1]})"]
            local = [k for k in own if chip.links[k].startswith("local")]
            assert counted[router, "flit_local"] == flits[local].sum()
            assert counted[router, "flit_hop"] == flits[own].sum() - flits[local].sum()
            assert counted[router, "flit_package"] == flits[own][chip.crossing[own]].sum()


def test_each_sum_adds_one_flit_less_than_it_has_branches(trees: Program) -> None:
    entry = trees.entries["infer"]
    added = sum(n for _, (_, _, component, _), n in static_events(trees, entry) if component == "adder")
    sums = entry.trees[entry.trees["kind"] == SUM]
    flits = entry.channels["flits"][sums["begin"]]
    assert added == int(((sums["end"] - sums["begin"] - 1) * flits).sum())


def test_results_are_those_of_messages_one_by_one(plain: Program, trees: Program) -> None:
    rng = np.random.default_rng(3)
    x, label = rng.random((4, SIZES[0]), np.float32), rng.integers(0, 10, 4)
    found = []
    for program, on in ((plain, target()), (trees, target(chip__network=NETWORK))):
        machine = Machine(program, on, 5)
        machine.execute("program", {}, {}, 0)
        scalars = {"lr": 0.1, "inv_batch": 0.25, "batch": 4}
        names = [a.name for a in program.entries["train_step"].arguments if a.kind == "rows"]
        machine.execute("train_step", dict(zip(names, (x, label), strict=True)), scalars, 1)
        found.append([array.weights() for array in machine.values.arrays])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_program_with_trees_and_chips_is_stored_whole(package: Program, tmp_path: Path) -> None:
    save_program(package, tmp_path / "P")
    again = load_program(tmp_path / "P")
    for name in package.entries:
        np.testing.assert_array_equal(again.entries[name].trees, package.entries[name].trees)
    np.testing.assert_array_equal(again.chip.crossing, package.chip.crossing)
    np.testing.assert_array_equal(again.chip.flit_cycles, package.chip.flit_cycles)
    assert again.chip.chips == (2, 2)


def test_borders_are_where_chips_meet(package: Program) -> None:
    crossing = {name for name, crosses in zip(package.chip.links, package.chip.crossing, strict=True) if crosses}
    assert crossing == {f"east(1,{y})" for y in range(4)} | {f"west(2,{y})" for y in range(4)} | {
        f"south({x},1)" for x in range(4)
    } | {f"north({x},2)" for x in range(4)}
    assert set(package.chip.hop[package.chip.crossing].tolist()) == {4}


def test_the_listing_names_all_ends(trees: Program) -> None:
    text = disassemble(trees, "infer")
    assert "-> ch0 all of tile(" in text and "sum of tile(" in text


def test_a_signal_inside_a_multicast_is_refused(trees: Program) -> None:
    entry = trees.entries["infer"]
    table = entry.instructions.copy()
    table["signal"][np.flatnonzero(table["signal"] == 0)[0]] = 1
    damaged = replace(trees, entries={**trees.entries, "infer": replace(entry, instructions=table)})
    with pytest.raises(ProgramError, match="signal must name the first channel of a tree, not channel 1"):
        verify_program(damaged)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((2, 0, 2, 0), "must be a multicast (0) or a sum (1), not 2"),
        ((MULTICAST, 0, 1, 0), "must have two or more of 3 channels, not 0 to 1"),
        ((SUM, 0, 2, 0), "its adder must take at least 1 cycle in a sum and 0 in a multicast, not 0"),
        ((SUM, 0, 2, 1), "its channels must end at one unit and have equal flits, and do not"),
        ((MULTICAST, 0, 2, 0), "its routes must not meet again, but at link 1 they do"),
    ],
)
def test_a_tree_that_is_none_is_refused(trees: Program, row: tuple[int, ...], text: str) -> None:
    channels = np.zeros(3, trees.entries["infer"].channels.dtype)
    channels["dst"], channels["flits"], channels["depth"] = [1, 2, 2], 1, 1
    channels["route_begin"], channels["route_end"] = [0, 1, 3], [1, 3, 3]
    route = np.array([1, 0, 1], np.int32)
    assert next(way_faults(channels, route, np.array([row], TREE), 2)) == f"tree 0: {text}"
