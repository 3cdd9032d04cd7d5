"""Float32 gradient descent in plain numpy, with gradients derived by hand: the oracle of the ideal chip.

It shares no code with ohmflow. Dense gradients are formed here on purpose, which ohmflow never does.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tests.end_to_end.models import Layer

Array = NDArray[np.float32]
Parameters = dict[str, Array]

SHUFFLE = 0x0DE5
"""Purpose number of the generator that shuffles: default_rng([seed, SHUFFLE, epoch])."""


def batches(count: int, batch: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """Row numbers of each step of an epoch; the last step may be short."""
    order = np.random.default_rng([seed, SHUFFLE, epoch]).permutation(count)
    yield from (order[begin : begin + batch] for begin in range(0, count, batch))


def forward(layers: Sequence[Layer], p: Parameters, x: Array) -> list[Array]:
    """The value before each layer, and the output."""
    values = [x]
    for k, layer in enumerate(layers):
        v = values[-1]
        match layer.kind:
            case "gemm":
                y = v @ p[f"w{k}"].T + (p[f"b{k}"] if layer.bias else np.float32(0))
            case "matmul":
                y = v @ p[f"w{k}"]
            case "gain":
                y = v * p[f"v{k}"]
            case "shift":
                y = v - p[f"v{k}"]
            case "swish":
                y = v * _sigmoid(v)
            case "softmax":
                y = _softmax(v)
            case "relu":
                y = np.maximum(v, np.float32(0))
            case "sigmoid":
                y = _sigmoid(v)
            case "tanh":
                y = np.tanh(v)
            case _:
                raise AssertionError(layer.kind)
        values.append(y)
    return values


def step(
    layers: Sequence[Layer],
    p: Parameters,
    x: Array,
    target: NDArray[np.int64] | Array,
    lr: float,
    share: float | None = None,
) -> tuple[Parameters, float]:
    """One step of gradient descent.

    Args:
        layers: of the network.
        p: parameters before the step; they are not changed.
        x: [B, inputs].
        target: [B] classes for cross-entropy, [B, outputs] for the mean squared error.
        lr: learning rate.
        share: weight of each sample in the loss, 1/B by default.

    Returns:
        Parameters after the step, and the mean loss before it.
    """
    values = forward(layers, p, x)
    weight = np.float32(1 / len(x) if share is None else share)
    last = len(layers)
    if target.ndim == 1:
        if layers[-1].kind == "softmax":
            last -= 1  # the cross-entropy of probabilities is differentiated from their logits
        share_of_class = _softmax(values[last])
        loss = -np.mean(np.log(share_of_class[np.arange(len(x)), target]))
        d = share_of_class.copy()
        d[np.arange(len(x)), target] -= np.float32(1)
        d *= weight
    else:
        error = values[last] - target
        loss = np.mean(np.square(error))
        d = np.float32(2 / error.shape[1]) * error * weight
    following = dict(p)
    rate = np.float32(lr)
    for k in reversed(range(last)):
        v, y = values[k], values[k + 1]
        match layers[k].kind:
            case "gemm":
                following[f"w{k}"] = p[f"w{k}"] - rate * (d.T @ v)
                if layers[k].bias:
                    following[f"b{k}"] = p[f"b{k}"] - rate * d.sum(axis=0)
                d = d @ p[f"w{k}"]
            case "matmul":
                following[f"w{k}"] = p[f"w{k}"] - rate * (v.T @ d)
                d = d @ p[f"w{k}"].T
            case "gain":
                following[f"v{k}"] = p[f"v{k}"] - rate * (v * d).sum(axis=0)
                d = d * p[f"v{k}"]
            case "shift":
                following[f"v{k}"] = p[f"v{k}"] + rate * d.sum(axis=0)
            case "swish":
                s = _sigmoid(v)
                d = d * (s + v * s * (np.float32(1) - s))
            case "relu":
                d = d * (v > 0)
            case "sigmoid":
                d = d * y * (np.float32(1) - y)
            case "tanh":
                d = d * (np.float32(1) - y * y)
            case "softmax":
                d = y * (d - (d * y).sum(axis=1, keepdims=True))
    return following, float(loss)


def epoch_of_steps(
    layers: Sequence[Layer],
    p: Parameters,
    x: Array,
    target: NDArray[np.int64] | Array,
    lr: float,
    batch: int,
    seed: int,
    epoch: int = 1,
) -> tuple[Parameters, float]:
    """All steps of an epoch; the loss is the mean over its samples."""
    total = 0.0
    for chosen in batches(len(x), batch, seed, epoch):
        p, loss = step(layers, p, x[chosen], target[chosen], lr)
        total += loss * len(chosen)
    return p, total / len(x)


def accuracy(layers: Sequence[Layer], p: Parameters, x: Array, labels: NDArray[np.int64]) -> float:
    """Share of rows whose largest output is at the label."""
    return float(np.mean(forward(layers, p, x)[-1].argmax(axis=1) == labels))


def _sigmoid(v: Array) -> Array:
    return np.float32(1) / (np.float32(1) + np.exp(-v))


def _softmax(v: Array) -> Array:
    e = np.exp(v - v.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
