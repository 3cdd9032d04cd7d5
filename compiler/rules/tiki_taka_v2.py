"""Tiki-Taka v2: a digital matrix H collects what is read of the fast array, and passes on whole steps.

    H_k ← H_k + λ·e_k A/(threshold·g),   n = clamp(trunc(H_k), ±transfer_pulses),   C ← C + g·e_kᵀn

H is a low-pass filter between the arrays: noise of A and of its reads cancels in it, and a step of C may be coarse.

Memory: two devices and one digital word a weight.
Source: Gokmen 2021, 10.3389/frai.2021.699148; the scale of a read, λ, is derived in `docs/update-rules.md`.
"""

from pydantic import Field

from ohmflow.compiler.rules.buffered import BufferedOptions, BufferedRule, collecting
from ohmflow.compiler.rules.protocol import RuleSegment, Setting


class TikiTakaV2Options(BufferedOptions):
    """Options of `tiki-taka-v2`."""

    keep: float = Field(default=0.1, ge=0, lt=1, description="share of H that stays after a transfer")


class TikiTakaV2(BufferedRule):
    """The rule `tiki-taka-v2`; see `BufferedRule.lower` for its operations."""

    name = "tiki-taka-v2"
    Options = TikiTakaV2Options

    def collect(self, setting: Setting) -> RuleSegment:
        """What is seen is what was read."""
        return collecting(setting, "seen = Identity (v)", sign=False)
