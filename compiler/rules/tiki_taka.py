"""Tiki-Taka (TTv1): gradients go to a fast array A, whose columns go over to the slow array C, one after the other.

For every vector pair,

    A ← A − lr_fast·x·dᵀ,        and after every `transfer_every` of them, for the next column k in turn,
    C[:, k] ← C[:, k] + transfer_lr·A[:, k]

both by pulses in place. The layer computes with W = C + γ·A; C is the array that is trained and exported with γ·A
added. A hovers about the symmetry point of its devices, where up and down steps are alike, so it must be zero there:
on devices whose symmetry point is elsewhere, shift it first.

Memory: two devices a weight, one digital counter a layer.
Source: Gokmen and Haensch 2020, 10.3389/fnins.2020.00103, "Algorithm for training neural networks on resistive device
arrays", algorithm 1. How the defaults follow from layer and device is ours.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import (
    MAIN,
    AuxiliaryArray,
    Declaration,
    Derived,
    Rule,
    RuleOptions,
    RuleSegment,
    RuleState,
    Setting,
    UpdateContext,
    scalar,
    vec,
)
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.compute import UpdateOp
from ohmflow.compiler.tile.control import WhenOp
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp
from ohmflow.compiler.tile.transfer import TransferOp

FAST, COUNTER = "fast", "vectors"


class TikiTakaOptions(RuleOptions):
    """Options of `tiki-taka`; those without a value are derived."""

    transfer_every: int | None = Field(default=None, ge=1, description="vectors from one transfer to the next")
    transfer_lr: float | None = Field(default=None, gt=0, description="share of a column of A that is added to C")
    fast_lr: float = Field(default=1.0, gt=0, description="learning rate of A as a multiple of the run's")
    gamma: float = Field(default=0.0, ge=0, description="share of A in what the layer computes")
    fast_alpha: float | None = Field(default=None, gt=0, description="logical weight per device weight of A")


class TikiTaka(Rule):
    """One loop over all vectors: an update of A, a counter, and at times a transfer to C.

    ```
    %n_end, %a_end, %c_end = tile.for %i to %batch carry (%n = %n0, %a = %va, %c = %vc) {
      %a1 = tile.update @W.fast site 0 (%x, %d, %lr_fast, %a)
      %next, %column = tile.call @W.count (%n)
      %a2, %c2 = tile.when %next every 2 carry (%aw = %a1, %cw = %c) {
        %read, %c1 = tile.transfer @W.fast to @W col (%column, %transfer_lr, %aw, %cw)
        tile.yield (%aw, %c1) after (%read)
      }
      tile.yield (%next, %a2, %c2)
    }
    ```
    """

    name = "tiki-taka"
    Options = TikiTakaOptions

    def resolve(self, setting: Setting) -> Setting:
        """Derive how often and how much is transferred, and the scale of A."""
        given, layer = setting.options, setting.layer
        derived = []

        def derive(name: str, value: float, why: str) -> None:
            if getattr(given, name) is None:
                derived.append(Derived(name, value, why))

        derive("transfer_every", 1, f"after every vector, so that all {layer.cols} columns have had their turn soonest")
        derive("transfer_lr", 1.0, "a whole column of A is added at a time, whatever the learning rate")
        derive("fast_alpha", layer.alpha, "that of the layer's own array, so that a pulse weighs the same on both")
        options = given.model_copy(update={d.name: d.value for d in derived})
        return Setting(layer, setting.facts, options, tuple(derived))

    def declare(self, setting: Setting) -> Declaration:
        """A, the counter, and the segments that count and scale the rate."""
        options, number = setting.options, vec(of="i64")
        count = f"""
            one = Constant <value_int = 1> ()
            every = Constant <value_int = {options.transfer_every}> ()
            columns = Constant <value_int = {setting.layer.cols}> ()
            next = Add (n, one)
            turns = Div (next, every)
            before = Sub (turns, one)
            column = Mod (before, columns)
        """
        segments = [
            RuleSegment("count", [("n", number)], [("next", number), ("column", number)], count, 4),
            RuleSegment(
                "scale",
                [("lr", scalar())],
                [("lr_fast", vec()), ("lr_transfer", vec())],
                f"""
                fast = Constant <value_float = {options.fast_lr!r}> ()
                lr_fast = Mul (lr, fast)
                lr_transfer = Constant <value_float = {options.transfer_lr!r}> ()
                """,
                2,
                whole=True,
            ),
        ]
        return Declaration(
            arrays=(AuxiliaryArray(FAST, options.fast_alpha, options.gamma),),
            states=(RuleState(COUNTER, "counter", vec(of="i64")),),
            segments=tuple(segments),
        )

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append the loop; see the class."""
        options = context.setting.options
        lr_fast, lr_transfer = context.call(context.block, "scale", [context.lr])
        counter = StateGetOp(context.symbol(COUNTER), context.versions[COUNTER], vec(of="i64"))
        counter.value.name_hint = "n"
        context.block.add_op(counter)

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            n, fast, slow = carried
            update = UpdateOp(context.symbol(FAST), pair.site, pair.x, pair.d, lr_fast, fast, scheme=context.scheme)
            pair.block.add_op(update)
            following, column = context.call(pair.block, "count", [n], "transfer")
            body = Block(arg_types=[fast.type, slow.type])
            a, c = body.args
            moved = TransferOp(context.symbol(FAST), context.array, "col", column, lr_transfer, a, c, site=pair.site)
            body.add_ops([moved, YieldOp(carried=[a, moved.out], after=[moved.done])])
            when = WhenOp(following, options.transfer_every, body, [update.outs[0], slow])
            pair.block.add_op(when)
            return [following, *when.outs]

        mark = LoopMark(self.name, {"transfer_every": options.transfer_every, "lines": context.setting.layer.cols})
        tokens = [*context.tokens[FAST], *(t for t in context.dones if t not in context.tokens[FAST])]
        n, fast, slow = for_each_vector(
            context, [counter.value, context.versions[FAST], context.version], step, tokens, mark
        )
        kept = StateSetOp(context.symbol(COUNTER), n, context.versions[COUNTER], after=[counter.done])
        context.block.add_op(kept)
        return {MAIN: slow, FAST: fast, COUNTER: kept.out}
