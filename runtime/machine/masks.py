"""Masks of Dropout: random arguments of an entry, from the counter-based streams.

Element e of a sample's mask is 1 where `uniform(hash) < keep`, with the vector's key (seed, MASK, 0, site, step,
sample, position 0, retry 0) and the draw at row line e, ordinal 0 (`docs/semantics.md`, *Randomness*). The site is the
number of the mask among those of the entry. So masks depend on nothing else that is drawn, and a sample's mask on its
place in the batch alone.
"""
# mypy: allow-untyped-decorators

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ohmflow.compiler.program.entry import Entry
from ohmflow.runtime.crossbar.draws import KIND_ROW, Purpose, fold, key_of, line_offset, mix, uniform


def with_masks(
    entry: Entry, rows: Mapping[str, NDArray[Any]], batch: int, seed: int, step: int
) -> Mapping[str, NDArray[Any]]:
    """Draw what the entry wants to be random and was not given.

    Args:
        entry: whose arguments say which they are.
        rows: what was given, by argument.
        batch: samples.
        seed: of all draws.
        step: number of the execution.

    Returns:
        `rows`, and a float32 array [batch, …] of zeros and ones for each random argument.
    """
    masks = [a for a in entry.arguments if a.keep is not None]
    if not masks:
        return rows
    drawn = dict(rows)
    for site, argument in enumerate(masks):
        if argument.name not in drawn:
            assert argument.keep is not None, "chosen for it"
            key = np.uint64(key_of(seed, Purpose.MASK, 0, site, step))
            flat = _draw(key, batch, math.prod(argument.shape), argument.keep)
            drawn[argument.name] = flat.reshape(batch, *argument.shape)
    return drawn


@njit(cache=True)
def _draw(key: np.uint64, batch: int, size: int, keep: float) -> NDArray[np.float32]:
    masks = np.empty((batch, size), np.float32)
    for sample in range(batch):
        vector = fold(fold(fold(key, sample, 5), 0, 6), 0, 7)
        for element in range(size):
            draw = uniform(mix(vector + line_offset(KIND_ROW, element, 0)))
            masks[sample, element] = 1.0 if draw < keep else 0.0
    return masks
