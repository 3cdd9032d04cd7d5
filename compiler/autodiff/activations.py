"""Gradients of pointwise activations, from the activation's own output, so that only y is kept for the way back."""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.autodiff.registry import Adjoint, gradient


@gradient("Relu")
def relu(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g where y > 0, else 0 (so 0 at x = 0)."""
    zero = adjoint.builder.scalar(0.0)
    active = adjoint.op("Greater", [adjoint.output, zero])
    return [adjoint.op("Where", [active, adjoint.gradient, zero])]


@gradient("Sigmoid")
def sigmoid(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·y·(1 − y)."""
    rest = adjoint.op("Sub", [adjoint.builder.scalar(1.0), adjoint.output])
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.op("Mul", [adjoint.output, rest])])]


@gradient("Tanh")
def tanh(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·(1 − y²)."""
    squared = adjoint.op("Mul", [adjoint.output, adjoint.output])
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.op("Sub", [adjoint.builder.scalar(1.0), squared])])]
