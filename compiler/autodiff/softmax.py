"""Gradients of Softmax and LogSoftmax along one axis."""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.registry import Adjoint, gradient


def softmax_axis(node: ir.Node) -> int:
    """Return the axis that the node normalises, counted from the front."""
    attribute = node.attributes.get("axis")
    axis = -1 if attribute is None else attribute.as_int()
    return axis % len(dims(node.outputs[0]))


def within_rows(node: ir.Node) -> str | None:
    """Refuse to normalise along the batch."""
    if has_batch(node.outputs[0]) and softmax_axis(node) == 0:
        return "axis must be another dimension than the batch, not 0; normalise within each sample"
    return None


def _sum(adjoint: Adjoint, value: ir.Value) -> ir.Value:
    axis = softmax_axis(adjoint.node)
    return adjoint.op("ReduceSum", [value, adjoint.builder.ints([axis])], keepdims=1)


@gradient("Softmax", rows=within_rows)
def softmax(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = y·(g − Σ g·y), the sum along the axis."""
    total = _sum(adjoint, adjoint.op("Mul", [adjoint.gradient, adjoint.output]))
    return [adjoint.op("Mul", [adjoint.output, adjoint.op("Sub", [adjoint.gradient, total])])]


@gradient("LogSoftmax", rows=within_rows)
def log_softmax(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g − exp(y)·Σ g, the sum along the axis."""
    share = adjoint.op("Mul", [adjoint.op("Exp", [adjoint.output]), _sum(adjoint, adjoint.gradient)])
    return [adjoint.op("Sub", [adjoint.gradient, share])]
