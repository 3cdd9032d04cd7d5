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

from ohmflow.compiler.rules.fast_array import (
    FAST,
    FastOptions,
    fast_parts,
    fetch,
    keep,
    resolve_fast,
    update_fast,
)
from ohmflow.compiler.rules.loops import VectorPair, for_each_vector
from ohmflow.compiler.rules.protocol import MAIN, Declaration, Rule, Setting, UpdateContext
from ohmflow.compiler.tile.body import YieldOp
from ohmflow.compiler.tile.control import WhenOp
from ohmflow.compiler.tile.transfer import TransferOp

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
        return Declaration((fast,), states, (pace,))

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append the loop; see the class."""
        values, dones = fetch(context, _WHOLE)
        every = context.setting.options.transfer_every

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            count, largest, fast, main = carried
            pace = context.call(pair.block, "pace", [pair.x, pair.d, largest, count, context.lr])
            rate, gain, next_largest, following, line, _ = pace
            fast = update_fast(context, pair, pair.x, rate, fast)
            body = Block(arg_types=[fast.type, main.type])
            moved = TransferOp(
                context.symbol(FAST), context.array, "row", line, gain, body.args[0], body.args[1], site=pair.site
            )
            body.add_ops([moved, YieldOp(carried=[body.args[0], moved.out], after=[moved.done])])
            when = WhenOp(following, every, body, [fast, main])
            pair.block.add_op(when)
            return [following, next_largest, *when.outs]

        tokens = list(dict.fromkeys([*context.tokens[FAST], *context.dones]))
        last = for_each_vector(context, [*values, context.versions[FAST], context.version], step, tokens)
        return keep(context, _WHOLE, last[:2], dones) | {FAST: last[2], MAIN: last[3]}
