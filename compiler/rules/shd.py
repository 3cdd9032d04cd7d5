"""Stochastic Hamiltonian descent: the fast array is a momentum, the asymmetry of its devices is friction.

    A ← A − lr_A·xᵀd for every vector,   C_k ← C_k + λ·e_k A when it is the turn of row k

With devices whose pulses pull to the symmetry point 0, A decays by a share φ a vector, and f(C) + (κ/2η)·A² never
grows: C slides with friction φ to a minimum of the loss f. λ is such that a slow C moves by lr times the gradient.
Derivation: `docs/update-rules.md`. Devices without asymmetry have no friction; there the pair oscillates.

Memory: two devices a weight, nothing digital but a counter and two maxima.
Source of the idea: Onen et al. 2022, arXiv 2201.13377; the equations are ohmflow's reading of it.
"""

from collections.abc import Mapping, Sequence

from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.rules.fast_array import (
    FAST,
    FastOptions,
    fast_mark,
    fast_parts,
    fetch,
    get_rows,
    keep,
    one_hot,
    resolve_fast,
    step_below,
    update_fast,
    write_row,
)
from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import (
    MAIN,
    Declaration,
    Rule,
    RuleContext,
    RuleSegment,
    Setting,
    UpdateContext,
    vec,
)
from ohmflow.compiler.rules.zero_shift import ZERO, shift_zero, zero_parts
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.control import WhenOp
from ohmflow.compiler.tile.transfer import ReadOp, TransferOp

_WHOLE = ("count", "largest")


class Shd(Rule):
    """The rule `shd`.

    ```
    %rate, %gain, %largest1, %n1, %k, %sweep = tile.call @W.pace (%x, %d, %largest, %n, %lr)
    %a1 = tile.update @W.fast site 0 (%x, %d, %rate, %a)
    %a2, %c2 = tile.when %n1 every 1 carry (%aw = %a1, %cw = %c) {
      %read, %c1 = tile.transfer @W.fast to @W row (%k, %gain, %aw, %cw)
      tile.yield (%aw, %c1) after (%read)
    }
    ```
    """

    name = "shd"
    Options = FastOptions

    def resolve(self, setting: Setting) -> Setting:
        """Derive what was left out; see `fast_array.py`."""
        return resolve_fast(setting)

    def declare(self, setting: Setting) -> Declaration:
        """A fast array, the counter, and the segment that paces it."""
        fast, states, pace = fast_parts(setting)
        zero, shifting = zero_parts(setting, step_below(setting))
        by_hand = (one_hot(setting.layer), _shifted(setting)) if zero else ()
        return Declaration((fast,), (*states, *zero), (pace, *shifting, *by_hand))

    def prepare(self, context: RuleContext) -> Mapping[str, SSAValue]:
        """Shift the zero of the fast array, if that is asked for."""
        return shift_zero(context, FAST)

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append the loop; see the class."""
        values, dones = fetch(context, _WHOLE)
        every = context.setting.options.transfer_every

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            count, largest, fast, *others = carried
            pace = context.call(pair.block, "pace", [pair.x, pair.d, largest, count, context.lr])
            rate, gain, next_largest, following, line, _ = pace
            inside = [update_fast(context, pair, pair.x, rate, fast), *others]
            body = Block(arg_types=[value.type for value in inside])
            (_write_shifted if len(others) > 1 else _transfer)(context, pair, body, line, gain)
            when = WhenOp(following, every, body, inside)
            pair.block.add_op(when)
            return [following, next_largest, *when.outs]

        tokens = list(dict.fromkeys([*context.tokens[FAST], *context.dones]))
        parts = [FAST, MAIN, *([ZERO] if context.setting.options.zero_shift else [])]
        mark = LoopMark(self.name, fast_mark(context.setting))
        carried = [*values, *(context.versions[part] for part in parts)]
        last = for_each_vector(context, carried, step, tokens, mark)
        return keep(context, _WHOLE, last[:2], dones) | dict(zip(parts, last[2:], strict=True))


def _transfer(context: UpdateContext, pair: VectorPair, body: Block, line: SSAValue, gain: SSAValue) -> None:
    """Fill the body of the when: the row goes over as it is."""
    fast, main = body.args
    moved = TransferOp(context.symbol(FAST), context.array, "row", line, gain, fast, main, site=pair.site)
    body.add_ops([moved, YieldOp(carried=[fast, moved.out], after=[moved.done])])


def _write_shifted(context: UpdateContext, pair: VectorPair, body: Block, line: SSAValue, gain: SSAValue) -> None:
    """Fill the body of the when: the row is read, its zero is taken off, and the rest is written."""
    fast, main, zeros = body.args
    read = ReadOp(context.symbol(FAST), "row", line, fast, vec(context.setting.layer.cols), site=pair.site)
    body.add_op(read)
    (zero,), got = get_rows(context, body, [ZERO], line, [zeros])
    (minus,) = context.call(body, "shifted", [read.line, zero], "transfer")
    (point,) = context.call(body, "point", [line], "transfer")
    written = write_row(context, body, pair.site, point, minus, gain, main)
    body.add_op(YieldOp(carried=[fast, written, zeros], after=[read.done, *got]))


def _shifted(setting: Setting) -> RuleSegment:
    row = vec(setting.layer.cols)
    return RuleSegment(
        "shifted",
        (("read", row), (ZERO, row)),
        (("minus", row),),
        f"minus = Sub ({ZERO}, read)",
        setting.layer.cols,
        whole=True,
    )
