"""Putting training forms in the place of operators that do something else in training than in inference."""

import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.autodiff.registry import Expanding, Expansion, operators


def expand(model: ir.Model) -> list[ir.Node | Expansion]:
    """Replace every node that has a training form, in place.

    Args:
        model: a forward graph, its shapes known.

    Returns:
        What the forward pass consists of, in order: nodes that stayed, and expansions, whose own nodes are left out.

    Raises:
        UnsupportedError: a node can not be trained as it is.
    """
    known = operators()
    forward: list[ir.Node | Expansion] = []
    for node in list(model.graph):
        form = known[node.op_type].form if node.domain == "" else None
        if form is None:
            forward.append(node)
            continue
        expansion = form(Expanding(GraphBuilder(model.graph, before=node), node, model))
        old, (new,) = node.outputs[0], expansion.outputs
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        new.shape, new.type = old.shape, old.type
        name, old.name = old.name, None
        model.graph.remove(node, safe=True)
        new.name = name
        forward.append(expansion)
    return forward
