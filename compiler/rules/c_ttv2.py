"""Chopped Tiki-Taka v2 (c-TTv2): every row of the fast array takes gradients with a sign that changes at random.

    A ← A − lr_A·(c∘x)ᵀd,   H_k ← H_k + λ·c_k·e_k A/(threshold·g),   then c_k ← −c_k with probability `chop`

A zero of A that is off comes into H with changing signs, and cancels in the mean.

Memory: two devices and one digital word a weight, one sign a row.
Source: Rasch et al. 2024, Nat. Commun. 15:7133 (arXiv 2303.04721).
"""

from collections.abc import Mapping

from pydantic import Field

from ohmflow.compiler.program.marks import Parameter
from ohmflow.compiler.rules.buffered import BufferedOptions, BufferedRule, collecting, flipping
from ohmflow.compiler.rules.protocol import RuleDraw, RuleSegment, Setting, vec

DRAW = "draw"


class ChoppedOptions(BufferedOptions):
    """Options of `c-ttv2` and `agad`."""

    chop: float = Field(default=0.1, gt=0, le=1, description="how often a row's sign changes, per read of the row")


class ChoppedTikiTakaV2(BufferedRule):
    """The rule `c-ttv2`; see `BufferedRule.lower` for its operations."""

    name = "c-ttv2"
    Options = ChoppedOptions
    chopped = True

    def seen(self, setting: Setting) -> float:
        """Signs that flip at random, once in T vectors, leave 1/(1 + 2·memory/T) of the trace."""
        options = setting.options
        period = setting.layer.rows * options.transfer_every / options.chop
        return float(1 / (1 + 2 * options.memory / period))

    def draws(self, setting: Setting) -> tuple[RuleDraw, ...]:
        """A number for every vector of a sample: whether the row that is read then changes its sign."""
        return (RuleDraw(DRAW, vec(setting.layer.vectors), setting.options.chop),)

    def mark(self, setting: Setting) -> Mapping[str, Parameter]:
        """The vectors of a sample, to find a vector's draw."""
        return {**super().mark(setting), "vectors": setting.layer.vectors}

    def collect(self, setting: Setting) -> RuleSegment:
        """What is seen is what was read, with the row's sign."""
        return collecting(setting, "seen = Mul (v, sign)", sign=True)

    def flip(self, setting: Setting) -> RuleSegment:
        """Signs change where the draw of the vector says so."""
        flips = f"""one_i = Constant<value_int = 1> ()
        vectors = Constant<value_int = {setting.layer.vectors}> ()
        before = Sub (count, one_i)
        place = Mod (before, vectors)
        flips = Gather<axis = 0> (draw, place)"""
        return flipping(setting, flips, setting.layer.vectors)
