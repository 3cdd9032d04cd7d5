"""Zero-shifting: before training, devices of the fast array are brought to their symmetry points, which are zero then.

Pulses up and down in turn pull a device to the weight at which both have one size. All devices are pulsed at once.
Then every row is read `zero_reads` times, and the mean is kept digitally: what is read of the row later counts from
there. (A reference array would do the same in analog; that the zero is digital is ohmflow's choice. It costs a word a
weight instead of a device, and can be as exact as reads are.)

Source: Kim et al. 2019, arXiv 1907.10228.
"""

from collections.abc import Mapping

from xdsl.ir import SSAValue

from ohmflow.compiler.rules.protocol import RuleContext, RuleSegment, RuleState, Setting, vec
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.compute import UpdateOp
from ohmflow.compiler.tile.control import ForOp, loop_body
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp
from ohmflow.compiler.tile.transfer import ReadOp

ZERO = "zero"
"""Part name of the matrix of zeros."""


def zero_parts(setting: Setting, step: float) -> tuple[tuple[RuleState, ...], tuple[RuleSegment, ...]]:
    """What zero-shifting needs: nothing if it is off.

    Args:
        setting: with the options `zero_shift` and `zero_reads`.
        step: rate of one pulse, logical.
    """
    options, layer = setting.options, setting.layer
    if options.zero_shift == 0:
        return (), ()
    row = vec(layer.cols)
    pulse = RuleSegment(
        "pulse",
        (),
        (("every_row", vec(layer.rows)), ("down", row), ("up", row), ("size", vec()), ("first", vec(of="i64"))),
        f"""
          rows = Constant<value_ints = [{layer.rows}]> ()
          cols = Constant<value_ints = [{layer.cols}]> ()
          one = Constant<value_float = 1.0> ()
          every_row = Expand (one, rows)
          down = Expand (one, cols)
          up = Neg (down)
          size = Constant<value_float = {step!r}> ()
          first = Constant<value_int = 0> ()
        """,
        simple=layer.rows + 2 * layer.cols,
        whole=True,
    )
    average = RuleSegment(
        "average",
        (("v", row), ("mean", row)),
        (("next_mean", row),),
        f"""
          share = Constant<value_float = {1 / options.zero_reads!r}> ()
          part = Mul (v, share)
          next_mean = Add (mean, part)
        """,
        simple=2 * layer.cols,
        whole=True,
    )
    follow = RuleSegment(
        "follow",
        (("line", vec(of="i64")),),
        (("next_line", vec(of="i64")),),
        "one = Constant<value_int = 1> ()\n next_line = Add (line, one)",
        simple=1,
        whole=True,
    )
    return (RuleState(ZERO, "hidden", vec(layer.rows, layer.cols)),), (pulse, average, follow)


def shift_zero(context: RuleContext, part: str) -> Mapping[str, SSAValue]:
    """Append pulses in turn, then reads that are averaged, to the entry `program`.

    Args:
        context: of the rule; `zero_parts` are declared.
        part: array that is shifted.

    Returns:
        The last versions of the array and of the matrix of zeros.
    """
    options, layer = context.setting.options, context.setting.layer
    if options.zero_shift == 0:
        return {}
    symbol = context.symbol(part)
    every_row, down, up, size, first = context.call(context.block, "pulse", [], "transfer")
    pairs = loop_body([context.versions[part].type])
    version: SSAValue = pairs.args[1]
    for site, sign in enumerate((up, down)):
        update = UpdateOp(symbol, site, every_row, sign, size, version, scheme=context.scheme, phase="transfer")
        pairs.add_op(update)
        version = update.outs[0]
    pairs.add_op(YieldOp(carried=[version]))
    pulsed = ForOp(options.zero_shift, pairs, [context.versions[part]])
    context.block.add_op(pulsed)

    rows = loop_body([first.type, pulsed.carried_outs[0].type, context.versions[ZERO].type])
    _, line, held, zeros = rows.args
    reads = loop_body([held.type, zeros.type])
    _, read_of, mean_of = reads.args
    read = ReadOp(symbol, "row", line, read_of, vec(layer.cols), site=0)
    mean = StateGetOp(context.symbol(ZERO), mean_of, vec(layer.cols), "row", line)
    reads.add_ops([read, mean])
    (next_mean,) = context.call(reads, "average", [read.line, mean.value], "transfer")
    kept = StateSetOp(context.symbol(ZERO), next_mean, mean_of, [mean.done], "row", line)
    reads.add_ops([kept, YieldOp(carried=[read_of, kept.out], after=[read.done])])
    averaged = ForOp(options.zero_reads, reads, [held, zeros])
    rows.add_op(averaged)
    (following,) = context.call(rows, "follow", [line], "transfer")
    rows.add_op(YieldOp(carried=[following, *averaged.carried_outs]))
    every = ForOp(layer.rows, rows, [first, pulsed.carried_outs[0], context.versions[ZERO]])
    context.block.add_op(every)
    return {part: every.carried_outs[1], ZERO: every.carried_outs[2]}
