"""Operations part by part: orders that respect needs, loops that unfold to them, counts in their places."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Block, Operation

from ohmflow.compiler.compile import CompileOptions, compile_model, compile_stages
from ohmflow.compiler.emit.origins import origin
from ohmflow.compiler.emit.parts import Part, PartsPlan, Repeat, count_steps, fold_repeats, is_given, position_read
from ohmflow.compiler.program.entry import CountLayout, Entry, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.compiler.tile.control import MapOp
from ohmflow.compiler.tile.entry import EntryOp, SegmentOp
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.windows import FoldOp, WindowOp
from tests.compiler.emit.conv_networks import ConvCase, NetworkWriter, conv_cases
from tests.compiler.emit.walking import walk
from tests.runtime.machine.hand_target import hand_target

quick = settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
many = settings(max_examples=100, deadline=None, derandomize=True)


# Orders -----------------------------------------------------------------------------------------------------------


def plans(case: ConvCase) -> Iterator[PartsPlan]:
    """Plans of all maps over samples of a compiled network."""
    module = compile_stages(case.model, case.target, case.options).lowered.module
    segments = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, SegmentOp)}
    for entry in module.body.block.ops:
        if not isinstance(entry, EntryOp):
            continue
        for op in entry.block.ops:
            if isinstance(op, MapOp):
                yield PartsPlan(op.block, segments, given_of(op.block))


def given_of(block: Block) -> frozenset[Operation]:
    return frozenset(op for op in block.ops if isinstance(op, UnstashOp) and is_given(op, origin(op.value)))


@given(conv_cases(layers=4, largest=9))
@quick
def test_an_order_holds_each_step_once_and_respects_what_it_needs(case: ConvCase) -> None:
    in_parts = 0
    for plan in plans(case):
        order = plan.order()
        assert Counter(order) == Counter(plan.steps)
        in_parts += plan.in_parts
        done: Counter[Operation] = Counter()
        for op in order:
            for before, steps in plan.needs(op, done[op]):
                assert 0 <= steps <= plan.steps[before]
                assert done[before] >= steps
            done[op] += 1
    assert in_parts or all(max(s[1:]) == 1 for s in _images(case))


def _images(case: ConvCase) -> list[tuple[int, ...]]:
    return [tuple(d.dim_value for d in case.model.graph.input[0].type.tensor_type.shape.dim)[1:]]


@given(conv_cases(layers=4, largest=9))
@quick
def test_windows_are_read_only_over_rows_that_are_there_and_folded_only_when_nothing_more_comes(
    case: ConvCase,
) -> None:
    for plan in plans(case):
        done: Counter[Operation] = Counter()
        for op in plan.order():
            step = done[op]
            stash = op.operands[0].owner if isinstance(op, FoldOp) else None
            if isinstance(op, MapOp) and position_read(op) is not None:
                taken = op.block.first_op.operands[0].owner  # type: ignore[union-attr]  # the read's unstash
                if isinstance(taken, WindowOp):
                    window = taken.window
                    seen = {
                        step * window.strides[0] - window.pads[0] + i * window.dilations[0]
                        for i in range(window.kernel[0])
                    }
                    last = max((y for y in seen if 0 <= y < window.image[1]), default=-1)
                    maker = producer(plan, taken)
                    if maker is not None:
                        rows = done[maker] * window.image[1] / plan.steps[maker]
                        assert rows > last
            elif isinstance(stash, MapOp):
                window = op.window  # type: ignore[union-attr]  # a fold
                assert plan.steps[op] == window.image[1] and plan.steps[stash] == window.out[0]
                for row in range(done[stash], window.out[0]):
                    top = row * window.strides[0] - window.pads[0]
                    reached = {top + i * window.dilations[0] for i in range(window.kernel[0])}
                    assert step not in reached, "a row leaves when no window still adds to it"
            done[op] += 1


def producer(plan: PartsPlan, op: Operation) -> Operation | None:
    """What makes the image of windows, if it has instructions in this block."""
    while op not in plan.steps:
        owner = op.operands[0].owner if op.operands else None
        if not isinstance(owner, Operation):
            return None
        op = owner
    return op


# Loops ------------------------------------------------------------------------------------------------------------

OPS: list[Operation] = [ModuleOp([]) for _ in range(4)]


def unfold(items: Sequence[Part | Repeat]) -> list[Operation]:
    found: list[Operation] = []
    for item in items:
        found += [item.op] if isinstance(item, Part) else unfold(item.items) * item.times
    return found


def depth(items: Sequence[Part | Repeat]) -> int:
    return max((1 + depth(item.items) for item in items if isinstance(item, Repeat)), default=0)


@st.composite
def orders(draw: st.DrawFn) -> list[Operation]:
    """Sequences with repeats in repeats, and anything between them."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.lists(st.sampled_from(OPS), max_size=40))
    order: list[Operation] = []
    for _ in range(draw(st.integers(1, 4))):
        inner = draw(st.lists(st.sampled_from(OPS), max_size=4))
        outer = draw(st.lists(st.sampled_from(OPS), max_size=3))
        order += (outer + inner * draw(st.integers(0, 5))) * draw(st.integers(1, 5))
    return order


@given(orders(), st.integers(0, 3))
@many
def test_folded_orders_unfold_to_themselves(order: list[Operation], deepest: int) -> None:
    items = fold_repeats(order, deepest)
    assert unfold(items) == order
    assert depth(items) <= deepest
    assert count_steps(items) == Counter(order)
    assert depth(fold_repeats(order)) <= 2


@given(st.lists(st.sampled_from(OPS), min_size=1, max_size=6), st.integers(2, 30))
@many
def test_what_repeats_is_one_loop(period: list[Operation], times: int) -> None:
    items = fold_repeats(period * times)
    assert len(items) == 1 and isinstance(items[0], Repeat)
    assert items[0].times >= times


def test_two_nested_loops_are_found() -> None:
    a, b, c, _ = OPS
    assert fold_repeats(([a] + [b, c] * 5) * 7) == (Repeat(7, (Part(a), Repeat(5, (Part(b), Part(c))))),)


# Counts -----------------------------------------------------------------------------------------------------------


def check_walk(case: ConvCase) -> None:
    """Walk every entry of a network: counts are looked up once and in order, and channels carry what they are sent."""
    program = compile_model(case.model, case.target, case.options)
    for entry in program.entries.values():
        layout = CountLayout.of(entry, {"batch": case.batch})
        schedule = resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units])
        executed: Counter[int] = Counter()
        visited: dict[tuple[int, int], list[int]] = {}
        for i, address in walk(schedule):
            executed[i] += 1
            if address >= 0:
                key = int(entry.instructions["group"][i]), int(entry.instructions["block"][i])
                visited.setdefault(key, []).append(address)
        assert min(executed[i] for i in range(len(entry.instructions))) > 0
        check_addresses(program, entry, layout, visited)
        check_channels(entry, executed)


def check_addresses(
    program: Program, entry: Entry, layout: CountLayout, visited: dict[tuple[int, int], list[int]]
) -> None:
    """Every (sample, position, block) has its count looked up once, in this order for each block."""
    table = entry.instructions
    for group, shape in enumerate(layout.shapes):
        mine = table[table["group"] == group]
        code = Op(int(entry.operations["code"][int(mine["operation"][0])]))
        places, width = int(np.prod(shape[:-1])), shape[-1]
        blocks = len(program.arrays[int(mine["array"][0])].blocks)
        assert width == (1 if code is Op.UPDATE else blocks)
        for block in range(blocks):
            first = layout.base[group] + (0 if width == 1 else block)
            assert visited[group, block] == list(range(first, first + places * width, width)), (code, block)


def check_channels(entry: Entry, executed: Counter[int]) -> None:
    """As many messages are taken from a channel as are sent on it, each end by one unit."""
    table = entry.instructions
    for number, channel in enumerate(entry.channels):
        senders = np.flatnonzero(table["signal"] == number)
        receivers = np.flatnonzero((table["wait0"] == number) | (table["wait1"] == number))
        assert set(table["unit"][senders].tolist()) == {int(channel["src"])}
        assert set(table["unit"][receivers].tolist()) == {int(channel["dst"])}
        sent, got = (sum(executed[int(i)] for i in rows) for rows in (senders, receivers))
        assert sent == got > 0


@given(conv_cases())
@quick
def test_counts_are_looked_up_once_and_messages_are_taken(case: ConvCase) -> None:
    check_walk(case)


@pytest.mark.slow
@given(conv_cases(layers=5, largest=11, most=3))
@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_counts_of_larger_networks_are_looked_up_once_and_messages_are_taken(case: ConvCase) -> None:
    check_walk(case)


def test_a_chain_of_convolutions_needs_few_instructions_whatever_its_size() -> None:
    counts = []
    for size in (16, 32):
        writer = NetworkWriter()
        x = writer.start((1, size, size))
        for _ in range(2):
            x = writer.conv(x, 2, (3, 3), pads=(1, 1, 1, 1))
            x = writer.node("Relu", [x], writer.shapes[x])
            x = writer.pool("MaxPool", x, (2, 2), (2, 2), (0, 0, 0, 0))
        target = hand_target(
            tile__crossbar={"rows": 512, "cols": 16, "cell": "single-with-reference"},
            tile__buffer={"size": "8 MiB", "port": "32 B", "vectors": 2},
            chip__vector_unit__scratchpad={"size": "8 MiB", "port": "32 B"},
        )
        program = compile_model(writer.model(writer.dense(x, 3)), target, CompileOptions(loss="mse"))
        counts.append(len(program.entries["train_step"].instructions))
    assert counts[1] <= counts[0] * 1.1
