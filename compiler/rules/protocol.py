"""What an update rule is: the way an array's gradient factors become tile operations.

A rule sees stashes of x and d, never a dense gradient, and appends tile operations, so that all of it is placed, timed
and paid for like everything else. It does four things, in this order:

1. `Options`, a pydantic model: what a user may set (`--rule NAME --rule-option k=v`, or per layer by pattern).
2. `resolve`: fill in options that were left out, from the layer and the device, and say why.
3. `declare`: which auxiliary arrays, digital state, segments and random numbers a layer needs, and how it is read.
4. `lower`: append the operations of one training step. `prepare` may append to the entry `program`.

A rule has no state of its own; what it remembers is declared, and so checkpointed and paid for.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import Block, SSAValue

from ohmflow.compiler.program.windows import Window
from ohmflow.compiler.rules.declaration import (
    MAIN,
    AuxiliaryArray,
    Declaration,
    RuleDraw,
    RuleSegment,
    RuleState,
    scalar,
    vec,
)
from ohmflow.compiler.rules.setting import Derived, DeviceFacts, Layer, RuleOptions, Setting
from ohmflow.compiler.tile.entry import CallOp
from ohmflow.compiler.tile.stash import SplitOp, UnstashOp
from ohmflow.compiler.tile.windows import WindowOp

__all__ = [
    "MAIN",
    "AuxiliaryArray",
    "Declaration",
    "Derived",
    "DeviceFacts",
    "Layer",
    "NoOptions",
    "Rule",
    "RuleContext",
    "RuleDraw",
    "RuleOptions",
    "RuleSegment",
    "RuleState",
    "Setting",
    "SiteFactors",
    "UpdateContext",
    "scalar",
    "vec",
]


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
class RuleContext:
    """What a rule is given to append operations.

    Attributes:
        block: where to append them.
        array: symbol of the layer's main array.
        scheme: pulse scheme of the target.
        setting: layer, device, resolved options.
        declaration: what the rule declared for the layer.
        versions: of the main array (`MAIN`) and of every declared array and state, by part name.
    """

    block: Block
    array: str
    scheme: str
    setting: Setting
    declaration: Declaration
    versions: Mapping[str, SSAValue]

    @property
    def version(self) -> SSAValue:
        """The main array's version."""
        return self.versions[MAIN]

    def symbol(self, part: str) -> str:
        """Name in the tile IR of an array, state or segment."""
        return part_symbol(self.array, part)

    def call(
        self, block: Block, segment: str, arguments: Sequence[SSAValue], phase: str = "update"
    ) -> tuple[SSAValue, ...]:
        """Append a call of one of the rule's segments.

        Args:
            block: where to, such as the body of a loop.
            segment: its part name.
            arguments: operands.
            phase: what its time and energy are charged to, such as "update" or "transfer".

        Returns:
            Its results, named as the segment's outputs are.
        """
        found = next(s for s in self.declaration.segments if s.part == segment)
        op = CallOp(self.symbol(segment), arguments, [kind for _, kind in found.outputs])
        op.attributes["phase"] = StringAttr(phase)
        for (name, _), out in zip(found.outputs, op.outs, strict=True):
            out.name_hint = name
        block.add_op(op)
        return tuple(op.outs)


@dataclass(frozen=True)
class UpdateContext(RuleContext):
    """What a rule is given for a training step, after all samples were read forward and backward.

    Attributes:
        sites: uses of the array, in forward order.
        lr: learning rate, a scalar.
        batch: number of samples, a scalar.
        tokens: done tokens of the reads of each array's version in this step, by part name; who consumes the version
            first lists them in `after`.
        draws: stash over samples of each declared draw, by part name.
    """

    sites: Sequence[SiteFactors]
    lr: SSAValue
    batch: SSAValue
    tokens: Mapping[str, Sequence[SSAValue]]
    draws: Mapping[str, SSAValue] = field(default_factory=dict)

    @property
    def dones(self) -> Sequence[SSAValue]:
        """Tokens of the reads of the main array."""
        return self.tokens[MAIN]


class NoOptions(RuleOptions):
    """Options of a rule that has none."""


class Rule(ABC):
    """An update rule.

    Attributes:
        name: what `--rule` and the entry-point group `ohmflow.rules` call it.
        Options: its options; every field has a default and a description.
    """

    name: ClassVar[str]
    Options: ClassVar[type[RuleOptions]] = NoOptions

    def resolve(self, setting: Setting) -> Setting:
        """Fill in the options that were left out.

        Args:
            setting: layer and device, with the options as the user gave them.

        Returns:
            The setting with complete options, and in `derived` what was derived and why.

        Raises:
            RuleError: the layer, the device and the options do not go together.
        """
        return setting

    def declare(self, setting: Setting) -> Declaration:
        """Say what a layer needs beside its array; `setting` is what `resolve` gave."""
        return Declaration()

    def prepare(self, context: RuleContext) -> Mapping[str, SSAValue]:
        """Append operations to the entry `program`, after all arrays of the layer were written.

        Returns:
            The last version of each part whose version it consumed, by part name.
        """
        return {}

    @abstractmethod
    def lower(self, context: UpdateContext) -> Mapping[str, SSAValue]:
        """Append the operations of a training step.

        Returns:
            The last version of each part whose version it consumed, by part name (`MAIN` for the array itself).
        """


def part_symbol(array: str, part: str) -> str:
    """Name in the tile IR of a part of a layer; the main array has the layer's own."""
    return array if part == MAIN else f"{array}.{part}"
