"""Which initialisers training leaves alone.

An initialiser may be trained if it is float32, of rank 1 or more, and stored as an initialiser: what a model stores
as a Constant node, and what was computed from such constants, is fixed.
"""

import onnx_ir as ir

_FIXED = "ohmflow.fixed"


def mark_fixed(value: ir.Value) -> None:
    """Mark an initialiser as a constant of the model."""
    value.metadata_props[_FIXED] = "true"


def is_trainable(value: ir.Value) -> bool:
    """Tell whether training may change the value: a float32 initialiser of rank ≥ 1 that is not a constant."""
    if not value.is_initializer() or value.const_value is None or _FIXED in value.metadata_props:
        return False
    return value.dtype == ir.DataType.FLOAT and len(value.const_value.shape) >= 1
