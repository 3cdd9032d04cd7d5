"""Differentiation of the array graph: one file a gradient family, one a loss, one a digital optimiser."""

from ohmflow.compiler.autodiff.export import training_onnx
from ohmflow.compiler.autodiff.training import inference_graph, training_graph
from ohmflow.compiler.autodiff.training_graph import LabelInfo, ParameterInfo, TrainingGraph, UpdateInfo

__all__ = [
    "LabelInfo",
    "ParameterInfo",
    "TrainingGraph",
    "UpdateInfo",
    "inference_graph",
    "training_graph",
    "training_onnx",
]
