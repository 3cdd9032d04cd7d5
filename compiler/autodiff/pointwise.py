"""Gradients of arithmetic on single elements: Neg, Abs, Exp, Log, Sqrt, Reciprocal."""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.autodiff.registry import Adjoint, gradient


@gradient("Neg")
def neg(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = −g."""
    return [adjoint.op("Neg", [adjoint.gradient])]


@gradient("Abs")
def absolute(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·sign(x), 0 at x = 0."""
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.op("Sign", [adjoint.input(0)])])]


@gradient("Exp")
def exp(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·y."""
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.output])]


@gradient("Log")
def log(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g/x."""
    return [adjoint.op("Div", [adjoint.gradient, adjoint.input(0)])]


@gradient("Sqrt")
def sqrt(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g/(2·y)."""
    doubled = adjoint.op("Add", [adjoint.output, adjoint.output])
    return [adjoint.op("Div", [adjoint.gradient, doubled])]


@gradient("Reciprocal")
def reciprocal(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = −g·y²."""
    squared = adjoint.op("Mul", [adjoint.output, adjoint.output])
    return [adjoint.op("Neg", [adjoint.op("Mul", [adjoint.gradient, squared])])]
