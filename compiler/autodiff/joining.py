"""Gradients of operators that join, cut and frame values: Concat, Slice, Pad. All bounds are constants."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.registry import Adjoint, gradient


def _axis(node: ir.Node) -> int:
    return int(node.attributes["axis"].as_int()) % len(dims(node.outputs[0]))


def _within_samples(node: ir.Node) -> str | None:
    """Refuse to join samples, or a sample's values with what has no batch."""
    if not has_batch(node.outputs[0]):
        return None
    if _axis(node) == 0:
        return "axis must be another dimension than the batch, not 0; join within each sample"
    for value in node.inputs:
        if value is not None and not has_batch(value):
            return f"input '{value.name}' must depend on the batch like the others; add it to a value that does"
    return None


@gradient("Concat", rows=_within_samples)
def concat(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """Each input's gradient is its part of g."""
    axis, builder = _axis(adjoint.node), adjoint.builder
    results: list[ir.Value | None] = []
    begin = 0
    for index, needed in enumerate(adjoint.needed):
        length = dims(adjoint.input(index))[axis]
        assert length is not None, "the axis is not the batch"
        bounds = [builder.ints([number]) for number in (begin, begin + length, axis)]
        results.append(adjoint.op("Slice", [adjoint.gradient, *bounds]) if needed else None)
        begin += length
    return results


def _constant(node: ir.Node, index: int) -> list[int] | None:
    """An operand of integers; None if it is computed. Without the operand, an empty list."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None:
        return []
    return None if value.const_value is None else [int(n) for n in value.const_value.numpy().reshape(-1)]


def _pads(node: ir.Node) -> tuple[list[int], list[int]] | None:
    """Elements added before and after each axis, negative ones cut; None if they are computed."""
    given, axes = _constant(node, 1), _constant(node, 3)
    rank = len(dims(node.outputs[0]))
    if given is None or axes is None:
        return None
    chosen = [axis % rank for axis in axes] or list(range(rank))
    begins, ends = [0] * rank, [0] * rank
    for k, axis in enumerate(chosen):
        begins[axis], ends[axis] = given[k], given[k + len(chosen)]
    return begins, ends


def _pad_rows(node: ir.Node) -> str | None:
    """Refuse padding that is computed, not constant, or along the batch."""
    mode = node.attributes.get("mode")
    if mode is not None and mode.as_string() != "constant":
        return f"mode of Pad must be constant, not {mode.as_string()}; pad with a number"
    pads = _pads(node)
    if pads is None:
        return "pads and axes of Pad must be constants, not computed; export them as constants"
    if has_batch(node.outputs[0]) and (pads[0][0], pads[1][0]) != (0, 0):
        return f"pads must leave the batch as it is, not add {pads[0][0]} and {pads[1][0]}; pad within each sample"
    return None


@gradient("Pad", rows=_pad_rows)
def pad(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = the part of g that x became, 0 where x was cut."""
    pads = _pads(adjoint.node)
    assert pads is not None, "the front end refused it"
    results: list[ir.Value | None] = [None] * len(adjoint.node.inputs)
    back = [-number for part in pads for number in part]
    results[0] = adjoint.op("Pad", [adjoint.gradient, adjoint.builder.ints(back)])
    return results


def _ranges(node: ir.Node) -> dict[int, range] | None:
    """Elements of each sliced axis that the output takes; None if a bound is computed."""
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    starts, ends, axes, steps = (_constant(node, k) for k in (1, 2, 3, 4))
    if starts is None or ends is None or axes is None or steps is None:
        return None
    shape = dims(x)
    chosen = [axis % len(shape) for axis in axes] or list(range(len(starts)))
    taken = {}
    for k, axis in enumerate(chosen):
        length, step = shape[axis], steps[k] if steps else 1
        if length is not None:
            taken[axis] = range(*slice(starts[k], _end(ends[k], length, step), step).indices(length))
    return taken


def _end(end: int, length: int, step: int) -> int | None:
    """The end as Python means it: with a negative step, ONNX reaches element 0 by an end below -length."""
    return None if step < 0 and end < -length else end


def _slice_rows(node: ir.Node) -> str | None:
    """Refuse computed bounds and slices of the batch."""
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    if _ranges(node) is None:
        return "starts, ends, axes and steps of Slice must be constants, not computed; export them as constants"
    axes, starts = _constant(node, 3), _constant(node, 1)
    chosen = axes or list(range(len(starts or [])))
    if has_batch(x) and 0 in [axis % len(dims(x)) for axis in chosen]:
        return "axes must not contain the batch, 0; slice within each sample"
    return None


@gradient("Slice", rows=_slice_rows)
def slice_of(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g where x was taken, else 0."""
    taken = _ranges(adjoint.node)
    assert taken is not None, "the front end refused it"
    shape, builder = dims(adjoint.input(0)), adjoint.builder
    rank, g = len(shape), adjoint.gradient
    begins, ends = [0] * rank, [0] * rank
    for axis, part in taken.items():
        length = shape[axis] or 0
        if part.step == 1:
            begins[axis], ends[axis] = part.start, length - part.start - len(part)
            continue
        # One zero behind g stands for every element that was left out.
        room = [0] * (2 * rank)
        room[rank + axis] = 1
        source = np.full(length, len(part), np.int64)
        source[list(part)] = np.arange(len(part))
        index = builder.constant(source, f"{adjoint.node.name}.source")
        g = adjoint.op("Gather", [adjoint.op("Pad", [g, builder.ints(room)]), index], axis=axis)
    if any(begins) or any(ends):
        g = adjoint.op("Pad", [g, builder.ints([*begins, *ends])])
    return [g, *(None for _ in adjoint.node.inputs[1:])]
