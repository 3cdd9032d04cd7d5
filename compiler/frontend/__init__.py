"""Reading a model: from an ONNX file to a checked, normal graph."""

from ohmflow.compiler.frontend.load import load_model

__all__ = ["load_model"]
