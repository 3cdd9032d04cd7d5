"""Drawing initial weights anew: `--init kaiming` and `--init xavier`.

A *weight* is a trainable initialiser that a MatMul or Gemm (directly or through a Transpose), a Conv, a ConvTranspose,
or an RNN, GRU or LSTM multiplies by, whether it goes to an array or stays digital. With fan_in inputs to each output
and fan_out outputs from each input:

* `kaiming`: N(0, σ), σ = sqrt(2 / fan_in). Source: He et al. 2015, arXiv 1502.01852, eq. 10.
* `xavier`: U(−b, b), b = sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, AISTATS, eq. 16.

Biases of these nodes (operands of their own, or a vector that an Add lays on a product) become 0, as in both papers.
All else, such as gains of a normalisation and embeddings, stays as it is stored. Each weight draws from a generator of
its own, of the seed and its name, so it does not depend on which other weights there are.
"""

import hashlib
from collections.abc import Iterator
from math import prod, sqrt

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ohmflow.compiler.arrays.fixed import is_trainable

KINDS = ("stored", "kaiming", "xavier")
_PURPOSE = 0x1817
"""Keeps the generators of weights apart from those that split and shuffle rows."""


def initialise(model: ir.Model, kind: str, seed: int) -> None:
    """Draw the model's weights anew, in place.

    Args:
        model: as `load_model` returns it.
        kind: `stored` leaves all as it is.
        seed: of the draws.
    """
    if kind == "stored":
        return
    drawn: set[str] = set()
    for node in model.graph:
        for value, fans in _weights(node):
            name = value.name or ""
            if name in drawn:  # one weight in several places is drawn once, as its first place has it
                continue
            drawn.add(name)
            shape = _dims(value)
            value.const_value = ir.tensor(_draw(kind, shape, fans, seed, name), name=name)
        for value in _biases(node):
            value.const_value = ir.tensor(np.zeros(_dims(value), np.float32), name=value.name)


def _draw(kind: str, shape: tuple[int, ...], fans: tuple[float, float], seed: int, name: str) -> NDArray[np.float32]:
    own = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    draws = np.random.default_rng([seed, _PURPOSE, own])
    fan_in, fan_out = fans
    if kind == "kaiming":
        return (draws.standard_normal(shape) * sqrt(2.0 / fan_in)).astype(np.float32)
    bound = sqrt(6.0 / (fan_in + fan_out))
    return draws.uniform(-bound, bound, shape).astype(np.float32)


def _weights(node: ir.Node) -> Iterator[tuple[ir.Value, tuple[float, float]]]:
    """The weights of a node, as they are stored, with (fan_in, fan_out)."""
    if node.domain != "":
        return
    match node.op_type:
        case "MatMul" | "Gemm":
            for side in (0, 1):
                yield from _matrix(node, side)
        case "Conv" | "ConvTranspose":
            value = node.inputs[1]
            if value is not None and is_trainable(value):
                yield value, _convolution_fans(node, value)
        case "RNN" | "GRU" | "LSTM":
            for value in node.inputs[1:3]:  # [directions, gates · hidden, inputs or hidden]
                if value is not None and is_trainable(value):
                    hidden = node.attributes["hidden_size"].as_int()
                    yield value, (float(_dims(value)[-1]), float(hidden))


def _matrix(node: ir.Node, side: int) -> Iterator[tuple[ir.Value, tuple[float, float]]]:
    """The weight at one side of a matrix product, if there is one."""
    value = node.inputs[side]
    if value is None:
        return
    turned = bool(node.op_type == "Gemm" and _int(node, "transB" if side else "transA", 0))
    producer = value.producer()
    if producer is not None and producer.op_type == "Transpose" and producer.domain == "":
        value, turned = producer.inputs[0], not turned
    if value is None or not is_trainable(value) or len(_dims(value)) < 2:
        return
    rows, cols = _dims(value)[-2:]
    # x · W takes `rows` inputs to `cols` outputs; W · x the other way round.
    into, out = (cols, rows) if turned != (side == 0) else (rows, cols)
    yield value, (float(into), float(out))


def _convolution_fans(node: ir.Node, value: ir.Value) -> tuple[float, float]:
    """Fans of a kernel [outputs, inputs / groups, …], or of a transposed one, [inputs, outputs / groups, …]."""
    first, second, *window = _dims(value)
    group = _int(node, "group", 1)
    taps = prod(window)
    # Each of the groups joins second channels of one side with first / group of the other.
    near, far = float(second * taps), first / group * taps
    return (far, near) if node.op_type == "ConvTranspose" else (near, far)


def _biases(node: ir.Node) -> Iterator[ir.Value]:
    """Trainable vectors that are added to what the node's weights give."""
    if not any(True for _ in _weights(node)):
        return
    place = {"Gemm": 2, "Conv": 2, "ConvTranspose": 2, "RNN": 3, "GRU": 3, "LSTM": 3}.get(node.op_type)
    if place is not None and place < len(node.inputs):
        value = node.inputs[place]
        if value is not None and is_trainable(value):
            yield value
    for user, _ in node.outputs[0].uses():
        if user.op_type == "Add" and user.domain == "":
            yield from (v for v in user.inputs if v is not None and is_trainable(v) and _is_vector(v))


def _is_vector(value: ir.Value) -> bool:
    """Whether at most one axis is longer than 1."""
    return sum(n > 1 for n in _dims(value)) <= 1


def _dims(value: ir.Value) -> tuple[int, ...]:
    assert value.const_value is not None, "only initialisers are asked"
    return tuple(value.const_value.shape.numpy())


def _int(node: ir.Node, name: str, default: int) -> int:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_int()
