"""Models with one trained array, and the vector pairs (x, d) that one training step gives it, by plain numpy."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Matrix = NDArray[np.float32]
Pairs = Iterator[tuple[Matrix, Matrix]]


@dataclass(frozen=True)
class Case:
    """A model, its start, and its pairs.

    Attributes:
        model: with the initialiser `W`.
        start: W as the array holds it, [rows, cols].
        x, y: shapes of one row of the input and of the output.
        pairs: (W, x, wanted) to the pairs of a step with mean-square loss, in the order sample, site, position.
    """

    model: onnx.ModelProto
    start: Matrix
    x: tuple[int, ...]
    y: tuple[int, ...]
    pairs: Callable[[Matrix, Matrix, Matrix], Pairs]


def _model(nodes: list[onnx.NodeProto], w: Matrix, x: tuple[int, ...], y: tuple[int, ...]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "one-array",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *x])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", *y])],
        [numpy_helper.from_array(w, "W")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def _drawn(*shape: int) -> Matrix:
    return np.random.default_rng(1).uniform(-0.5, 0.5, shape).astype(np.float32)


def dense(rows: int = 6, cols: int = 4) -> Case:
    """y = x·W."""
    w = _drawn(rows, cols)

    def pairs(w: Matrix, x: Matrix, wanted: Matrix) -> Pairs:
        yield from zip(x, (x @ w - wanted) * np.float32(2 / wanted.size), strict=True)

    return Case(
        _model([helper.make_node("MatMul", ["x", "W"], ["y"])], w, (rows,), (cols,)), w, (rows,), (cols,), pairs
    )


def tied(size: int = 4) -> Case:
    """y = (x·W)·W: two sites of one array."""
    w = _drawn(size, size)
    nodes = [helper.make_node("MatMul", ["x", "W"], ["h"]), helper.make_node("MatMul", ["h", "W"], ["y"])]

    def pairs(w: Matrix, x: Matrix, wanted: Matrix) -> Pairs:
        h = x @ w
        outer = (h @ w - wanted) * np.float32(2 / wanted.size)
        inner = outer @ w.T
        for k in range(len(x)):
            yield x[k], inner[k]
            yield h[k], outer[k]

    return Case(_model(nodes, w, (size,), (size,)), w, (size,), (size,), pairs)


def convolution() -> Case:
    """A convolution of 2 x 5 x 5 images with three kernels of 2 x 2: sixteen positions a sample."""
    kernels = _drawn(3, 2, 2, 2)
    start = np.ascontiguousarray(kernels.reshape(3, 8).T)

    def windows(x: Matrix) -> Matrix:
        seen = np.lib.stride_tricks.sliding_window_view(x, (2, 2), axis=(2, 3))
        return np.ascontiguousarray(seen.transpose(0, 2, 3, 1, 4, 5)).reshape(len(x), 16, 8)

    def pairs(w: Matrix, x: Matrix, wanted: Matrix) -> Pairs:
        goal = wanted.reshape(len(x), 3, 16).transpose(0, 2, 1)
        vectors = windows(x)
        d = (vectors @ w - goal) * np.float32(2 / wanted.size)
        for sample in range(len(x)):
            yield from zip(vectors[sample], d[sample], strict=True)

    model = _model([helper.make_node("Conv", ["x", "W"], ["y"])], kernels, (2, 5, 5), (3, 4, 4))
    return Case(model, start, (2, 5, 5), (3, 4, 4), pairs)
