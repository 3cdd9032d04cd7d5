"""Computing what depends on constants alone, without letting a file ask for more memory than a constant is worth."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from onnx import helper
from onnx.reference import ReferenceEvaluator

from ohmflow.compiler.arrays.fixed import is_trainable, mark_fixed
from ohmflow.compiler.arrays.functions import OPSET
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.errors import ModelError, UnsupportedError

LARGEST_CONSTANT = 1 << 24
"""Elements of a computed constant; tables and masks of real models have fewer."""

_BOUNDED = frozenset({"NonZero", "Unique", "Compress"})
"""Operators whose result has a length that depends on values, and is never much larger than their operand."""


def fold_constants(model: ir.Model) -> None:
    """Compute nodes whose inputs are all constants, in place; what training may change is not a constant.

    Before:  s = Concat (zero, minus_one); y = Reshape (x, s)
    After:   y = Reshape (x, s)                                     s an initialiser

    Raises:
        ModelError: a node can not be computed from its constants.
        UnsupportedError: the result is larger than `LARGEST_CONSTANT`.
    """
    builder = GraphBuilder(model.graph)
    for node in list(model.graph):
        if not _is_constant(node) or not _is_small(model, node):
            continue
        results = _evaluate(model, node)
        if not all(isinstance(r, np.ndarray | np.generic) and np.asarray(r).dtype.kind in "biuf" for r in results):
            continue  # a sequence or text, for `check_operators` to refuse
        for output, result in zip(list(node.outputs), results, strict=True):
            name = output.name or "folded"
            constant = builder.initializer(np.asarray(result), builder.reserve(f"{name}.folded"))
            mark_fixed(constant)
            output.replace_all_uses_with(constant)
        model.graph.remove(node, safe=True)


def _is_constant(node: ir.Node) -> bool:
    inputs = [value for value in node.inputs if value is not None]
    if node.domain != "" or not inputs or any(output.is_graph_output() for output in node.outputs):
        return False
    if any(value.const_value is None or is_trainable(value) for value in inputs):
        return False
    graphs = (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS)
    return not any(attribute.type in graphs for attribute in node.attributes.values())


def _is_small(model: ir.Model, node: ir.Node) -> bool:
    """Whether the results are known to be small enough to compute; ones of unknown length are left alone."""
    if node.op_type in _BOUNDED:
        return True
    shapes = _result_shapes(model, node)
    if any(shape is None for shape in shapes):
        return False
    largest = max((prod(shape) for shape in shapes if shape is not None), default=0)
    if largest > LARGEST_CONSTANT:
        raise UnsupportedError(
            f"{at(model, node)}: its constant result must have at most {LARGEST_CONSTANT:,} elements, not {largest:,}; "
            "compute it from the input, or make it smaller"
        )
    return True


def _result_shapes(model: ir.Model, node: ir.Node) -> list[tuple[int, ...] | None]:
    """Shapes of the node's results, by ONNX's own inference on the values of its constants."""
    inputs = {value.name: value.const_value for value in node.inputs if value is not None}
    constants = []
    for name, constant in inputs.items():
        assert constant is not None, "the caller looked"
        tensor: onnx.TensorProto = ir.to_proto(constant)
        tensor.name = name or ""
        constants.append(tensor)
    names = [output.name or "" for output in node.outputs]
    graph = helper.make_graph(
        [ir.to_proto(node)], "one", [], [helper.make_empty_tensor_value_info(n) for n in names if n], constants
    )
    alone = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    try:
        inferred = onnx.shape_inference.infer_shapes(alone, strict_mode=True, data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError) as error:
        raise _not_computed(model, node, error) from error
    known = {value.name: value.type.tensor_type for value in inferred.graph.output}
    return [_lengths(known[name]) if name in known else () for name in names]


def _lengths(kind: onnx.TypeProto.Tensor) -> tuple[int, ...] | None:
    if not kind.HasField("shape") or any(not dim.HasField("dim_value") for dim in kind.shape.dim):
        return None
    return tuple(dim.dim_value for dim in kind.shape.dim)


def _evaluate(model: ir.Model, node: ir.Node) -> Sequence[Any]:
    """Run one node on its constants, by ONNX's reference implementation."""
    feeds = {v.name or "": v.const_value.numpy() for v in node.inputs if v is not None and v.const_value is not None}
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused where it is used
            evaluator = ReferenceEvaluator(ir.to_proto(node), opsets={"": OPSET})
            return list(evaluator.run(None, feeds))
    except Exception as error:  # the reference implementation raises whatever its Python code happens to raise
        raise _not_computed(model, node, error) from error


def _not_computed(model: ir.Model, node: ir.Node, error: Exception) -> ModelError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return ModelError(
        f"{at(model, node)}: {node.op_type} must be computable from its constants, not fail with '{reason[:300]}'; "
        "check its operands and attributes"
    )
