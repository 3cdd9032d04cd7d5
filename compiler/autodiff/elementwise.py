"""Gradients of Add, Sub, Mul and Div, with broadcasting."""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.broadcasting import sum_to
from ohmflow.compiler.autodiff.registry import Adjoint, gradient


def aligned_rows(node: ir.Node) -> str | None:
    """Refuse operands whose broadcasting pairs the batch with another dimension."""
    rank = len(dims(node.outputs[0]))
    for value in node.inputs:
        assert value is not None
        shape = dims(value)
        if has_batch(value):
            if len(shape) < rank:
                return (
                    f"input '{value.name}' must have rank {rank} to keep the batch first, not {len(shape)}; "
                    "add dimensions of length 1 after the batch"
                )
        elif len(shape) == rank and shape[0] != 1:
            return f"input '{value.name}' must have length 1 along the batch, not {shape[0]}; share it between samples"
    return None


def _broadcast(adjoint: Adjoint, index: int, value: ir.Value) -> ir.Value:
    operand = adjoint.input(index)
    name = f"{adjoint.node.name}.backward.{operand.name}"
    return sum_to(adjoint.builder, value, dims(adjoint.output), dims(operand), name)


@gradient("Add", rows=aligned_rows)
def add(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """ā = g, b̄ = g, summed to the operand's shape."""
    return [_broadcast(adjoint, i, adjoint.gradient) if adjoint.needed[i] else None for i in range(2)]


@gradient("Sub", rows=aligned_rows)
def sub(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """ā = g, b̄ = −g, summed to the operand's shape."""
    first = _broadcast(adjoint, 0, adjoint.gradient) if adjoint.needed[0] else None
    second = _broadcast(adjoint, 1, adjoint.op("Neg", [adjoint.gradient])) if adjoint.needed[1] else None
    return [first, second]


@gradient("Mul", rows=aligned_rows)
def mul(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """ā = g·b, b̄ = g·a, summed to the operand's shape."""
    return [
        _broadcast(adjoint, i, adjoint.op("Mul", [adjoint.gradient, adjoint.input(1 - i)]))
        if adjoint.needed[i]
        else None
        for i in range(2)
    ]


@gradient("Div", rows=aligned_rows)
def div(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """ā = g/b, b̄ = −(g/b)·y, summed to the operand's shape."""
    share = adjoint.op("Div", [adjoint.gradient, adjoint.input(1)])
    first = _broadcast(adjoint, 0, share) if adjoint.needed[0] else None
    second = None
    if adjoint.needed[1]:
        second = _broadcast(adjoint, 1, adjoint.op("Neg", [adjoint.op("Mul", [share, adjoint.output])]))
    return [first, second]
