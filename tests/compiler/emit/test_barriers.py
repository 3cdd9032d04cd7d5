"""Receives of what depends on every sample are marked, and the wait before the first is a barrier's."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.entry import CountLayout, Entry, resolve
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.schedule import ACTIVITIES, Timeline
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.runtime.machine.clock import simulate
from tests.compiler.emit.perceptrons import perceptron
from tests.runtime.machine.hand_target import hand_target


def normalised() -> onnx.ModelProto:
    """Two layers with batch statistics between them."""
    rng = np.random.default_rng(1)
    weights = {
        "w0": rng.normal(size=(6, 5)),
        "w1": rng.normal(size=(5, 3)),
        "scale": np.ones(5),
        "shift": np.zeros(5),
        "mean": np.zeros(5),
        "spread": np.ones(5),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["h"]),
        helper.make_node("BatchNormalization", ["h", "scale", "shift", "mean", "spread"], ["n"]),
        helper.make_node("MatMul", ["n", "w1"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "normalised",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor(k, TensorProto.FLOAT, v.shape, v.ravel().tolist()) for k, v in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def step(program: Program, samples: int) -> Timeline:
    entry = program.entries["train_step"]
    layout = CountLayout.of(entry, {"batch": samples})
    return simulate(resolve(entry, layout, program.chip.hop, [u.name for u in program.chip.units]))


def marked(program: Program, entry: Entry) -> list[str]:
    """Units of the marked receives."""
    rows = entry.instructions[(entry.instructions["mnemonic"] == Mnemonic.RECV) & (entry.instructions["t2"] == 1)]
    return [program.chip.units[int(unit)].name for unit in rows["unit"]]


def test_without_batch_statistics_only_the_loss_waits_for_a_barrier() -> None:
    program = compile_model(perceptron((8, 5, 3), ("Tanh",), biased=True), hand_target(), CompileOptions())
    assert marked(program, program.entries["train_step"]) == ["host.results"]
    assert marked(program, program.entries["infer"]) == []


def test_all_that_is_made_with_batch_statistics_is_behind_their_barrier() -> None:
    program = compile_model(normalised(), hand_target(), CompileOptions(packing="spread"))
    units = set(marked(program, program.entries["train_step"]))
    second = program.arrays[1].blocks[0].tile
    assert {u.name for u in program.chip.units if u.kind == "tile" and u.index == second} <= units


def test_the_next_layer_waits_longer_for_a_barrier_of_more_samples() -> None:
    program = compile_model(normalised(), hand_target(), CompileOptions(packing="spread"))
    barrier = ACTIVITIES.index("barrier")
    entry = program.entries["train_step"]
    tile = next(k for k, u in enumerate(program.chip.units) if u.kind == "tile" and u.index == 1)
    rows = slice(int(entry.stream[tile]), int(entry.stream[tile + 1]))
    few, many = (step(program, n).activity[rows].sum(axis=0) for n in (4, 40))
    assert many[barrier] > 5 * few[barrier] > 0
