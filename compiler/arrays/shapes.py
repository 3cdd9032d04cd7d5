"""Shapes with one symbolic dimension, the batch, which is always the first."""

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
        reason = " ".join(str(error).split())
        raise ModelError(
            f"{source_of(model)}: shapes must fit each other, not be rejected with '{reason}'; check the operands named"
        ) from error
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
