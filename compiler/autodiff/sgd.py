"""Plain stochastic gradient descent for digital parameters: p ← p − lr·g."""

import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.autodiff.registry import optimizer


@optimizer("sgd")
def sgd(builder: GraphBuilder, parameter: ir.Value, gradient: ir.Value, lr: ir.Value) -> ir.Value:
    """Return p − lr·g."""
    step = builder.op("Mul", [gradient, lr], f"{parameter.name}.step")
    return builder.op("Sub", [parameter, step], f"{parameter.name}.next")
