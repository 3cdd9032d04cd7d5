"""Residual learning over several tiles: each tile learns what those before it leave over, on a faster time scale.

    W = Σ γⁿ·W_n,   W_last ← W_last − (lr/γ^last)·xᵀd,   W_n[k] ← W_n[k] + β·W_{n+1}[k] when it is the turn of row k

W_0 is the layer's own array. A row's turn comes every `transfer_every`·rows^(last − 1 − n) vectors. The layer is read
as the sum of all tiles, so the gradient sees what each leaves over.

Memory: `tiles` devices a weight, nothing digital but a counter.
Source: Wu et al. 2025, arXiv 2502.06309 (two tiles), and Li et al. 2025, arXiv 2510.02516 (several); the rates and the
schedule are ohmflow's, see `docs/update-rules.md`.
"""

from collections.abc import Mapping, Sequence

from pydantic import Field
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.marks import LoopMark
from ohmflow.compiler.rules.fast_array import fetch, filled, keep
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
from ohmflow.compiler.tile.transfer import TransferOp


class ResidualOptions(RuleOptions):
    """Options of `residual`; those without a value are derived."""

    tiles: int = Field(default=2, ge=2, le=8, description="tiles a weight is spread over")
    gamma: float = Field(default=0.1, gt=0, le=1, description="weight of a tile relative to the one before it")
    beta: float | None = Field(default=None, gt=0, description="share of a row that goes to the tile before")
    transfer_every: int = Field(default=1, ge=1, description="vectors between two transfers of the last tile")


def part_of(n: int) -> str:
    """Part name of tile n."""
    return MAIN if n == 0 else f"tile{n}"


class Residual(Rule):
    """The rule `residual`.

    ```
    %w1_1 = tile.update @W.tile1 site 0 (%x, %d, %rate, %w1)
    %w1_2, %w0_1 = tile.when %n1 every 1 carry (%p = %w1_1, %w = %w0) {
      %read, %w_1 = tile.transfer @W.tile1 to @W row (%k, %beta, %p, %w)
      tile.yield (%p, %w_1) after (%read)
    }
    ```
    """

    name = "residual"
    Options = ResidualOptions

    def resolve(self, setting: Setting) -> Setting:
        """Derive β where it was left out."""
        if setting.options.beta is not None:
            return setting
        why = "γ/10: a transfer leaves nine tenths of the residual, and the last tile has time to follow"
        return filled(setting, [Derived("beta", setting.options.gamma / 10, why)])

    def declare(self, setting: Setting) -> Declaration:
        """The tiles after the first, the counter, and the segments that scale and count."""
        layer, options = setting.layer, setting.options
        last = options.tiles - 1
        tiles = tuple(AuxiliaryArray(part_of(n), layer.alpha, options.gamma**n) for n in range(1, options.tiles))
        scale = RuleSegment(
            "scale",
            (("lr", scalar()),),
            (("rate", vec()), ("beta", vec())),
            f"""
              per_tile = Constant<value_float = {options.gamma**-last!r}> ()
              rate = Mul (lr, per_tile)
              beta = Constant<value_float = {options.beta!r}> ()
            """,
            simple=1,
            whole=True,
        )
        return Declaration(tiles, (RuleState("count", "counter", vec(of="i64")),), (scale, _turns(setting)))

    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append the loop; see the class."""
        options = context.setting.options
        last = options.tiles - 1
        parts = [part_of(n) for n in range(options.tiles)]
        rate, beta = context.call(context.block, "scale", [context.lr])
        (count,), dones = fetch(context, ["count"])

        def step(pair: VectorPair, carried: Sequence[SSAValue]) -> Sequence[SSAValue]:
            tiles = list(carried[1:])
            update = UpdateOp(
                context.symbol(parts[last]), pair.site, pair.x, pair.d, rate, tiles[last], scheme=context.scheme
            )
            pair.block.add_op(update)
            tiles[last] = update.outs[0]
            following, *lines = context.call(pair.block, "turns", [carried[0]])
            for n in reversed(range(last)):
                body = Block(arg_types=[tiles[n + 1].type, tiles[n].type])
                moved = TransferOp(
                    context.symbol(parts[n + 1]),
                    context.symbol(parts[n]),
                    "row",
                    lines[n],
                    beta,
                    body.args[0],
                    body.args[1],
                    site=pair.site,
                )
                body.add_ops([moved, YieldOp(carried=[body.args[0], moved.out], after=[moved.done])])
                when = WhenOp(following, period_of(context.setting, n), body, [tiles[n + 1], tiles[n]])
                pair.block.add_op(when)
                tiles[n + 1], tiles[n] = when.outs
            return [following, *tiles]

        tokens = list(dict.fromkeys(token for part in parts for token in context.tokens[part]))
        mark = LoopMark(self.name, {"transfer_every": options.transfer_every, "lines": context.setting.layer.rows})
        carried = [count, *(context.versions[part] for part in parts)]
        ends = for_each_vector(context, carried, step, tokens, mark)
        return keep(context, ["count"], ends[:1], dones) | dict(zip(parts, ends[1:], strict=True))


def period_of(setting: Setting, n: int) -> int:
    """Vectors between two transfers from tile n + 1 to tile n."""
    options = setting.options
    return int(options.transfer_every * setting.layer.rows ** (options.tiles - 2 - n))


def _turns(setting: Setting) -> RuleSegment:
    """The segment `turns`: the next counter, and whose turn it is in each tile."""
    lasts = range(setting.options.tiles - 1)
    lines = "\n".join(
        f"""
          period{n} = Constant<value_int = {period_of(setting, n)}> ()
          turns{n} = Div (next, period{n})
          turn{n} = Sub (turns{n}, one)
          line{n} = Mod (turn{n}, rows)"""
        for n in lasts
    )
    body = f"""
          one = Constant<value_int = 1> ()
          rows = Constant<value_int = {setting.layer.rows}> ()
          next = Add (count, one)
          {lines}
    """
    count = vec(of="i64")
    return RuleSegment(
        "turns",
        (("count", count),),
        (("next", count), *((f"line{n}", count) for n in lasts)),
        body,
        simple=1 + 3 * len(lasts),
        whole=True,
    )
