"""Heavy-ball momentum for digital parameters: v ← μ·v + g, p ← p − lr·v, μ = 0.9, v = 0 at the start.

Source: Polyak 1964, 10.1016/0041-5553(64)90137-5, in the form of Sutskever et al. 2013 (ICML) with the learning rate
outside the velocity.
"""

import onnx_ir as ir

from ohmflow.compiler.autodiff.registry import Stepping, optimizer

MOMENTUM = 0.9


@optimizer("momentum")
def momentum(stepping: Stepping) -> ir.Value:
    """Return p − lr·v and keep v."""

    def velocity(before: ir.Value) -> ir.Value:
        kept = stepping.op("Mul", [before, stepping.builder.scalar(MOMENTUM)], "kept_velocity")
        return stepping.op("Add", [kept, stepping.gradient], "velocity.next")

    step = stepping.op("Mul", [stepping.slot("velocity", velocity), stepping.lr], "step")
    return stepping.op("Sub", [stepping.parameter, step], "next")
