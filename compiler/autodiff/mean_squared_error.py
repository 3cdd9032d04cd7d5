"""Mean squared error: the mean of (y − t)² over the batch and over the M elements of a sample, 1/(B·M)·ΣΣ(y − t)².

Gradient: 2/(B·M)·(y − t). (Some texts halve it, or do not divide by M.)
"""

import math

import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import BATCH, dims
from ohmflow.compiler.autodiff.registry import LossParts, loss


@loss("mse")
def mean_squared_error(builder: GraphBuilder, output: ir.Value, inv_batch: ir.Value, where: str) -> LossParts:
    """Build the loss of an output against a float32 label of the same shape."""
    shape = dims(output)
    label = builder.input("label", ir.DataType.FLOAT, [BATCH if length is None else length for length in shape])
    error = builder.op("Sub", [output, label], "loss.error")
    rows = builder.op("Mul", [error, error], "loss.squared_error")
    if len(shape) > 1:
        axes = builder.ints(range(1, len(shape)))
        rows = builder.op("ReduceMean", [rows, axes], "loss.rows", keepdims=0)
    elements = math.prod(length for length in shape if length is not None)
    scaled = builder.op("Mul", [error, builder.scalar(2.0 / elements)], "loss.scaled_error")
    return LossParts(label, rows, output, builder.op("Mul", [scaled, inv_batch], f"{output.name}.gradient"))
