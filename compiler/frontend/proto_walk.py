"""All parts of a model file, however deep: graphs in attributes, functions."""

from collections.abc import Iterable, Iterator

import onnx


def graphs(proto: onnx.ModelProto) -> Iterator[onnx.GraphProto]:
    """The main graph and every graph inside it or inside functions, outermost first."""
    yield proto.graph
    stack = _inner([*proto.graph.node, *(node for function in proto.functions for node in function.node)])
    while stack:
        graph = stack.pop()
        yield graph
        stack += _inner(graph.node)


def nodes(proto: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Nodes of all graphs and functions."""
    for graph in graphs(proto):
        yield from graph.node
    for function in proto.functions:
        yield from function.node


def tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Initialisers of all graphs, and tensors that attributes hold."""
    for graph in graphs(proto):
        yield from graph.initializer
    for node in nodes(proto):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def values(proto: onnx.ModelProto) -> Iterator[tuple[str, onnx.ValueInfoProto]]:
    """Declared values of all graphs: `input`, `output` or `value`, and what is declared."""
    for graph in graphs(proto):
        for kind, declared in (("input", graph.input), ("output", graph.output), ("value", graph.value_info)):
            for value in declared:
                yield kind, value


def _inner(within: Iterable[onnx.NodeProto]) -> list[onnx.GraphProto]:
    found = []
    for node in within:
        for attribute in node.attribute:
            found += [attribute.g] if attribute.HasField("g") else []
            found += attribute.graphs
    return found
