"""What units keep and are sent: no more than their blocks use, and states once."""

import numpy as np
import onnx
import pytest
from onnx import helper

from ohmflow.compiler import CompileOptions, Program, compile_model
from ohmflow.compiler.emit.dataflow import Need
from ohmflow.compiler.errors import UnsupportedError
from ohmflow.compiler.program.schedule import PHASES
from ohmflow.compiler.program.tables import Mnemonic
from ohmflow.targets.errors import TargetError
from ohmflow.targets.registry import load


def perceptron(rows: int, cols: int, bias: bool = True, name: str = "w") -> onnx.ModelProto:
    """y = x·w (+ b), with w called `name`."""
    rng = np.random.default_rng(0)
    stored = {name: rng.standard_normal((rows, cols)), **({"b": rng.standard_normal(cols)} if bias else {})}
    nodes = [helper.make_node("MatMul", ["x", name], ["h" if bias else "y"], name="product")]
    if bias:
        nodes.append(helper.make_node("Add", ["h", "b"], ["y"], name="shift"))
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", rows])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", cols])],
        [onnx.numpy_helper.from_array(v.astype(np.float32), k) for k, v in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def compiled(model: onnx.ModelProto, **changes: str) -> Program:
    target = load("protonic-psg", {path.replace("__", "."): text for path, text in changes.items()})
    return compile_model(model, target, CompileOptions(loss="mse"))


def test_elements_that_blocks_share_are_counted_once_and_gaps_not_at_all() -> None:
    assert Need({(0, 3), (6, 10)}, 0, False).elements == 7
    assert Need({(0, 4), (2, 6), (3, 5)}, 0, False).elements == 6


def test_a_state_takes_memory_once_and_not_for_every_sample() -> None:
    program = compiled(perceptron(4, 100))
    word = load("protonic-psg").chip.vector_unit.word_bytes  # type: ignore[union-attr]
    fixed, per_sample, _ = program.manifest["memory"]["infer"]["vector(0,0)"]
    assert (fixed, per_sample) == (100 * word, 0)


def test_what_is_used_only_where_it_arrives_is_not_kept() -> None:
    assert "tile(0,0)" not in {u for u, m in compiled(perceptron(4, 3)).manifest["memory"]["infer"].items() if m[1]}


def test_inputs_of_an_update_are_kept_for_every_sample() -> None:
    program = compiled(perceptron(4, 3))
    word = load("protonic-psg").chip.vector_unit.word_bytes  # type: ignore[union-attr]
    assert program.manifest["memory"]["train_step"]["tile(0,0)"][1] == (4 + 3) * word


def test_a_tile_with_two_blocks_of_an_array_is_sent_only_what_they_use() -> None:
    program = compiled(
        perceptron(2, 10, bias=False), tile__crossbar__rows="4", tile__crossbar__cols="4", tile__adc__shared_by="2"
    )
    word = load("protonic-psg").chip.vector_unit.word_bytes  # type: ignore[union-attr]
    entry = program.entries["train_step"]
    units = program.chip.units
    for record in units:
        if record.kind != "tile":
            continue
        columns = {
            c for b in program.arrays[0].blocks if b.tile == record.index for c in range(b.col0, b.col0 + b.cols)
        }
        rows = {r for b in program.arrays[0].blocks if b.tile == record.index for r in range(b.row0, b.row0 + b.rows)}
        mine = entry.instructions[entry.instructions["unit"] == units.index(record)]
        received = mine[mine["mnemonic"] == Mnemonic.RECV]["buffer_write"].sum()
        assert received == (len(columns) + len(rows)) * word


def test_evaluation_is_billed_as_such_when_a_model_ends_in_a_crossbar_read() -> None:
    program = compiled(perceptron(4, 3, bias=False))
    phases = {PHASES[p] for p in program.entries["infer"].instructions["phase"]}
    assert phases == {"evaluation"}


@pytest.mark.parametrize("name", ["program", "infer", "train_step", "train_0", "infer_0"])
def test_weights_may_have_the_names_of_our_own_symbols(name: str) -> None:
    program = compiled(perceptron(4, 3, name=name))
    assert program.arrays[0].initializer == name


def test_one_class_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"must have at least two classes .*choose --loss mse"):
        compile_model(perceptron(4, 1), load("protonic-psg"))


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (
            "device.model",
            "ideal",
            "device.model must be a pulsed one on a tile with tile.dac and tile.adc, not 'ideal'",
        ),
        ("not_modelled", "[time, energy, area]", "not_modelled must not hold 'time' on a target with a chip"),
    ],
)
def test_targets_that_would_bill_half_of_what_they_do_are_refused(path: str, text: str, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        load("protonic-psg", {path: text})
    assert said in str(caught.value)
