"""Which phase of a step a node belongs to, and what later sections need of it."""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.work import is_rows
from ohmflow.compiler.lowering.schedule_items import Section


def needed_later(sections: Sequence[Section], returned: set[ir.Value]) -> set[ir.Value]:
    """Values that later sections or the caller need."""
    later: set[ir.Value] = set(returned)
    for section in sections:
        for item in (*section.mapped, *section.between):
            later.update(item.inputs)
    return later


def phases_of(nodes: list[ir.Node], results: list[ir.Value]) -> dict[ir.Node, str]:
    """Forward is what the loss and the model's outputs need; then backward, and updates of parameters.

    A reduction over the batch that gradients of samples depend on is backward, one that only parameters depend on is an
    update.
    """
    forward: set[ir.Node] = set()
    stack = [v.producer() for v in results]
    while stack:
        node = stack.pop()
        if node is None or node in forward:
            continue
        forward.add(node)
        stack.extend(v.producer() for v in node.inputs if v is not None)
    backward: set[ir.Node] = set()
    for node in reversed(nodes):
        if node not in forward and (
            any(is_rows(v) for v in node.outputs) or any(u.node in backward for v in node.outputs for u in v.uses())
        ):
            backward.add(node)
    return {n: "forward" if n in forward else "backward" if n in backward else "update" for n in nodes}
