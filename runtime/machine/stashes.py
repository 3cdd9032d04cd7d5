"""Stashes inside the value engine.

What a loop collected, or a split or windows gave, is held in one of these forms:
* an array whose first axis is the iteration, when all iterations gave arrays of one shape;
* a list over iterations otherwise. Inside a vectorised map each element has the samples as its first axis;
* `PerSample`, what a vectorised map gives for a stash of stashes: the list over the inner iterations, all samples in
  each. Trips may differ between samples: there are as many iterations as the longest one has, and shorter ones are
  filled up with zeros that nothing reads;
* `Windows` or `Positions`, inside a vectorised map: vectors at several positions of every sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ohmflow.runtime.machine.windows import Positions, Windows


@dataclass(frozen=True)
class PerSample:
    """Stashes of all samples of a map: a list over the inner iterations of arrays (or lists) with all samples."""

    iterations: list[Any]


def element(stash: Any, index: Any, depth: int) -> Any:
    """Return what a stash holds for an iteration.

    Args:
        stash: in any form.
        index: of a serial loop; [samples] where every sample has an index of its own; None for the vectorised map,
            whose samples stay an axis.
        depth: how many stashes are nested in the element: 0 when it is a vector.
    """
    if isinstance(stash, Windows | Positions):
        return stash.at(int(index))
    if index is None:
        if isinstance(stash, PerSample):
            return stash.iterations
        return _by_iteration(stash, depth) if depth or isinstance(stash, list) else stash
    if isinstance(stash, PerSample):
        return [_sample(value, index) for value in stash.iterations]
    if isinstance(index, np.ndarray):
        return _pick(stash, index, depth)
    return stash[index]


def stacked(value: Any) -> Any:
    """Return a stash as one array: samples first, then the iterations of inner loops."""
    if isinstance(value, PerSample):
        return stacked(value.iterations)
    if isinstance(value, Windows | Positions):
        return value.stacked()
    return np.stack([stacked(v) for v in value], axis=1) if isinstance(value, list) else value


def collect(values: list[Any]) -> Any:
    """Return what a serial loop collected, as an array if its iterations gave arrays of one shape."""
    if values and all(isinstance(v, np.ndarray | np.generic) for v in values) and len({v.shape for v in values}) == 1:
        return np.stack(values)
    return values


def with_samples(value: Any, rank: int, samples: int) -> Any:
    """Give a value that is the same for all samples an axis for them.

    Args:
        value: a vector, or a list over iterations.
        rank: dimensions of one row.
        samples: how many there are.
    """
    if isinstance(value, Windows | Positions):
        rows = value.stacked()
        return [rows[:, position] for position in range(rows.shape[1])]
    if isinstance(value, list):
        return [with_samples(v, rank, samples) for v in value]
    return value if np.ndim(value) > rank else np.broadcast_to(value, (samples, *np.shape(value)))


def by_index(values: list[Any], limits: NDArray[np.int64], depth: int) -> list[Any]:
    """Sort what a reverse loop collected by index, where every sample began at its own last one.

    Args:
        values: by completed iterations, all samples in each.
        limits: [samples] trip of every sample.
        depth: how many stashes are nested in each.
    """
    return [_pick(values, limits - 1 - i, depth) for i in range(len(values))]


def _sample(value: Any, index: int) -> Any:
    return [_sample(v, index) for v in value] if isinstance(value, list) else value[index]


def _by_iteration(samples: Sequence[Any], depth: int) -> Any:
    """Turn stashes by sample into one by iteration; what a sample does not have is zero."""
    if depth == 0:
        there = next(s for s in samples if s is not None)
        return np.stack([np.zeros_like(there) if s is None else s for s in samples])
    most = max((len(s) for s in samples if s is not None), default=0)
    return [
        _by_iteration([s[t] if s is not None and t < len(s) else None for s in samples], depth - 1) for t in range(most)
    ]


def _pick(iterations: Sequence[Any], index: NDArray[np.int64], depth: int) -> Any:
    """Take iteration `index[k]` for sample k; zero where that is outside of the loop."""
    if depth:
        most = max(len(inner) for inner in iterations)
        filler = next(inner[0] for inner in iterations if len(inner)) if most else None
        return [
            _pick([inner[t] if t < len(inner) else _zeros(filler) for inner in iterations], index, depth - 1)
            for t in range(most)
        ]
    inside = (index >= 0) & (index < len(iterations))
    table = np.stack(iterations)
    picked = table[np.where(inside, index, 0), np.arange(len(index))]
    return np.where(inside.reshape(-1, *(1 for _ in range(picked.ndim - 1))), picked, np.zeros((), picked.dtype))


def _zeros(value: Any) -> Any:
    return [_zeros(v) for v in value] if isinstance(value, list) else np.zeros_like(value)
