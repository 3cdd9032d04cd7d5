"""The training graph as plain ONNX, which any runtime executes: the reference that checks a machine."""

import numpy as np
import onnx
import onnx_ir as ir

from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.inline import inline_reference
from ohmflow.compiler.autodiff.training_graph import TrainingGraph


def training_onnx(training: TrainingGraph) -> onnx.ModelProto:
    """Return one training step in standard operators.

    The array operators' reference bodies are inlined, 1/B is computed from the first data input, and the arrays,
    parameters and states are listed as inputs too, so that a session may feed their values instead of the stored ones.

    Args:
        training: the training graph; it is not changed.

    Returns:
        A model that passes `onnx.checker`. It is fed the data inputs, the masks, the label and `lr`.
    """
    model = inline_reference(training.model)
    _compute_inv_batch(model, training)
    held = [info.name for info in training.arrays]
    held += [info.name for info in training.parameters] + [info.name for info in training.states]
    model.graph.inputs.extend(model.graph.initializers[name] for name in held)
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _compute_inv_batch(model: ir.Model, training: TrainingGraph) -> None:
    """Replace the input 1/B by its computation from the shape of the first data input."""
    inputs = {value.name: value for value in model.graph.inputs}
    given = inputs[training.inv_batch]
    builder = GraphBuilder(model.graph, before=model.graph[0])
    shape = builder.op("Shape", [inputs[training.data_inputs[0]]], "inv_batch.shape")
    index = builder.constant(np.array(0, dtype=np.int64), "inv_batch.axis")
    size = builder.op("Gather", [shape, index], "inv_batch.size", axis=0)
    count = builder.op("Cast", [size], "inv_batch.count", to=ir.DataType.FLOAT.value)
    computed = builder.op("Reciprocal", [count], "inv_batch.computed")
    given.replace_all_uses_with(computed)
    model.graph.inputs.remove(given)
