"""Operations made ready give what the value engine's methods give, whatever their arrays held before."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import onnx
import pytest

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.program.program import Program
from ohmflow.compiler.program.tables import Op
from ohmflow.runtime.crossbar.errors import NotFiniteError
from ohmflow.runtime.machine import direct
from ohmflow.runtime.machine.direct import Call, Read
from ohmflow.runtime.machine.machine import Machine
from ohmflow.runtime.machine.plan import Node
from ohmflow.targets.registry import load
from ohmflow.targets.schema.target import Target
from tests.compiler.emit.conv_networks import NetworkWriter

BLOCKS = {"tile.crossbar.rows": "16", "tile.crossbar.cols": "8", "tile.adc.bound": "0.4"}
BATCHES = (4, 4, 1, 4, 3, 1, 2, 5, 4, 6, 6)
"""Sizes in turn, and more of them than arrays are kept for."""


def dense() -> onnx.ModelProto:
    """Two layers, the first of several blocks."""
    writer = NetworkWriter(1)
    hidden = writer.node("Relu", [writer.dense(writer.start((20,)), 9)], (9,))
    return writer.model(writer.dense(hidden, 3))


def convolution() -> onnx.ModelProto:
    """A convolution and a layer behind it."""
    writer = NetworkWriter(2)
    a = writer.conv(writer.start((2, 5, 4)), 3, (3, 3), pads=(1, 1, 1, 1))
    return writer.model(writer.dense(writer.node("Tanh", [a], writer.shapes[a]), 3))


CASES: dict[str, tuple[onnx.ModelProto, str, dict[str, str]]] = {
    "dense": (dense(), "sgd", {}),
    "convolution": (convolution(), "sgd", {}),
    "a rule": (dense(), "tiki-taka-v2", {}),
    "a gathered update": (dense(), "mixed-precision", {}),
    "write noise": (dense(), "sgd", {"device.parameters.write_noise": "0.3"}),
    "small blocks that share converters": (dense(), "sgd", {"tile.adc.shared_by": "4"}),
}


def machine_of(name: str) -> Machine:
    model, rule, more = CASES[name]
    target = load("rpu-2016", {**BLOCKS, **more})
    options = {"memory": 300} if rule == "tiki-taka-v2" else {}
    program = compile_model(model, target, CompileOptions(loss="mse", rule=rule, rule_options=options))
    return started(program, target)


def started(program: Program, target: Target) -> Machine:
    machine = Machine(program, target, 5)
    machine.execute("program", {}, {}, 0)
    return machine


def interpreted(machine: Machine) -> Machine:
    """The same machine, in which every operation is left to the value engine's methods."""
    engine = machine.values

    def step_of(node: Node) -> Any:
        if node.code is Op.MAP and not node.loops:
            return partial(engine._map, node, tuple(partial(engine._run, inner) for inner in node.body))
        return partial(engine._run, node)

    engine._steps = {name: tuple(map(step_of, nodes)) for name, (nodes, _) in engine._plans.items()}
    return machine


def batches(machine: Machine, sizes: tuple[int, ...]) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    rng = np.random.default_rng(3)
    arguments = [a for a in machine.program.entries["train_step"].arguments if a.kind == "rows" and a.keep is None]
    for size in sizes:
        yield size, {a.name: rng.standard_normal((size, *a.shape)).astype(np.float32) for a in arguments}


def trained(machine: Machine, sizes: tuple[int, ...] = BATCHES) -> list[np.ndarray]:
    """Everything that training steps, and an inference behind each, leave behind."""
    kept: list[np.ndarray] = []
    wanted = {a.name for a in machine.program.entries["infer"].arguments}
    for step, (size, rows) in enumerate(batches(machine, sizes)):
        results = machine.execute("train_step", rows, {"lr": 0.05, "inv_batch": 1 / size, "batch": size}, step)
        given = {name: value for name, value in rows.items() if name in wanted}
        results |= machine.execute("infer", given, {"batch": size}, step)
        kept += [np.asarray(value) for value in results.values()]
    engine = machine.values
    kept += [array.w for array in engine.arrays] + [np.asarray(state) for state in engine.states]
    kept += [np.array(list(vars(updates).values())) for updates in engine.updates]
    kept += [tally.table for tally in engine.tallies.values()]
    return [*kept, np.array(machine.book.cycles)]


def same_bits(ones: list[Any], others: list[Any]) -> None:
    for one, other in zip(ones, others, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_operations_made_ready_give_the_bits_of_the_interpreter(name: str) -> None:
    ready, plain = machine_of(name), interpreted(machine_of(name))
    same_bits(trained(ready), trained(plain))
    for machine in (ready, plain):
        machine.close_epoch(1)
    assert ready.book.counts == plain.book.counts


def steps_of(machine: Machine, kind: type) -> list[Any]:
    outer = machine.values._steps["train_step"]
    inner = [s for step in outer if isinstance(step, partial) and len(step.args) > 1 for s in step.args[1]]
    return [step for step in (*outer, *inner) if isinstance(step, kind)]


def test_arrays_are_kept_for_a_few_sizes_of_batches() -> None:
    machine = machine_of("dense")
    trained(machine)
    for kind in (Call, Read):
        made = steps_of(machine, kind)
        assert made
        assert all(list(step._kept) == [4, 1, 3, 2] for step in made)
        assert all(kept is not None for step in made for kept in step._kept.values())


def test_arrays_of_large_batches_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct, "SMALL", 100)
    machine = machine_of("dense")
    results = trained(machine, (4, 4))
    kept = [value for kind in (Call, Read) for step in steps_of(machine, kind) for value in step._kept.values()]
    assert None in kept
    assert set(map(type, steps_of(machine, Read)[0]._kept.values())) == {type(None)}
    same_bits(results, trained(interpreted(machine_of("dense")), (4, 4)))


def test_results_stay_what_they_were_in_later_steps() -> None:
    machine = machine_of("dense")
    results = []
    for step, (size, rows) in enumerate(batches(machine, (4, 4, 4))):
        given = machine.execute("train_step", rows, {"lr": 0.05, "inv_batch": 1 / size, "batch": size}, step)
        results.append((given, {name: np.copy(value) for name, value in given.items()}))
    for given, copied in results:
        same_bits(list(given.values()), list(copied.values()))
    assert len({np.asarray(value).tobytes() for given, _ in results for value in given.values()}) > 1


def fixed(value: np.ndarray) -> np.ndarray:
    value = value.copy()
    value.flags.writeable = False
    return value


@pytest.mark.parametrize(
    "form",
    [np.asfortranarray, lambda v: np.repeat(v, 2, axis=0)[::2], fixed],
    ids=["by columns", "every other row", "read-only"],
)
def test_rows_may_be_given_anywhere_and_are_not_changed(form: Callable[[np.ndarray], np.ndarray]) -> None:
    ready, plain = machine_of("dense"), machine_of("dense")
    place: dict[str, np.ndarray] = {}  # where batches stand one after the other
    for step, (size, rows) in enumerate(batches(ready, (4, 4, 4, 4))):
        for name, value in rows.items():
            np.copyto(place.setdefault(name, np.empty_like(value)), value)
        given = {name: form(value) for name, value in place.items()} if step % 2 else place
        scalars = {"lr": 0.05, "inv_batch": 1 / size, "batch": size}
        said = [machine.execute("train_step", own, scalars, step) for machine, own in ((ready, given), (plain, rows))]
        same_bits(list(said[0].values()), list(said[1].values()))
        same_bits([given[name] for name in rows], list(rows.values()))
    same_bits(*([array.w for array in machine.values.arrays] for machine in (ready, plain)))


def test_training_that_diverged_is_refused_as_the_interpreter_does() -> None:
    said = []
    for machine in (machine_of("dense"), interpreted(machine_of("dense"))):
        trained(machine, (4, 4))
        size, rows = next(batches(machine, (4,)))
        rows = {name: np.full_like(value, np.nan) if name != "x" else value for name, value in rows.items()}
        with pytest.raises(NotFiniteError) as refused:
            machine.execute("train_step", rows, {"lr": 0.05, "inv_batch": 1 / size, "batch": size}, 9)
        said.append(str(refused.value))
    assert said[0] == said[1]
