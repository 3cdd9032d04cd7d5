"""Plain stochastic gradient descent for digital parameters: p ← p − lr·g."""

import onnx_ir as ir

from ohmflow.compiler.autodiff.registry import Stepping, optimizer


@optimizer("sgd")
def sgd(stepping: Stepping) -> ir.Value:
    """Return p − lr·g."""
    step = stepping.op("Mul", [stepping.gradient, stepping.lr], "step")
    return stepping.op("Sub", [stepping.parameter, step], "next")
