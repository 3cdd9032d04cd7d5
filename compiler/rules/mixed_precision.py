"""Mixed precision: gradients are added up digitally, and whole steps of the device go to the array, row by row.

    χ ← χ − (lr/g)·xᵀd for every vector;  then for every row
    n = clamp(trunc(χ_k), ±longest),   χ_k ← χ_k − n,   W_k ← W_k + g·n

χ is in steps g of the device. It is a matrix in the memory of a vector unit, and every vector costs 2·rows·cols digital
operations there, the price that rules with a fast array avoid.

Memory: one device and one digital word a weight.
Source: Nandakumar et al. 2020, 10.3389/fnins.2020.00406; once a batch instead of once a sample is ohmflow's.
"""

from collections.abc import Mapping, Sequence

from xdsl.ir import SSAValue

from ohmflow.compiler.program.marks import LoopMark, Parameter
from ohmflow.compiler.rules.fast_array import (
    get_rows,
    logical_step,
    one_hot,
    set_rows,
    step_below,
    write_row,
)
from ohmflow.compiler.rules.loops import VectorPair, for_each_vector, set_mark
from ohmflow.compiler.rules.protocol import (
    MAIN,
    Declaration,
    Rule,
    RuleSegment,
    RuleState,
    Setting,
    UpdateContext,
    scalar,
    vec,
)
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.control import ForOp, loop_body
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp

CHI = "chi"
UNLIMITED = 2**20


class MixedPrecision(Rule):
    """The rule `mixed-precision`.

    ```
    %h0 = tile.for %i to %batch carry (%h = %chi) {
      %all, %got = tile.state_get @W.chi (%h)
      %sum = tile.call @W.add (%x, %d, %all, %lr)
      %h_1 = tile.state_set @W.chi (%sum, %h) after (%got)
      tile.yield (%h_1)
    }
    %n, %h1, %w1 = tile.for %i to 64 carry (%k = %zero, %h = %h0, %v = %w) {
      %row, %got = tile.state_get @W.chi row %k (%h)
      %left, %minus, %size, %k1 = tile.call @W.take (%row, %k)
      …                                           the row is replaced, and pulsed
      tile.yield (%k1, %h_1, %v_1)
    }
    ```
    """

    name = "mixed-precision"

    def declare(self, setting: Setting) -> Declaration:
        """χ, and the segments that add to it and take whole steps out of it."""
        layer, step = setting.layer, logical_step(setting)
        matrix, row = vec(layer.rows, layer.cols), vec(layer.cols)
        longest = setting.facts.train_length or UNLIMITED
        add = RuleSegment(
            "add",
            (("x", vec(layer.rows)), ("d", row), ("chi", matrix), ("lr", scalar())),
            (("next_chi", matrix),),
            f"""
              per_step = Constant<value_float = {1 / step!r}> ()
              rate = Mul (lr, per_step)
              scaled = Mul (d, rate)
              down = Constant<value_ints = [-1, 1]> ()
              column = Reshape (x, down)
              product = Mul (column, scaled)
              next_chi = Sub (chi, product)
            """,
            simple=2 * layer.rows * layer.cols + layer.cols,
            whole=True,
        )
        take = RuleSegment(
            "take",
            (("row", row), ("line", vec(of="i64"))),
            (("left", row), ("minus", row), ("size", vec()), ("next_line", vec(of="i64"))),
            f"""
              one = Constant<value_int = 1> ()
              next_line = Add (line, one)
              most = Constant<value_float = {float(longest)!r}> ()
              magnitude = Abs (row)
              whole = Floor (magnitude)
              few = Min (whole, most)
              direction = Sign (row)
              steps = Mul (direction, few)
              left = Sub (row, steps)
              minus = Neg (steps)
              size = Constant<value_float = {step_below(setting)!r}> ()
            """,
            simple=7 * layer.cols,
            whole=True,
        )
        begin = RuleSegment(
            "begin", (), (("line", vec(of="i64")),), "line = Constant<value_int = 0> ()", simple=1, whole=True
        )
        return Declaration((), (RuleState(CHI, "hidden", matrix),), (add, begin, take, one_hot(layer)))

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append both loops; see the class."""
        matrix = vec(context.setting.layer.rows, context.setting.layer.cols)

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            held = StateGetOp(context.symbol(CHI), carried[0], matrix)
            pair.block.add_op(held)
            (added,) = context.call(pair.block, "add", [pair.x, pair.d, held.value, context.lr])
            kept = StateSetOp(context.symbol(CHI), added, carried[0], [held.done])
            pair.block.add_op(kept)
            return [kept.out]

        setting = context.setting
        longest = setting.facts.train_length or UNLIMITED
        told: dict[str, Parameter] = {
            "per_step": 1 / logical_step(setting),
            "most": float(longest),
            "step": step_below(setting),
        }
        mark = LoopMark(self.name, told)
        (chi,) = for_each_vector(context, [context.versions[CHI]], step, mark=mark)
        (first,) = context.call(context.block, "begin", [], "transfer")
        body = loop_body([first.type, chi.type, context.version.type])
        line, hidden, main = body.args[1:]
        line.name_hint = "line"
        rows, got = get_rows(context, body, [CHI], line, [hidden])
        left, minus, size, following = context.call(body, "take", [*rows, line], "transfer")
        (kept,) = set_rows(context, body, [CHI], line, [left], [hidden], got)
        (point,) = context.call(body, "point", [line], "transfer")
        written = write_row(context, body, context.sites[0].site, point, minus, size, main)
        body.add_op(YieldOp(carried=[following, kept, written]))
        loop = ForOp(context.setting.layer.rows, body, [first, chi, context.version], after=list(context.dones))
        set_mark(loop, mark)
        context.block.add_op(loop)
        return {CHI: loop.carried_outs[1], MAIN: loop.carried_outs[2]}
