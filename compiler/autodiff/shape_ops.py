"""Gradients of operators that move elements and compute nothing: Reshape, Flatten, Squeeze and the like."""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.registry import Adjoint, gradient


def _rows_kept(node: ir.Node) -> str | None:
    """Refuse an output whose rows are not the input's rows."""
    value = node.inputs[0]
    assert value is not None
    if not has_batch(value):
        return None
    before, after = dims(value), dims(node.outputs[0])
    size_before, size_after = _size(before[1:]), _size(after[1:])
    if not after or after[0] is not None or size_before != size_after:
        return f"{_asked(node)}; reshape within each sample"
    return None


def _asked(node: ir.Node) -> str:
    if node.op_type == "Flatten":
        return f"axis must be 1, so that the batch stays apart, not {node.attributes['axis'].as_int()}"
    target = node.inputs[1]
    known = None if target is None else target.const_value
    shape = "a computed one" if known is None else known.numpy().tolist()
    return f"the new shape must keep the batch as the first dimension, as in [0, -1], not {shape}"


def _size(shape: Sequence[int | None]) -> int | None:
    size = 1
    for length in shape:
        if length is None:
            return None
        size *= length
    return size


def _batch_stays_first(node: ir.Node) -> str | None:
    """Refuse a permutation that moves the batch."""
    value = node.inputs[0]
    assert value is not None
    permutation = _permutation(node)
    if has_batch(value) and permutation[0] != 0:
        return f"perm must keep the batch first, not {permutation}; permute within each sample"
    return None


def _permutation(node: ir.Node) -> list[int]:
    attribute = node.attributes.get("perm")
    if attribute is None:
        return list(reversed(range(len(dims(node.outputs[0])))))
    return list(attribute.as_ints())


def _restore(adjoint: Adjoint) -> ir.Value:
    # 0 copies the length of the gradient's own first dimension: the batch.
    shape = [0 if length is None else length for length in dims(adjoint.input(0))]
    return adjoint.op("Reshape", [adjoint.gradient, adjoint.builder.ints(shape)])


@gradient("Reshape", rows=_rows_kept)
def reshape(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g in the input's shape."""
    return [_restore(adjoint), None]


@gradient("Flatten", rows=_rows_kept)
def flatten(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g in the input's shape."""
    return [_restore(adjoint)]


@gradient("Transpose", rows=_batch_stays_first)
def transpose(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g with the inverse permutation."""
    permutation = _permutation(adjoint.node)
    inverse = [permutation.index(axis) for axis in range(len(permutation))]
    return [adjoint.op("Transpose", [adjoint.gradient], perm=inverse)]


@gradient("Identity")
def identity(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g."""
    return [adjoint.gradient]


def _batch_untouched(node: ir.Node) -> str | None:
    """Refuse to take away, or put something in front of, the batch."""
    value = node.inputs[0]
    assert value is not None
    if has_batch(value) and not has_batch(node.outputs[0]):
        return f"axes must leave the batch the first dimension, not change it; {node.op_type} within each sample"
    return None


@gradient("Squeeze", rows=_batch_untouched)
def squeeze(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g in the input's shape."""
    return [_restore(adjoint), *(None for _ in adjoint.node.inputs[1:])]


@gradient("Unsqueeze", rows=_batch_untouched)
def unsqueeze(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g in the input's shape."""
    return [_restore(adjoint), None]
