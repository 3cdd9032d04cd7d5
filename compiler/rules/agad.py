"""AGAD, analog gradient accumulation with a dynamic reference: A is measured from where it was in the last period.

Signs change after every n_c-th read of a row, n_c = max(2, ⌈1/chop⌉); with p_ref what p was when they last did,

    H_k ← H_k + λ·c_k·(v − p_ref,k)/(threshold·g),   p_k ← (1 − β)·p_k + β·v,   β = min(tail/n_c, 1)

So A may have any zero and any symmetry point, and no reference has to be programmed. The first n_c + 1 sweeps see
nothing, since there is no reference yet.

Memory: two devices and three digital words a weight, one sign a row.
Source: Rasch et al. 2024, Nat. Commun. 15:7133 (arXiv 2303.04721); aihwkit's DynamicTransferCompound. The gate by a
standard error that its documentation speaks of is not modelled.
"""

from collections.abc import Mapping
from math import ceil, tanh
from typing import Any

from pydantic import Field

from ohmflow.compiler.program.marks import Parameter
from ohmflow.compiler.rules.buffered import HIDDEN, BufferedRule, collecting, flipping
from ohmflow.compiler.rules.c_ttv2 import ChoppedOptions
from ohmflow.compiler.rules.protocol import RuleSegment, Setting

MEAN, REFERENCE = "mean", "reference"


class AgadOptions(ChoppedOptions):
    """Options of `agad`."""

    tail: float = Field(default=5.0, gt=0, description="how much the end of a period counts in its mean")


def period_of(options: Any) -> int:
    """n_c, reads of a row between two changes of its sign."""
    return max(2, ceil(1 / float(options.chop)))


class Agad(BufferedRule):
    """The rule `agad`; see `BufferedRule.lower` for its operations."""

    name = "agad"
    Options = AgadOptions
    matrices = (HIDDEN, MEAN, REFERENCE)
    chopped = True

    def seen(self, setting: Setting) -> float:
        """With T vectors between two flips and z = T/(2·memory): 1 + tanh z − tanh(z)/z of the trace."""
        options = setting.options
        z = float(period_of(options) * setting.layer.rows * options.transfer_every / (2 * options.memory))
        return 1 + tanh(z) - tanh(z) / z

    def mark(self, setting: Setting) -> Mapping[str, Parameter]:
        """The period and the weight of a read."""
        return {**super().mark(setting), "period": period_of(setting.options), "tail_share": _share(setting.options)}

    def collect(self, setting: Setting) -> RuleSegment:
        """What is seen is the distance from the reference, with the row's sign."""
        period, share = period_of(setting.options), _share(setting.options)
        seen = f"""period = Constant<value_int = {period}> ()
        none = Constant<value_int = 0> ()
        phase = Mod (sweep, period)
        begins = Equal (phase, none)
        later = Greater (sweep, none)
        renews = And (begins, later)
        next_{REFERENCE} = Where (renews, {MEAN}, {REFERENCE})
        distance = Sub (v, next_{REFERENCE})
        signed = Mul (distance, sign)
        speaks = Greater (sweep, period)
        nothing = Constant<value_float = 0.0> ()
        seen = Where (speaks, signed, nothing)
        old_share = Constant<value_float = {1 - share!r}> ()
        new_share = Constant<value_float = {share!r}> ()
        old_part = Mul ({MEAN}, old_share)
        new_part = Mul (v, new_share)
        next_{MEAN} = Add (old_part, new_part)"""
        return collecting(setting, seen, sign=True, held=self.matrices)

    def flip(self, setting: Setting) -> RuleSegment:
        """Signs change with the last read of a period."""
        flips = f"""period = Constant<value_int = {period_of(setting.options)}> ()
        last_i = Constant<value_int = {period_of(setting.options) - 1}> ()
        phase = Mod (sweep, period)
        ends = Equal (phase, last_i)
        flips = Cast<to = 1> (ends)"""
        return flipping(setting, flips)


def _share(options: Any) -> float:
    return min(float(options.tail) / period_of(options), 1.0)
