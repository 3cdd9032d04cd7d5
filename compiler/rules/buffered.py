"""What Tiki-Taka v2, c-TTv2 and AGAD share: a digital matrix H between the fast array and the main one.

When it is the turn of row k, v = e_k A is read, and

    H_k ← H_k + λ·seen/(threshold·g),   n = clamp(trunc(H_k), ±transfer_pulses)
    H_k ← keep·H_k where n ≠ 0 (forget), or H_k − (1 − keep)·n
    C   ← C + g·e_kᵀn                   by pulses: an update with x = e_k, d = −n

with `seen` what a rule makes of v. Equations and sources: `docs/update-rules.md`.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.marks import LoopMark, Parameter
from ohmflow.compiler.rules.errors import RuleError
from ohmflow.compiler.rules.fast_array import (
    FAST,
    FastOptions,
    fast_mark,
    fast_parts,
    fetch,
    filled,
    get_rows,
    keep,
    logical_step,
    one_hot,
    resolve_fast,
    set_rows,
    step_below,
    update_fast,
    write_row,
)
from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import (
    MAIN,
    Declaration,
    Derived,
    Rule,
    RuleContext,
    RuleDraw,
    RuleSegment,
    RuleState,
    Setting,
    UpdateContext,
    vec,
)
from ohmflow.compiler.rules.zero_shift import ZERO, shift_zero, zero_parts
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.control import WhenOp
from ohmflow.compiler.tile.stash import UnstashOp
from ohmflow.compiler.tile.transfer import ReadOp
from ohmflow.targets.schema.updating import LONGEST_TRAIN

HIDDEN, SIGNS = "H", "signs"
"""Part names of the digital matrix, and of the signs of a chopper."""


class BufferedOptions(FastOptions):
    """How a row of the fast array goes over to the main array."""

    threshold: float = Field(default=1.0, gt=0, description="steps of the main array that make one step of H")
    keep: float = Field(default=0.0, ge=0, lt=1, description="share of H that stays after a transfer")
    forget: bool = Field(default=True, description="whether a transfer clears H, beyond the whole steps too")
    transfer_pulses: int | None = Field(default=None, ge=1, le=LONGEST_TRAIN, description="most pulses of a transfer")


class BufferedRule(Rule):
    """A rule of this family: its classes say what is seen in a read, and what becomes of signs.

    Attributes:
        matrices: part names of hidden matrices; a transfer reads and replaces row k of each, H first.
        chopped: whether the rows of A have signs.
    """

    matrices: ClassVar[tuple[str, ...]] = (HIDDEN,)
    chopped: ClassVar[bool] = False

    def resolve(self, setting: Setting) -> Setting:
        """Derive what was left out; see `fast_array.py`."""
        known = resolve_fast(setting)
        if known.options.transfer_pulses is not None:
            return known
        pulses = setting.facts.train_length or LONGEST_TRAIN
        why = (
            f"the longest train: a row's turn comes once in {setting.layer.rows * known.options.transfer_every} vectors"
        )
        return filled(known, [Derived("transfer_pulses", pulses, why)])

    def declare(self, setting: Setting) -> Declaration:
        """A fast array, H and its kin, the counter, and the segments.

        Raises:
            RuleError: the rule has signs and does not say how they change.
        """
        layer = setting.layer
        fast, states, pace = fast_parts(setting, self.seen(setting))
        hidden = tuple(RuleState(part, "hidden", vec(layer.rows, layer.cols)) for part in self.matrices)
        signs = (RuleState(SIGNS, "chopper", vec(layer.rows), 1.0),) if self.chopped else ()
        segments = [pace, one_hot(layer), self.collect(setting)]
        if self.chopped:
            segments += [_apply_signs(layer.rows), self.flip(setting)]
        zero, shifting = zero_parts(setting, step_below(setting))
        return Declaration((fast,), (*states, *signs, *hidden, *zero), (*segments, *shifting), self.draws(setting))

    def prepare(self, context: RuleContext) -> Mapping[str, SSAValue]:
        """Shift the zero of the fast array, if that is asked for."""
        return shift_zero(context, FAST)

    def seen(self, setting: Setting) -> float:
        """What a read sees, on average over time, of a steady gradient's trace in A; less than 1 after each flip."""
        return 1.0

    def draws(self, setting: Setting) -> tuple[RuleDraw, ...]:
        """Random numbers that a sample needs."""
        return ()

    @abstractmethod
    def collect(self, setting: Setting) -> RuleSegment:
        """The segment `collect`; see `collecting`."""

    def flip(self, setting: Setting) -> RuleSegment:
        """The segment `flip`, which gives the signs after a transfer; see `flipping`.

        Raises:
            RuleError: the rule does not say it; one without signs is never asked.
        """
        raise RuleError(
            f"rule '{self.name}': a rule whose rows have signs (`chopped`) must say how they change, not inherit "
            f"`flip` from BufferedRule; define `flip` in {type(self).__name__}, or set `chopped = False`"
        )

    def mark(self, setting: Setting) -> Mapping[str, Parameter]:
        """What a fused kernel needs to know."""
        options = setting.options
        step = logical_step(setting)
        return {
            **fast_mark(setting, self.seen(setting)),
            "per_step": 1 / (options.threshold * step),
            "step": step_below(setting),
            "keep": options.keep,
            "forget": options.forget,
            "transfer_pulses": options.transfer_pulses,
        }

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append one loop over all vectors: an update of A, and when it is its turn, the transfer of a row.

        ```
        %rate, %gain, %largest1, %n1, %k, %sweep = tile.call @W.pace (%x, %d, %largest, %n, %lr)
        %a1 = tile.update @W.fast site 0 (%x, %d, %rate, %a)
        %a2, %c2, %h2 = tile.when %n1 every 1 carry (%aw = %a1, %cw = %c, %hw = %h) {
          %v, %read = tile.read @W.fast row site 0 (%k, %aw)
          %hk, %got = tile.state_get @W.H row %k (%hw)
          %hk1, %minus, %step = tile.call @W.collect (%v, %gain, %hk)
          %h1 = tile.state_set @W.H row %k (%hk1, %hw) after (%got)
          %point = tile.call @W.point (%k)
          %c1 = tile.update @W site 0 (%point, %minus, %step, %cw)
          tile.yield (%aw, %c1, %h1) after (%read)
        }
        ```
        """
        whole = ["count", "largest", *([SIGNS] if self.chopped else [])]
        values, dones = fetch(context, whole)
        held = self._held(context)
        versions = [context.versions[part] for part in (FAST, MAIN, *held)]

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            return self._vector(context, pair, carried)

        tokens = list(dict.fromkeys([*context.tokens[FAST], *context.dones]))
        mark = LoopMark(self.name, self.mark(context.setting))
        last = for_each_vector(context, [*values, *versions], step, tokens, mark)
        kept = keep(context, whole, last[: len(whole)], dones)
        return kept | dict(zip((FAST, MAIN, *held), last[len(whole) :], strict=True))

    def _held(self, context: UpdateContext) -> tuple[str, ...]:
        """Part names of all matrices of which a transfer reads a row."""
        return (*self.matrices, ZERO) if context.setting.options.zero_shift else self.matrices

    def _vector(self, context: UpdateContext, pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
        count, largest, *rest = carried
        signs = rest.pop(0) if self.chopped else None
        fast, main, *matrices = rest
        pace = context.call(pair.block, "pace", [pair.x, pair.d, largest, count, context.lr])
        rate, gain, next_largest, following, line, sweep = pace
        x = pair.x if signs is None else context.call(pair.block, "sign", [pair.x, signs])[0]
        fast = update_fast(context, pair, x, rate, fast)
        inside = [fast, main, *matrices, *([] if signs is None else [signs])]
        body = Block(arg_types=[value.type for value in inside])
        self._transfer(context, pair, body, (gain, line, sweep, following))
        when = WhenOp(following, context.setting.options.transfer_every, body, inside)
        pair.block.add_op(when)
        after = 2 + len(matrices)
        return [following, next_largest, *when.outs[after:], *when.outs[:after]]

    def _transfer(self, context: UpdateContext, pair: VectorPair, body: Block, pace: Sequence[SSAValue]) -> None:
        """Fill the body of the when."""
        gain, line, sweep, following = pace
        fast, main, *rest = body.args
        parts = self._held(context)
        matrices: Sequence[SSAValue] = rest[: len(parts)]
        signs: Sequence[SSAValue] = rest[len(parts) :]
        read = ReadOp(context.symbol(FAST), "row", line, fast, vec(context.setting.layer.cols), site=pair.site)
        read.line.name_hint = "v"
        body.add_op(read)
        rows, got = get_rows(context, body, parts, line, matrices)
        extra = [line, sweep, *signs] if self.chopped else []
        *rows, minus, size = context.call(body, "collect", [read.line, gain, *rows, *extra], "transfer")
        changed = set_rows(context, body, self.matrices, line, rows, matrices[: len(rows)], got[: len(rows)])
        matrices = [*changed, *matrices[len(rows) :]]
        dones = [read.done, *got[len(rows) :]]
        (point,) = context.call(body, "point", [line], "transfer")
        written = write_row(context, body, pair.site, point, minus, size, main)
        if self.chopped:
            drawn = [UnstashOp(stash, pair.sample) for stash in context.draws.values()]
            body.add_ops(drawn)
            given = [*signs, point, sweep, following, *(op.value for op in drawn)]
            signs = context.call(body, "flip", given, "transfer")
        body.add_op(YieldOp(carried=[fast, written, *matrices, *signs], after=dones))


def collecting(setting: Setting, seen: str, sign: bool, held: Sequence[str] = (HIDDEN,)) -> RuleSegment:
    """Make the segment `collect`: what is seen is added to a row of H, and whole steps are taken out.

    Args:
        setting: of the rule.
        seen: ONNX statements that make `seen` of `v`, what was read less its zero; they may use `sign`, `line`, `sweep`
            and the held rows.
        sign: whether there are `signs`, of which `sign` is the row's.
        held: part names of the matrices whose rows come and go, H first; `seen` makes `next_NAME` of the others.

    Returns:
        The segment: v, gain, rows of the matrices, and if signed line, sweep, signs, to the next rows, minus, size.
    """
    options, layer = setting.options, setting.layer
    row = vec(layer.cols)
    if options.forget:
        left = "left = Mul (sum, stays)"
    else:
        left = "taken = Mul (steps, goes)\n left = Sub (sum, taken)"
    body = f"""
        v = {f"Sub (read, {ZERO})" if options.zero_shift else "Identity (read)"}
        {"sign = Gather<axis = 0> (signs, line)" if sign else ""}
        {seen}
        per_step = Constant<value_float = {1 / (options.threshold * logical_step(setting))!r}> ()
        factor = Mul (gain, per_step)
        part = Mul (seen, factor)
        sum = Add ({HIDDEN}, part)
        most = Constant<value_float = {float(options.transfer_pulses)!r}> ()
        nought = Constant<value_float = 0.0> ()
        stays = Constant<value_float = {options.keep!r}> ()
        goes = Constant<value_float = {1 - options.keep!r}> ()
        magnitude = Abs (sum)
        whole = Floor (magnitude)
        few = Min (whole, most)
        direction = Sign (sum)
        steps = Mul (direction, few)
        {left}
        moves = Greater (few, nought)
        next_{HIDDEN} = Where (moves, left, sum)
        minus = Neg (steps)
        size = Constant<value_float = {step_below(setting)!r}> ()
    """
    inputs = [("read", row), ("gain", vec()), *((part, row) for part in held)]
    if options.zero_shift:
        inputs.append((ZERO, row))
    if sign:
        inputs += [("line", vec(of="i64")), ("sweep", vec(of="i64")), ("signs", vec(layer.rows))]
    outputs = [*((f"next_{part}", row) for part in held), ("minus", row), ("size", vec())]
    return RuleSegment("collect", inputs, outputs, body, simple=(10 + 6 * (len(held) - 1)) * layer.cols, whole=True)


def _apply_signs(rows: int) -> RuleSegment:
    return RuleSegment(
        "sign",
        (("x", vec(rows)), ("signs", vec(rows))),
        (("signed", vec(rows)),),
        "signed = Mul (x, signs)",
        rows,
        whole=True,
    )


def flipping(setting: Setting, flips: str, drawn: int = 0) -> RuleSegment:
    """Make the segment `flip`: the sign of the row that was read changes where `flips` is 1.

    Args:
        setting: of the rule.
        flips: ONNX statements that make `flips`, one f32, of `sweep`, the next counter `count`, and `draw`.
        drawn: length of the sample's draw, or 0 for none.
    """
    rows = setting.layer.rows
    body = f"""
        {flips}
        two = Constant<value_float = 2.0> ()
        one = Constant<value_float = 1.0> ()
        turned = Mul (point, flips)
        twice = Mul (turned, two)
        factor = Sub (one, twice)
        next_signs = Mul (signs, factor)
    """
    inputs = [("signs", vec(rows)), ("point", vec(rows)), ("sweep", vec(of="i64")), ("count", vec(of="i64"))]
    if drawn:
        inputs.append(("draw", vec(drawn)))
    return RuleSegment("flip", inputs, (("next_signs", vec(rows)),), body, simple=4 * rows, whole=True)
