"""What an update rule is: the way an array's gradient factors become tile operations.

A rule sees stashes of x and d, never a dense gradient, and appends tile operations that consume the array's version
and give its last one, so that all of it is placed, timed and paid for like everything else. It works on the one array
that it is given; rules with arrays, state or digital work of their own (Tiki-Taka and its kin) need a wider context,
which is not there yet, although the tile IR and both engines carry such programs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from xdsl.ir import Block, SSAValue


@dataclass(frozen=True)
class SiteFactors:
    """One use of an array in the forward graph: stashes over samples of its input x and of its output's gradient d."""

    site: int
    x: SSAValue
    d: SSAValue


@dataclass(frozen=True)
class UpdateContext:
    """What a rule is given.

    Attributes:
        block: where to append operations.
        array: symbol of the array.
        sites: its uses, in forward order.
        lr: learning rate, a scalar.
        batch: number of samples, a scalar.
        version: the array's version after all reads.
        dones: tokens of these reads.
        scheme: pulse scheme of the target.
    """

    block: Block
    array: str
    sites: Sequence[SiteFactors]
    lr: SSAValue
    batch: SSAValue
    version: SSAValue
    dones: Sequence[SSAValue]
    scheme: str


class Rule(Protocol):
    """An update rule; `name` is what `--rule` and the entry-point group `ohmflow.rules` call it."""

    name: str

    def lower(self, context: UpdateContext) -> SSAValue:
        """Append the rule's operations and return the array's last version."""
        ...
