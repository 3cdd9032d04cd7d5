"""BatchNormalization: statistics of the batch in training, running statistics in inference.

Over the N elements of a channel in the batch (samples and positions), with the population variance:

    μ = mean(x)   σ² = mean((x − μ)²)   x̂ = (x − μ)/√(σ² + ε)   y = s·x̂ + b
    b̄ = Σ g       s̄ = Σ g·x̂             x̄ = s/√(σ² + ε) · (g − mean(g) − x̂·mean(g·x̂))
    running ← momentum·running + (1 − momentum)·(μ, σ²)

Every sample is summed by itself first, and a reduction over the batch is an operator of its own: a barrier. Forward has
two, since the variance is taken around the mean; backward has one. Running statistics are states, not parameters.
Sources: ONNX, BatchNormalization-15; Ioffe and Szegedy 2015, arXiv 1502.03167, section 3.
"""

import math
from collections.abc import Sequence

import onnx_ir as ir

from ohmflow.compiler.arrays.fixed import is_trainable
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.autodiff.registry import Expanding, Expansion, NextState, training_form
from ohmflow.compiler.errors import UnsupportedError


def _rows(node: ir.Node) -> str | None:
    """Refuse what is normalised without a batch, and statistics of each sample's own."""
    x, *rest = node.inputs
    assert x is not None, "the checker requires it"
    if not has_batch(x):
        return f"input '{x.name}' must depend on the batch, not be a weight; compute it before the export"
    for value in rest:
        if value is not None and has_batch(value):
            return f"input '{value.name}' must not depend on the batch; normalise within each sample with Sub and Mul"
    return None


@training_form("BatchNormalization", rows=_rows)
def batch_normalization(expanding: Expanding) -> Expansion:
    """With batch statistics: b̄ = Σ g, s̄ = Σ g·x̂, x̄ = s/√(σ² + ε)·(g − mean(g) − x̂·mean(g·x̂))."""
    node, builder = expanding.node, expanding.builder
    x, scale, bias, mean_before, variance_before = (value for value in node.inputs if value is not None)
    shape = dims(x)
    per_channel = [shape[1] or 0, *(1 for _ in shape[2:])]

    def over_channel(value: ir.Value, part: str) -> ir.Value:
        """Give [channels] the axes of a sample."""
        return value if len(shape) == 2 else expanding.op("Reshape", [value, builder.ints(per_channel)], part)

    mean = _batch_mean(expanding.builder, x, len(shape), f"{node.outputs[0].name}.mean")
    centred = expanding.op("Sub", [x, over_channel(mean, "mean_of_channel")], "centred")
    squared = expanding.op("Mul", [centred, centred], "squared")
    variance = _batch_mean(builder, squared, len(shape), f"{node.outputs[0].name}.variance")
    epsilon = node.attributes.get("epsilon")
    above_zero = expanding.op(
        "Add", [variance, builder.scalar(1e-5 if epsilon is None else epsilon.as_float())], "variance_above_zero"
    )
    deviation = over_channel(expanding.op("Sqrt", [above_zero], "deviation"), "deviation_of_channel")
    inverse = expanding.op("Reciprocal", [deviation], "inverse_deviation")
    normal = expanding.op("Mul", [centred, inverse], "normalised")
    wide_scale = over_channel(scale, "scale_of_channel")
    scaled = expanding.op("Mul", [normal, wide_scale], "scaled")
    y = expanding.op("Add", [scaled, over_channel(bias, "bias_of_channel")], "shifted")
    states = (
        _running(expanding, mean_before, mean, "mean"),
        _running(expanding, variance_before, variance, "variance"),
    )

    def gradient(back: GraphBuilder, g: ir.Value) -> Sequence[ir.Value | None]:
        name = f"{node.name}.backward"
        axes = list(range(2, len(shape)))
        sums = [
            back.op("ReduceSum", [v, back.ints(axes)], f"{name}.{part}_of_sample", keepdims=0) if axes else v
            for v, part in ((g, "sum"), (back.op("Mul", [g, normal], f"{name}.product"), "product"))
        ]
        total, along = (back.op("ReduceSum", [v, back.ints([0])], f"{v.name}.batch_sum", keepdims=0) for v in sums)
        size = back.scalar(float(math.prod(length or 1 for length in shape[2:])))
        means = []
        for value in sums:
            mean_g = back.op("ReduceMean", [value, back.ints([0])], f"{value.name}.batch_mean", keepdims=0)
            if axes:
                mean_g = back.op("Div", [mean_g, size], f"{value.name}.mean")
                mean_g = back.op("Reshape", [mean_g, back.ints(per_channel)], f"{value.name}.of_channel")
            means.append(mean_g)
        straight = back.op("Sub", [g, means[0]], f"{name}.Sub")
        turned = back.op("Sub", [straight, back.op("Mul", [normal, means[1]], f"{name}.Mul")], f"{name}.Sub")
        factor = back.op("Mul", [wide_scale, inverse], f"{name}.factor")
        return [back.op("Mul", [turned, factor], f"{name}.Mul"), along, total, None, None]

    return Expansion(node.name or "", tuple(node.inputs), (y,), gradient, states)


def _batch_mean(builder: GraphBuilder, value: ir.Value, rank: int, name: str) -> ir.Value:
    """Mean of each channel, [channels]: of every sample first, then over the batch."""
    if rank > 2:
        value = builder.op("ReduceMean", [value, builder.ints(range(2, rank))], f"{name}_of_sample", keepdims=0)
    return builder.op("ReduceMean", [value, builder.ints([0])], name, keepdims=0)


def _running(expanding: Expanding, before: ir.Value, batch: ir.Value, part: str) -> NextState:
    """Return momentum·before + (1 − momentum)·batch, as what the running statistic becomes."""
    if not is_trainable(before):
        raise UnsupportedError(
            f"{expanding.where}: running {part} '{before.name}' must be an initialiser to be kept up, not computed or "
            "constant; export it as an initialiser"
        )
    if len(list(before.uses())) > 1:
        raise UnsupportedError(
            f"{expanding.where}: running {part} '{before.name}' must belong to this node alone, not be used elsewhere; "
            "export each with statistics of its own"
        )
    attribute = expanding.node.attributes.get("momentum")
    momentum = 0.9 if attribute is None else attribute.as_float()
    scalar = expanding.builder.scalar
    kept = expanding.op("Mul", [before, scalar(momentum)], f"kept_{part}")
    added = expanding.op("Mul", [batch, scalar(1.0 - momentum)], f"added_{part}")
    following = expanding.builder.op("Add", [kept, added], f"{before.name}.next")
    return NextState(before, following, "statistic", exported=True)
