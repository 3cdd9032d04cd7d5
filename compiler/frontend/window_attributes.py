"""One spelling for operators that slide a window: every attribute is said, and padding is told in numbers.

    Before:  y = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (x, w)              x [batch, 3, 8, 8], w [4, 3, 3, 3]
    After:   y = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [0, 0, 1, 1], dilations = [1, 1], …> (x, w)

Later stages read `kernel_shape`, `strides`, `pads`, `dilations` and `group`, and find no `auto_pad`. With SAME, the
output has ⌈length / stride⌉ positions, and what is missing for them is padded, the odd element at the end (UPPER) or
at the start (LOWER). Source: ONNX, Conv-11, MaxPool-12, AveragePool-19.
"""

from math import prod

import onnx_ir as ir

from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.arrays.shapes import dims
from ohmflow.compiler.errors import ModelError, UnsupportedError
from ohmflow.compiler.frontend.checks import LARGEST_SAMPLE

_POOLS = ("MaxPool", "AveragePool")


def explicit_windows(model: ir.Model) -> None:
    """Write out the attributes of Conv, MaxPool and AveragePool, in place; all shapes are known.

    Raises:
        ModelError: channels can not be shared between groups.
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
        if len(dims(weight)) != rank + 2:
            raise ModelError(
                f"{at(model, node)}: weight '{weight.name}' must have rank {rank + 2} as input '{x.name}' has, not "
                f"{len(dims(weight))}; check its shape"
            )
        _check_groups(model, node, dims(x)[1] or 0, dims(weight))
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        if bias is not None and dims(bias) != dims(weight)[:1]:
            raise ModelError(
                f"{at(model, node)}: bias '{bias.name}' must have shape [{dims(weight)[0]}], one number an output, not "
                f"{bias.shape}; check its shape"
            )
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
    _check_windows(model, node, kernel, lengths, pads)
    said = {"kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations}
    for name, values in said.items():
        node.attributes[name] = ir.AttrInt64s(name, values)
    if node.op_type == "Conv" and "group" not in node.attributes:
        node.attributes["group"] = ir.AttrInt64("group", 1)


def _check_groups(model: ir.Model, node: ir.Node, channels: int, weight: tuple[int | None, ...]) -> None:
    """Refuse groups that channels can not be shared between; ONNX's shape inference does not look."""
    attribute = node.attributes.get("group")
    groups = 1 if attribute is None else attribute.as_int()
    if groups < 1 or channels % groups or (weight[0] or 0) % groups or channels != groups * (weight[1] or 0):
        raise ModelError(
            f"{at(model, node)}: group must divide {channels} input channels into groups of {weight[1]} and "
            f"{weight[0]} outputs evenly, not be {groups}; check the weight's shape"
        )


def _check_windows(model: ir.Model, node: ir.Node, kernel: list[int], lengths: list[int], pads: list[int]) -> None:
    """Refuse a convolution or pool whose padded input or whose windows are beyond what is simulated for one sample."""
    x = node.inputs[0]
    assert x is not None, "the checker requires it"
    channels = dims(x)[1] or 1
    rank = len(lengths)
    padded = channels * prod(lengths[k] + pads[k] + pads[k + rank] for k in range(rank))
    positions = prod(length or 1 for length in dims(node.outputs[0])[2:])
    elements = max(padded, positions * channels * prod(kernel))
    if elements > LARGEST_SAMPLE:
        raise UnsupportedError(
            f"{at(model, node)}: its windows must have at most {LARGEST_SAMPLE:,} elements for a sample, not "
            f"{elements:,}; use smaller inputs, padding or kernels"
        )


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
