"""Dropout that is on: the identity in inference, a random mask in training.

The mask is an input of the training graph, one element for each of the value's, which the machine draws: 1 with
probability 1 − ratio, else 0. What is kept is multiplied by 1/(1 − ratio). Source: ONNX, Dropout-13.
"""

from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import BATCH, dims, has_batch
from ohmflow.compiler.autodiff.registry import Expanding, Expansion, NextMask, training_form
from ohmflow.compiler.errors import UnsupportedError


@training_form("Dropout")
def dropout(expanding: Expanding) -> Expansion:
    """When it is on: training multiplies x by mask/(1 − ratio), inference does not; x̄ = g·mask/(1 − ratio)."""
    node = expanding.node
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    if not has_batch(x):
        raise UnsupportedError(
            f"{expanding.where}: input '{x.name}' of Dropout must depend on the batch, not be a weight; "
            "drop what the weight is multiplied by"
        )
    keep = 1.0 - _ratio(node)
    shape = [BATCH if length is None else length for length in dims(x)]
    mask = expanding.builder.input(f"{node.outputs[0].name}.mask", ir.DataType.FLOAT, shape)
    kept = expanding.op("Mul", [x, mask], "kept")
    y = expanding.op("Mul", [kept, expanding.builder.scalar(1.0 / keep)], "scaled")

    def gradient(builder: GraphBuilder, g: ir.Value) -> Sequence[ir.Value | None]:
        name = f"{node.name}.backward.Mul"
        passed = builder.op("Mul", [g, mask], name)
        return [builder.op("Mul", [passed, builder.scalar(1.0 / keep)], name)]

    return Expansion(node.name or "", (x,), (y,), gradient, masks=(NextMask(mask, keep),))


def _ratio(node: ir.Node) -> float:
    ratio = node.inputs[1] if len(node.inputs) > 1 else None
    if ratio is None:
        return 0.5
    assert ratio.const_value is not None, "the front end checks it"
    return float(ratio.const_value.numpy())
