"""Gradients of AveragePool and GlobalAveragePool: each window's share, back to every element that it saw."""

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ohmflow.compiler.arrays.shapes import dims
from ohmflow.compiler.autodiff.registry import Adjoint, gradient
from ohmflow.compiler.autodiff.window_geometry import Geometry


@gradient("AveragePool")
def average_pool(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = Σ g/n over the windows that see the element; n counts what a window averages."""
    builder, geometry = adjoint.builder, Geometry.of(adjoint.node)
    include = adjoint.node.attributes.get("count_include_pad")
    counted = _counts(geometry, include is not None and bool(include.as_int()))
    shares = (1.0 / np.maximum(counted, 1)).astype(np.float32)  # a window that sees only padding averages nothing
    same = bool((counted == counted.flat[0]).all())
    factor = builder.scalar(float(shares.flat[0])) if same else builder.constant(shares[None, None], "pool_shares")
    channels = dims(adjoint.input(0))[1]
    assert channels is not None
    ones = builder.constant(np.ones((channels, 1, *geometry.kernel), np.float32), "pool_ones")
    shared = adjoint.op("Mul", [adjoint.gradient, factor])
    return [adjoint.op("ConvTranspose", [shared, ones], group=channels, **geometry.transposed())]


def _counts(geometry: Geometry, padding: bool) -> NDArray[np.int64]:
    """How many elements each window averages, [positions…]; padding that was asked for may count, ceil_mode's never."""
    along = []
    for axis, length in enumerate(geometry.lengths):
        source = geometry.sources(axis)
        low, high = (-geometry.begins[axis], length + geometry.ends[axis]) if padding else (0, length)
        along.append(((source >= low) & (source < high)).sum(1))
    return np.asarray(reduce(np.multiply.outer, along), np.int64)


@gradient("GlobalAveragePool")
def global_average_pool(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g/n, n elements a channel."""
    lengths = [length for length in dims(adjoint.input(0))[2:] if length is not None]
    share = np.full((1, 1, *lengths), 1.0 / math.prod(lengths), np.float32)
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.builder.constant(share, "pool_shares")])]
