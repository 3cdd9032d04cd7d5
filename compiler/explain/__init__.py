"""What becomes of each node of a model, and why: `ohmflow compile --explain`."""

from ohmflow.compiler.explain.explain import explain

__all__ = ["explain"]
