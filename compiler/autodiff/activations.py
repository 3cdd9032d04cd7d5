"""Gradients of pointwise activations: from the activation's own output where it tells enough, so that only y is kept.

At a kink the gradient is that of the constant side: 0 at x = 0 of Relu, at both bounds of Clip and HardSigmoid.
"""

import math
from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.autodiff.registry import Adjoint, gradient


@gradient("Relu")
def relu(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g where y > 0, else 0 (so 0 at x = 0)."""
    zero = adjoint.builder.scalar(0.0)
    active = adjoint.op("Greater", [adjoint.output, zero])
    return [adjoint.op("Where", [active, adjoint.gradient, zero])]


@gradient("Sigmoid")
def sigmoid(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·y·(1 − y)."""
    rest = adjoint.op("Sub", [adjoint.builder.scalar(1.0), adjoint.output])
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.op("Mul", [adjoint.output, rest])])]


@gradient("Tanh")
def tanh(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·(1 − y²)."""
    squared = adjoint.op("Mul", [adjoint.output, adjoint.output])
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.op("Sub", [adjoint.builder.scalar(1.0), squared])])]


def _number(adjoint: Adjoint, name: str, default: float) -> float:
    attribute = adjoint.node.attributes.get(name)
    return default if attribute is None else attribute.as_float()


def _where(adjoint: Adjoint, chosen: ir.Value, g: ir.Value, otherwise: ir.Value) -> ir.Value:
    return adjoint.op("Where", [chosen, g, otherwise])


@gradient("LeakyRelu")
def leaky_relu(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g where x > 0, else α·g."""
    scalar = adjoint.builder.scalar
    active = adjoint.op("Greater", [adjoint.input(0), scalar(0.0)])
    leaked = adjoint.op("Mul", [adjoint.gradient, scalar(_number(adjoint, "alpha", 0.01))])
    return [_where(adjoint, active, adjoint.gradient, leaked)]


@gradient("Elu")
def elu(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g where x > 0, else g·(y + α)."""
    scalar = adjoint.builder.scalar
    active = adjoint.op("Greater", [adjoint.input(0), scalar(0.0)])
    slope = adjoint.op("Add", [adjoint.output, scalar(_number(adjoint, "alpha", 1.0))])
    return [_where(adjoint, active, adjoint.gradient, adjoint.op("Mul", [adjoint.gradient, slope]))]


def _between(adjoint: Adjoint, value: ir.Value, low: ir.Value | None, high: ir.Value | None) -> ir.Value | None:
    """Where low < value < high; None if nothing bounds it."""
    above = None if low is None else adjoint.op("Greater", [value, low])
    below = None if high is None else adjoint.op("Less", [value, high])
    if above is None or below is None:
        return above or below
    return adjoint.op("And", [above, below])


def _free_bounds(node: ir.Node) -> str | None:
    """Refuse bounds that depend on data or are trained."""
    for value in node.inputs[1:]:
        if value is not None and value.const_value is None:
            return f"bound '{value.name}' of Clip must be a constant, not computed; export it as one"
    return None


@gradient("Clip", rows=_free_bounds)
def clip(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g where min < y < max, else 0."""
    bounds = [*adjoint.node.inputs[1:], None, None][:2]
    inside = _between(adjoint, adjoint.output, *bounds)
    g = adjoint.gradient
    passed = g if inside is None else _where(adjoint, inside, g, adjoint.builder.scalar(0.0))
    return [passed, *(None for _ in adjoint.node.inputs[1:])]


@gradient("HardSigmoid")
def hard_sigmoid(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = α·g where 0 < y < 1, else 0."""
    scalar = adjoint.builder.scalar
    inside = _between(adjoint, adjoint.output, scalar(0.0), scalar(1.0))
    assert inside is not None, "both bounds are given"
    scaled = adjoint.op("Mul", [adjoint.gradient, scalar(_number(adjoint, "alpha", 0.2))])
    return [_where(adjoint, inside, scaled, scalar(0.0))]


@gradient("HardSwish")
def hard_swish(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = 0 below −3, g above 3, g·(x/3 + 1/2) between."""
    scalar, x, g = adjoint.builder.scalar, adjoint.input(0), adjoint.gradient
    slope = adjoint.op("Add", [adjoint.op("Mul", [x, scalar(1 / 3)]), scalar(0.5)])
    low = _where(adjoint, adjoint.op("Greater", [x, scalar(-3.0)]), adjoint.op("Mul", [g, slope]), scalar(0.0))
    return [_where(adjoint, adjoint.op("Less", [x, scalar(3.0)]), low, g)]


@gradient("Gelu")
def gelu(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·(Φ(x) + x·φ(x)); with `approximate = tanh`, the derivative of that approximation."""
    op, scalar, x, g = adjoint.op, adjoint.builder.scalar, adjoint.input(0), adjoint.gradient
    attribute = adjoint.node.attributes.get("approximate")
    squared = op("Mul", [x, x])
    if attribute is not None and attribute.as_string() == "tanh":
        # y = x·(1 + t)/2 with t = tanh(u), u = √(2/π)·(x + 0.044715·x³)
        root = math.sqrt(2 / math.pi)
        inner = op("Add", [op("Mul", [squared, scalar(root * 0.044715)]), scalar(root)])
        t = op("Tanh", [op("Mul", [x, inner])])
        inner_slope = op("Add", [op("Mul", [squared, scalar(3 * root * 0.044715)]), scalar(root)])
        bend = op("Mul", [op("Sub", [scalar(1.0), op("Mul", [t, t])]), inner_slope])
        slope = op("Mul", [op("Add", [op("Add", [t, scalar(1.0)]), op("Mul", [x, bend])]), scalar(0.5)])
        return [op("Mul", [g, slope])]
    whole = op("Mul", [op("Add", [op("Erf", [op("Mul", [x, scalar(math.sqrt(0.5))])]), scalar(1.0)]), scalar(0.5)])
    density = op("Mul", [op("Exp", [op("Mul", [squared, scalar(-0.5)])]), scalar(1 / math.sqrt(2 * math.pi))])
    return [op("Mul", [g, op("Add", [whole, op("Mul", [x, density])])])]


@gradient("Softplus")
def softplus(adjoint: Adjoint) -> Sequence[ir.Value | None]:
    """x̄ = g·sigmoid(x)."""
    return [adjoint.op("Mul", [adjoint.gradient, adjoint.op("Sigmoid", [adjoint.input(0)])])]
