"""The rule `twins`: a weight is the sum of two devices, and each takes its share of every update."""

from collections.abc import Mapping, Sequence

from pydantic import Field
from xdsl.ir import SSAValue

from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import (
    MAIN,
    AuxiliaryArray,
    Declaration,
    Rule,
    RuleOptions,
    RuleSegment,
    Setting,
    UpdateContext,
    scalar,
    vec,
)
from ohmflow.compiler.tile.compute import UpdateOp


class TwinsOptions(RuleOptions):
    """Options of `twins`."""

    share: float = Field(default=0.5, gt=0, lt=1, description="part of an update that the second device takes")


class Twins(Rule):
    """W = A + B; A ← A − (1 − share)·lr·xᵀd, B ← B − share·lr·xᵀd."""

    name = "twins"
    Options = TwinsOptions

    def declare(self, setting: Setting) -> Declaration:
        """B, and the segment that divides the rate."""
        text = f"""
            part = Constant <value_float = {setting.options.share!r}> ()
            theirs = Mul (lr, part)
            ours = Sub (lr, theirs)
        """
        return Declaration(
            arrays=(AuxiliaryArray("twin", setting.layer.alpha, 1.0),),
            segments=(
                RuleSegment("share", [("lr", scalar())], [("ours", vec()), ("theirs", vec())], text, 2, whole=True),
            ),
        )

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Update both for every vector pair."""
        ours, theirs = context.call(context.block, "share", [context.lr])

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            main, twin = carried
            first = UpdateOp(context.array, pair.site, pair.x, pair.d, ours, main, scheme=context.scheme)
            second = UpdateOp(context.symbol("twin"), pair.site, pair.x, pair.d, theirs, twin, scheme=context.scheme)
            pair.block.add_ops([first, second])
            return [first.outs[0], second.outs[0]]

        tokens = [*context.dones, *(t for t in context.tokens["twin"] if t not in context.dones)]
        main, twin = for_each_vector(context, [context.version, context.versions["twin"]], step, tokens)
        return {MAIN: main, "twin": twin}
