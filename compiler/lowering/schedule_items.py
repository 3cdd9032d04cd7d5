"""Ordering array reads and digital segments into sections: maps over samples, and what runs between them.

An *item* is an array read or a segment. Items that treat each sample by itself form maps; items that reduce over the
batch, or do not depend on it, stand between maps. A new section begins where a sample-wise item needs a batch-wise one
or the other way round, and where the backward pass begins, so that all samples flow forward before the first flows
back: each tile then works through one kind of read at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from ohmflow.compiler.lowering.segments import Segment


@dataclass(frozen=True, eq=False)
class Item:
    """An array read (`node` is mvm or mvm_t) or a segment."""

    phase: str
    node: ir.Node | None = None
    segment: Segment | None = None

    @property
    def sample_wise(self) -> bool:
        """Whether it works on one sample at a time."""
        return self.segment is None or self.segment.kind == "row"

    @property
    def inputs(self) -> tuple[ir.Value, ...]:
        """Values it needs."""
        if self.segment is not None:
            return self.segment.inputs
        assert self.node is not None
        return tuple(v for v in self.node.inputs[:1] if v is not None)

    @property
    def outputs(self) -> tuple[ir.Value, ...]:
        """Values it makes."""
        if self.segment is not None:
            return self.segment.outputs
        assert self.node is not None
        return tuple(self.node.outputs)


@dataclass
class Section:
    """Items of one level: one map, then what runs behind its barrier."""

    mapped: list[Item] = field(default_factory=list)
    between: list[Item] = field(default_factory=list)


def make_sections(items: Sequence[Item]) -> list[Section]:
    """Sort items, which are in topological order, into sections.

    A section's map runs first; what stands between maps at the same level does not depend on it.
    """
    level: dict[Item, int] = {}
    maker = {value: item for item in items for value in item.outputs}
    forward_last = 0
    for item in items:
        at = 0 if item.sample_wise else -1
        for value in item.inputs:
            source = maker.get(value)
            if source is not None:
                at = max(at, level[source] + (source.sample_wise != item.sample_wise))
        if item.sample_wise and item.phase == "backward":
            at = max(at, forward_last + 1)
        elif item.sample_wise:
            forward_last = max(forward_last, at)
        level[item] = at
    sections = [Section() for _ in range(-1, max(level.values(), default=-1) + 1)]
    for item in items:
        section = sections[level[item] + 1]
        (section.mapped if item.sample_wise else section.between).append(item)
    return [s for s in sections if s.mapped or s.between]
