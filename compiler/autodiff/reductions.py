"""Gradients of ReduceSum and ReduceMean over axes of a sample; the axes are constants."""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.registry import Adjoint, gradient


def _axes(node: ir.Node) -> list[int] | None:
    """Axes that are reduced; None if they are computed."""
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    rank = len(dims(x))
    given = node.inputs[1] if len(node.inputs) > 1 else None
    if given is None:
        keep = node.attributes.get("noop_with_empty_axes")
        return [] if keep is not None and keep.as_int() else list(range(rank))
    if given.const_value is None:
        return None
    return sorted(int(axis) % rank for axis in given.const_value.numpy().reshape(-1))


def _within_samples(node: ir.Node) -> str | None:
    """Refuse to reduce over the batch, or over axes that are computed."""
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    axes = _axes(node)
    if axes is None:
        return f"axes of {node.op_type} must be constants, not computed; export them as constants"
    if has_batch(x) and 0 in axes:
        return "axes must not contain the batch, 0; reduce within each sample"
    return None


def _spread(adjoint: Adjoint, mean: bool) -> ir.Value:
    """Copy g to every element that it was reduced from."""
    axes = _axes(adjoint.node)
    assert axes is not None, "the front end refused it"
    shape, builder = dims(adjoint.input(0)), adjoint.builder
    inner = [1 if axis in axes else (length or 0) for axis, length in enumerate(shape)]
    g = adjoint.op("Reshape", [adjoint.gradient, builder.ints(inner)])
    lengths = [(length or 1) if axis in axes else 1 for axis, length in enumerate(shape)]
    share = 1.0 / math.prod(lengths) if mean else 1.0
    return adjoint.op("Mul", [g, builder.constant(np.full(lengths, share, np.float32), "reduced_shares")])


@gradient("ReduceSum", rows=_within_samples)
def reduce_sum(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g, copied along the reduced axes."""
    return [_spread(adjoint, mean=False), *(None for _ in adjoint.node.inputs[1:])]


@gradient("ReduceMean", rows=_within_samples)
def reduce_mean(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g/n, copied along the reduced axes; n elements were averaged."""
    return [_spread(adjoint, mean=True), *(None for _ in adjoint.node.inputs[1:])]
