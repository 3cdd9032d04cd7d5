"""Where in the user's model something is: the first part of every message.

The name of the model's file travels in the metadata of its graph, which clones keep and serialisation drops.
"""

import onnx_ir as ir

_SOURCE = "ohmflow.source"


def set_source(model: ir.Model, source: str) -> None:
    """Remember `source`, the name to give in messages, on the model."""
    model.graph.meta[_SOURCE] = source


def source_of(model: ir.Model) -> str:
    """Return the name that messages give for the model, `model` if it was never set."""
    return str(model.graph.meta.get(_SOURCE, "model"))


def at(model: ir.Model, node: ir.Node) -> str:
    """Return `model.onnx: node 'conv1'`, the place of a node."""
    return f"{source_of(model)}: node '{node.name}'"
