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

from ohmflow.compiler.program.windows import Window
from ohmflow.compiler.tile.stash import SplitOp, UnstashOp
from ohmflow.compiler.tile.windows import WindowOp


@dataclass(frozen=True)
class SiteFactors:
    """One use of an array in the forward graph.

    Attributes:
        site: its number.
        x: stash over samples of the array's input: a vec, a vec of vecs when the array is read at several positions,
            or the image whose windows it reads.
        d: stash over samples of the gradient of its output: a vec, or a vec of vecs.
        positions: vectors a sample, or None for one.
        window: geometry of the windows, if x is an image.
    """

    site: int
    x: SSAValue
    d: SSAValue
    positions: int | None = None
    window: Window | None = None

    def at(self, block: Block, index: SSAValue) -> tuple[SSAValue, SSAValue]:
        """Append what gives one sample's x and d.

        Args:
            block: body of a loop over the samples.
            index: its induction variable.

        Returns:
            Two vecs; with positions, two stashes of as many vecs.
        """
        x, d = UnstashOp(self.x, index), UnstashOp(self.d, index)
        block.add_ops([x, d])
        x.value.name_hint, d.value.name_hint = "x", "d"
        if self.positions is None:
            return x.value, d.value
        vectors = SplitOp(x.value) if self.window is None else WindowOp(x.value, self.window)
        errors = SplitOp(d.value)
        block.add_ops([vectors, errors])
        vectors.stash.name_hint, errors.stash.name_hint = "xs", "ds"
        return vectors.stash, errors.stash


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
