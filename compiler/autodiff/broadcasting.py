"""The adjoint of broadcasting: summing a gradient back to an operand's shape.

The sum over the batch, where there is one, is always a ReduceSum of its own over axis 0, so that everything before it
works row by row. Broadcasting rules: ONNX, "Broadcasting in ONNX" (multidirectional, as numpy).
"""

import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import Dims


def sum_to(builder: GraphBuilder, value: ir.Value, shape: Dims, target: Dims, name: str) -> ir.Value:
    """Sum a value over the axes along which an operand of shape `target` was broadcast.

    Args:
        builder: of the graph.
        value: of shape `shape`.
        shape: None stands for the batch.
        target: a shape that broadcasts to `shape`.
        name: stem for the names of new values.

    Returns:
        A value of shape `target`.
    """
    extra = len(shape) - len(target)
    stretched = [axis for axis in range(extra, len(shape)) if target[axis - extra] == 1 and shape[axis] != 1]
    summed = [*range(extra), *stretched]
    over_batch = 0 in summed and shape[0] is None
    within_rows = [axis for axis in summed if not (axis == 0 and over_batch)]
    if within_rows:
        value = _reduce(builder, value, within_rows, 1, f"{name}.sum")
    dropped = list(range(extra))
    if over_batch:
        alone = dropped == [0]
        value = _reduce(builder, value, [0], 0 if alone else 1, f"{name}.batch_sum")
        dropped = [] if alone else dropped
    if dropped:
        value = builder.op("Squeeze", [value, builder.ints(dropped)], f"{name}.squeezed")
    return value


def _reduce(builder: GraphBuilder, value: ir.Value, axes: list[int], keepdims: int, name: str) -> ir.Value:
    return builder.op("ReduceSum", [value, builder.ints(axes)], name, keepdims=keepdims)
