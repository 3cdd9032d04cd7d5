"""Adam with bias correction: steps of about the learning rate, β₁ = 0.9, β₂ = 0.999, ε = 1e-8.

    m ← β₁·m + (1 − β₁)·g       v ← β₂·v + (1 − β₂)·g²       p ← p − lr·(m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)

t counts steps from 1, and all parameters share it. Source: Kingma and Ba 2015,
arXiv 1412.6980, Algorithm 1.
"""

import onnx_ir as ir

from ohmflow.compiler.autodiff.registry import Stepping, optimizer

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


@optimizer("adam")
def adam(stepping: Stepping) -> ir.Value:
    """Return the next p and keep m, v and t."""
    gradient = stepping.gradient
    squared = stepping.op("Mul", [gradient, gradient], "squared_gradient")
    first = stepping.slot("first_moment", lambda before: _mean(stepping, before, gradient, BETA_1, "first_moment"))
    second = stepping.slot("second_moment", lambda before: _mean(stepping, before, squared, BETA_2, "second_moment"))
    count = stepping.op("Cast", [stepping.steps()], "steps", to=ir.DataType.FLOAT.value)
    direction = _corrected(stepping, first, count, BETA_1, "first_moment")
    root = stepping.op("Sqrt", [_corrected(stepping, second, count, BETA_2, "second_moment")], "root")
    size = stepping.op("Add", [root, stepping.builder.scalar(EPSILON)], "size")
    step = stepping.op("Mul", [stepping.op("Div", [direction, size], "direction"), stepping.lr], "step")
    return stepping.op("Sub", [stepping.parameter, step], "next")


def _mean(stepping: Stepping, before: ir.Value, new: ir.Value, beta: float, name: str) -> ir.Value:
    """Return β·before + (1 − β)·new."""
    scalar = stepping.builder.scalar
    kept = stepping.op("Mul", [before, scalar(beta)], f"{name}.kept")
    added = stepping.op("Mul", [new, scalar(1.0 - beta)], f"{name}.added")
    return stepping.op("Add", [kept, added], f"{name}.next")


def _corrected(stepping: Stepping, moment: ir.Value, count: ir.Value, beta: float, name: str) -> ir.Value:
    """Return the moment without its bias towards 0, moment / (1 − βᵗ)."""
    scalar = stepping.builder.scalar
    left = stepping.op("Pow", [scalar(beta), count], f"{name}.left")
    return stepping.op("Div", [moment, stepping.op("Sub", [scalar(1.0), left], f"{name}.weight")], f"{name}.corrected")
