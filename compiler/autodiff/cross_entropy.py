"""Cross-entropy of class labels, from logits: rows −log softmax(z)[label], gradient (softmax(z) − onehot(label))/B.

A model that ends in Softmax or LogSoftmax is differentiated from that operator's input, which is stable where the
probabilities' own logarithm is not. A label outside 0 … classes − 1 is an error of the graph's execution.
"""

import numpy as np
import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import BATCH, dims, has_batch
from ohmflow.compiler.autodiff.registry import LossParts, loss
from ohmflow.compiler.autodiff.softmax import softmax_axis
from ohmflow.compiler.errors import UnsupportedError


@loss("cross-entropy")
def cross_entropy(builder: GraphBuilder, output: ir.Value, inv_batch: ir.Value, where: str) -> LossParts:
    """Build the loss of logits [batch, classes], or of the Softmax or LogSoftmax of them; label is int64 [batch]."""
    logits = _logits(output)
    shape = dims(logits)
    if len(shape) != 2 or not has_batch(logits):
        raise UnsupportedError(
            f"{where}: output '{output.name}' must have shape [batch, classes] for the cross-entropy loss, not "
            f"{_spell(shape)}; flatten it, or choose --loss mse"
        )
    classes = shape[1]
    if classes is not None and classes < 2:
        raise UnsupportedError(
            f"{where}: output '{output.name}' must have at least two classes for the cross-entropy loss, not "
            f"{classes}; choose --loss mse"
        )
    label = builder.input("label", ir.DataType.INT64, [BATCH])
    axis = builder.ints([1])
    log_share = builder.op("LogSoftmax", [logits], "loss.log_softmax", axis=1)
    column = builder.op("Unsqueeze", [label, axis], "loss.label_column")
    chosen = builder.op("GatherElements", [log_share, column], "loss.chosen", axis=1)
    rows = builder.op("Neg", [builder.op("Squeeze", [chosen, axis], "loss.log_likelihood")], "loss.rows")

    depth = builder.constant(np.array(classes, dtype=np.int64), "loss.classes")
    levels = builder.constant(np.array([0.0, 1.0], dtype=np.float32), "loss.levels")
    onehot = builder.op("OneHot", [label, depth, levels], "loss.onehot", axis=-1)
    share = builder.op("Softmax", [logits], "loss.softmax", axis=1)
    error = builder.op("Sub", [share, onehot], "loss.error")
    return LossParts(label, rows, logits, builder.op("Mul", [error, inv_batch], f"{logits.name}.gradient"))


def _logits(output: ir.Value) -> ir.Value:
    """Return what the loss differentiates from: the input of a final Softmax or LogSoftmax, else the output."""
    node = output.producer()
    if node is None or node.op_type not in ("Softmax", "LogSoftmax") or node.domain != "":
        return output
    logits = node.inputs[0]
    if logits is None or len(dims(output)) != 2 or softmax_axis(node) != 1:
        return output
    return logits


def _spell(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join(BATCH if length is None else str(length) for length in shape) + "]"
