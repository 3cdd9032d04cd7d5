"""How much vector work an operator is: elements by class, for the bill and the clock.

`simple` operators (add, multiply, compare, select) take the vector unit's plain interval, `special` ones (exponential,
logarithm, division and what is made of them) its longer one. Operators that only rename or re-shape cost nothing.
"""

from math import prod

import onnx_ir as ir

_FREE = frozenset({"Reshape", "Flatten", "Identity", "Squeeze", "Unsqueeze", "Constant", "Shape", "Dropout"})
_SPECIAL = frozenset(
    {
        *("Exp", "Log", "Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Div", "Reciprocal", "Sqrt", "Pow", "Erf"),
        *("Softplus", "Elu", "Gelu"),
    }
)
WORK = "ohmflow.work"
"""Key of a node's metadata: its class and elements, where they are not those of its operator."""

_POOLS = frozenset({"MaxPool", "AveragePool"})
_MOVES = frozenset({"Slice", "Gather", "Pad", "Concat", "Expand"})
"""They write each element of their result once, whatever the size of what they choose from."""


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

    A matrix product or convolution counts a multiply and an add for every term, a pool what its windows see,
    an inference BatchNormalization a multiply and an add for every element (its factors are per channel), a
    ScatterElements what it adds, any other operator its largest operand or result.
    """
    told = node.metadata_props.get(WORK)
    if told is not None:
        kind, elements_told = told.split()
        return (kind, int(elements_told)) if int(elements_told) else None
    if node.op_type in _FREE:
        return None
    result = _elements(node.outputs[0])
    match node.op_type:
        case "MatMul" | "Gemm":
            return "simple", 2 * result * _inner(node)
        case "Conv":
            return "simple", 2 * result * prod(row_dims(_operand(node, 1))[1:])
        case "ConvTranspose":
            return "simple", 2 * _elements(_operand(node, 0)) * prod(row_dims(_operand(node, 1))[1:])
        case "BatchNormalization":
            return "simple", 2 * result
        case "ScatterElements":
            return "simple", _elements(_operand(node, 2))
        case op_type if op_type in _POOLS:
            return "simple", result * prod(node.attributes["kernel_shape"].as_ints())
        case op_type if op_type in _MOVES:
            return "simple", result
    elements = max(_elements(v) for v in (*node.inputs, *node.outputs) if v is not None and v.shape is not None)
    return ("special" if node.op_type in _SPECIAL else "simple"), elements


def _elements(value: ir.Value) -> int:
    return prod(row_dims(value))


def _operand(node: ir.Node, index: int) -> ir.Value:
    value = node.inputs[index]
    assert value is not None, f"{node.op_type} requires operand {index}"
    return value


def _inner(node: ir.Node) -> int:
    """Terms of each sum of a product."""
    left = row_dims(_operand(node, 0))
    turned = node.attributes.get("transA")
    if not left:
        return 1
    return left[0] if turned is not None and turned.as_int() else left[-1]
