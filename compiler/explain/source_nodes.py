"""Following the nodes of the user's model through the front end: which of them it takes away, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import onnx_ir as ir

from ohmflow.compiler.explain.explanation import Fate

_GONE: Mapping[str, tuple[Fate, str]] = {
    "folded": ("folded", "all that it reads is constant, so it is computed when compiling"),
    "used": ("removed", "no output of the model depends on it"),
}
_LEFTOVERS: Mapping[str, tuple[Fate, str]] = {
    "Constant": ("folded", "it is a constant"),
    "Dropout": ("removed", "it is off: it has no training_mode, or drops nothing"),
}
_PASSES_ON: tuple[Fate, str] = ("removed", "it passes its input on as it is")


@dataclass(frozen=True)
class SourceNode:
    """A node of the source, after model-local functions were written out in place.

    Attributes:
        name: its own, or `Operator.output`.
        operator: its type, with its domain if that is not ONNX's own.
        op_type: its type alone.
        outputs: names of its results.
    """

    name: str
    operator: str
    op_type: str
    outputs: tuple[str, ...]


@dataclass
class SourceNodes:
    """What the front end did with the nodes of a model; `watch` is for `load_model`.

    Attributes:
        nodes: of the source, in its order.
        gone: fate and reason of those that the front end took away, by name.
        model: as the last step that was told left it; None when not even the first was reached.
    """

    nodes: list[SourceNode] = field(default_factory=list)
    gone: dict[str, tuple[Fate, str]] = field(default_factory=dict)
    model: ir.Model | None = None
    _left: set[str] = field(default_factory=set)

    def watch(self, step: str, model: ir.Model) -> None:
        """Take note of what is missing since the step before."""
        self.model = model
        names = {node.name or "" for node in model.graph}
        if step == "named":
            self.nodes = [_source_node(node) for node in model.graph]
        else:
            for node in self.nodes:
                if node.name in self._left and node.name not in names and not _is_split(step, node):
                    self.gone[node.name] = self._reason(step, node)
        self._left = names

    def _reason(self, step: str, node: SourceNode) -> tuple[Fate, str]:
        if step == "leftovers":
            return _LEFTOVERS.get(node.op_type, _PASSES_ON)
        return _GONE.get(step, _PASSES_ON)


def _is_split(step: str, node: SourceNode) -> bool:
    """A Split becomes Slices: it is not gone, it has other names."""
    return step == "done" and node.op_type == "Split"


def _source_node(node: ir.Node) -> SourceNode:
    operator = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
    return SourceNode(node.name or "", operator, node.op_type, tuple(v.name or "" for v in node.outputs))
