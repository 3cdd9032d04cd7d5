"""Overlapping executions of a training step: in which stage of its way back each item stands, and its lag.

With a pipelined schedule an execution of `train_step` is one sample. Forward reads do not wait for the updates of the
samples before, since those are still on their way back through later layers. Stage s is what stands behind s transposed
reads on the way back: stage 0 holds the forward pass, the loss and the last layer's update, and the first layer is
updated in the last stage. A stage's lag says how many samples later than its own forward pass it has its turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from ohmflow.compiler.arrays.functions import MVM_T
from ohmflow.compiler.lowering.schedule_items import Item, Section, make_sections


@dataclass(frozen=True)
class Stages:
    """Stages of a step.

    Attributes:
        of: stage of each item.
        made: stage of what makes each value; those that come from outside have none.
        depth: samples under way at once; 0 for as many as there are stages.
    """

    of: Mapping[Item, int]
    made: Mapping[ir.Value, int]
    depth: int

    @classmethod
    def find(cls, items: Sequence[Item], depth: int) -> "Stages":
        """Find the stages of items in topological order."""
        of: dict[Item, int] = {}
        made: dict[ir.Value, int] = {}
        behind_read: set[ir.Value] = set()
        for item in items:
            of[item] = max((made[v] + (v in behind_read) for v in item.inputs if v in made), default=0)
            made |= dict.fromkeys(item.outputs, of[item])
            if item.node is not None and item.phase == "backward" and item.node.op_type == MVM_T:
                behind_read.update(item.outputs)
        return cls(of, made, depth)

    @property
    def last(self) -> int:
        """The last stage."""
        return max(self.of.values(), default=0)

    def lag(self, stage: int) -> int:
        """Samples that flow forward before a stage of the sample in front of them has its turn."""
        most = self.last if self.depth == 0 else self.depth - 1
        return -(-stage * most // self.last) if self.last else 0

    def lag_of(self, value: ir.Value) -> int:
        """Lag of the stage in which a value is made."""
        return self.lag(self.made.get(value, 0))

    def sections(self, items: Sequence[Item]) -> list[tuple[int, Section]]:
        """Sections one stage after the other, each with its lag."""
        return [
            (self.lag(stage), section)
            for stage in range(self.last + 1)
            for section in make_sections([item for item in items if self.of[item] == stage])
        ]
