"""Shapes with one symbolic dimension, the batch, which is always the first."""

import re

import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.location import source_of
from ohmflow.compiler.errors import ModelError

BATCH = "batch"

Dims = tuple[int | None, ...]
"""A shape; None stands for the batch."""

_LARGEST_KEPT = 1024  # bytes; larger initialisers are weights, whose values no shape depends on


def infer_shapes(model: ir.Model, complete: bool = True) -> None:
    """Infer type and shape of every value, in place.

    Args:
        model: a model whose inputs have shapes.
        complete: whether every value must get a type and a shape.

    Raises:
        ModelError: operands do not fit each other, or a shape stays unknown.
    """
    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(model), strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ModelError(f"{source_of(model)}: {_misfit(model, str(error))}") from error
    known = ir.convenience.create_value_mapping(ir.from_proto(inferred).graph)
    for node in model.graph:
        for output in node.outputs:
            found = known.get(output.name or "")
            if found is None or found.shape is None or found.type is None:
                if not complete:
                    continue
                raise ModelError(
                    f"{source_of(model)}: node '{node.name}': output '{output.name}' must have a shape that follows "
                    f"from the inputs, not an unknown one; check the operands of this {node.op_type}"
                )
            output.shape, output.type = found.shape, found.type


_FAULT = re.compile(r"\(op_type:(.*?), node name: (.*?)\): \[\w+\] (.*?)(?= \(op_type:|$)")


def _misfit(model: ir.Model, error: str) -> str:
    """Say what ONNX's inference found first; what follows is mostly the consequence."""
    text = " ".join(error.split())
    fault = _FAULT.search(text)
    if fault is None:
        return f"shapes must fit each other, not be rejected with '{text}'; check the operands named"
    op_type, name, reason = fault.groups()
    node = next((node for node in model.graph if node.name == name), None)
    operands = [] if node is None else [value for value in node.inputs if value is not None]
    shown = ", ".join(f"'{value.name}' {value.shape}" for value in operands if value.shape is not None)
    seen = f" (operands with a known shape: {shown})" if shown else ""
    return (
        f"node '{name}': operands and attributes must fit each other as {op_type} has it, not be rejected with "
        f"'{reason}'; check their shapes{seen}"
    )


def _without_weights(model: ir.Model) -> onnx.ModelProto:
    """Return the model with its weights as inputs, so that their data are not copied."""
    light = model.clone()
    for name, value in list(light.graph.initializers.items()):
        if value.const_value is not None and value.const_value.nbytes > _LARGEST_KEPT:
            del light.graph.initializers[name]
            value.const_value = None
            light.graph.inputs.append(value)
    return ir.to_proto(light)


def dims(value: ir.Value) -> Dims:
    """Return the shape of a value, the batch as None."""
    assert value.shape is not None, f"shape of {value.name} was not inferred"
    return tuple(dim if isinstance(dim, int) else None for dim in value.shape)


def has_batch(value: ir.Value) -> bool:
    """Tell whether the value's first dimension is the batch."""
    shape = dims(value)
    return bool(shape) and shape[0] is None
