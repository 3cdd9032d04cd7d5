"""LeNet-5 and its gradient descent in plain numpy, with gradients derived by hand: the oracle of convolution on chips.

It shares no code with ohmflow. It computes in the precision of its parameters: float32 as an oracle, float64 when it is
itself checked against finite differences. Dense gradients are formed here on purpose, which ohmflow never does.

The net: twice a convolution of 5 × 5 (padded by 2, then not), ReLU and a maximum over 2 × 2; then 400-120-84-10 with
ReLU between. Parameters go by the names of the initialisers in `examples/models/lenet5.onnx`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Parameters = dict[str, Array]

KERNEL = 5
PADDING = {"conv1": 2, "conv2": 0}
DENSE = ("fc1", "fc2", "fc3")
SHUFFLE = 0x0DE5
"""Purpose number of the generator that shuffles: default_rng([seed, SHUFFLE, epoch])."""


@dataclass(frozen=True)
class Convolved:
    """What a convolution, its ReLU and its pool leave for the way back.

    `patches` [B, height·width, inputs·25], `maps` [B, outputs, height, width] after ReLU, `winners` [B, outputs,
    height/2, width/2] the place of the first maximum in each window, `padded` the shape of the padded input.
    """

    patches: Array
    maps: Array
    winners: NDArray[np.int64]
    padded: tuple[int, ...]


def patches_of(x: Array) -> Array:
    """Cut [B, C, H, W] into the inputs of every position: [B, positions, C·25], channels first."""
    windows = sliding_window_view(x, (KERNEL, KERNEL), axis=(2, 3))
    b, c, high, wide = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(b, high * wide, c * KERNEL * KERNEL)


def convolve(p: Parameters, name: str, x: Array) -> tuple[Array, Convolved]:
    """Convolution, ReLU and pool: [B, C, H, W] to [B, O, H'/2, W'/2]."""
    pad = PADDING[name]
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
    patches = patches_of(x)
    sums = patches @ weight.reshape(len(weight), -1).T + bias
    high, wide = x.shape[2] - KERNEL + 1, x.shape[3] - KERNEL + 1
    maps = np.maximum(sums, 0).transpose(0, 2, 1).reshape(len(x), len(weight), high, wide)
    windows = maps.reshape(*maps.shape[:2], high // 2, 2, wide // 2, 2).transpose(0, 1, 2, 4, 3, 5)
    windows = windows.reshape(*windows.shape[:4], 4)
    return windows.max(axis=-1), Convolved(patches, maps, windows.argmax(axis=-1), x.shape)


def convolve_back(p: Parameters, name: str, kept: Convolved, d: Array) -> tuple[Parameters, Array]:
    """Gradients of weight and bias, and of the input, from that of the pooled maps."""
    b, o, high, wide = kept.maps.shape
    spread = np.zeros((b, o, high // 2, wide // 2, 4), d.dtype)
    np.put_along_axis(spread, kept.winners[..., None], d[..., None], axis=-1)
    spread = spread.reshape(b, o, high // 2, wide // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(b, o, high, wide)
    sums = np.where(kept.maps > 0, spread, 0).reshape(b, o, high * wide)
    weight = p[f"{name}.weight"]
    gradients = {
        f"{name}.weight": np.tensordot(sums, kept.patches, axes=([0, 2], [0, 1])).reshape(weight.shape),
        f"{name}.bias": sums.sum(axis=(0, 2)),
    }
    back = np.zeros(kept.padded, d.dtype)
    spread = (sums.transpose(0, 2, 1) @ weight.reshape(o, -1)).reshape(b, high, wide, -1, KERNEL, KERNEL)
    for row in range(KERNEL):
        for column in range(KERNEL):
            part = spread[..., row, column].transpose(0, 3, 1, 2)
            back[:, :, row : row + high, column : column + wide] += part
    pad = PADDING[name]
    return gradients, back[:, :, pad : back.shape[2] - pad, pad : back.shape[3] - pad]


def logits(p: Parameters, x: Array) -> Array:
    """Outputs before the softmax, [B, 10]."""
    return _forward(p, x)[2][-1]


def _forward(p: Parameters, x: Array) -> tuple[Convolved, Convolved, list[Array]]:
    h, first = convolve(p, "conv1", x)
    h, second = convolve(p, "conv2", h)
    values = [h.reshape(len(x), -1)]
    for name in DENSE:
        v = values[-1] @ p[f"{name}.weight"].T + p[f"{name}.bias"]
        values.append(v if name == DENSE[-1] else np.maximum(v, 0))
    return first, second, values


def loss_and_gradients(p: Parameters, x: Array, labels: NDArray[np.int64]) -> tuple[float, Parameters]:
    """Mean cross-entropy of the batch, and its gradient for every parameter."""
    first, second, values = _forward(p, x)
    shifted = values[-1] - values[-1].max(axis=1, keepdims=True)
    shares = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -float(np.mean(np.log(shares[rows, labels])))
    d = shares
    d[rows, labels] -= 1
    d /= len(x)
    gradients: Parameters = {}
    for k in reversed(range(len(DENSE))):
        name = DENSE[k]
        gradients |= {f"{name}.weight": d.T @ values[k], f"{name}.bias": d.sum(axis=0)}
        d = d @ p[f"{name}.weight"]
        if k:
            d = np.where(values[k] > 0, d, 0)
    d = d.reshape(*second.winners.shape)
    found, d = convolve_back(p, "conv2", second, d)
    gradients |= found
    found, _ = convolve_back(p, "conv1", first, d)
    return loss, gradients | found


def step(p: Parameters, x: Array, labels: NDArray[np.int64], lr: float) -> tuple[Parameters, float]:
    """One step of gradient descent: the parameters after it, and the loss before."""
    loss, gradients = loss_and_gradients(p, x, labels)
    rate = next(iter(p.values())).dtype.type(lr)
    return {name: value - rate * gradients[name] for name, value in p.items()}, loss


def epoch_of_steps(
    p: Parameters, x: Array, labels: NDArray[np.int64], lr: float, batch: int, seed: int, epoch: int
) -> Parameters:
    """All steps of an epoch, in the order that semantics.md fixes; the last may be short."""
    order = np.random.default_rng([seed, SHUFFLE, epoch]).permutation(len(x))
    for begin in range(0, len(x), batch):
        chosen = order[begin : begin + batch]
        p, _ = step(p, x[chosen], labels[chosen], lr)
    return p


def predictions(p: Parameters, x: Array) -> NDArray[np.int64]:
    """The class of each row, [n]."""
    return np.concatenate([logits(p, x[begin : begin + 500]).argmax(axis=1) for begin in range(0, len(x), 500)])
