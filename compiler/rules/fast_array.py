"""What rules with a fast array share: its rate, whose turn it is to be read, and how much a read counts.

    m_x ← 0.99·m_x + 0.01·max|x|, m_d likewise;    lr_A = pulses·g_A/(m_x·m_d), or `fast_lr`
    A ← A − lr_A·xᵀd
    every `transfer_every` vectors the next row k is read, and counts λ = lr·rows·transfer_every/(memory·lr_A)

`docs/update-rules.md` derives this, and says what of it is published (Rasch et al. 2024, Nat. Commun. 15:7133, arXiv
2303.04721; aihwkit's ChoppedTransferCompound) and what is ohmflow's.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.marks import Parameter
from ohmflow.compiler.rules.loops import VectorPair
from ohmflow.compiler.rules.protocol import (
    AuxiliaryArray,
    Derived,
    DeviceFacts,
    Layer,
    RuleContext,
    RuleOptions,
    RuleSegment,
    RuleState,
    Setting,
    UpdateContext,
    scalar,
    vec,
)
from ohmflow.compiler.tile.compute import UpdateOp
from ohmflow.compiler.tile.tokens import StateGetOp, StateSetOp

FAST = "fast"
"""Part name of the fast array."""

MOMENTUM = 0.99
STEPS_OF_A_RANGE = 1000
USUAL_PULSES = 5.0


class FastOptions(RuleOptions):
    """How a fast array takes gradients, and when it is read."""

    transfer_every: int = Field(default=1, ge=1, description="vectors between two reads of the fast array")
    fast_lr: float = Field(
        default=0.0, ge=0, description="rate of the fast array in its logical weight units; 0 follows the vectors"
    )
    pulses: float | None = Field(
        default=None, gt=0, description="slots of the fast array's train for a usual vector, if fast_lr is 0"
    )
    memory: float | None = Field(default=None, gt=0, description="vectors that the fast array remembers")
    zero_shift: int = Field(
        default=0, ge=0, description="pairs of pulses up and down before training, which bring the fast array to zero"
    )
    zero_reads: int = Field(default=100, ge=1, description="reads of each row that its zero is the mean of")


def step_of(facts: DeviceFacts) -> tuple[float, str]:
    """Step of a pulse in device units, and where it is from: exact devices count as having 1000 steps."""
    if facts.dw_min > 0:
        return facts.dw_min, "dw_min of the device"
    return (facts.w_max - facts.w_min) / STEPS_OF_A_RANGE, f"exact device: 1/{STEPS_OF_A_RANGE} of its range"


def resolve_fast(setting: Setting) -> Setting:
    """Derive `pulses` and `memory` where they were left out."""
    options, facts = setting.options, setting.facts
    derived: list[Derived] = []
    if options.pulses is None:
        pulses = min(USUAL_PULSES, float(facts.train_length)) if facts.train_length > 0 else USUAL_PULSES
        derived.append(Derived("pulses", pulses, f"{USUAL_PULSES:g}, or the longest train if that is shorter"))
    if options.memory is None:
        step, source = step_of(facts)
        states = (facts.w_max - facts.w_min) / step
        derived.append(Derived("memory", states, f"number of states, (w_max − w_min)/step; step: {source}"))
    return filled(setting, derived)


def filled(setting: Setting, derived: Sequence[Derived]) -> Setting:
    """The setting with derived options put in."""
    options = setting.options.model_copy(update={d.name: d.value for d in derived})
    return replace(setting, options=options, derived=(*setting.derived, *derived))


def logical_step(setting: Setting) -> float:
    """g, the logical step of one pulse."""
    return step_of(setting.facts)[0] * setting.layer.alpha


def step_below(setting: Setting) -> float:
    """The largest float32 rate of which one step of a main array's device is asked for, and not a little more.

    The train of an update is as long as the step asked for, rounded up: a rate that rounding has lifted above g would
    have two slots, in which nothing is certain.
    """
    wanted, alpha = step_of(setting.facts)[0], setting.layer.alpha
    rate = np.float32(wanted * alpha)
    while float(rate) / alpha / wanted > 1.0:
        rate = np.nextafter(rate, np.float32(0))
    return float(rate)


def share_of(setting: Setting, seen: float = 1.0) -> float:
    """λ·lr_A/lr: what a read counts for, so that every gradient counts once.

    Args:
        setting: with complete options.
        seen: what the rule sees in a read, on average over time, of a steady gradient's trace in A.
    """
    return float(setting.layer.rows * setting.options.transfer_every / (setting.options.memory * seen))


def fast_parts(setting: Setting, seen: float = 1.0) -> tuple[AuxiliaryArray, tuple[RuleState, ...], RuleSegment]:
    """The fast array, what is remembered of vectors, and the segment `pace`.

    The segment gives, for each vector, the fast rate, what a read counts for (λ; for `seen` see `share_of`), and whose
    turn it is.
    """
    layer = setting.layer
    return (
        AuxiliaryArray(FAST, layer.alpha),
        (RuleState("count", "counter", vec(of="i64")), RuleState("largest", "statistic", vec(2))),
        _pace(layer, setting.options, logical_step(setting), share_of(setting, seen)),
    )


def fast_mark(setting: Setting, seen: float = 1.0) -> dict[str, Parameter]:
    """What a fused kernel needs to know of a fast array's pace; `seen`: see `share_of`."""
    options, layer = setting.options, setting.layer
    return {
        "lines": layer.rows,
        "transfer_every": options.transfer_every,
        "fast_lr": options.fast_lr,
        "pulses_step": options.pulses * logical_step(setting),
        "share": share_of(setting, seen),
    }


def _pace(layer: Layer, options: Any, step: float, share: float) -> RuleSegment:
    if options.fast_lr > 0:
        rate = f"""
          rate = Constant<value_float = {options.fast_lr!r}> ()
          share = Constant<value_float = {share / options.fast_lr!r}> ()
          gain = Mul (lr, share)"""
    else:
        top = options.pulses * step
        rate = f"""
          top = Constant<value_float = {top!r}> ()
          share = Constant<value_float = {share / top!r}> ()
          zero = Constant<value_float = 0.0> ()
          one_f = Constant<value_float = 1.0> ()
          area = ReduceProd<keepdims = 0> (next_largest)
          none = Equal (area, zero)
          divisor = Where (none, one_f, area)
          quotient = Div (top, divisor)
          rate = Where (none, zero, quotient)
          share_lr = Mul (lr, share)
          gain = Mul (share_lr, area)"""
    body = f"""
          x_size = Abs (x)
          d_size = Abs (d)
          x_max = ReduceMax<keepdims = 1> (x_size)
          d_max = ReduceMax<keepdims = 1> (d_size)
          both = Concat<axis = 0> (x_max, d_max)
          nothing = Constant<value_floats = [0.0, 0.0]> ()
          stays = Constant<value_float = {MOMENTUM!r}> ()
          comes = Constant<value_float = {1 - MOMENTUM!r}> ()
          old_share = Mul (largest, stays)
          new_share = Mul (both, comes)
          mean = Add (old_share, new_share)
          empty = Equal (both, nothing)
          kept = Where (empty, largest, mean)
          first = Equal (largest, nothing)
          next_largest = Where (first, both, kept){rate}
          one = Constant<value_int = 1> ()
          every = Constant<value_int = {options.transfer_every}> ()
          rows = Constant<value_int = {layer.rows}> ()
          next = Add (count, one)
          turns = Div (next, every)
          turn = Sub (turns, one)
          line = Mod (turn, rows)
          sweep = Div (turn, rows)
    """
    return RuleSegment(
        "pace",
        (
            ("x", vec(layer.rows)),
            ("d", vec(layer.cols)),
            ("largest", vec(2)),
            ("count", vec(of="i64")),
            ("lr", scalar()),
        ),
        (
            ("rate", vec()),
            ("gain", vec()),
            ("next_largest", vec(2)),
            ("next", vec(of="i64")),
            ("line", vec(of="i64")),
            ("sweep", vec(of="i64")),
        ),
        body,
        simple=2 * (layer.rows + layer.cols) + 20,
        special=3,
        whole=True,
    )


def one_hot(layer: Layer) -> RuleSegment:
    """The segment `point`: e_k from k."""
    return RuleSegment(
        "point",
        (("line", vec(of="i64")),),
        (("point", vec(layer.rows)),),
        f"""
          begin = Constant<value_int = 0> ()
          end = Constant<value_int = {layer.rows}> ()
          stride = Constant<value_int = 1> ()
          places = Range (begin, end, stride)
          here = Equal (places, line)
          point = Cast<to = 1> (here)
        """,
        simple=layer.rows,
        whole=True,
    )


def fetch(context: RuleContext, parts: Sequence[str]) -> tuple[Sequence[SSAValue], Sequence[SSAValue]]:
    """Append reads of whole states.

    Returns:
        Their values and the reads' tokens.
    """
    values: list[SSAValue] = []
    dones: list[SSAValue] = []
    for part in parts:
        held = next(s for s in context.declaration.states if s.part == part)
        op = StateGetOp(context.symbol(part), context.versions[part], held.type)
        op.value.name_hint = part
        context.block.add_op(op)
        values.append(op.value)
        dones.append(op.done)
    return values, dones


def keep(
    context: RuleContext, parts: Sequence[str], values: Sequence[SSAValue], dones: Sequence[SSAValue]
) -> dict[str, SSAValue]:
    """Append writes of whole states, and return their last versions by part name."""
    last: dict[str, SSAValue] = {}
    for part, value, done in zip(parts, values, dones, strict=True):
        op = StateSetOp(context.symbol(part), value, context.versions[part], [done])
        context.block.add_op(op)
        last[part] = op.out
    return last


def update_fast(context: UpdateContext, pair: VectorPair, x: SSAValue, rate: SSAValue, version: SSAValue) -> SSAValue:
    """Append A ← A − rate·xᵀd and return A's version."""
    op = UpdateOp(context.symbol(FAST), pair.site, x, pair.d, rate, version, scheme=context.scheme)
    pair.block.add_op(op)
    return op.outs[0]


def write_row(
    context: UpdateContext,
    block: Block,
    site: int,
    point: SSAValue,
    minus: SSAValue,
    step: SSAValue,
    version: SSAValue,
) -> SSAValue:
    """Append a write of whole steps to one row of the main array, charged to the phase transfer."""
    op = UpdateOp(context.array, site, point, minus, step, version, scheme=context.scheme, phase="transfer")
    block.add_op(op)
    return op.outs[0]


def get_rows(
    context: RuleContext, block: Block, parts: Sequence[str], line: SSAValue, versions: Sequence[SSAValue]
) -> tuple[Sequence[SSAValue], Sequence[SSAValue]]:
    """Append reads of row `line` of hidden matrices.

    Returns:
        The rows and the reads' tokens.
    """
    cols = vec(context.setting.layer.cols)
    reads = [
        StateGetOp(context.symbol(part), version, cols, "row", line)
        for part, version in zip(parts, versions, strict=True)
    ]
    block.add_ops(reads)
    return [op.value for op in reads], [op.done for op in reads]


def set_rows(
    context: RuleContext,
    block: Block,
    parts: Sequence[str],
    line: SSAValue,
    rows: Sequence[SSAValue],
    versions: Sequence[SSAValue],
    dones: Sequence[SSAValue],
) -> Sequence[SSAValue]:
    """Append writes of row `line` of hidden matrices, and return their versions."""
    writes = [
        StateSetOp(context.symbol(part), row, version, [done], "row", line)
        for part, row, version, done in zip(parts, rows, versions, dones, strict=True)
    ]
    block.add_ops(writes)
    return [op.out for op in writes]
