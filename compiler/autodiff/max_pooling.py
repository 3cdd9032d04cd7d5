"""Gradients of MaxPool and GlobalMaxPool: to the first of the largest elements of each window.

ONNX Runtime's MaxPool tells as its second output where each maximum was, as a position in the whole tensor, the sample
included. Modulo the size of a sample, that is a position in the row, and ScatterElements adds what several windows
send to one element.
"""

import math
from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import dims
from ohmflow.compiler.autodiff.registry import STREAMS, Adjoint, gradient


def _sizes(value: ir.Value) -> list[int]:
    return [length for length in dims(value)[1:] if length is not None]


@gradient("MaxPool")
def max_pool(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = Σ g over the windows whose first maximum the element is."""
    builder, node, x = adjoint.builder, adjoint.node, adjoint.input(0)
    if len(node.outputs) == 1:
        node.resize_outputs(2)
        node.outputs[1].name = builder.reserve(f"{adjoint.output.name}.argmax")
    size = math.prod(_sizes(x))
    row = builder.constant(np.array(size, dtype=np.int64), f"int.{size}")
    flat = [0, math.prod(_sizes(adjoint.output))]
    where = adjoint.op("Reshape", [adjoint.op("Mod", [node.outputs[1], row]), builder.ints(flat)])
    sent = adjoint.op("Reshape", [adjoint.gradient, builder.ints(flat)])
    total = adjoint.op("ScatterElements", [_zeros(adjoint, where, size), where, sent], axis=1, reduction="add")
    result = adjoint.op("Reshape", [total, builder.ints([0, *_sizes(x)])])
    _remember_rows(adjoint, result)
    return [result]


def _remember_rows(adjoint: Adjoint, result: ir.Value) -> None:
    """Tell lowering which rows of g a row of x̄ needs, which the flat positions hide."""
    node, made = adjoint.node, result.producer()
    assert made is not None, "it was just made"
    stride = node.attributes["strides"].as_ints()[0] if "strides" in node.attributes else 1
    pad = node.attributes["pads"].as_ints()[0] if "pads" in node.attributes else 0
    operands = f"{adjoint.gradient.name},{node.outputs[1].name}"
    made.metadata_props[STREAMS] = f"{operands};{stride},{pad},{_sizes(adjoint.output)[1]}"


def _zeros(adjoint: Adjoint, where: ir.Value, size: int) -> ir.Value:
    """Return zeros [batch, size]: no position is negative, so the choice is the same for every sample."""
    builder = adjoint.builder
    first = adjoint.op("Slice", [where, builder.ints([0]), builder.ints([1]), builder.ints([1])])
    never = adjoint.op("Less", [first, builder.constant(np.array(0, dtype=np.int64), "int.0")])
    zeros = builder.constant(np.zeros((1, size), dtype=np.float32), f"zeros.{size}")
    return adjoint.op("Where", [never, builder.scalar(1.0), zeros])


@gradient("GlobalMaxPool")
def global_max_pool(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g at the first maximum of each channel, else 0."""
    builder, x = adjoint.builder, adjoint.input(0)
    channels, *lengths = _sizes(x)
    size = math.prod(lengths)
    rows = adjoint.op("Reshape", [x, builder.ints([0, channels, size])])
    where = adjoint.op("ArgMax", [rows], axis=2, keepdims=1, select_last_index=0)
    places = builder.constant(np.arange(size, dtype=np.int64).reshape(1, 1, size), f"places.{size}")
    sent = adjoint.op("Reshape", [adjoint.gradient, builder.ints([0, channels, 1])])
    chosen = adjoint.op("Where", [adjoint.op("Equal", [where, places]), sent, builder.scalar(0.0)])
    return [adjoint.op("Reshape", [chosen, builder.ints([0, *_sizes(x)])])]
