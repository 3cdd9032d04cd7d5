"""Gradients of Conv where it stays digital, for any number of spatial axes and groups.

The input's gradient is a ConvTranspose with the same weights. The weights' gradient is taken for every sample first:
the elements that each position saw, gathered by constant indices, times that position's gradient; then it is summed
over the batch by an operator of its own.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.registry import Adjoint, gradient
from ohmflow.compiler.autodiff.window_geometry import Geometry


def _conv_rows(node: ir.Node) -> str | None:
    """Refuse weights of each sample's own, and products over weights alone."""
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    if not has_batch(x):
        return f"input '{x.name}' must depend on the batch, not be a weight; compute it before the export"
    for value in node.inputs[1:]:
        if value is not None and has_batch(value):
            return f"input '{value.name}' must be a weight, not depend on the batch; multiply windows with MatMul"
    return None


def _groups(node: ir.Node) -> int:
    return int(node.attributes["group"].as_int())


@gradient("Conv", rows=_conv_rows)
def conv(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g convolved back with w (ConvTranspose), w̄ = Σ over samples of windows(x)ᵀ·g, b̄ = Σ g."""
    geometry, groups = Geometry.of(adjoint.node), _groups(adjoint.node)
    results: list[ir.Value | None] = [None] * len(adjoint.node.inputs)
    if adjoint.needed[0]:
        attributes = geometry.transposed()
        results[0] = adjoint.op("ConvTranspose", [adjoint.gradient, adjoint.input(1)], group=groups, **attributes)
    if adjoint.needed[1]:
        results[1] = _weights(adjoint, geometry, groups)
    if len(results) > 2 and adjoint.needed[2]:
        axes = adjoint.builder.ints(range(2, len(dims(adjoint.output))))
        channels = adjoint.op("ReduceSum", [adjoint.gradient, axes], keepdims=0)
        results[2] = adjoint.op("ReduceSum", [channels, adjoint.builder.ints([0])], keepdims=0)
    return results


def _weights(adjoint: Adjoint, geometry: Geometry, groups: int) -> ir.Value:
    """Return w̄ [out, in / groups, kernel…]."""
    builder, weight = adjoint.builder, adjoint.input(1)
    shape = [length for length in dims(weight) if length is not None]
    out, channels = shape[0], shape[1]
    positions, taps, size = (math.prod(n) for n in (geometry.positions, geometry.kernel, geometry.lengths))
    x = adjoint.op("Reshape", [adjoint.input(0), builder.ints([0, groups, channels, size])])
    # One zero behind each channel stands for all padding.
    padded = adjoint.op("Pad", [x, builder.ints([0, 0, 0, 0, 0, 0, 0, 1])])
    index = builder.constant(_window_index(geometry), "window_index")
    windows = adjoint.op("Gather", [padded, index], axis=3)  # [batch, groups, channels, taps, positions]
    windows = adjoint.op("Reshape", [windows, builder.ints([0, groups, channels * taps, positions])])
    turned = adjoint.op("Transpose", [windows], perm=[0, 1, 3, 2])
    g = adjoint.op("Reshape", [adjoint.gradient, builder.ints([0, groups, out // groups, positions])])
    each = adjoint.op("MatMul", [g, turned])
    total = adjoint.op("ReduceSum", [each, builder.ints([0])], keepdims=0)
    return adjoint.op("Reshape", [total, builder.ints(shape)])


def _window_index(geometry: Geometry) -> NDArray[np.int64]:
    """Flat element of each tap and position, [taps, positions]; the number of elements where it is padding."""
    rank = len(geometry.lengths)
    flat = np.zeros((1,) * (2 * rank), np.int64)
    inside = np.ones((1,) * (2 * rank), np.bool_)
    for axis, length in enumerate(geometry.lengths):
        source = geometry.sources(axis).T
        shape = [1] * (2 * rank)
        shape[axis], shape[rank + axis] = source.shape
        source = source.reshape(shape)
        flat = flat * length + source
        inside = inside & (source >= 0) & (source < length)
    index = np.where(inside, flat, math.prod(geometry.lengths))
    return np.asarray(index.reshape(math.prod(geometry.kernel), math.prod(geometry.positions)), np.int64)
