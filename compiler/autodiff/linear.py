"""Gradients of the matrix products that stay digital: MatMul and Gemm.

With y = a·b: ā = g·bᵀ, b̄ = aᵀ·g. Where an operand has no batch of its own, its gradient is taken for every row first
and then summed over the batch, so that no product contracts over the batch.
"""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import Dims, dims, has_batch
from ohmflow.compiler.autodiff.broadcasting import sum_to
from ohmflow.compiler.autodiff.registry import Adjoint, gradient


def _product_rows(node: ir.Node) -> str | None:
    """Refuse products that contract over the batch or pair it with another dimension."""
    first, second = node.inputs[0], node.inputs[1]
    assert first is not None and second is not None
    if min(len(dims(first)), len(dims(second))) < 2:
        return "operands must have rank 2 or more, not 1; make the vector a matrix of one row or one column"
    rank = len(dims(node.outputs[0]))
    for value, least in ((first, 2), (second, 3)):
        shape = dims(value)
        if has_batch(value):
            if len(shape) < max(least, rank):
                return (
                    f"input '{value.name}' must have rank {max(least, rank)} or more to keep the batch apart, "
                    f"not {len(shape)}; multiply within each sample"
                )
        elif rank > 2 and len(shape) == rank and shape[0] != 1:
            return f"input '{value.name}' must have length 1 along the batch, not {shape[0]}; share it between samples"
    if has_batch(first) and has_batch(second) and rank < 3:
        return "operands must be batches of matrices, not one matrix over the batch; multiply within each sample"
    if has_batch(second) and not has_batch(first) and len(dims(second)) < 3:
        return f"input '{second.name}' must have rank 3 or more, not 2; multiply within each sample"
    return None


def _gemm_rows(node: ir.Node) -> str | None:
    """Refuse a Gemm that contracts over the batch or transposes it away from the front."""
    first, second = node.inputs[0], node.inputs[1]
    assert first is not None and second is not None
    if has_batch(second):
        return (
            f"input '{second.name}' must be a weight, not depend on the batch; multiply within each sample with MatMul"
        )
    if has_batch(first) and _flag(node, "transA"):
        return "transA must be 0, not 1; keep the batch as the first dimension"
    bias = node.inputs[2] if len(node.inputs) > 2 else None
    if bias is not None and has_batch(first) and not has_batch(bias):
        shape = dims(bias)
        if len(shape) == 2 and shape[0] != 1:
            return f"input '{bias.name}' must have length 1 along the batch, not {shape[0]}; share it between samples"
    return None


def _flag(node: ir.Node, name: str) -> bool:
    attribute = node.attributes.get(name)
    return attribute is not None and bool(attribute.as_int())


def _turned(adjoint: Adjoint, value: ir.Value, rank: int) -> ir.Value:
    return adjoint.op("Transpose", [value], perm=[*range(rank - 2), rank - 1, rank - 2])


def _left(adjoint: Adjoint, g: ir.Value, b: ir.Value, b_rank: int, g_shape: Dims, target: Dims) -> ir.Value:
    """Return ā = g·bᵀ, summed to the shape of a."""
    product = adjoint.op("MatMul", [g, _turned(adjoint, b, b_rank)])
    shape = (*g_shape[:-1], target[-1])
    return sum_to(adjoint.builder, product, shape, target, f"{adjoint.node.name}.backward.left")


def _right(adjoint: Adjoint, a: ir.Value, a_shape: Dims, g: ir.Value, g_shape: Dims, target: Dims) -> ir.Value:
    """Return b̄ = aᵀ·g, summed to the shape of b."""
    if len(a_shape) == 2 and a_shape[0] is None:
        # Each row of the batch becomes a matrix of one row, whose product with g's row is that sample's gradient.
        axes = adjoint.builder.ints([1])
        a, g = adjoint.op("Unsqueeze", [a, axes]), adjoint.op("Unsqueeze", [g, axes])
        a_shape, g_shape = (None, 1, a_shape[1]), (None, 1, g_shape[1])
    product = adjoint.op("MatMul", [_turned(adjoint, a, len(a_shape)), g])
    shape = (*g_shape[:-2], a_shape[-1], g_shape[-1])
    return sum_to(adjoint.builder, product, shape, target, f"{adjoint.node.name}.backward.right")


@gradient("MatMul", rows=_product_rows)
def matmul(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """ā = g·bᵀ, b̄ = aᵀ·g, summed to the operand's shape."""
    a, b, g = adjoint.input(0), adjoint.input(1), adjoint.gradient
    g_shape = dims(adjoint.output)
    left = _left(adjoint, g, b, len(dims(b)), g_shape, dims(a)) if adjoint.needed[0] else None
    right = _right(adjoint, a, dims(a), g, g_shape, dims(b)) if adjoint.needed[1] else None
    return [left, right]


@gradient("Gemm", rows=_gemm_rows)
def gemm(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """ā = α·g·b'ᵀ, b̄' = α·a'ᵀ·g, c̄ = β·g summed to the shape of c; a', b' are a, b after transA, transB."""
    node, g, g_shape = adjoint.node, adjoint.gradient, dims(adjoint.output)
    a, b = adjoint.input(0), adjoint.input(1)
    turn_a, turn_b = _flag(node, "transA"), _flag(node, "transB")
    a_shape, b_shape = (tuple(reversed(dims(v))) if t else dims(v) for v, t in ((a, turn_a), (b, turn_b)))
    results: list[ir.Value | None] = [None] * len(node.inputs)
    scaled = _times(adjoint, g, "alpha")
    if adjoint.needed[0]:
        left = _left(adjoint, scaled, _turned(adjoint, b, 2) if turn_b else b, 2, g_shape, a_shape)
        results[0] = _turned(adjoint, left, 2) if turn_a else left
    if adjoint.needed[1]:
        right = _right(adjoint, _turned(adjoint, a, 2) if turn_a else a, a_shape, scaled, g_shape, b_shape)
        results[1] = _turned(adjoint, right, 2) if turn_b else right
    if len(node.inputs) > 2 and adjoint.needed[2]:
        bias = _times(adjoint, g, "beta")
        results[2] = sum_to(adjoint.builder, bias, g_shape, dims(adjoint.input(2)), f"{node.name}.backward.bias")
    return results


def _times(adjoint: Adjoint, value: ir.Value, attribute: str) -> ir.Value:
    factor = adjoint.node.attributes.get(attribute)
    if factor is None or factor.as_float() == 1.0:
        return value
    return adjoint.op("Mul", [value, adjoint.builder.scalar(factor.as_float())])
