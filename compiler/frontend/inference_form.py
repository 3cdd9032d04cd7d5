"""The source model as it infers: with Dropout and BatchNormalization out of training mode.

    Before:  y, m, v = BatchNormalization <training_mode = 1> (x, …);  z = Dropout (y, ratio, on)
    After:   y = BatchNormalization (x, …);  z = Dropout (y, ratio)

A trained model that is written back must not drop elements at random, nor normalise by whatever batch it is fed.
"""

import onnx


def inference_form(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model out of training mode; the same object if nothing in it trains.

    Args:
        model: one that `load_model` accepts, so that modes are constants and extra outputs are unused; not changed.
    """
    if not any(_trains(node) for node in _nodes(model)):
        return model
    quiet = onnx.ModelProto()
    quiet.CopyFrom(model)
    for node in _nodes(quiet):
        if not _trains(node):
            continue
        del node.output[1:]
        if node.op_type == "Dropout":
            del node.input[2:]
        else:
            kept = [attribute for attribute in node.attribute if attribute.name != "training_mode"]
            del node.attribute[:]
            node.attribute.extend(kept)
    return quiet


def remove_dead_nodes(model: onnx.ModelProto) -> None:
    """Remove nodes that no output depends on, in place: the compiler does, and ONNX Runtime would run them."""
    needed = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed.isdisjoint(node.output):
            continue
        kept.append(node)
        needed.update(node.input)
        needed.update(_captured(node))
    if len(kept) == len(model.graph.node):
        return
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(kept)]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _captured(node: onnx.NodeProto) -> set[str]:
    """Names that graphs in a node's attributes may take from outside."""
    stack = [graph for attribute in node.attribute for graph in (attribute.g, *attribute.graphs)]
    names: set[str] = set()
    while stack:
        graph = stack.pop()
        names.update(value.name for value in graph.output)
        for inner in graph.node:
            names.update(inner.input)
            stack += [g for attribute in inner.attribute for g in (attribute.g, *attribute.graphs)]
    return names


def _nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [*model.graph.node, *(node for function in model.functions for node in function.node)]


def _trains(node: onnx.NodeProto) -> bool:
    if node.domain not in ("", "ai.onnx"):
        return False
    if node.op_type == "Dropout":
        return len(node.input) > 2 and node.input[2] != ""
    return node.op_type == "BatchNormalization" and any(a.name == "training_mode" and a.i for a in node.attribute)
