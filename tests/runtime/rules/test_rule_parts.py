"""What a rule may declare beside arrays: random numbers, signs, and operations in the entry `program`."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from xdsl.ir import SSAValue

from ohmflow.compiler.compile import CompileOptions, compile_model
from ohmflow.compiler.rules import registry
from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import (
    MAIN,
    Declaration,
    Rule,
    RuleContext,
    RuleDraw,
    RuleSegment,
    RuleState,
    Setting,
    UpdateContext,
    vec,
)
from ohmflow.compiler.tile.compute import UpdateOp
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp
from ohmflow.runtime.machine.machine import Machine
from ohmflow.targets.registry import load
from tests.runtime.machine.both_clocks import Bench
from tests.runtime.machine.hand_target import hand_target
from tests.runtime.rules.one_array import dense


class Flipping(Rule):
    """Signs of the inputs flip where a draw is 1, a vector before they are used; `prepare` makes them −1."""

    name = "flipping"

    def declare(self, setting: Setting) -> Declaration:
        signs = vec(setting.layer.rows)
        flip = "one = Constant <value_float = 1.0> ()\ntwice = Add (draw, draw)\nleft = Sub (one, twice)\n"
        return Declaration(
            states=(RuleState("signs", "chopper", signs, np.ones(setting.layer.rows, np.float32)),),
            segments=(
                RuleSegment(
                    "flip",
                    [("s", signs), ("draw", signs), ("x", signs)],
                    [("next", signs), ("chopped", signs)],
                    f"{flip}next = Mul (s, left)\nchopped = Mul (next, x)",
                    4 * setting.layer.rows,
                ),
                RuleSegment("turn", [("s", signs)], [("minus", signs)], "minus = Neg (s)", setting.layer.rows),
            ),
            draws=(RuleDraw("draw", signs, 0.3),),
        )

    def prepare(self, context: RuleContext) -> Mapping[str, SSAValue]:
        version = context.versions["signs"]
        held = StateGetOp(context.symbol("signs"), version, vec(context.setting.layer.rows))
        context.block.add_op(held)
        (turned,) = context.call(context.block, "turn", [held.value], "program")
        kept = StateSetOp(context.symbol("signs"), turned, version, after=[held.done])
        context.block.add_op(kept)
        return {"signs": kept.out}

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        held = StateGetOp(context.symbol("signs"), context.versions["signs"], vec(context.setting.layer.rows))
        context.block.add_op(held)

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            draw = UnstashOp(context.draws["draw"], pair.sample)
            pair.block.add_op(draw)
            following, chopped = context.call(pair.block, "flip", [carried[0], draw.value, pair.x])
            update = UpdateOp(context.array, pair.site, chopped, pair.d, context.lr, carried[1])
            pair.block.add_op(update)
            return [following, update.outs[0]]

        signs, last = for_each_vector(context, [held.value, context.version], step, context.dones)
        kept = StateSetOp(context.symbol("signs"), signs, context.versions["signs"], after=[held.done])
        context.block.add_op(kept)
        return {MAIN: last, "signs": kept.out}


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_OURS", (*registry._OURS, Flipping))


def test_random_signs_are_drawn_by_the_machine_and_remembered() -> None:
    case, target = dense(), load("ideal")
    program = compile_model(case.model, target, CompileOptions(loss="mse", rule="flipping"))
    (draw,) = (a for a in program.entries["train_step"].arguments if a.keep is not None)
    assert (draw.name, draw.keep, draw.shape) == ("W.draw", 0.3, (6,))
    names = [a.name for a in program.entries["train_step"].arguments if a.kind == "rows" and a.keep is None]
    ends = []
    for seed in (0, 0, 1):
        machine = Machine(program, target, seed)
        machine.execute("program", {}, {}, 0)
        assert machine.values.states[0].tolist() == [-1.0] * 6
        rows = dict(zip(names, (np.ones((9, 6), np.float32), np.ones((9, 4), np.float32)), strict=True))
        machine.execute("train_step", rows, {"lr": 0.1, "inv_batch": 1 / 9, "batch": 9}, 0)
        ends.append(machine.values.states[0].tolist())
        assert set(map(abs, ends[-1])) == {1.0}
    assert ends[0] == ends[1] != ends[2]


def test_both_clocks_agree_on_draws_and_on_work_in_the_entry_program() -> None:
    case, target = dense(), hand_target()
    program = compile_model(case.model, target, CompileOptions(loss="mse", rule="flipping"))
    bench = Bench(program, target)
    bench.run("program", {}, {})
    names = [(a.name, a.shape) for a in program.entries["train_step"].arguments if a.kind == "rows"]
    rows = {name: np.ones((3, *shape), np.float32) for name, shape in names}
    _, timeline, _ = bench.run("train_step", rows, {"lr": 0.1, "inv_batch": 1 / 3, "batch": 3})
    assert timeline.cycles > 0
