"""Convolutions with trainable weights become products of windows with arrays.

    Before:  y = Conv (x, w, b)                                w [out, in / groups, kernel height, kernel width]
    After:   p = ohmflow::windows (x)                          [batch, positions, rows]
             z = ohmflow::mvm <array = "w", site = 0> (p, w)   w [rows, out], rows = in · kernel height · kernel width
             y = Reshape (Transpose (Add (z, b)))

Every group is an array of its own, on rows and columns of its own, so that no pulse meets a device that is not a
weight: what a block-diagonal matrix would be, without its zeros. A signal [batch, channels, length] is an image of
width 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ohmflow.compiler.arrays.fixed import is_trainable
from ohmflow.compiler.arrays.functions import DOMAIN, MVM
from ohmflow.compiler.arrays.graph_builder import GraphBuilder
from ohmflow.compiler.arrays.shapes import dims, has_batch
from ohmflow.compiler.arrays.window_functions import WINDOWS
from ohmflow.compiler.program.windows import Window


@dataclass(frozen=True)
class Grouped:
    """A convolution in groups, for the choice between arrays and the vector unit.

    Attributes:
        node: its name.
        groups: how many.
        rows: inputs of one group's array.
        cols: its outputs.
        positions: windows of a sample.
    """

    node: str
    groups: int
    rows: int
    cols: int
    positions: int


@dataclass(frozen=True)
class ConvRead:
    """How a Conv reads its weights: windows of each group, and whether its input has a width."""

    windows: tuple[Window, ...]
    flat: bool

    @property
    def groups(self) -> int:
        """How many arrays."""
        return len(self.windows)


def as_conv_read(node: ir.Node, grouped: Callable[[Grouped], str | None] | None) -> ConvRead | str:
    """Return how a Conv reads arrays, or why it can not.

    Args:
        node: a Conv.
        grouped: why a convolution in groups had better stay digital, or None.
    """
    x, weight = node.inputs[0], node.inputs[1]
    assert x is not None and weight is not None, "the checker requires both operands"
    if weight.producer() is not None or not is_trainable(weight):
        return "its weights are no trainable initialiser"
    if not has_batch(x):
        return "its input does not depend on the batch"
    spatial = len(dims(weight)) - 2
    if spatial not in (1, 2):
        return f"it has {spatial} spatial dimensions, and arrays take 1 or 2"
    shape, kernel = _known(dims(x)[1:]), _known(dims(weight))
    groups = _ints(node, "group", [1])[0]
    strides, dilations = _ints(node, "strides", [1] * spatial), _ints(node, "dilations", [1] * spatial)
    pads = _ints(node, "pads", [0] * (2 * spatial))
    if spatial == 1:
        shape, kernel = (*shape, 1), (*kernel, 1)
        strides, dilations, pads = [*strides, 1], [*dilations, 1], [pads[0], 0, pads[1], 0]
    channels = kernel[1]
    windows = tuple(
        Window(
            (shape[0], shape[1], shape[2]),
            k * channels,
            channels,
            (kernel[2], kernel[3]),
            (strides[0], strides[1]),
            (pads[0], pads[1], pads[2], pads[3]),
            (dilations[0], dilations[1]),
        )
        for k in range(groups)
    )
    if min(windows[0].out) < 1:
        return "its kernel is larger than its input"
    if groups > 1 and grouped is not None:
        reason = grouped(Grouped(node.name or "", groups, windows[0].size, kernel[0] // groups, windows[0].positions))
        if reason is not None:
            return reason
    return ConvRead(windows, spatial == 1)


def group_matrices(stored: NDArray[Any], groups: int) -> list[NDArray[Any]]:
    """Return each group's weights as [rows, cols]; `stored` is [out, in / groups, …]."""
    return [part.reshape(len(part), -1).T for part in np.split(stored, groups)]


def rewrite_conv(graph: ir.Graph, node: ir.Node, read: ConvRead, arrays: list[ir.Value], site: int) -> None:
    """Put windows, array operators and what is left of the node in the node's place."""
    result, x = node.outputs[0], node.inputs[0]
    assert x is not None, "the checker requires it"
    name = result.name or "convolution"
    builder = GraphBuilder(graph, before=node)
    if read.flat:
        x = builder.op("Reshape", [x, builder.ints([0, *read.windows[0].image])], f"{x.name}.image")
    parts, products = [], []
    for k, (window, array) in enumerate(zip(read.windows, arrays, strict=True)):
        part = f"{name}.g{k}" if read.groups > 1 else name
        patches = builder.op(
            f"{WINDOWS}_{window.name}", [x], f"{part}.windows", domain=DOMAIN, window=list(window.numbers)
        )
        parts.append(builder.op(MVM, [patches, array], f"{part}.mvm", domain=DOMAIN, array=array.name, site=site))
        products.append(parts[-1].producer())
    value = parts[0] if len(parts) == 1 else builder.op("Concat", parts, f"{name}.groups", axis=2)
    if len(node.inputs) > 2 and node.inputs[2] is not None:
        value = builder.op("Add", [value, node.inputs[2]], f"{name}.sum")
    value = builder.op("Transpose", [value], f"{name}.turned", perm=[0, 2, 1])
    if not read.flat:
        outs = len(arrays) * (dims(arrays[0])[1] or 0)
        value = builder.op("Reshape", [value, builder.ints([0, outs, *read.windows[0].out])], f"{name}.image")
    value.shape, value.type = result.shape, result.type
    result.replace_all_uses_with(value, replace_graph_outputs=True)
    graph.remove(node, safe=True)
    value.name = name
    # Reports speak of the array operator by the node's name.
    for k, product in enumerate(products):
        assert product is not None
        product.name = node.name if len(products) == 1 else f"{node.name}.g{k}"


def _known(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length is not None)


def _ints(node: ir.Node, name: str, default: list[int]) -> list[int]:
    attribute = node.attributes.get(name)
    if attribute is None:
        return default
    return [attribute.as_int()] if attribute.type == ir.AttributeType.INT else list(attribute.as_ints())
