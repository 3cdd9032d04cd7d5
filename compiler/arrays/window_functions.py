"""Windows of an image and their adjoint, as model-local ONNX functions with plain-ONNX bodies (domain `ohmflow`).

    windows(x) [batch, C, H, W] -> [batch, positions, channels · kernel height · kernel width]
    fold(g)    [batch, positions, channels · kernel height · kernel width] -> [batch, C, H, W]

A function is made for every geometry, whose figures its name tells and its attribute `window` repeats as integers
(`ohmflow.compiler.program.windows.Window`). `fold` adds what windows share: it is the transpose of `windows`.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ohmflow.compiler.arrays.functions import DOMAIN, OPSET, VERSION
from ohmflow.compiler.program.windows import Window

WINDOWS = "windows"
FOLD = "fold"


def window_of(node: ir.Node) -> Window | None:
    """Return the geometry of a node that takes or folds windows, None for any other node."""
    if node.domain != DOMAIN or "window" not in node.attributes:
        return None
    return Window.of(tuple(node.attributes["window"].as_ints()))


def is_windows(node: ir.Node | None) -> bool:
    """Whether a node takes windows of an image."""
    return node is not None and node.domain == DOMAIN and node.op_type.startswith(f"{WINDOWS}_")


def is_fold(node: ir.Node | None) -> bool:
    """Whether a node adds windows up to an image."""
    return node is not None and node.domain == DOMAIN and node.op_type.startswith(f"{FOLD}_")


def add_window_functions(model: ir.Model, windows: Sequence[Window]) -> None:
    """Put the two functions of each geometry into the model, and import their operator set."""
    for window in windows:
        for name, body in ((WINDOWS, _windows), (FOLD, _fold)):
            function = _function(f"{name}_{window.name}", window, body)
            model.functions.setdefault(function.identifier(), function)
    if windows:
        model.graph.opset_imports[DOMAIN] = VERSION


def _function(name: str, window: Window, body: Callable[["_Body", ir.Value, Window], ir.Value]) -> ir.Function:
    operand = ir.Value(name="x")
    tape = ir.tape.Tape()
    output = body(_Body(tape), operand, window)
    for number, node in enumerate(tape.nodes):
        node.name = f"{DOMAIN}.{name}.{node.op_type}_{number}"
        node.outputs[0].name = node.name
    graph = ir.Graph([operand], [output], nodes=tape.nodes, name=name, opset_imports={"": OPSET})
    attributes = [ir.Attr("window", ir.AttributeType.INTS, None)]
    return ir.Function(DOMAIN, name, graph=graph, attributes=attributes)


class _Body:
    def __init__(self, tape: ir.tape.Tape) -> None:
        self._tape = tape

    def op(self, op_type: str, inputs: Sequence[ir.Value], **attributes: int | Sequence[int]) -> ir.Value:
        return self._tape.op(op_type, inputs, attributes or None)

    def ints(self, values: Sequence[int] | NDArray[np.int64]) -> ir.Value:
        tensor = ir.Tensor(np.asarray(values, np.int64))
        return self._tape.op("Constant", [], {"value": tensor})


def _windows(body: _Body, x: ir.Value, window: Window) -> ir.Value:
    top, left, bottom, right = window.pads
    _, height, width = window.image
    if window.channels != window.image[0]:
        last = window.channel0 + window.channels
        x = body.op("Slice", [x, body.ints([window.channel0]), body.ints([last]), body.ints([1])])
    if any(window.pads):
        x = body.op("Pad", [x, body.ints([0, 0, top, left, 0, 0, bottom, right])])
    padded = (window.channels, height + top + bottom, width + left + right)
    flat = body.op("Reshape", [x, body.ints([0, int(np.prod(padded))])])
    places = np.arange(np.prod(padded)).reshape(padded)
    rows = window.strides[0] * np.arange(window.out[0])[:, None] + window.dilations[0] * np.arange(window.kernel[0])
    cols = window.strides[1] * np.arange(window.out[1])[:, None] + window.dilations[1] * np.arange(window.kernel[1])
    # [channels, out height, kernel height, out width, kernel width] -> positions first, then the order of weights
    taken = places[:, rows][:, :, :, cols].transpose(1, 3, 0, 2, 4).reshape(-1)
    gathered = body.op("Gather", [flat, body.ints(taken)], axis=1)
    return body.op("Reshape", [gathered, body.ints([0, window.positions, window.size])])


def _fold(body: _Body, g: ir.Value, window: Window) -> ir.Value:
    turned = body.op("Transpose", [g], perm=[0, 2, 1])
    sizes = [turned, body.ints(window.image[1:]), body.ints(window.kernel)]
    image = body.op("Col2Im", sizes, dilations=window.dilations, pads=window.pads, strides=window.strides)
    if window.channels == window.image[0]:
        return image
    after = window.image[0] - window.channel0 - window.channels
    return body.op("Pad", [image, body.ints([0, window.channel0, 0, 0, 0, after, 0, 0])])
