"""Stand-ins for operators that ohmflow can not train, so that a model can be timed by its structure.

    Before:  y = LayerNormalization (x, s, b)                       x, y [batch, 16, 64]
    After:   y = Neg <ohmflow.work = "simple 7168"> (x)

A stand-in has the shapes and the vector work of the operator, and none of its values: a program with one is for
`ohmflow estimate --structure` alone. Work is counted from shapes: what `node_work` says of an operator, a multiply and
an add for every weight and time step of a recurrent one, and several passes over the data for normalisations. Its
gradient takes the same work again. Weights that only such an operator reads are not updated.
"""

import json
from math import prod

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.fixed import mark_fixed
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.arrays.work import WORK, node_work
from ohmflow.compiler.autodiff.registry import operators

REPLACED = "ohmflow.timed_by_structure"
"""Key of the model's metadata: the replaced operators, by node, as JSON."""

_PASSES = {
    **dict.fromkeys(("LayerNormalization", "InstanceNormalization", "GroupNormalization"), 7),
    "RMSNormalization": 4,
    "LpNormalization": 3,
}
"""Vector operations on every element: mean, difference, square, mean of squares, and scaling, factor and bias."""

_RECURRENT = frozenset({"RNN", "GRU", "LSTM"})


def put_stand_ins(model: ir.Model) -> None:
    """Replace every operator that has no gradient by one with its shapes and work, in place.

    Args:
        model: with all shapes known.
    """
    known = operators()
    replaced: dict[str, str] = {}
    for node in list(model.graph):
        if node.domain == "" and node.op_type in known:
            continue
        source = next((v for v in node.inputs if v is not None and has_batch(v) and _is_float(v)), None)
        if source is None or not all(_is_float(v) and has_batch(v) for v in node.outputs):
            continue  # `check_operators` refuses it
        builder = GraphBuilder(model.graph, before=node)
        work = _work(node)
        for number, old in enumerate(node.outputs):
            new = _stand_in(builder, source, old, work if number == 0 else ("simple", 0))
            old.replace_all_uses_with(new, replace_graph_outputs=True)
            name, old.name = old.name, None
            new.name, new.shape, new.type = name, old.shape, old.type
        replaced[node.name or ""] = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
        model.graph.remove(node, safe=True)
    if replaced:
        model.metadata_props[REPLACED] = json.dumps(replaced)


def timed_by_structure(model: ir.Model) -> dict[str, str]:
    """Operators that `put_stand_ins` replaced, by node."""
    text = model.metadata_props.get(REPLACED)
    return {} if text is None else dict(json.loads(text))


def _is_float(value: ir.Value) -> bool:
    return value.dtype == ir.DataType.FLOAT


def _stand_in(builder: GraphBuilder, source: ir.Value, result: ir.Value, work: tuple[str, int]) -> ir.Value:
    """A value of the result's shape that depends on the source."""
    before, after = (tuple(int(n) for n in dims(v)[1:] if n is not None) for v in (source, result))
    name = result.name or "value"

    def ints(values: list[int]) -> ir.Value:
        held = builder.ints(values)
        mark_fixed(held)
        return held

    value = source
    if prod(before) == prod(after):
        if before != after:
            value = builder.op("Reshape", [value, ints([0, *after])], f"{name}.shaped")
        value = builder.op("Neg", [value], f"{name}.stand_in")
    else:
        value = builder.op("Reshape", [value, ints([0, prod(before)])], f"{name}.flat")
        value = builder.op("ReduceMean", [value, ints([1])], f"{name}.mean", keepdims=1)
        value = builder.op("Reshape", [value, ints([0, *(1 for _ in after)])], f"{name}.one")
        zeros = builder.constant(np.zeros(after, np.float32), f"{name}.zeros")
        mark_fixed(zeros)
        value = builder.op("Add", [value, zeros], f"{name}.stand_in")
    node = value.producer()
    assert node is not None
    node.metadata_props[WORK] = f"{work[0]} {work[1]}"
    return value


def _work(node: ir.Node) -> tuple[str, int]:
    """Class and elements of an operator's work on one sample."""
    result = prod(int(n) for n in dims(node.outputs[0])[1:] if n is not None)
    if node.op_type in _PASSES:
        return "simple", _PASSES[node.op_type] * result
    if node.op_type in _RECURRENT and len(node.inputs) > 2:
        weights = [prod(int(n) for n in dims(v) if n is not None) for v in node.inputs[1:3] if v is not None]
        first = node.inputs[0]
        batch_first = "layout" in node.attributes and node.attributes["layout"].as_int() == 1
        steps = 1 if first is None else (dims(first)[1 if batch_first else 0] or 1)
        return "simple", 2 * steps * sum(weights)
    return node_work(node) or ("simple", 0)
