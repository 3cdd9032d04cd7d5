"""One spelling for operators that slide a window: every attribute is said, and padding is told in numbers.

    Before:  y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w)              x [batch, 3, 8, 8], w [4, 3, 3, 3]
    After:   y = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1], dilations = [1, 1], …> (x, w)

Later stages read `kernel_shape`, `strides`, `pads`, `dilations` and `group`, and find no `auto_pad`. With SAME, the
output has ⌈length / stride⌉ positions, and what is missing for them is padded, the odd element at the end (UPPER) or
at the start (LOWER). Source: ONNX, Conv-11, MaxPool-12, AveragePool-19.
"""

import onnx_ir as ir

from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.arrays.shapes import dims
from ohmflow.compiler.errors import UnsupportedError

_POOLS = ("MaxPool", "AveragePool")


def explicit_windows(model: ir.Model) -> None:
    """Write out the attributes of Conv, MaxPool and AveragePool, in place; all shapes are known.

    Raises:
        UnsupportedError: a window's input has no spatial dimension, a pool's second output is used, or its padding is
            ambiguous.
    """
    for node in model.graph:
        if node.domain == "" and (node.op_type in _POOLS or node.op_type == "Conv"):
            _explicit(model, node)


def _explicit(model: ir.Model, node: ir.Node) -> None:
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    lengths = [length for length in dims(x)[2:] if length is not None]
    rank = len(lengths)
    if rank < 1 or len(dims(x)) != rank + 2:
        raise UnsupportedError(
            f"{at(model, node)}: input '{x.name}' must have shape [batch, channels, length…], not {x.shape}; "
            "reshape it before"
        )
    if node.op_type == "Conv":
        weight = node.inputs[1]
        assert weight is not None, "the checker requires it"
        default = [length or 0 for length in dims(weight)[2:]]
    else:
        _check_pool(model, node)
        default = [1] * rank
    kernel = _ints(node, "kernel_shape", default)
    strides, dilations = _ints(node, "strides", [1] * rank), _ints(node, "dilations", [1] * rank)
    pads = _ints(node, "pads", [0] * (2 * rank))
    mode = node.attributes.pop("auto_pad", None)
    kind = "NOTSET" if mode is None else mode.as_string()
    if kind != "NOTSET":
        pads = [0] * (2 * rank)
    if kind.startswith("SAME"):
        for axis in range(rank):
            positions = -(-lengths[axis] // strides[axis])
            reach = (positions - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
            missing = reach - lengths[axis]
            if missing < 0 and node.op_type in _POOLS:
                # Runtimes disagree on where such windows begin: some crop the input, which no padding says.
                raise UnsupportedError(
                    f"{at(model, node)}: auto_pad must not be {kind} where windows of {kernel[axis]} with stride "
                    f"{strides[axis]} leave elements of {lengths[axis]} out at the end; give pads, and crop with Slice"
                )
            missing = max(missing, 0)
            small, large = missing // 2, missing - missing // 2
            pads[axis], pads[axis + rank] = (small, large) if kind == "SAME_UPPER" else (large, small)
    said = {"kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations}
    for name, values in said.items():
        node.attributes[name] = ir.AttrInt64s(name, values)
    if node.op_type == "Conv" and "group" not in node.attributes:
        node.attributes["group"] = ir.AttrInt64("group", 1)


def _check_pool(model: ir.Model, node: ir.Node) -> None:
    for output in node.outputs[1:]:
        if output.uses() or output.is_graph_output():
            raise UnsupportedError(
                f"{at(model, node)}: output '{output.name}' (indices) must be unused, not read; remove what reads it"
            )
    if len(node.outputs) > 1:
        node.resize_outputs(1)
    node.attributes.pop("storage_order", None)  # it orders the indices only


def _ints(node: ir.Node, name: str, default: list[int]) -> list[int]:
    attribute = node.attributes.get(name)
    return list(default) if attribute is None else [int(value) for value in attribute.as_ints()]
