"""What to use instead of an operator that is not supported: by meaning, or else by spelling."""

import difflib
from collections.abc import Collection, Mapping

NEAR: Mapping[str, tuple[str, ...]] = {
    "ArgMax": ("Softmax",),
    "Celu": ("Elu",),
    "ConvTranspose": ("Conv",),
    "CumSum": ("MatMul",),
    "Einsum": ("MatMul", "Transpose"),
    "Erf": ("Tanh", "Gelu"),
    "Expand": ("Add", "Mul"),
    "GRU": ("Gemm", "Tanh"),
    "Gather": ("Slice",),
    "GlobalLpPool": ("GlobalAveragePool",),
    "GroupNormalization": ("BatchNormalization",),
    "Hardmax": ("Softmax",),
    "InstanceNormalization": ("BatchNormalization",),
    "LRN": ("BatchNormalization",),
    "LSTM": ("Gemm", "Tanh"),
    "LayerNormalization": ("BatchNormalization",),
    "LpNormalization": ("BatchNormalization",),
    "LpPool": ("AveragePool",),
    "Max": ("Relu", "Clip"),
    "Mean": ("Add", "Mul"),
    "MeanVarianceNormalization": ("BatchNormalization",),
    "Min": ("Clip",),
    "Mish": ("HardSwish", "Gelu"),
    "PRelu": ("LeakyRelu",),
    "Pow": ("Mul", "Sqrt"),
    "RMSNormalization": ("BatchNormalization",),
    "RNN": ("Gemm", "Tanh"),
    "ReduceL1": ("Abs", "ReduceSum"),
    "ReduceL2": ("Mul", "ReduceSum", "Sqrt"),
    "ReduceMax": ("GlobalMaxPool", "MaxPool"),
    "ReduceSumSquare": ("Mul", "ReduceSum"),
    "Selu": ("Elu",),
    "Softsign": ("Tanh",),
    "Sum": ("Add",),
    "Swish": ("HardSwish",),
    "ThresholdedRelu": ("Relu",),
    "Where": ("Mul", "Add"),
}
"""Supported operators that do nearly the same, or of which it can be made."""


def nearest(op_type: str, known: Collection[str]) -> tuple[str, ...]:
    """Return supported operators to use instead, those of like meaning first; empty when none comes near.

    Args:
        op_type: the operator that is not supported.
        known: the operators that are.
    """
    meant = tuple(name for name in NEAR.get(op_type, ()) if name in known)
    return meant or tuple(difflib.get_close_matches(op_type, known, n=1, cutoff=0.6))
