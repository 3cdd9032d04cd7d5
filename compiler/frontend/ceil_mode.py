"""Pools with ceil_mode: how many windows there are, before anything infers shapes.

Rounding up adds a window at the end of an axis, unless it would begin beyond the input and its padding at the start.
ONNX Runtime leaves that window out (as the frameworks do that export ceil_mode), shape inference of the onnx library
does not for every pool. So ceil_mode is taken away where it adds nothing, and kept where it does.
"""

import onnx_ir as ir

from ohmflow.compiler.arrays.location import at
from ohmflow.compiler.arrays.shapes import infer_shapes
from ohmflow.compiler.errors import UnsupportedError


def settle_ceil_mode(model: ir.Model) -> None:
    """Remove `ceil_mode` from pools where it adds no window, in place.

    Before:  y = MaxPool <kernel_shape = [1], strides = [2], ceil_mode = 1> (x)         x [batch, 2, 2]
    After:   y = MaxPool <kernel_shape = [1], strides = [2]> (x)                        y [batch, 2, 1]

    Raises:
        ModelError: operands before the pool do not fit each other.
        UnsupportedError: it adds a window along one axis of an AveragePool that counts padding, and would add one that
            begins beyond the input along another.
    """
    for number, node in enumerate(list(model.graph)):
        if node.domain != "" or node.op_type not in ("MaxPool", "AveragePool") or not _int(node, "ceil_mode"):
            continue
        mode = node.attributes.get("auto_pad")
        if mode is not None and mode.as_string().startswith("SAME"):
            node.attributes.pop("ceil_mode")  # these pads leave nothing to round
        elif (lengths := _lengths(model, number)) is not None:
            _settle(model, node, lengths)


def _lengths(model: ir.Model, number: int) -> list[int] | None:
    """Spatial lengths of the first input of the node with this number, from the nodes before it."""
    before = model.clone()
    nodes = list(before.graph)
    value = nodes[number].inputs[0]
    before.graph.outputs.clear()
    for node in nodes:
        for output in node.outputs:
            output.shape = None
    before.graph.remove(nodes[number:], safe=False)
    infer_shapes(before, complete=False)
    if value is None or value.shape is None:
        return None
    lengths = [length for length in value.shape[2:] if isinstance(length, int)]
    return lengths if len(lengths) == len(value.shape) - 2 else None


def _settle(model: ir.Model, node: ir.Node, lengths: list[int]) -> None:
    rank = len(lengths)
    kernel = _ints(node, "kernel_shape", [])
    strides, dilations = _ints(node, "strides", [1] * rank), _ints(node, "dilations", [1] * rank)
    pads = _ints(node, "pads", [0] * (2 * rank))
    if not len(kernel) == len(strides) == len(dilations) == rank == len(pads) // 2 or min(strides, default=0) < 1:
        return  # for shape inference to refuse
    mode = node.attributes.get("auto_pad")
    if mode is not None and mode.as_string() == "VALID":
        pads = [0] * (2 * rank)
        del node.attributes["auto_pad"]
        node.attributes["pads"] = ir.AttrInt64s("pads", pads)
    added, beyond = [False] * rank, [False] * rank
    ends = pads[rank:]
    for axis in range(rank):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        room = lengths[axis] + pads[axis] + ends[axis] - reach
        if room < 0 or room % strides[axis] == 0:
            continue
        start = -(-room // strides[axis]) * strides[axis]
        added[axis] = start < lengths[axis] + pads[axis]
        beyond[axis] = not added[axis]
        if added[axis]:
            ends[axis] = start + reach - lengths[axis] - pads[axis]
    if any(added) and not any(beyond):
        return
    node.attributes.pop("ceil_mode")
    if any(added):
        if not any(pads):
            node.attributes.pop("count_include_pad", None)  # there is no padding to count
        if _int(node, "count_include_pad"):
            raise UnsupportedError(
                f"{at(model, node)}: ceil_mode must add windows along all axes or none of an AveragePool that counts "
                "padding, not along some; pad the input, or set count_include_pad to 0"
            )
        node.attributes["pads"] = ir.AttrInt64s("pads", [*pads[:rank], *ends])


def _int(node: ir.Node, name: str) -> int:
    attribute = node.attributes.get(name)
    return 0 if attribute is None else attribute.as_int()


def _ints(node: ir.Node, name: str, default: list[int]) -> list[int]:
    attribute = node.attributes.get(name)
    return list(default) if attribute is None else [int(value) for value in attribute.as_ints()]
