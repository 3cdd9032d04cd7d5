"""Reads and updates of all positions at once give the bits of one position after the other, in pieces of any size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.windows import Window
from ohmflow.runtime.machine import plan
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.windows import Positions, Windows, pieces
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.compiler.emit.conv_networks import NetworkWriter, networks

few = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
many = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def chip() -> Target:
    """Noisy converters, retries and noisy devices, in blocks of at most 16 x 8."""
    return load("rpu-2016", {"tile.crossbar.rows": "16", "tile.crossbar.cols": "8", "tile.adc.bound": "0.4"})


@contextmanager
def serially() -> Iterator[None]:
    """No loop is handed to a kernel whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_update_of_samples", lambda _: None)
        patch.setattr(plan, "_read_of_positions", lambda _: None)
        yield


def outcome(
    program: Program, target: Target, batches: tuple[int, ...] = (3, 1), patch_bytes: int = 64 << 20
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Everything that some training steps and an inference leave behind: values, and integers that were counted."""
    machine = Machine(program, target, 5, patch_bytes)
    rng = np.random.default_rng(3)
    entry = program.entries["train_step"]
    values: list[np.ndarray] = []
    counted: list[np.ndarray] = []
    machine.values.run("program", {}, {}, 0)
    for step, batch in enumerate(batches):
        rows = {
            a.name: rng.standard_normal((batch, *a.shape)).astype(np.float32)
            for a in entry.arguments
            if a.kind == "rows"
        }
        for name, scalars in (("train_step", {"lr": 0.05, "inv_batch": 1 / batch}), ("infer", {})):
            given_rows = {a.name: rows[a.name] for a in program.entries[name].arguments if a.kind == "rows"}
            results, frame = machine.values.run(name, given_rows, {**scalars, "batch": batch}, step)
            layout = frame.layout()
            counted.append(frame.flat_counts(layout))
            values += [np.asarray(v) for v in results.values()]
    values += [array.w for array in machine.values.arrays] + [np.asarray(s) for s in machine.values.states]
    for updates in machine.values.updates:
        counted.append(np.array([updates.vectors, updates.clipped, updates.lost]))
    return values, counted


def same(one: tuple[list[np.ndarray], list[np.ndarray]], other: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    for mine, theirs in zip(one, other, strict=True):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            assert a.tobytes() == b.tobytes()


def check_captured(model: onnx.ModelProto, target: Target, sizes: tuple[int, ...]) -> None:
    program = compile_model(model, target, CompileOptions(loss="mse"))
    whole = outcome(program, target)
    assert sum(counts.sum() for counts in whole[1]) > 0
    with serially():
        same(outcome(program, target), whole)
    for size in sizes:
        same(outcome(program, target, patch_bytes=size), whole)


@given(networks(layers=2, largest=6))
@few
def test_positions_at_once_are_the_same_bits_as_one_by_one(chip: Target, model: onnx.ModelProto) -> None:
    check_captured(model, chip, (1, 200))


@pytest.mark.slow
@given(networks(layers=4, largest=9), st.lists(st.integers(1, 5000), min_size=2, max_size=2))
@many
def test_positions_at_once_are_the_same_bits_in_many_networks(
    chip: Target, model: onnx.ModelProto, sizes: list[int]
) -> None:
    check_captured(model, chip, tuple(sizes))


def shared() -> onnx.ModelProto:
    """Two convolutions read one weight, one of them with strides."""
    writer = NetworkWriter(2)
    x = writer.start((2, 6, 5))
    a = writer.conv(x, 2, (3, 3), pads=(1, 1, 1, 1))
    a = writer.node("Tanh", [a], writer.shapes[a])
    b = writer.conv(a, 2, (3, 3), strides=(2, 1), weight=writer.nodes[0].input[1])
    return writer.model(writer.dense(b, 3))


def tokens() -> onnx.ModelProto:
    """A matrix that is read at every position of a sequence, and then from the left."""
    return onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 21]> g (float[batch,4,3] x) => (float[batch,4,3] y) '
        "<float[3,3] v = {0.5,0,0.2,0,0.1,0,0,0.3,-0.1}, float[4,4] w = {1,0,2,0,1,0,1,0,1,1,0,2,0,1,0,1}> "
        "{ a = MatMul(x, v) b = Tanh(a) y = MatMul(w, b) }"
    )


@pytest.mark.parametrize("model", [shared(), tokens()], ids=["shared", "tokens"])
def test_sites_and_tokens_are_the_same_bits_in_pieces_of_any_size(chip: Target, model: onnx.ModelProto) -> None:
    check_captured(model, chip, (1, 40, 100, 500, 1000))


def test_a_batch_of_one_is_the_first_sample_of_a_larger_one(chip: Target) -> None:
    program = compile_model(shared(), chip, CompileOptions(loss="mse"))
    rows = np.random.default_rng(0).standard_normal((4, 2, 6, 5)).astype(np.float32)
    results = []
    for count in (1, 4):
        machine = Machine(program, chip, 5)
        machine.values.run("program", {}, {}, 0)
        found, _ = machine.values.run("infer", {"x": rows[:count]}, {"batch": count}, 0)
        results.append(found["y"][:1])
    assert results[0].tobytes() == results[1].tobytes()


@given(st.integers(1, 6), st.integers(0, 5), st.integers(1, 4000), st.booleans())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_pieces_cover_every_position_once_and_in_order(
    samples: int, height: int, patch_bytes: int, windows: bool
) -> None:
    held: Any
    if windows:
        window = Window((2, height + 3, 5), 0, 2, (3, 2), (1, 1), (1, 0, 0, 1), (1, 1))
        held = Windows(np.zeros((samples, *window.image), np.float32), window)
        size = window.size
    else:
        held, size = Positions(np.zeros((samples, height + 1, 7), np.float32)), 7
    seen = []
    for some, part in pieces(held, samples, patch_bytes):
        vectors = held.vectors(some, part)
        assert vectors.shape == (some.stop - some.start, part.stop - part.start, size)
        least = held.run * size * 4
        assert vectors.nbytes <= max(patch_bytes, least), "no piece is larger than it may be, but for one run"
        seen += [(s, p) for s in range(some.start, some.stop) for p in range(part.start, part.stop)]
    assert seen == [(s, p) for s in range(samples) for p in range(held.positions)]
