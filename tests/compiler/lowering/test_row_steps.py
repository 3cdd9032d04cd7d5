"""Row segments in steps: what a step does not need may be anything, and the parts that it gives stay the same bits.

The operands of every segment are recorded while a training step runs on two different batches. For a step, each operand
is mixed from both: the rows that the step needs from the one, all others from the other. Positions of maxima are then
always such that a pool could have given them.
"""

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.tile.dialect import parse_tile
from ohmflow.compiler.tile.entry import SegmentOp
from ohmflow.compiler.tile.steps import Need, Steps
from ohmflow.runtime.machine.machine import Machine
from tests.compiler.emit.conv_networks import NetworkWriter, Shape, networks
from tests.runtime.machine.hand_target import hand_target

quick = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


class Recorder:
    """Stands before a segment and keeps what it is given."""

    def __init__(self, segment: Any, given: list[list[np.ndarray]]) -> None:
        self.segment, self.given = segment, given

    def __call__(self, given: list[np.ndarray]) -> Any:
        self.given.append([np.array(value) for value in given])
        return self.segment(given)


def check_steps(model: onnx.ModelProto, seed: int = 0) -> int:
    """Check the claims of all segments of a network; return how many steps were looked at."""
    target = hand_target(device="ideal")
    program = compile_model(model, target, CompileOptions(loss="mse"))
    rng = np.random.default_rng(seed)
    entry = program.entries["train_step"]
    recorders: list[Recorder] = []
    seen: list[list[list[np.ndarray]]] = [[] for _ in program.segments]
    for _ in range(2):
        # A machine for each batch: in its second step a segment may be bound to its arrays and not be called.
        machine = Machine(program, target, 0)
        machine.values.run("program", {}, {}, 0)
        recorders = [Recorder(segment, given) for segment, given in zip(machine.values.segments, seen, strict=True)]
        machine.values.segments[:] = recorders  # type: ignore[assignment]  # they are called alike
        rows = {
            a.name: rng.standard_normal((2, *a.shape)).astype(np.float32) for a in entry.arguments if a.kind == "rows"
        }
        machine.values.run("train_step", rows, {"lr": 0.0, "inv_batch": 0.5, "batch": 2}, 0)
    checked = 0
    for number, steps in enumerate(steps_of(program)):
        if steps is not None and recorders[number].given:
            one, other = recorders[number].given
            checked += check_segment(steps, recorders[number].segment, one, other)
    return checked


def steps_of(program: Program) -> list[Steps | None]:
    """What is declared of each segment, by its number."""
    ops = [op for op in parse_tile(program.tile_ir).body.block.ops if isinstance(op, SegmentOp)]
    declared = {op.function_name: Steps.of(op) for op in ops}
    return [declared[record.name] for record in program.segments]


def check_segment(steps: Steps, segment: Any, one: list[np.ndarray], other: list[np.ndarray]) -> int:
    results = segment(one)
    assert any(axis >= 0 for axis in steps.parts)
    for need, value in zip(steps.needs, one, strict=True):
        if need is not None:
            assert value.shape[need.axis + 1] == need.rows >= need.by_step[-1]
            assert len(need.by_step) == steps.count and list(need.by_step) == sorted(need.by_step)
    for step in range(steps.count):
        mixed = [mix(a, b, need, step) for a, b, need in zip(one, other, steps.needs, strict=True)]
        for axis, expected, given_now in zip(steps.parts, results, segment(mixed), strict=True):
            if axis >= 0:
                size = expected.shape[axis + 1]
                assert size % steps.count == 0
                rows = np.arange((step + 1) * size // steps.count)
                assert_same_bits(np.take(given_now, rows, axis + 1), np.take(expected, rows, axis + 1), step)
        if step == steps.count - 1:
            for expected, given_now in zip(results, segment(one), strict=True):
                assert_same_bits(given_now, expected, step)
    return steps.count


def assert_same_bits(one: np.ndarray, other: np.ndarray, step: int) -> None:
    assert one.tobytes() == other.tobytes(), f"step {step}"


def mix(one: np.ndarray, other: np.ndarray, need: Need | None, step: int) -> np.ndarray:
    """Rows that a step needs from the one, the others from the other."""
    if need is None:
        return one
    there = [slice(None)] * one.ndim
    there[need.axis + 1] = slice(0, need.by_step[step])
    mixed = other.copy()
    mixed[tuple(there)] = one[tuple(there)]
    return mixed


@given(networks(layers=3, largest=8), st.integers(0, 99))
@quick
def test_what_a_step_does_not_need_changes_no_bit_of_its_parts(model: onnx.ModelProto, seed: int) -> None:
    check_steps(model, seed)


@st.composite
def chains(draw: st.DrawFn) -> onnx.ModelProto:
    """Two convolutions, or products over positions, with anything that streams between them."""
    writer = NetworkWriter(draw(st.integers(0, 100)))
    rank = draw(st.sampled_from([1, 2, 2]))
    x = writer.start((draw(st.integers(1, 3)), *(draw(st.integers(4, 10)) for _ in range(rank))))
    x = writer.conv(x, draw(st.integers(1, 4)), (3,) * rank, pads=(1,) * (2 * rank), bias=draw(st.booleans()))
    skip = x
    for _ in range(draw(st.integers(1, 4))):
        kinds = ["Relu", "Tanh", "Softmax", "LogSoftmax", "bias", "skip", "pool", "pool", "turn", "tokens"]
        x = _link(draw, writer, draw(st.sampled_from(kinds)), x, skip)
    if draw(st.integers(0, 3)):
        x = writer.conv(x, 2, (1,) * rank, bias=draw(st.booleans()))
    return writer.model(writer.dense(x, 3))


def _link(draw: st.DrawFn, writer: NetworkWriter, kind: str, x: str, skip: str) -> str:
    shape = writer.shapes[x]
    channels, *lengths = shape
    match kind:
        case "Softmax" | "LogSoftmax":
            return writer.node(kind, [x], shape, axis=draw(st.integers(1, len(shape))))
        case "bias":
            held: Shape = draw(st.sampled_from([shape, (channels, *(1 for _ in lengths)), (1, *lengths)]))
            return writer.node(draw(st.sampled_from(["Add", "Mul"])), [x, writer.weight(*held)], shape)
        case "skip":
            return writer.node("Add", [x, skip], shape) if writer.shapes[skip] == shape else x
        case "pool":
            kernel = tuple(draw(st.integers(1, min(3, n))) for n in lengths)
            strides = tuple(draw(st.integers(1, 3)) for _ in lengths)
            pads = tuple(draw(st.integers(0, k - 1)) for k in (*kernel, *kernel))
            return writer.pool(draw(st.sampled_from(["MaxPool", "AveragePool"])), x, kernel, strides, pads)
        case "turn" if len(lengths) == 2:
            return writer.node("Transpose", [x], (channels, lengths[1], lengths[0]), perm=[0, 1, 3, 2])
        case "tokens":
            size = int(np.prod(lengths))
            flat = writer.node("Reshape", [x, writer.ints(0, channels, size)], (channels, size))
            tokens = writer.node("Transpose", [flat], (size, channels), perm=[0, 2, 1])
            tokens = writer.node("MatMul", [tokens, writer.weight(channels, channels)], (size, channels))
            turned = writer.node("Transpose", [tokens], (channels, size), perm=[0, 2, 1])
            return writer.node("Reshape", [turned, writer.ints(0, *shape)], shape)
        case "Relu" | "Tanh":
            return writer.node(kind, [x], shape)
        case _:
            return x


@given(chains(), st.integers(0, 99))
@quick
def test_chains_of_operators_keep_their_word(model: onnx.ModelProto, seed: int) -> None:
    check_steps(model, seed)


@pytest.mark.slow
@given(st.one_of(chains(), networks(layers=5, largest=12)), st.integers(0, 99))
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_many_networks_keep_their_word(model: onnx.ModelProto, seed: int) -> None:
    check_steps(model, seed)


def declared(model: onnx.ModelProto) -> dict[str, Steps]:
    """Steps of a network's segments, by their operators."""
    program = compile_model(model, hand_target(), CompileOptions(loss="mse"))
    ops = [op for op in parse_tile(program.tile_ir).body.block.ops if isinstance(op, SegmentOp)]
    found = {op.attributes["operators"].data: Steps.of(op) for op in ops}  # type: ignore[attr-defined]
    return {name: steps for name, steps in found.items() if steps is not None}


def test_a_pooling_row_needs_the_rows_that_it_pools() -> None:
    writer = NetworkWriter()
    x = writer.conv(writer.start((1, 8, 6)), 2, (3, 3), pads=(1, 1, 1, 1))
    x = writer.pool("MaxPool", x, (3, 3), (2, 2), (1, 1, 1, 1))
    x = writer.conv(x, 2, (3, 3), pads=(1, 1, 1, 1))
    steps = declared(writer.model(writer.dense(x, 3)))["Add Transpose Reshape MaxPool"]
    # Pooling row k sees image rows 2k - 1 … 2k + 1, of 6 positions each.
    assert steps == Steps(4, (Need(0, 48, (12, 24, 36, 48)), None), (1, 1))


def test_channels_of_a_signal_do_not_pass_for_its_positions() -> None:
    writer = NetworkWriter()
    x = writer.conv(writer.start((1, 12)), 4, (3,))
    x = writer.node("Relu", [x], writer.shapes[x])
    steps = declared(writer.model(writer.dense(x, 3)))["Add Transpose Relu Flatten"]
    assert steps == Steps(10, (Need(0, 10, tuple(range(1, 11))), None), (1, -1))


def test_global_pools_need_everything() -> None:
    writer = NetworkWriter()
    x = writer.conv(writer.start((1, 6, 6)), 3, (3, 3))
    x = writer.node("GlobalAveragePool", [x], (3, 1, 1))
    assert not {name for name in declared(writer.model(writer.dense(x, 3))) if "GlobalAveragePool" in name}


def test_steps_survive_their_attribute() -> None:
    steps = Steps(3, (Need(1, 9, (0, 4, 9)), None, Need(0, 3, (1, 2, 3))), (1, -1, 0))
    op = SegmentOp("s", "row", [], [], [])
    op.attributes["steps"] = steps.attribute()
    assert Steps.of(op) == steps
    assert Steps.of(SegmentOp("s", "row", [], [], [])) is None
