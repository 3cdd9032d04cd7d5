"""The trained model: the source model with its weights replaced by what was trained."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from ohmflow.compiler.program.program import Program
from ohmflow.runtime.machine.values import ValueEngine


def trained_weights(program: Program, values: ValueEngine) -> dict[str, NDArray[Any]]:
    """Trained values by the source model's initialiser, in the source's orientation.

    What a layer computes is its array and the shares of the arrays that its rule added, W = main + Σ gain · auxiliary.
    """
    weights: dict[str, NDArray[Any]] = {}
    logical = {record.name: array.weights() for record, array in zip(program.arrays, values.arrays, strict=True)}
    for record in program.arrays:
        if record.layer and record.gain != 0:
            logical[record.layer] = logical[record.layer] + np.float32(record.gain) * logical[record.name]
    for record in program.arrays:
        if record.layer:
            continue
        stored = logical[record.name].T if record.transposed else logical[record.name]
        # The groups of a convolution are arrays of their own, in the order of their parts.
        before = weights.get(record.initializer)
        weights[record.initializer] = stored if before is None else np.concatenate([before, stored])
    for state, value in zip(program.states, values.states, strict=True):
        if state.initializer:
            weights[state.initializer] = value
    return weights


def export_model(program: Program, weights: Mapping[str, NDArray[Any]], notes: Mapping[str, str]) -> onnx.ModelProto:
    """Put weights into the source model.

    Args:
        program: holds the source model.
        weights: by initialiser; shape and element type of the source are kept.
        notes: metadata of the run, stored in the model's properties.

    Returns:
        A model with the source's nodes, names and types.
    """
    model = onnx.load_model_from_string(program.source_onnx)
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
            value = np.ascontiguousarray(weights[tensor.name].reshape(tuple(tensor.dims)), kind)
            tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))
    for key in sorted(notes):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, notes[key]
    onnx.checker.check_model(model)
    return model
