"""The loop that most rules are: over samples, sites and positions, in the order that `docs/semantics.md` asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.marks import PARAMETERS, RULE, LoopMark
from ohmflow.compiler.rules.protocol import UpdateContext
from ohmflow.compiler.tile.control import ForOp, YieldOp, loop_body
from ohmflow.compiler.tile.stash import UnstashOp


@dataclass(frozen=True)
class VectorPair:
    """One (x, d) pair of a training step.

    Attributes:
        block: body in which it stands; append there.
        site: number of the use that it belongs to; updates and reads for it take this number.
        x: [rows] input.
        d: [cols] gradient of the output.
        sample: index of the sample, for draws: `UnstashOp(context.draws["sign"], pair.sample)`.
    """

    block: Block
    site: int
    x: SSAValue
    d: SSAValue
    sample: SSAValue


Step = Callable[[VectorPair, Sequence[SSAValue]], Sequence[SSAValue]]
"""Appends what happens for one pair, given the carried values; returns the carried values after it."""


def for_each_vector(
    context: UpdateContext,
    carried: Sequence[SSAValue],
    step: Step,
    after: Sequence[SSAValue] = (),
    mark: LoopMark | None = None,
) -> tuple[SSAValue, ...]:
    """Append a loop over every vector pair of the step: samples outside, then sites, then positions.

    ```
    %w2 = tile.for %i to %batch carry (%w = %v) after (%done) {
      %x = tile.unstash %xs[%i]
      %d = tile.unstash %ds[%i]
      …                            what `step` appends
      tile.yield (%w1)
    }
    ```

    Args:
        context: of the rule.
        carried: versions and vecs that go from pair to pair.
        step: appends the body; called once for every site.
        after: done tokens of the reads of the carried versions.
        mark: lets a fused kernel run the loop.

    Returns:
        The carried values after the last pair.
    """
    hints = [value.name_hint for value in carried]
    body = loop_body([value.type for value in carried])
    index = body.args[0]
    index.name_hint = "i"
    values: Sequence[SSAValue] = body.args[1:]
    _name(values, hints)
    for site in context.sites:
        x, d = site.at(body, index)
        if site.positions is None:
            values = step(VectorPair(body, site.site, x, d, index), values)
            _name(values, hints)
            continue
        inner = loop_body([value.type for value in carried])
        inner.args[0].name_hint = "p"
        _name(inner.args[1:], hints)
        x_p, d_p = UnstashOp(x, inner.args[0]), UnstashOp(d, inner.args[0])
        x_p.value.name_hint, d_p.value.name_hint = "x", "d"
        inner.add_ops([x_p, d_p])
        last = step(VectorPair(inner, site.site, x_p.value, d_p.value, index), inner.args[1:])
        inner.add_op(YieldOp(carried=last))
        positions = ForOp(site.positions, inner, values)
        body.add_op(positions)
        values = positions.carried_outs
        _name(values, hints)
    body.add_op(YieldOp(carried=values))
    loop = ForOp(context.batch, body, carried, after=list(after))
    if mark is not None:
        set_mark(loop, mark)
    _name(loop.carried_outs, hints)
    context.block.add_op(loop)
    return tuple(loop.carried_outs)


def set_mark(loop: ForOp, mark: LoopMark) -> None:
    """Let a fused kernel run a loop.

    Args:
        loop: that the rule wrote.
        mark: what a kernel needs to know.
    """
    loop.attributes[RULE] = StringAttr(mark.rule)
    loop.attributes[PARAMETERS] = StringAttr(mark.text)


def _name(values: Sequence[SSAValue], hints: Sequence[str | None]) -> None:
    for value, hint in zip(values, hints, strict=True):
        if value.name_hint is None or value.name_hint != hint:
            value.name_hint = hint
