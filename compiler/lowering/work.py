"""How much vector work an operator is: elements by class, for the bill and the clock.

`simple` operators (add, multiply, compare, select) take the vector unit's plain interval, `special` ones (exponential,
logarithm, division and what is made of them) its longer one. Operators that only rename or re-shape cost nothing.
"""

from math import prod

import onnx_ir as ir

_FREE = frozenset({"Reshape", "Flatten", "Identity", "Squeeze", "Unsqueeze", "Constant", "Shape"})
_SPECIAL = frozenset(
    {"Exp", "Log", "Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Div", "Reciprocal", "Sqrt", "Pow", "Erf", "Softplus"}
)


def row_dims(value: ir.Value) -> tuple[int, ...]:
    """Shape of one row of a value whose first dimension is the batch, or its whole shape when it has none."""
    assert value.shape is not None, value.name
    dims = list(value.shape)
    if is_rows(value):
        dims = dims[1:]
    return tuple(int(d) for d in dims if isinstance(d, int))


def is_rows(value: ir.Value) -> bool:
    """Whether the value has one row per sample: its first dimension is symbolic."""
    return value.shape is not None and len(value.shape) > 0 and not isinstance(value.shape[0], int)


def node_work(node: ir.Node) -> tuple[str, int] | None:
    """Class and elements (per row, if the node works on rows) of a node's work; None when it costs nothing.

    A matrix product that stayed digital counts a multiply and an add for every term.
    """
    if node.op_type in _FREE:
        return None
    elements = max(
        (prod(row_dims(v)) for v in (*node.inputs, *node.outputs) if v is not None and v.shape is not None), default=0
    )
    if node.op_type in ("MatMul", "Gemm"):
        left = node.inputs[0]
        assert left is not None
        inner = row_dims(left)[-1] if row_dims(left) else 1
        return "simple", 2 * prod(row_dims(node.outputs[0])) * inner
    return ("special" if node.op_type in _SPECIAL else "simple"), elements
